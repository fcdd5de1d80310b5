"""Effects are performed in a fixed order, whoever ordered them."""

from collections.abc import Sequence

import pytest

from pi_fallback.runtime.performer import EffectError, perform
from pi_fallback_hookspecs import (
    Abort,
    CancelTimer,
    CompactHistory,
    Level,
    Notify,
    Rest,
    Route,
    Run,
    Scope,
    ScopeKind,
    StartTimer,
    Status,
    SwitchRoute,
    Wake,
)

A = Route("p", "a")
REST = Rest(Scope.of(ScopeKind.MODEL, A), 10.0, "tired")
pytestmark = pytest.mark.anyio


class Recorder:
    """A stage that writes down what it is told; what is in `broken` fails."""

    def __init__(self, broken: Sequence[str] = ()) -> None:
        self.done: list[str] = []
        self.broken = broken

    def _do(self, what: str) -> None:
        if what in self.broken:
            raise EffectError(f"{what} is broken")
        self.done.append(what)

    def book(self, effect: Rest | Wake) -> None:
        self._do(type(effect).__name__.lower())

    def start_timer(self, plugin: str, effect: StartTimer) -> None:
        self._do(f"{plugin} starts {effect.name}")

    def cancel_timer(self, plugin: str, name: str) -> None:
        self._do(f"{plugin} cancels {name}")

    async def switch(self, plugin: str, on: Sequence[Route], reason: str) -> None:
        self._do(f"{plugin} switches")

    def notify(self, text: str, level: Level) -> None:
        self._do(text)

    def status(self, plugin: str, key: str, text: str | None) -> None:
        self._do(f"status {key}")

    def compact(self, plugin: str, effect: CompactHistory) -> None:
        self._do("compact")

    def abort_run(self, reason: str) -> None:
        self._do("abort")

    def run(self, plugin: str, effect: Run) -> None:
        self._do(f"{plugin} runs")


async def test_ledger_timers_route_screen_run() -> None:
    stage = Recorder()
    backwards = [Run((A,)), Notify("hello"), Status("k", "v"), SwitchRoute((A,)), StartTimer("t", 1.0), REST]
    await perform([("x", backwards), ("y", [CancelTimer("u"), Wake(REST.scope)])], stage)
    assert stage.done == [
        "rest",
        "wake",
        "x starts t",
        "y cancels u",
        "x switches",
        "hello",
        "status k",
        "x runs",
    ]


async def test_an_abort_before_a_run_stays_before_it() -> None:
    stage = Recorder()
    await perform([("x", [CompactHistory(), Abort(), Run((A,))])], stage)
    assert stage.done == ["compact", "abort", "x runs"]


async def test_the_first_run_wins_and_the_others_become_a_notice() -> None:
    stage = Recorder()
    await perform([("x", [Run((A,))]), ("y", [Run((A,))]), ("z", [Notify("z sees")])], stage)
    assert stage.done == ["z sees", "x runs", "y wanted to go on too; x was first"]


async def test_a_failed_effect_drops_the_later_ones_of_its_plugin_only() -> None:
    stage = Recorder(broken=["x switches"])
    failed = await perform([("x", [SwitchRoute((A,)), Notify("x says"), Run((A,))]), ("y", [Notify("y says")])], stage)
    assert stage.done == ["y says"]
    assert [(item.plugin, item.reason) for item in failed] == [("x", "x switches is broken")]
