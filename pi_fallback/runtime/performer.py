"""The performer: carries out the effects of one event, in a fixed order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, assert_never

from pi_fallback_hookspecs import (
    Abort,
    CancelTimer,
    CompactHistory,
    Effect,
    Level,
    Notify,
    Rest,
    Route,
    Run,
    StartTimer,
    Status,
    SwitchRoute,
    Wake,
)

Answers = Sequence[tuple[str, Sequence[Effect]]]
"""Per plugin, in the order asked, the effects it ordered."""


class EffectError(Exception):
    """An effect cannot be performed; the message says why."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An effect of `plugin` that could not be performed."""

    plugin: str
    effect: Effect
    reason: str


class Stage(Protocol):
    """Where effects take effect. Each method may raise `EffectError`."""

    def book(self, effect: Rest | Wake) -> None: ...
    def start_timer(self, plugin: str, effect: StartTimer) -> None: ...
    def cancel_timer(self, plugin: str, name: str) -> None: ...
    async def switch(self, plugin: str, on: Sequence[Route], reason: str) -> None: ...
    def notify(self, text: str, level: Level) -> None: ...
    def status(self, plugin: str, key: str, text: str | None) -> None: ...
    def compact(self, plugin: str, effect: CompactHistory) -> None: ...
    def abort_run(self, reason: str) -> None: ...
    def run(self, plugin: str, effect: Run) -> None: ...


def rank(effect: Effect) -> int:
    """Where `effect` stands: ledger, timers, route, screen, run.

    Performed as they come, a timer that starts after the switch which should have cancelled it
    would fire a second switch.
    """
    match effect:
        case Rest() | Wake():
            return 0
        case StartTimer() | CancelTimer():
            return 1
        case SwitchRoute():
            return 2
        case Notify() | Status():
            return 3
        case CompactHistory() | Abort() | Run():
            return 4
        case _:
            assert_never(effect)


def in_order(answers: Answers) -> list[tuple[str, Effect]]:
    """All effects of one event in the order of performing; between equals the order of the plugins holds."""
    flat = [(plugin, effect) for plugin, effects in answers for effect in effects]
    return sorted(flat, key=lambda item: rank(item[1]))


async def perform(answers: Answers, stage: Stage) -> list[Failed]:
    """Perform all effects of one event on `stage`; return those that failed.

    After a failure the later effects of that plugin's answer are dropped. Of several runs the first
    wins, the rest become a notice.
    """
    failed: list[Failed] = []
    given_up: set[str] = set()
    running_by: str | None = None
    for plugin, effect in in_order(answers):
        if plugin in given_up:
            continue
        if isinstance(effect, Run):
            if running_by is not None:
                stage.notify(f"{plugin} wanted to go on too; {running_by} was first", "info")
                continue
            running_by = plugin
        try:
            await _perform(plugin, effect, stage)
        except EffectError as error:
            failed.append(Failed(plugin, effect, str(error)))
            given_up.add(plugin)
    return failed


async def _perform(plugin: str, effect: Effect, stage: Stage) -> None:
    match effect:
        case Rest() | Wake():
            stage.book(effect)
        case StartTimer():
            stage.start_timer(plugin, effect)
        case CancelTimer(name):
            stage.cancel_timer(plugin, name)
        case SwitchRoute(on, reason):
            await stage.switch(plugin, on, reason)
        case Notify(text, level):
            stage.notify(text, level)
        case Status(key, text):
            stage.status(plugin, key, text)
        case CompactHistory():
            stage.compact(plugin, effect)
        case Abort(reason):
            stage.abort_run(reason)
        case Run():
            stage.run(plugin, effect)
        case _:
            assert_never(effect)
