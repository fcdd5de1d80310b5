"""The registry: which plugins there are, in which order they are asked, and how they fare."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self, TypeAlias, cast

import pluggy

from pi_fallback.errors import PluginError
from pi_fallback.runtime.admission import RefusedError, hooks_of
from pi_fallback.runtime.discovery import Candidate
from pi_fallback.runtime.extensions import EXTENSIONS, Extensions, checked
from pi_fallback.runtime.faults import FAULTS_IN_A_ROW, PluginFault, told
from pi_fallback.runtime.foreign import Answered, Inline, Raised, Runner, Threads
from pi_fallback_hookspecs import PROJECT, SHAPES, SPECS, Command, ErrorRow, Provider, Tool

Builtin: TypeAlias = tuple[str, object]
"""A plugin of ours: its name and the object."""


@dataclass(slots=True, eq=False)
class LoadedPlugin:
    """A plugin that was found. `hooks` is empty if it was left out or refused; `fault` is its last one."""

    name: str
    origin: str
    version: str = ""
    hooks: tuple[str, ...] = ()
    builtin: bool = False
    plugin: object = None
    fault: PluginFault | None = None
    faults: int = 0
    faults_in_a_row: int = 0  # a good answer ends the row
    disabled: bool = False


class PluginRow(NamedTuple):
    """A line of `pi-fallback plugins`. `faults` counts them, `fault` is the last one as a sentence."""

    name: str
    origin: str
    version: str
    hooks: tuple[str, ...]
    faults: int
    fault: str
    disabled: bool


class Impl(NamedTuple):
    """A plugin's function for one hook."""

    plugin: LoadedPlugin
    function: Callable[..., object]
    takes_event: bool


class Registry:
    """The plugins of one host. Make it with `load`."""

    def __init__(self) -> None:
        self.plugins: list[LoadedPlugin] = []
        self.faults: list[PluginFault] = []
        self._manager = pluggy.PluginManager(PROJECT)
        for spec in SPECS:
            self._manager.add_hookspecs(spec)
        self._impls: dict[str, tuple[Impl, ...]] = {}
        self._extensions = Extensions()

    @classmethod
    def load(
        cls,
        *,
        first: Sequence[Builtin] = (),
        found: Iterable[Candidate] = (),
        last: Sequence[Builtin] = (),
        allow: Collection[str] | None = None,
        deny: Collection[str] = (),
    ) -> Self:
        """Load built-in and foreign plugins in the order in which they are asked.

        `deny` leaves plugins out, built-in ones too; `allow`, if given, leaves out every foreign one
        that it does not name. Neither kind is imported. A foreign plugin that fails becomes a fault.

        Raises:
            PluginError: an explicit candidate fails.
        """
        registry = cls()
        taken = {name: "built-in" for name, _plugin in (*first, *last)}
        for name, plugin in first:
            registry._add_builtin(name, plugin, off=name in deny)
        for candidate in found:
            off = candidate.name in deny or (allow is not None and candidate.name not in allow)
            registry._add(candidate, taken, off=off)
        for name, plugin in last:
            registry._add_builtin(name, plugin, off=name in deny)
        registry._index()
        registry._extend()
        return registry

    def impls(self, hook: str) -> tuple[Impl, ...]:
        """Who implements `hook`, in the order in which they are asked."""
        return self._impls[hook]

    @property
    def asked(self) -> frozenset[str]:
        """The hooks that at least one plugin implements."""
        return frozenset(hook for hook, impls in self._impls.items() if impls)

    def owner_of(self, command: str) -> str:
        """The plugin that offers `command`; empty if none does."""
        return self._extensions.owner_of("register_commands", command)

    def origin_of_provider(self, name: str) -> str:
        """Where the plugin comes from that offers the provider `name`; empty if none does."""
        owner = self._extensions.owner_of("register_providers", name)
        return next((plugin.origin for plugin in self.plugins if plugin.name == owner), "")

    def providers(self) -> tuple[Provider, ...]:
        return tuple(self._extensions.providers.values())

    def commands(self) -> tuple[Command, ...]:
        return tuple(self._extensions.commands.values())

    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._extensions.tools.values())

    def error_rows(self) -> tuple[ErrorRow, ...]:
        return tuple(self._extensions.error_rows)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about what plugins added, beside the faults."""
        return tuple(self._extensions.notices)

    def listing(self) -> tuple[PluginRow, ...]:
        """All plugins that were found, in the order in which they are asked."""
        return tuple(
            PluginRow(p.name, p.origin, p.version, p.hooks, p.faults, str(p.fault or ""), p.disabled)
            for p in self.plugins
        )

    def book_fault(self, plugin: LoadedPlugin, hook: str, reason: str) -> PluginFault:
        """Count a fault; the third in a row disables a foreign plugin."""
        plugin.faults += 1
        plugin.faults_in_a_row += 1
        disables = not (plugin.builtin or plugin.disabled) and plugin.faults_in_a_row >= FAULTS_IN_A_ROW
        plugin.disabled = plugin.disabled or disables
        plugin.fault = PluginFault(plugin.name, plugin.origin, reason, hook, disables)
        self.faults.append(plugin.fault)
        return plugin.fault

    def _add_builtin(self, name: str, plugin: object, *, off: bool) -> None:
        row = LoadedPlugin(name, "built-in", builtin=True, disabled=off)
        self.plugins.append(row)
        if not off:
            row.hooks = hooks_of(plugin)
            row.plugin = plugin
            self._manager.register(plugin, name)

    def _add(self, candidate: Candidate, taken: dict[str, str], *, off: bool) -> None:
        row = LoadedPlugin(candidate.name, candidate.origin, candidate.version, disabled=off)
        self.plugins.append(row)
        if off:
            return
        try:
            if candidate.name in taken:
                raise RefusedError(f"is not loaded: there is one of this name already ({taken[candidate.name]})")
            plugin = candidate.load()
            row.hooks = hooks_of(plugin)
            self._manager.register(plugin, candidate.name)
        except (Exception, SystemExit) as error:
            row.hooks = ()
            row.disabled = True
            reason = str(error) if isinstance(error, RefusedError) else f"cannot be loaded: {told(error)}"
            fault = self.book_fault(row, "", reason)
            if candidate.explicit:
                remedy = "Correct it, or start without this `--plugin`."
                raise PluginError(f"{fault} {remedy}", plugin=candidate.name) from error
            return
        row.plugin = plugin
        taken[candidate.name] = candidate.origin

    def _index(self) -> None:
        by_name = {plugin.name: plugin for plugin in self.plugins if plugin.plugin is not None}
        for hook in SHAPES:
            impls = getattr(self._manager.hook, hook).get_hookimpls()  # in the order of registration
            self._impls[hook] = tuple(
                Impl(by_name[impl.plugin_name], impl.function, "event" in impl.argnames) for impl in impls
            )

    def _extend(self) -> None:
        threads, inline = Threads(), Inline()
        for hook in EXTENSIONS:
            for plugin, function, _ in self._impls[hook]:
                runner: Runner = inline if plugin.builtin else threads
                match runner.call_sync(plugin.name, partial(_extension, hook, function)):
                    case Answered(value):
                        faults = self._extensions.add(plugin.name, hook, cast("Sequence[object]", value))
                    case Raised(error):
                        faults = [told(error)]
                    case silent:
                        faults = [silent.value]
                if faults:
                    self.book_fault(plugin, hook, "; ".join(faults))
        for plugin in self.plugins:
            plugin.faults_in_a_row = 0  # the row is about what it does while the agent works


def _extension(hook: str, function: Callable[..., object]) -> object:
    return checked(hook, function())
