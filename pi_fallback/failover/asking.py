"""Who decides around a call: the pool plugin, and before it those that were given."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from pi_fallback.errors import PluginError
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback_hookspecs import ErrorRow, Event, RequestFailed

log = logging.getLogger("pi_fallback.failover")


class Plugins(Protocol):
    """Who answers what the engine asks."""

    def ask_sync(self, hook: str, event: Event) -> object: ...

    async def ask(self, hook: str, event: Event) -> object: ...


class PoolAlone:
    """The pool plugin without the machinery that guards against third parties."""

    def __init__(self) -> None:
        self._pool = PoolFailover()

    def ask_sync(self, hook: str, event: Event) -> object:
        decision = self._pool.request_failed(event) if isinstance(event, RequestFailed) else None
        return None if decision is None else (NAME, decision)

    async def ask(self, hook: str, event: Event) -> object:
        return self.ask_sync(hook, event)


class Asked(NamedTuple):
    """Who answers, the hooks that anybody implements, and what was added to the classifier's table."""

    plugins: Plugins
    hooks: frozenset[str]
    error_rows: tuple[ErrorRow, ...] = ()


def asked_with(plugins: Sequence[object], redact: Callable[[str], str]) -> Asked:
    """Return who decides, with `plugins` before the pool. `redact` cleans what is logged of their faults.

    Raises:
        PluginError: one of `plugins` is not a plugin.
    """
    if not plugins:
        return Asked(PoolAlone(), frozenset({"request_failed"}))
    # pluggy, and the threads in which third parties run: who gives no plugins does without them
    from pi_fallback.runtime.discovery import given
    from pi_fallback.runtime.dispatch import Dispatcher
    from pi_fallback.runtime.registry import Registry

    found = [given(f"{type(plugin).__name__}-{number}", plugin) for number, plugin in enumerate(plugins, 1)]
    registry = Registry.load(found=found, last=[(NAME, PoolFailover())])
    for row in registry.listing():
        if row.fault:
            raise PluginError(f"{redact(str(row.fault))} Correct it, or leave it out of `plugins`.", plugin=row.name)
    dispatcher = Dispatcher(registry, on_fault=lambda fault: log.warning("%s", redact(str(fault))))
    return Asked(dispatcher, registry.asked, registry.error_rows())
