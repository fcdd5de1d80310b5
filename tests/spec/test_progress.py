"""Progress detection, case by case. Each test bears the id of its case."""

from collections.abc import Mapping

import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.core.booking import Failed, Worked
from pi_fallback.runtime import feed
from pi_fallback.testing import CallTool, Hang, Say, ScriptedProvider, fail
from pi_fallback_hookspecs import (
    AgentEnd,
    Effect,
    FailureKind,
    Json,
    ModelRef,
    RequestFailed,
    Retry,
    Run,
    Stop,
    StopReason,
    Tool,
    ToolContext,
    ToolResultMessage,
    hookimpl,
)
from tests.conftest import Backend
from tests.rigs import P, rig

pytestmark = pytest.mark.anyio
ERROR = fail("something odd", status=418)
ABC = ("A", "B", "C")


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def scripts(**moves: object) -> ScriptedProvider:
    return ScriptedProvider({"A": ERROR, "B": Say("from B"), "C": Say("from C"), **moves})  # pyright: ignore


async def test_p01_after_twenty_quiet_seconds_the_next_model_continues_once() -> None:
    async with rig(scripts(), ABC) as r:
        await r.agent.prompt("hello")
        await r.until(19.9)
        assert r.asked == ["A"]
        await r.until(20.0)
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("B", 20.0)]
        assert r.said() == ["hello", "continue"]
        assert r.agent.stop_reason is StopReason.STOP
        await r.until(2000.0)
        assert r.asked == ["A", "B"]


async def test_p02_a_turn_that_starts_in_time_keeps_the_model() -> None:
    async with rig(scripts(A=[ERROR, Say("well again")]), ABC) as r:
        await r.agent.prompt("hello")
        await r.until(19.9)
        await r.agent.prompt("once more")
        await r.until(1000.0)
        # The prompt itself goes to the model that cycling chooses (P06); the timer never fires.
        assert r.said() == ["hello", "once more"]
        assert r.asked == ["A", "B"]


async def test_p02_a_retry_of_the_host_cancels_the_timer() -> None:
    retry = RetryPolicy(base_delay_s=19.9, max_retries=1)
    async with rig(scripts(A=[fail(status=503), Say("well again")]), ABC, retry=retry) as r:
        await r.agent.prompt("hello")
        await r.until(1000.0)
        assert r.calls == [("A", 0.0), ("A", 19.9)]
        assert r.said() == ["hello"]


async def test_p03_each_failure_of_the_hosts_retries_restarts_the_timer() -> None:
    async with rig(scripts(A=fail(status=503)), ABC, retry=RetryPolicy()) as r:
        await r.agent.prompt("hello")
        await r.until(33.9)
        assert r.calls == [("A", 0.0), ("A", 2.0), ("A", 6.0), ("A", 14.0)]
        await r.agent.settled()
        assert r.calls[4:] == [("B", 34.0)]
        await r.until(2000.0)
        assert len(r.calls) == 5
        assert r.said() == ["hello", "continue"]


async def test_p04_an_abort_during_a_request_starts_no_timer() -> None:
    async with rig(scripts(A=Hang()), ABC) as r:
        await r.agent.prompt("hello")
        await r.until(5.0)
        await r.agent.abort()
        await r.until(1000.0)
        assert r.asked == ["A"]
        assert r.agent.stop_reason is StopReason.ABORTED
        assert not r.of(feed.TimerChanged)


async def test_p04_an_abort_during_the_hosts_backoff_ends_timer_and_backoff() -> None:
    async with rig(scripts(A=fail(status=503)), ABC, retry=RetryPolicy()) as r:
        await r.agent.prompt("hello")
        await r.until(3.0)
        assert r.agent.backoff is not None
        await r.agent.abort()
        await r.until(1000.0)
        assert r.calls == [("A", 0.0), ("A", 2.0)]
        assert r.agent.settled_now


async def test_p04_an_abort_during_a_wait_inside_the_turn_ends_it() -> None:
    async with rig(scripts(A=fail(status=503)), ABC, retry=RetryPolicy()) as r:
        await r.agent.prompt("hello")
        await r.until(1.0)
        await r.agent.abort()
        await r.until(1000.0)
        assert r.asked == ["A"]


async def test_p05_escape_in_the_countdown_cancels_timer_and_retry_and_clears_the_status() -> None:
    retry = RetryPolicy(base_delay_s=10.0)
    async with rig(scripts(A=fail(status=503)), ABC, retry=retry) as r:
        await r.agent.prompt("hello")
        await r.until(5.0)
        await r.agent.abort()
        await r.until(1000.0)
        assert r.asked == ["A"]
        changes = [item for item in r.of(feed.TimerChanged) if isinstance(item, feed.TimerChanged)]
        assert [change.at for change in changes] == [30.0, None]
        assert not r.agent.view().timers
        assert not r.of(feed.GaveUp)


async def test_p06_a_prompt_in_the_countdown_goes_to_the_model_that_cycling_would_choose() -> None:
    async with rig(scripts(), ABC) as r:
        await r.agent.prompt("hello")
        await r.until(5.0)
        await r.agent.prompt("are you there?")
        await r.until(1000.0)
        assert r.calls == [("A", 0.0), ("B", 5.0)]
        assert r.said() == ["hello", "are you there?"]


async def test_p07_the_timer_waits_for_a_long_backoff_of_the_host() -> None:
    retry = RetryPolicy(base_delay_s=25.0, max_retries=1)
    async with rig(scripts(A=fail(status=503)), ABC, retry=retry) as r:
        await r.agent.prompt("hello")
        await r.until(1000.0)
        assert r.calls == [("A", 0.0), ("A", 25.0), ("B", 45.0)]


async def test_p07_a_hint_of_the_server_lengthens_the_backoff_and_the_timer_with_it() -> None:
    async with rig(scripts(A=[fail(status=429, retry_after_s=40.0), Say("ok")]), ABC, retry=RetryPolicy()) as r:
        await r.agent.prompt("hello")
        await r.until(1000.0)
        assert r.calls == [("A", 0.0), ("A", 40.0)]


async def test_p08_when_every_model_fails_there_is_one_error_and_then_silence() -> None:
    failing = {name: fail(f"{name} is broken", status=418) for name in ABC}
    async with rig(scripts(**failing), ABC) as r:
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("B", 20.0), ("C", 40.0)]
        errors = [item for item in r.of(feed.GaveUp) if isinstance(item, feed.GaveUp)]
        assert len(errors) == 1
        for name in ABC:
            assert f"p/{name}: unknown: {name} is broken" in errors[0].text
        notices = [item.text for item in r.of(feed.Noticed) if isinstance(item, feed.Noticed)]
        assert notices == ["All 3 models have failed."]
        assert r.said() == ["hello", "continue"]
        await r.until(40.0 + 600.0)
        assert len(r.calls) == 3


@pytest.mark.parametrize(("minutes", "expected"), [(59, "C"), (61, "B")])
async def test_p09_the_last_working_model_comes_first_for_an_hour(minutes: int, expected: str) -> None:
    async with rig(scripts(), ABC) as r:
        await r.until(7200.0)
        r.book.enter(Worked(ModelRef(P, "C"), 7200.0 - minutes * 60.0 + 20.0))
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert r.asked == ["A", expected]


@pytest.mark.parametrize(("seconds", "expected"), [(4 * 60 + 59, "C"), (5 * 60 + 1, "B")])
async def test_p10_a_model_that_failed_within_five_minutes_comes_last(seconds: float, expected: str) -> None:
    async with rig(scripts(), ABC) as r:
        await r.until(7200.0)
        r.book.enter(failed_at(7200.0 + 20.0 - seconds))
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert r.asked == ["A", expected]


def failed_at(moment: float, model: str = "B") -> Failed:
    return Failed(ModelRef(P, model), moment, FailureKind.SERVER_ERROR, "down")


async def test_p11_a_model_that_failed_is_still_tried_as_the_last_resort() -> None:
    async with rig(scripts(), ("A", "B")) as r:
        await r.until(7200.0)
        r.book.enter(failed_at(7200.0 - 60.0))
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert r.calls == [("A", 7200.0), ("B", 7220.0)]


async def test_p12_with_one_model_there_is_a_notice_and_nothing_to_switch_to() -> None:
    async with rig(scripts(), ("A",)) as r:
        await r.agent.prompt("hello")
        await r.until(1000.0)
        assert r.asked == ["A"]
        assert r.said() == ["hello"]
        assert len(r.of(feed.Noticed)) == 1
        assert len(r.of(feed.GaveUp)) == 1
        assert not r.of(feed.RouteSwitched)


class TenLineFailover:
    """High availability in ten lines: switches at once."""

    def __init__(self, *, run: bool) -> None:
        self.run = run

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Retry | None:
        others = tuple(other for other in event.view.order if other != event.failure.route)
        return None if self.run else Retry(others, reason="another model is there")

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect | None:
        if self.run and event.stop_reason is StopReason.ERROR:
            return Run(tuple(other for other in event.view.order if other != event.view.current), say="continue")
        return None


@pytest.mark.parametrize("run", [False, True], ids=["in the turn", "with a new run"])
async def test_p15_a_switch_of_high_availability_cancels_the_timer_of_the_same_error(run: bool) -> None:
    plugins = [("ha", TenLineFailover(run=run))]
    async with rig(scripts(), ABC, plugins=plugins) as r:
        await r.agent.prompt("hello")
        await r.until(1000.0)
        assert r.calls == [("A", 0.0), ("B", 0.0)]
        assert r.said() == (["hello", "continue"] if run else ["hello"])


async def test_p18_a_tool_that_ran_is_seen_by_the_next_model_and_runs_once() -> None:
    runs: list[Mapping[str, Json]] = []

    async def build(_context: ToolContext, arguments: Mapping[str, Json]) -> str:
        runs.append(arguments)
        return "built"

    tool = Tool("build", "build it", {"type": "object", "properties": {}}, build)
    script = scripts(A=[CallTool("build", {"target": "all"}), ERROR])
    async with rig(script, ABC, tools={"build": tool}) as r:
        await r.agent.prompt("build it")
        await r.agent.settled()
        assert r.asked == ["A", "A", "B"]
        assert runs == [{"target": "all"}]
        sent = r.call(2).call.request.messages
        results = [message for message in sent if isinstance(message, ToolResultMessage)]
        assert [result.text for result in results] == ["built"]


async def test_p19_a_session_that_is_replaced_takes_its_timer_along() -> None:
    async with rig(scripts(), ABC) as r:
        await r.agent.prompt("hello")
        await r.until(5.0)
        await r.agent.new_session()
        await r.until(1000.0)
        assert r.asked == ["A"]
        assert not r.agent.view().timers
        assert r.agent.final_error is None


async def test_p19_a_shutdown_in_the_countdown_is_quiet() -> None:
    async with rig(scripts(), ABC) as r:
        await r.agent.prompt("hello")
        await r.until(5.0)
    assert r.asked == ["A"]


async def test_p20_cycle_model_switches_and_continues_once_after_success() -> None:
    async with rig(scripts(A=Say("done")), ABC) as r:
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert await r.agent.command("/cycle-model")
        await r.agent.settled()
        assert r.asked == ["A", "B"]
        assert r.said() == ["hello", "continue"]
        assert ModelRef(P, "A") not in r.book.ledger.failures


async def test_p20_cycle_model_aborts_a_request_in_flight_first() -> None:
    async with rig(scripts(A=Hang()), ABC) as r:
        await r.agent.prompt("hello")
        await r.until(3.0)
        await r.agent.command("/cycle-model p/C")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("C", 3.0)]
        assert ModelRef(P, "A") not in r.book.ledger.failures


async def test_p20_cycle_model_with_one_model_changes_nothing() -> None:
    async with rig(scripts(A=Say("done")), ("A",)) as r:
        await r.agent.command("/cycle-model")
        await r.until(100.0)
        assert r.asked == []
        assert [item.text for item in r.of(feed.Noticed) if isinstance(item, feed.Noticed)] == [
            "p/A is the only usable model: nothing to switch to."
        ]


class StopsAlways:
    @hookimpl
    def request_failed(self, event: RequestFailed) -> Stop:
        return Stop("configured to stop")


async def test_p21_a_stop_of_another_plugin_is_the_end() -> None:
    async with rig(scripts(), ABC, plugins=[("ha", StopsAlways())]) as r:
        await r.agent.prompt("hello")
        await r.until(600.0)
        assert r.asked == ["A"]
        assert r.said() == ["hello"]
        assert not r.of(feed.TimerChanged)
        assert len(r.of(feed.GaveUp)) == 1
