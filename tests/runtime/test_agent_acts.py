"""What the user does in awkward moments, and what third parties do to the agent. In virtual time."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing

import anyio
import pytest

from pi_fallback.config.schema import ProgressSettings, RetryPolicy
from pi_fallback.errors import AgentBusy
from pi_fallback.runtime import feed
from pi_fallback.testing import CallTool, Hang, Move, Say, ScriptedProvider, Wait, fail
from pi_fallback_hookspecs import (
    AgentEnd,
    Call,
    Command,
    CommandContext,
    Effect,
    EffectFailed,
    Json,
    ModelSelect,
    Notify,
    OrderRoutes,
    Reply,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Run,
    Scope,
    ScopeKind,
    SessionShutdown,
    SessionStart,
    StartTimer,
    Stop,
    StopReason,
    SwitchRoute,
    TimerFired,
    Tool,
    ToolContext,
    ToolOutput,
    ToolResultMessage,
    hookimpl,
)
from tests.conftest import Backend
from tests.rigs import Rig, rig, route

pytestmark = pytest.mark.anyio
OFF = ProgressSettings(enabled=False)
AB, ABC = ("A", "B"), ("A", "B", "C")
ERROR = fail("odd", status=418)


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def scripts(**moves: Move | Sequence[Move]) -> ScriptedProvider:
    return ScriptedProvider({"A": ERROR, "B": Say("from B"), "C": Say("from C"), **moves})


def notices(r: Rig) -> list[str]:
    return [item.text for item in r.of(feed.Noticed) if isinstance(item, feed.Noticed)]


# Sessions that take each other's place


async def test_what_was_queued_ends_with_its_session() -> None:
    async with rig(scripts(A=Wait(5.0, Say("old answer"))), AB) as r:
        await r.agent.prompt("go")
        r.agent.follow_up("and then")
        r.agent.steer("or rather")
        await r.until(1.0)
        await r.agent.new_session()
        await r.until(100.0)
        assert r.agent.messages == []
        assert r.asked == ["A"]


async def test_nothing_new_begins_while_the_program_ends() -> None:
    async with rig(scripts(A=Wait(5.0, Say("late"))), AB) as r:
        await r.agent.prompt("go")
        r.agent.follow_up("and then")
        await r.until(1.0)
    assert r.asked == ["A"]


class SlowToClose:
    """Its last act takes a while: a key of a route it would like."""

    @hookimpl
    def session_shutdown(self, event: SessionShutdown) -> Sequence[Effect]:
        return (Run((route("B"),), say="one more"), StartTimer("late", event.view.now + 1.0), Notify("bye"))


async def test_a_session_that_closes_starts_no_runs_and_no_timers() -> None:
    async with rig(scripts(A=Say("ok")), AB, plugins=[("s", SlowToClose())]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        await r.agent.new_session()
        await r.until(50.0)
        assert r.asked == ["A"]
        assert not r.agent.view().timers


async def test_two_new_sessions_at_once_come_one_after_the_other() -> None:
    async with rig(scripts(A=Hang()), AB) as r:
        await r.agent.prompt("go")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(r.agent.new_session)
            tasks.start_soon(r.agent.new_session)
        assert len(r.of(feed.SessionChanged)) == 2
        await r.agent.prompt("again")


# Aborts in awkward moments


async def test_an_abort_in_the_moment_in_which_the_request_fails_is_an_abort() -> None:
    gate = anyio.Event()

    class Gated(ScriptedProvider):
        async def stream(self, call: Call):
            async with aclosing(super().stream(call)) as events:
                async for event in events:
                    await gate.wait()
                    yield event

    async with rig(Gated({"A": ERROR, "B": Say("no")}), AB) as r:
        await r.agent.prompt("go")
        await anyio.wait_all_tasks_blocked()
        gate.set()
        await r.agent.abort()
        await r.until(100.0)
        assert r.asked == ["A"]
        assert r.agent.stop_reason is StopReason.ABORTED


async def test_abort_retry_ends_the_wait_and_keeps_what_is_queued() -> None:
    retry = RetryPolicy(base_delay_s=10.0)
    async with rig(scripts(A=fail(status=503)), ["A"], retry=retry) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        r.agent.follow_up("later")
        await r.agent.abort_retry()
        await r.until(100.0)
        assert r.asked == ["A"]
        assert [m.text for m in r.agent.conversation.follow_ups] == ["later"]


async def test_abort_retry_lets_a_run_that_works_go_on() -> None:
    async with rig(scripts(A=Wait(5.0, Say("done"))), ["A"]) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        await r.agent.abort_retry()
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP


@pytest.mark.parametrize("base_s", [1.0, 10.0], ids=["in the turn", "between runs"])
async def test_every_announced_wait_ends_exactly_once(base_s: float) -> None:
    retry = RetryPolicy(base_delay_s=base_s)
    async with rig(scripts(A=[fail(status=503), Say("fine")]), ["A"], retry=retry) as r:
        await r.agent.prompt("one")
        await r.until(0.5)
        await r.agent.abort()
        await r.agent.prompt("two")
        await r.agent.settled()
        ends = [item.success for item in r.of(feed.RetryEnded) if isinstance(item, feed.RetryEnded)]
        assert (len(r.of(feed.RetryScheduled)), ends) == (1, [False])


class Patient:
    @hookimpl
    def request_failed(self, event: RequestFailed) -> Retry:
        return Retry((event.failure.route,), after_s=5.0, reason="patience")


async def test_a_wait_that_a_plugin_wants_ends_too() -> None:
    script = scripts(A=[ERROR, Say("fine")])
    async with rig(script, ["A"], progress=OFF, plugins=[("p", Patient())]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("A", 5.0)]
        assert r.of(feed.RetryEnded) == [feed.RetryEnded(True, 0, None)]


# The user's own choice of model


@pytest.mark.parametrize("models", [AB, ABC])
async def test_a_model_chosen_in_the_countdown_is_the_one_that_goes_on(models: Sequence[str]) -> None:
    last = models[-1]
    async with rig(scripts(), models) as r:
        await r.agent.prompt("go")
        await r.until(5.0)
        await r.agent.select(f"p/{last}")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), (last, 20.0)]


async def test_a_prompt_after_a_choice_in_the_countdown_goes_to_the_chosen_model() -> None:
    async with rig(scripts(), ABC) as r:
        await r.agent.prompt("go")
        await r.until(5.0)
        await r.agent.select("p/C")
        await r.agent.prompt("now?")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("C", 5.0)]


async def test_a_model_chosen_during_a_request_is_not_taken_back_by_its_retry() -> None:
    script = scripts(A=Wait(2.0, fail(status=503)))
    async with rig(script, AB, retry=RetryPolicy()) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        await r.agent.select("p/B")
        await r.agent.settled()
        assert r.asked == ["A", "B"]
        assert r.agent.route == route("B")


# Commands


class Commands:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    @hookimpl
    def register_commands(self) -> Sequence[Command]:
        async def hello(_context: CommandContext, _argument: str):
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

        return [Command("hello", "say hello", hello)]  # pyright: ignore[reportArgumentType]  # nonsense is meant


async def test_a_harmless_command_leaves_a_waiting_retry_alone() -> None:
    script, retry = scripts(A=[fail(status=503), Say("fine")]), RetryPolicy(base_delay_s=10.0)
    async with rig(script, ["A"], retry=retry, plugins=[("c", Commands(Notify("hello")))]) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        assert await r.agent.command("/hello")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("A", 10.0)]


@pytest.mark.parametrize("line", ["/hello", "/cycle-model"])
async def test_a_command_right_after_a_prompt_loses_neither(line: str) -> None:
    async with rig(scripts(A=Say("a")), AB, plugins=[("c", Commands(Notify("hello")))]) as r:
        await r.agent.prompt("go")
        await r.agent.command(line)
        await r.agent.settled()
        assert r.said() == ["go"]
        assert r.asked == (["B"] if line == "/cycle-model" else ["A"])


@pytest.mark.parametrize("when", ["idle", "working", "about to work"])
async def test_a_switch_by_a_command_is_the_users_own(when: str) -> None:
    async with rig(scripts(A=Wait(5.0, Say("a")), B=fail(status=401), C=Say("c")), ("A", "B", "C")) as r:
        await r.agent.prompt("go")
        if when != "about to work":
            await r.until(10.0 if when == "idle" else 1.0)
        await r.agent.command("/cycle-model")
        await r.agent.settled()
        chosen, after = r.of(feed.RouteSwitched)
        assert (chosen.route, chosen.source, after.source) == (route("B"), "user", "failover")


async def test_a_command_that_only_switches_does_it_for_the_user() -> None:
    command = Commands(SwitchRoute((route("B"),), "as told"))
    async with rig(scripts(), AB, plugins=[("c", command)]) as r:
        await r.agent.command("/hello")
        assert r.of(feed.RouteSwitched) == [feed.RouteSwitched(route("B"), route("A"), "user", "as told")]


async def test_cycling_twice_says_continue_twice() -> None:
    async with rig(scripts(A=Say("a")), AB) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        for _ in range(2):
            await r.agent.command("/cycle-model")
            await r.agent.settled()
        assert r.asked == ["A", "B", "A"]
        assert r.said() == ["go", "continue", "continue"]


@pytest.mark.parametrize(
    "answer", [[1, 2], 5, SystemExit(3), RuntimeError("no"), [SwitchRoute(("x",))]], ids=lambda a: type(a).__name__
)
async def test_a_command_that_answers_nonsense_is_named_and_hurts_nobody(answer: object) -> None:
    async with rig(scripts(A=Say("a")), ["A"], plugins=[("c", Commands(answer))]) as r:
        assert await r.agent.command("/hello")
        assert "/hello failed" in notices(r)[0]
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP


# Third parties outside their hooks


async def fine(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
    return "fine"


async def leaves(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
    raise SystemExit(4)


async def empty(_context: ToolContext, _arguments: Mapping[str, Json]) -> ToolOutput:
    return ToolOutput(None)  # pyright: ignore[reportArgumentType]  # nonsense is meant


def bad_preview(_arguments: Mapping[str, Json]) -> str:
    raise KeyError("nothing")


@pytest.mark.parametrize("what", ["preview", "exit", "output"])
async def test_a_tool_that_misbehaves_is_answered_with_an_error(what: str) -> None:
    run = {"preview": fine, "exit": leaves, "output": empty}[what]
    preview = bad_preview if what == "preview" else None
    tool = Tool("odd", "odd", {"type": "object"}, run, asks=what == "preview", preview=preview)
    script = scripts(A=[CallTool("odd", {}), Say("went on")])
    async with rig(script, ["A"], tools={"odd": tool}, approval="ask") as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP
        [result] = [m for m in r.agent.messages if isinstance(m, ToolResultMessage)]
        assert result.is_error
        assert len(r.of(feed.ToolStarted)) == len(r.of(feed.ToolEnded))


async def test_every_tool_that_started_has_its_end_also_after_an_abort() -> None:
    async def forever(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
        await anyio.sleep_forever()
        return ""

    tool = Tool("slow", "slow", {"type": "object"}, forever)
    script = scripts(A=Say(calls=(CallTool("slow", {}), CallTool("slow", {}))))
    async with rig(script, ["A"], tools={"slow": tool}) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        await r.agent.abort()
        await r.agent.settled()
        started = [item.call.id for item in r.of(feed.ToolStarted) if isinstance(item, feed.ToolStarted)]
        ended = [item.call.id for item in r.of(feed.ToolEnded) if isinstance(item, feed.ToolEnded)]
        assert started == ended
        assert len(started) == 1


async def test_a_reply_without_a_message_is_a_fault() -> None:
    class Wordy(ScriptedProvider):
        async def stream(self, call: Call):
            async with aclosing(super().stream(call)) as events:
                async for event in events:
                    odd = isinstance(event, Reply) and call.model.ref.id == "A"
                    yield Reply("text") if odd else event  # pyright: ignore[reportArgumentType]  # nonsense is meant

    async with rig(Wordy({"A": Say("a"), "B": Say("b")}), AB) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["A", "B"]


class Chooser:
    def __init__(self, mine: str) -> None:
        self.mine = mine

    @hookimpl
    def model_select(self, event: ModelSelect) -> Effect:
        return SwitchRoute((route(self.mine),), "I know better")


async def test_two_plugins_cannot_switch_against_each_other_for_ever() -> None:
    plugins = [("b", Chooser("B")), ("c", Chooser("C"))]
    async with rig(scripts(A=Say("a")), ABC, plugins=plugins) as r:
        await r.agent.select("p/B")
        assert r.agent.route == route("B")
        assert any("c: " in notice for notice in notices(r))


class RestsLong:
    @hookimpl
    def session_start(self, event: SessionStart) -> Effect:
        return Rest(Scope.of(ScopeKind.MODEL, route("A")), 1e14, "for ages")


async def test_no_rest_lasts_longer_than_a_month() -> None:
    async with rig(scripts(A=Say("a")), ["A"], plugins=[("r", RestsLong())]) as r:
        resting = r.book.ledger.resting(route("A"), now=0.0)
        assert resting is not None
        assert resting.until <= 31 * 86_400.0


class Endless:
    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect | None:
        return Run(tuple(event.view.order), say="again") if event.stop_reason is StopReason.ERROR else None


async def test_a_plugin_that_never_gives_up_is_stopped_by_the_budget() -> None:
    async with rig(scripts(B=ERROR), AB, progress=OFF, plugins=[("e", Endless())]) as r:
        await r.agent.prompt("go")
        with anyio.move_on_after(10.0):
            await r.agent.settled()
        assert len(r.asked) <= 8


async def test_many_retries_of_the_host_leave_a_chance_to_the_next_model() -> None:
    retry = RetryPolicy(max_retries=12, base_delay_s=0.1)
    async with rig(scripts(A=fail(status=503)), AB, retry=retry) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["A"] * 13 + ["B"]


async def test_follow_ups_wait_until_a_model_works() -> None:
    async with rig(scripts(), AB) as r:
        await r.agent.prompt("one")
        r.agent.follow_up("two")
        r.agent.follow_up("three")
        await r.agent.settled()
        assert r.asked == ["A", "B", "B", "B"]
        assert r.said() == ["one", "continue", "two", "three"]


async def test_a_follow_up_to_an_idle_agent_is_said_before_it_settles() -> None:
    async with rig(scripts(A=Say("a")), ["A"]) as r:
        r.agent.follow_up("hello")
        await r.agent.settled()
        assert r.said() == ["hello"]


# What observers and plugins hear


class Stops:
    @hookimpl
    def request_failed(self, event: RequestFailed) -> Stop:
        rest = Rest(Scope.of(ScopeKind.MODEL, event.failure.route), event.view.now + 9.0, "tired")
        return Stop("the user said so", effects=(rest,))


async def test_a_stop_says_why_and_its_rests_are_told() -> None:
    rested: list[str] = []
    async with rig(scripts(), AB, plugins=[("ha", Stops())]) as r:
        r.agent.signals.rested.connect(lambda _host, *, reason, **_facts: rested.append(reason), weak=False)
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.agent.final_error is not None
        assert "Stopped by ha: the user said so." in r.agent.final_error
        assert rested == ["tired"]


async def test_every_hook_that_is_asked_is_an_event_to_observers() -> None:
    heard: list[str] = []
    async with rig(scripts(), AB, plugins=[("ha", Stops())]) as r:
        r.agent.signals.event.connect(lambda _host, *, hook, event: heard.append(hook), weak=False)
        await r.agent.prompt("go")
        await r.agent.settled()
    assert {"input", "agent_start", "turn_start", "request_failed", "message_end", "agent_end"} <= set(heard)


class Deaf:
    @hookimpl
    def turn_end(self) -> Effect:
        return SwitchRoute((Route("q", "x"),))


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    def effect_failed(self, event: EffectFailed) -> None:
        self.heard.append(event.reason)


async def test_a_failed_effect_of_a_plugin_that_does_not_listen_is_shown() -> None:
    listener = Listener()
    async with rig(scripts(A=Say("a")), ["A"], plugins=[("deaf", Deaf()), ("other", listener)]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert any(notice.startswith("deaf: ") for notice in notices(r))
        assert listener.heard == []


class OnlyB:
    @hookimpl
    def order_routes(self, event: OrderRoutes) -> Sequence[Route]:
        return [other for other in event.order if other.model == "B"]


async def test_a_route_that_is_left_out_of_the_order_is_not_used() -> None:
    async with rig(scripts(A=Say("a")), AB, plugins=[("o", OnlyB())]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["B"]


class Ticker:
    """Restarts its timer whenever it fires."""

    def __init__(self) -> None:
        self.fired: list[float] = []

    @hookimpl
    def session_start(self, event: SessionStart) -> Effect:
        return StartTimer("tick", event.view.now + 10.0, holds=True)

    @hookimpl
    def timer_fired(self, event: TimerFired) -> Effect | None:
        self.fired.append(event.view.now)
        return StartTimer("tick", event.view.now + 10.0, holds=True) if len(self.fired) < 3 else None


async def test_a_timer_restarted_from_its_own_firing_is_shown_and_holds() -> None:
    ticker = Ticker()
    async with rig(scripts(A=Say("a")), ["A"], plugins=[("t", ticker)]) as r:
        await r.agent.settled()
        assert ticker.fired == [10.0, 20.0, 30.0]
        shown = [item.at for item in r.of(feed.TimerChanged) if isinstance(item, feed.TimerChanged)]
        assert shown == [10.0, None, 20.0, None, 30.0, None]


async def test_a_timer_that_fires_during_a_run_does_not_start_another() -> None:
    class Eager(Ticker):
        @hookimpl
        def timer_fired(self, event: TimerFired) -> Effect | None:
            return Run((route("B"),), say="meanwhile")

    async with rig(scripts(A=Wait(30.0, Say("a"))), AB, plugins=[("t", Eager())]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["A"]


async def test_a_closing_session_takes_no_prompt() -> None:
    async with rig(scripts(A=Hang()), AB) as r, anyio.create_task_group() as tasks:
        await r.agent.prompt("go")
        await anyio.wait_all_tasks_blocked()

        async def close() -> None:
            await r.agent.shutdown("quit")

        tasks.start_soon(close)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(AgentBusy):
            await r.agent.prompt("again")
