"""Dispatch: plugins are asked in an explicit order, and one that fails loses its own answer only.

A walk is a generator that yields what must run in a third party's thread and receives the outcome,
so one code serves hosts that await and hosts that do not. Built-in plugins are asked in place.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal, NamedTuple, TypeAlias, TypeVar, cast

from pi_fallback.runtime.answers import checked, trusted
from pi_fallback.runtime.faults import PluginFault, told
from pi_fallback.runtime.foreign import (
    HOOK_LIMIT_S,
    Answered,
    Inline,
    Outcome,
    Raised,
    Runner,
    Silent,
    Threads,
    outcome_of,
)
from pi_fallback.runtime.registry import Impl, Registry
from pi_fallback.runtime.sealing import sealed
from pi_fallback.runtime.signals import Signals
from pi_fallback_hookspecs import (
    SHAPES,
    Decision,
    Effect,
    Event,
    RefuseRoutes,
    RequestFailed,
    Route,
    Shape,
    ToolCallEvent,
)

T = TypeVar("T")

FOLDED = {"input": "text", "order_routes": "order", "tool_result": "result"}
"""For each hook of the shape fold, the field of its event that an answer replaces."""


class Foreign(NamedTuple):
    """A call that is to run in the thread of `plugin`."""

    plugin: str
    function: Callable[[], object]


Walk: TypeAlias = Generator[Foreign, Outcome, T]
Answer: TypeAlias = tuple[str, T]
"""Who answered, and what."""


class Dispatcher:
    """Asks the plugins of `registry`.

    With `runner` "inline" foreign hooks run in place and without a limit, for tests in virtual time.
    `on_fault` and the signal `plugin_fault` of `signals` tell of each fault, in the task that asked.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        runner: Literal["threads", "inline"] = "threads",
        limit_s: float = HOOK_LIMIT_S,
        on_fault: Callable[[PluginFault], None] | None = None,
        signals: Signals | None = None,
    ) -> None:
        self.registry = registry
        self.signals = signals or Signals()
        self._runner: Runner = Threads(limit_s) if runner == "threads" else Inline()
        self._on_fault = on_fault

    async def collect(self, hook: str, event: Event) -> list[Answer[tuple[Effect, ...]]]:
        """Ask everybody; return the effects of those that gave any."""
        return await self._awaited(self._collect(hook, event, None))

    async def only(self, plugin: str, hook: str, event: Event) -> list[Answer[tuple[Effect, ...]]]:
        """Ask `plugin` alone, the owner of what happened."""
        return await self._awaited(self._collect(hook, event, plugin))

    async def decide(self, event: RequestFailed) -> Answer[Decision] | None:
        """Ask until one decides."""
        return cast("Answer[Decision] | None", await self._awaited(self._first("request_failed", event)))

    async def first(self, hook: str, event: Event) -> object:
        """Ask until one answers; return the answer, or None."""
        return await self._awaited(self._first_bare(hook, event))

    async def fold(self, hook: str, event: Event, field: str) -> object:
        """Ask everybody; in `field` of the event each sees what the one before it answered. Return it at the end."""
        return await self._awaited(self._fold(hook, event, field))

    async def veto(self, hook: Literal["tool_call"], event: ToolCallEvent) -> list[Answer[str]]:
        """Ask everybody whether a tool may run; return who refuses and why. A fault refuses.

        A plugin that was disabled is asked here all the same: a guard does not go home because it stumbled.
        """
        return await self._awaited(self._veto(hook, event))

    async def refuse(self, event: RefuseRoutes) -> Mapping[Route, str]:
        """Ask everybody which routes may not be used; of two reasons the first stays."""
        return await self._awaited(self._refuse(event))

    async def ask(self, hook: str, event: Event, *, owner: str | None = None) -> object:
        """Ask `hook` as its shape wants it, and answer as the method of that shape does.

        With `owner` only that plugin is asked; which is what `timer_fired` and `effect_failed` need.
        """
        return await self._awaited(self._walk(hook, event, owner))

    def ask_sync(self, hook: str, event: Event, *, owner: str | None = None) -> object:
        """`ask` for a host without an event loop."""
        walk = self._walk(hook, event, owner)
        try:
            foreign = next(walk)
            while True:
                foreign = walk.send(self._runner.call_sync(*foreign))
        except StopIteration as end:
            return end.value

    def askers(self, hook: str) -> frozenset[str]:
        """The plugins that implement `hook` and are not disabled."""
        return frozenset(impl.plugin.name for impl in self.registry.impls(hook) if not impl.plugin.disabled)

    def owner_of(self, command: str) -> str:
        """The plugin that offers `command`; empty if none does."""
        return self.registry.owner_of(command)

    async def _awaited(self, walk: Walk[T]) -> T:
        try:
            foreign = next(walk)
            while True:
                foreign = walk.send(await self._runner.call(*foreign))
        except StopIteration as end:
            return end.value

    def _walk(self, hook: str, event: Event, owner: str | None) -> Walk[object]:
        match SHAPES[hook]:
            case Shape.COLLECT:
                return self._collect(hook, event, owner)
            case Shape.DECIDE:
                return self._first(hook, event)
            case Shape.FIRST:
                return self._first_bare(hook, event)
            case Shape.FOLD:
                return self._fold(hook, event, FOLDED[hook])
            case Shape.VETO:
                return self._refuse(event) if hook == "refuse_routes" else self._veto(hook, event)
            case Shape.EXTEND:
                raise ValueError(f"{hook} is asked when a plugin is loaded")

    def _collect(self, hook: str, event: Event, owner: str | None) -> Walk[list[Answer[tuple[Effect, ...]]]]:
        answers: list[Answer[tuple[Effect, ...]]] = []
        for impl in self.registry.impls(hook):
            if owner is None or impl.plugin.name == owner:
                effects = yield from self._answer(hook, impl, event)
                if effects:
                    answers.append((impl.plugin.name, cast("tuple[Effect, ...]", effects)))
        return answers

    def _first(self, hook: str, event: Event) -> Walk[Answer[object] | None]:
        for impl in self.registry.impls(hook):
            answer = yield from self._answer(hook, impl, event)
            if answer is not None:
                return impl.plugin.name, answer
        return None

    def _first_bare(self, hook: str, event: Event) -> Walk[object]:
        answer = yield from self._first(hook, event)
        return None if answer is None else answer[1]

    def _fold(self, hook: str, event: Event, field: str) -> Walk[object]:
        for impl in self.registry.impls(hook):
            answer = yield from self._answer(hook, impl, event)
            if answer is not None:
                event = replace(event, **{field: answer})
        return getattr(event, field)

    def _veto(self, hook: str, event: Event) -> Walk[list[Answer[str]]]:
        answers: list[Answer[str]] = []
        for impl in self.registry.impls(hook):
            outcome = yield from self._outcome(hook, impl, event)
            match outcome:
                case Answered(None):
                    continue
                case Answered(reason):
                    text = str(reason)
                case Raised(error):
                    text = f"The plugin that checks tool calls failed: {told(error)}"
                case silent:
                    text = f"The plugin that checks tool calls {silent.value}."
            answers.append((impl.plugin.name, text))
        return answers

    def _refuse(self, event: Event) -> Walk[Mapping[Route, str]]:
        refusals: dict[Route, str] = {}
        for impl in self.registry.impls("refuse_routes"):
            answer = yield from self._answer("refuse_routes", impl, event)
            if answer is not None:
                refusals = {**cast("Mapping[Route, str]", answer), **refusals}
        return refusals

    def _answer(self, hook: str, impl: Impl, event: Event) -> Walk[object]:
        """Ask one plugin. What it cannot or may not say is None, as if it had passed."""
        if impl.plugin.disabled:
            return None
        outcome = yield from self._outcome(hook, impl, event)
        return outcome.value if isinstance(outcome, Answered) else None

    def _outcome(self, hook: str, impl: Impl, event: Event) -> Walk[Outcome]:
        plugin = impl.plugin
        if plugin.builtin:
            outcome = outcome_of(partial(_ours, hook, impl, event))
        else:
            outcome = yield Foreign(plugin.name, partial(_theirs, hook, impl, event))
        match outcome:
            case Answered():
                plugin.faults_in_a_row = 0
            case Raised(error):
                self._report(impl, hook, told(error))
            case Silent.TOO_SLOW:
                self._report(impl, hook, outcome.value)
            case Silent.SUSPENDED:
                pass  # it was reported when it began
        return outcome

    def _report(self, impl: Impl, hook: str, reason: str) -> None:
        fault = self.registry.book_fault(impl.plugin, hook, reason)
        if self._on_fault is not None:
            self._on_fault(fault)
        self.signals.plugin_fault.send(self, fault=fault)


def _ours(hook: str, impl: Impl, event: Event) -> object:
    return trusted(hook, impl.function(event) if impl.takes_event else impl.function(), event)


def _theirs(hook: str, impl: Impl, event: Event) -> object:
    return checked(hook, impl.function(sealed(event)) if impl.takes_event else impl.function(), event)
