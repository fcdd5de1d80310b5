"""The agent: runs, tools, queues, acts of the user, and what plugins order. In virtual time."""

from collections.abc import Mapping

import anyio
import pytest

from pi_fallback.config.schema import ProgressSettings, RetryPolicy
from pi_fallback.errors import AgentBusy
from pi_fallback.runtime import feed
from pi_fallback.testing import CallTool, Hang, Pieces, Say, ScriptedProvider, fail
from pi_fallback_hookspecs import (
    AgentEnd,
    AgentSettled,
    AgentStart,
    AssistantMessage,
    CancelTimer,
    CompactHistory,
    Effect,
    EffectFailed,
    FailureKind,
    Fault,
    FaultKind,
    Input,
    Json,
    MessageEnd,
    ModelRef,
    ModelSelect,
    Notify,
    OrderRoutes,
    RefuseRoutes,
    Request,
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
    StopReason,
    SwitchRoute,
    Text,
    TimerFired,
    Tool,
    ToolCallEvent,
    ToolContext,
    ToolResultEvent,
    ToolResultMessage,
    TurnEnd,
    TurnStart,
    UserAborted,
    UserMessage,
    hookimpl,
)
from tests.conftest import Backend
from tests.rigs import P, Rig, rig, route

pytestmark = pytest.mark.anyio
OFF = ProgressSettings(enabled=False)
AB = ("A", "B")


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def notices(r: Rig) -> list[str]:
    return [item.text for item in r.of(feed.Noticed) if isinstance(item, feed.Noticed)]


def echo_tool(ran: list[str]) -> Tool:
    async def run(context: ToolContext, arguments: Mapping[str, Json]) -> str:
        ran.append(str(arguments.get("text")))
        context.progress("half way")
        return f"echo {arguments.get('text')}"

    schema: dict[str, Json] = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    return Tool("echo", "Say it again", schema, run, asks=True)


class Watcher:
    """Writes down every lifecycle event it is told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @hookimpl
    def session_start(self, event: SessionStart) -> None:
        self.told.append(f"session_start {event.reason}")

    @hookimpl
    def input(self, event: Input) -> str:
        self.told.append("input")
        return event.text.upper()

    @hookimpl
    def agent_start(self, event: AgentStart) -> None:
        self.told.append(f"agent_start {event.cause}")

    @hookimpl
    def turn_start(self, event: TurnStart) -> None:
        self.told.append(f"turn_start {event.index}")

    @hookimpl
    def request_failed(self, event: RequestFailed) -> None:
        self.told.append(f"request_failed {event.attempts}")

    @hookimpl
    def message_end(self, event: MessageEnd) -> None:
        self.told.append(f"message_end {type(event.message).__name__}")

    @hookimpl
    def tool_call(self, event: ToolCallEvent) -> None:
        self.told.append(f"tool_call {event.call.name}")

    @hookimpl
    def tool_result(self, event: ToolResultEvent) -> None:
        self.told.append(f"tool_result {event.result.text}")

    @hookimpl
    def turn_end(self, event: TurnEnd) -> None:
        self.told.append(f"turn_end {event.index}")

    @hookimpl
    def agent_end(self, event: AgentEnd) -> None:
        self.told.append(f"agent_end {event.stop_reason.value} retry={event.will_retry_at}")

    @hookimpl
    def agent_settled(self, event: AgentSettled) -> None:
        self.told.append("agent_settled")

    @hookimpl
    def user_aborted(self, event: UserAborted) -> None:
        self.told.append(f"user_aborted {event.during}")

    @hookimpl
    def model_select(self, event: ModelSelect) -> None:
        self.told.append(f"model_select {event.route.model} {event.source}")

    @hookimpl
    def session_shutdown(self, event: SessionShutdown) -> None:
        self.told.append(f"session_shutdown {event.reason}")


async def test_events_come_in_their_order_through_a_tool_a_backoff_and_success() -> None:
    watcher = Watcher()
    script = ScriptedProvider({"A": [CallTool("echo", {"text": "x"}), *[fail(status=503)] * 2, Say("done")]})
    tools = {"echo": echo_tool([])}
    async with rig(script, ["A"], progress=OFF, retry=RetryPolicy(), plugins=[("w", watcher)], tools=tools) as r:
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("A", 0.0), ("A", 2.0), ("A", 6.0)]
    assert watcher.told == [
        "session_start startup",
        "input",
        "agent_start prompt",
        "turn_start 0",
        "message_end UserMessage",
        "message_end AssistantMessage",
        "tool_call echo",
        "tool_result echo x",
        "message_end ToolResultMessage",
        "turn_end 0",
        "turn_start 1",
        "request_failed 1",  # a wait of 2 s stays in the turn
        "request_failed 2",  # one of 4 s ends the run
        "message_end AssistantMessage",
        "agent_end error retry=6.0",
        "agent_start retry",
        "turn_start 0",
        "message_end AssistantMessage",
        "turn_end 0",
        "agent_end stop retry=None",
        "agent_settled",
        "session_shutdown quit",
    ]


async def test_an_input_hook_changes_what_the_model_hears() -> None:
    async with rig(ScriptedProvider({"A": Say("yes")}), ["A"], plugins=[("w", Watcher())]) as r:
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert r.said() == ["HELLO"]


async def test_the_prompt_is_in_every_request_exactly_once() -> None:
    script = ScriptedProvider({"A": fail(status=503), "B": [CallTool("nothing", {}), fail(status=503), Say("ok")]})
    async with rig(script, AB, retry=RetryPolicy(max_retries=1)) as r:
        await r.agent.prompt("the prompt")
        await r.agent.settled()
        for called in script.calls:
            said = [m.text for m in called.call.request.messages if isinstance(m, UserMessage)]
            assert said.count("the prompt") == 1
            assert said.count("continue") <= 1


async def test_text_of_a_dead_answer_is_withdrawn_and_stays_out_of_the_history() -> None:
    script = ScriptedProvider({"A": Pieces(["half an ", "answer"], then=fail("cut")), "B": Say("whole")})
    async with rig(script, AB) as r:
        await r.agent.prompt("hello")
        await r.agent.settled()
        kinds = [type(item).__name__ for _, item in r.seen]
        assert kinds.index("Streamed") < kinds.index("Withdrawn")
        assert not any("half" in m.text for m in r.agent.messages if isinstance(m, AssistantMessage))
        assert "half" not in str(r.call(1).call.request.messages)


async def test_a_stream_that_hangs_is_ended_by_the_watchdog_and_judged_a_timeout() -> None:
    script = ScriptedProvider({"A": Pieces(["start"], every_s=1.0, then=Hang()), "B": Say("here")})
    async with rig(script, AB) as r:
        await r.agent.prompt("hello")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("B", 81.0)]  # 1 s to the text, 60 s quiet, 20 s countdown
        assert r.book.ledger.worked_at.keys() == {ModelRef(P, "B")}


async def test_a_busy_agent_takes_no_second_prompt_but_steering_and_follow_ups() -> None:
    ran: list[str] = []
    script = ScriptedProvider({"A": [CallTool("echo", {"text": "1"}), Say("steered"), Say("followed")]})
    async with rig(script, ["A"], tools={"echo": echo_tool(ran)}) as r:
        await r.agent.prompt("go")
        with pytest.raises(AgentBusy):
            await r.agent.prompt("again")
        r.agent.follow_up("and then this")
        r.agent.steer("not that way")
        await r.agent.settled()
        assert r.said() == ["go", "not that way", "and then this"]
        assert [len(called.call.request.messages) for called in script.calls] == [1, 4, 6]
        assert ran == ["1"]


async def test_steering_that_comes_too_late_is_heard_in_a_run_of_its_own() -> None:
    async with rig(ScriptedProvider({"A": [Say("one"), Say("two")]}), ["A"]) as r:

        def steer_at_the_end(item: feed.FeedItem) -> None:
            if isinstance(item, feed.RunEnded) and len(r.asked) == 1:
                r.agent.steer("one more thing")

        r.agent.subscribe(steer_at_the_end)
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.said() == ["go", "one more thing"]


async def test_an_abort_in_a_wait_counts_as_aborted() -> None:
    async with rig(ScriptedProvider({"A": fail(status=401), "B": Say("no")}), AB) as r:
        await r.agent.prompt("go")
        await r.until(5.0)
        await r.agent.abort()
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.ABORTED
        assert r.seen[-1][1] == feed.Settled(StopReason.ABORTED)


async def test_a_retry_is_announced_after_the_end_of_its_run() -> None:
    retry = RetryPolicy(base_delay_s=10.0, max_retries=1)
    async with rig(ScriptedProvider({"A": [fail(status=503), Say("ok")]}), ["A"], retry=retry) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        kinds = [type(item) for _, item in r.seen]
        assert kinds.index(feed.RunEnded) < kinds.index(feed.RetryScheduled) < kinds.index(feed.RetryEnded)


async def test_an_abort_in_the_middle_of_a_tool_leaves_one_result_a_call() -> None:
    async def forever(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
        await anyio.sleep_forever()
        return ""

    slow = Tool("slow", "never ends", {"type": "object", "properties": {}}, forever)
    calls = Say(calls=(CallTool("echo", {"text": "1"}), CallTool("slow", {}), CallTool("echo", {"text": "2"})))
    ran: list[str] = []
    async with rig(
        ScriptedProvider({"A": [calls, Say("fine")]}), ["A"], tools={"slow": slow, "echo": echo_tool(ran)}
    ) as r:
        await r.agent.prompt("go")
        await r.until(5.0)
        await r.agent.abort()
        await r.agent.settled()
        results = [m for m in r.agent.messages if isinstance(m, ToolResultMessage)]
        assert len({result.call_id for result in results}) == len(results) == 3
        assert [result.is_error for result in results] == [False, True, True]
        assert ran == ["1"]
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP


@pytest.mark.parametrize(
    ("approval", "expected"), [("always", "echo x"), ("never", "needs permission"), ("ask", "refused")]
)
async def test_a_tool_that_asks_runs_only_with_permission(approval: str, expected: str) -> None:
    script = ScriptedProvider({"A": [CallTool("echo", {"text": "x"}), Say("ok")]})
    async with rig(script, ["A"], tools={"echo": echo_tool([])}, approval=approval) as r:  # pyright: ignore[reportArgumentType]
        await r.agent.prompt("go")
        await r.agent.settled()
        [result] = [m for m in r.agent.messages if isinstance(m, ToolResultMessage)]
        assert expected in result.text


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (CallTool("unheard", {}), "There is no tool 'unheard'"),
        (CallTool("echo", {}), "`text`"),
        (CallTool("echo", {"text": 5}), "`text`"),
        (Say(calls=(CallTool("echo", {"text": "x"}),), stop=StopReason.LENGTH), "cut off at its length limit"),
    ],
)
async def test_a_call_that_cannot_be_run_is_answered_with_an_error(move: Say | CallTool, expected: str) -> None:
    ran: list[str] = []
    async with rig(ScriptedProvider({"A": [move, Say("ok")]}), ["A"], tools={"echo": echo_tool(ran)}) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        [result] = [m for m in r.agent.messages if isinstance(m, ToolResultMessage)]
        assert result.is_error
        assert expected in result.text
        assert ran == []


class Guard:
    @hookimpl
    def tool_call(self, event: ToolCallEvent) -> str:
        return "not on a Sunday"

    @hookimpl
    def tool_result(self, event: ToolResultEvent) -> ToolResultMessage:
        return ToolResultMessage(event.call.id, event.call.name, (Text("masked"),))


async def test_a_veto_holds_and_says_who() -> None:
    ran: list[str] = []
    script = ScriptedProvider({"A": [CallTool("echo", {"text": "x"}), Say("ok")]})
    async with rig(script, ["A"], tools={"echo": echo_tool(ran)}, plugins=[("guard", Guard())]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert "Refused: not on a Sunday (guard)" in str(r.agent.messages)
        assert ran == []


class Orders:
    """Returns at one hook what it was given."""

    def __init__(self, hook: str, *effects: Effect) -> None:
        self.hook, self.effects = hook, effects
        self.failed: list[EffectFailed] = []
        self.fired: list[str] = []

    def _at(self, hook: str) -> tuple[Effect, ...]:
        return self.effects if hook == self.hook else ()

    @hookimpl
    def turn_end(self) -> tuple[Effect, ...]:
        return self._at("turn_end")

    @hookimpl
    def agent_settled(self) -> tuple[Effect, ...]:
        effects, self.effects = self._at("agent_settled"), ()
        return effects

    @hookimpl
    def effect_failed(self, event: EffectFailed) -> None:
        self.failed.append(event)

    @hookimpl
    def timer_fired(self, event: TimerFired) -> None:
        self.fired.append(event.name)


async def test_a_switch_that_cannot_be_made_comes_back_to_its_plugin() -> None:
    orders = Orders("turn_end", SwitchRoute((Route("q", "nowhere"),)), Notify("never said"))
    async with rig(ScriptedProvider({"A": Say("ok")}), ["A"], plugins=[("o", orders)]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert [(event.effect, "'q'" in event.reason) for event in orders.failed] == [("SwitchRoute", True)]
        assert "never said" not in notices(r)
        assert r.agent.route == route("A")


async def test_a_run_ordered_when_all_is_settled_runs_once() -> None:
    orders = Orders("agent_settled", Run((route("B"),), say="one more thing"))
    async with rig(ScriptedProvider({"A": Say("a"), "B": Say("b")}), AB, plugins=[("o", orders)]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["A", "B"]
        assert r.said() == ["go", "one more thing"]


async def test_what_cannot_be_done_is_told_to_who_ordered_it() -> None:
    orders = Orders("turn_end", CompactHistory())  # of a history that is short already
    async with rig(ScriptedProvider({"A": Say("ok")}), ["A"], plugins=[("o", orders)]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert [event.reason for event in orders.failed] == ["it is short already"]


async def test_a_timer_that_holds_keeps_the_agent_unsettled() -> None:
    orders = Orders("turn_end", StartTimer("mine", 50.0, holds=True))
    async with rig(ScriptedProvider({"A": Say("ok")}), ["A"], plugins=[("o", orders)]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert anyio.current_time() == 50.0
        assert orders.fired == ["mine"]


async def test_a_timer_that_does_not_hold_lets_it_settle() -> None:
    orders = Orders("turn_end", StartTimer("mine", 50.0), CancelTimer("other"))
    async with rig(ScriptedProvider({"A": Say("ok")}), ["A"], plugins=[("o", orders)]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert anyio.current_time() == 0.0
        await r.until(60.0)
        assert orders.fired == ["mine"]


class Restful:
    """Rests the model that failed, and has routes of its own mind."""

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Retry:
        rest = Rest(Scope.of(ScopeKind.MODEL, event.failure.route), event.view.now + 100.0, "resting a while")
        return Retry(tuple(event.view.order), effects=(rest,))

    @hookimpl
    def order_routes(self, event: OrderRoutes) -> tuple[Route, ...]:
        return tuple(reversed(event.order))

    @hookimpl
    def refuse_routes(self, event: RefuseRoutes) -> Mapping[Route, str]:
        return {route("C"): "not this one"}


async def test_order_refusals_and_rests_of_a_plugin_hold() -> None:
    script = ScriptedProvider({"A": [fail(status=500), Say("back")], "B": Say("from B"), "C": Say("no")})
    async with rig(script, ("A", "B", "C"), progress=OFF, plugins=[("r", Restful())]) as r:
        await r.agent.prompt("one")
        await r.agent.settled()
        assert r.asked == ["A", "B"]
        assert r.agent.view().why_not(route("A")) == "resting a while"
        assert r.agent.view().why_not(route("C")) == "not this one"
        await r.agent.select("p/A")
        await r.agent.prompt("two")  # A still rests, so the best route that does not is taken
        await r.agent.settled()
        assert r.asked == ["A", "B", "B"]
        await r.until(100.0)
        await r.agent.select("p/A")
        await r.agent.prompt("three")
        await r.agent.settled()
        assert r.asked == ["A", "B", "B", "A"]


async def test_when_everything_rests_the_error_names_each_route_and_its_moment() -> None:
    async with rig(ScriptedProvider({"A": Say("ok")}), ["A"], progress=OFF) as r:
        r.book.enter(Rest(Scope.of(ScopeKind.MODEL, route("A")), 99.0, "spent"))
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == []
        assert r.agent.final_error is not None
        assert "p/A: not tried: spent (again at 99)" in r.agent.final_error


async def test_progress_detection_with_act_when_settled_does_not_wait() -> None:
    settings = ProgressSettings(act_when_settled=True)
    async with rig(ScriptedProvider({"A": fail(status=401), "B": Say("ok")}), AB, progress=settings) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("B", 0.0)]


async def test_wait_for_recovery_goes_on_when_the_first_model_may_be_tried_again() -> None:
    settings = ProgressSettings(wait_for_recovery=True)
    script = ScriptedProvider({"A": [fail(status=401), Say("well again")], "B": fail(status=401)})
    async with rig(script, AB, progress=settings) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("B", 20.0), ("A", 300.0)]
        assert r.agent.stop_reason is StopReason.STOP
        assert r.said() == ["go", "continue"]


async def test_without_progress_detection_an_error_is_final_at_once() -> None:
    async with rig(ScriptedProvider({"A": fail("no", status=401), "B": Say("ok")}), AB, progress=OFF) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.calls == [("A", 0.0)]
        assert r.agent.final_error is not None
        assert "Not tried: p/B" in r.agent.final_error


async def test_auto_retry_can_be_switched_off_for_a_session() -> None:
    async with rig(ScriptedProvider({"A": fail(status=503)}), ["A"], progress=OFF, retry=RetryPolicy()) as r:
        r.agent.set_auto_retry(False)
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.calls == [("A", 0.0)]


async def test_what_was_ordered_before_an_abort_is_not_performed_after_it() -> None:
    async def slow_key(_route: Route, _base_url: str) -> None:
        if anyio.current_time() > 0.0 or (_route == route("B")):
            await anyio.sleep(5.0)

    orders = Orders("turn_end", SwitchRoute((route("B"),)), Run((route("B"),), say="too late"))
    async with rig(ScriptedProvider({"A": Say("ok"), "B": Say("no")}), AB, plugins=[("o", orders)], keys=slow_key) as r:
        await r.agent.prompt("go")
        await r.until(2.0)
        await r.agent.abort()
        await r.until(100.0)
        assert r.asked == ["A"]
        assert r.agent.settled_now


async def test_a_provider_that_raises_is_a_fault_like_any_other() -> None:
    def explode(_call: object) -> Say:
        raise RuntimeError("kaput")

    async with rig(ScriptedProvider({"A": explode, "B": Say("ok")}), AB) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["A", "B"]
        [mark] = [item.failure for item in r.of(feed.Withdrawn) if isinstance(item, feed.Withdrawn)]
        assert mark.kind is FailureKind.UNKNOWN
        assert mark.fault == Fault(FaultKind.OTHER, "RuntimeError: kaput")


async def test_requests_are_values_that_later_turns_do_not_change() -> None:
    script = ScriptedProvider({"A": [Say("one"), Say("two")]})
    async with rig(script, ["A"]) as r:
        for text in ("first", "second"):
            await r.agent.prompt(text)
            await r.agent.settled()
        first: Request = r.call(0).call.request
        assert len(first.messages) == 1
