"""Admission: whether an object may be a plugin, and if not, the one sentence that says why."""

import difflib
import inspect

import pluggy

from pi_fallback_hookspecs import PROJECT, SHAPES, Shape


class RefusedError(Exception):
    """The object may not be a plugin; the message goes on after "it"."""


def hooks_of(plugin: object) -> tuple[str, ...]:
    """Return the names of the hooks that `plugin` implements, in the order of the contract.

    pluggy finds them, in a manager of their own that knows no specifications: its own checks are
    about all plugins at once, and older ones leave a plugin that fails half registered.

    Raises:
        RefusedError: it has no hook, a hook that does not exist, or one that may not be what it is.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.register(plugin, "it")
    callers = manager.get_hookcallers(plugin) or []
    for caller in callers:
        for impl in caller.get_hookimpls():
            _check(caller.name, impl)
    names = {caller.name for caller in callers}
    hooks = tuple(hook for hook in SHAPES if hook in names)
    if not hooks:
        raise RefusedError("has no hooks; mark its functions with `@hookimpl` of pi_fallback_hookspecs")
    return hooks


def _check(hook: str, impl: pluggy.HookImpl) -> None:
    if hook not in SHAPES:
        if impl.optionalhook:
            return
        raise RefusedError(f"has a hook `{hook}` that does not exist; {_nearest(hook)}")
    if impl.wrapper or impl.hookwrapper:
        raise RefusedError(f"wraps `{hook}`, but the order of plugins is explicit and none stands around the others")
    if impl.tryfirst or impl.trylast:
        wish = "tryfirst" if impl.tryfirst else "trylast"
        raise RefusedError(f"asks for `{wish}` in `{hook}`, but the order of plugins is explicit; leave it out")
    if inspect.iscoroutinefunction(impl.function) or inspect.isasyncgenfunction(impl.function):
        raise RefusedError(f"has an async `{hook}`, but hooks are plain functions; order long work as an effect")
    if inspect.isgeneratorfunction(impl.function):
        raise RefusedError(f"yields in `{hook}`; return the effects as a list instead")
    known = () if SHAPES[hook] is Shape.EXTEND else ("event",)
    unknown = [name for name in impl.argnames if name not in known]
    if unknown:
        hint = "its only argument is `event`" if known else "it takes none"
        raise RefusedError(f"wants an argument `{unknown[0]}` in `{hook}`; {hint}")


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, SHAPES, n=1)
    return f"did you mean `{near[0]}`?" if near else "docs/hooks.md lists those that do"
