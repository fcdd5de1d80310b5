"""Two things at once: what is on its way when the user acts, or a session ends. In virtual time."""

from collections.abc import Mapping, Sequence

import anyio
import pytest

from pi_fallback.config.schema import ProgressSettings, RetryPolicy
from pi_fallback.runtime import feed
from pi_fallback.runtime.host import GOING_ON_MAX
from pi_fallback.runtime.wires import Keys
from pi_fallback.testing import CallTool, Hang, Say, ScriptedProvider, Wait, fail
from pi_fallback_hookspecs import (
    AgentEnd,
    AgentSettled,
    AssistantMessage,
    Command,
    CommandContext,
    Effect,
    EffectFailed,
    Image,
    Json,
    MessageEnd,
    ModelSelect,
    RefuseRoutes,
    RequestFailed,
    Retry,
    Route,
    Run,
    SessionShutdown,
    SessionStart,
    StartTimer,
    StopReason,
    SwitchRoute,
    TimerFired,
    Tool,
    ToolContext,
    TurnEnd,
    UserAborted,
    hookimpl,
)
from tests.conftest import Backend
from tests.rigs import rig, route

pytestmark = pytest.mark.anyio
OFF = ProgressSettings(enabled=False)
ABC = ("A", "B", "C")
ON_B = Run((route("B"),), say="continue")


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def scripts(**moves: object) -> ScriptedProvider:
    return ScriptedProvider({"A": Say("a"), "B": Say("b"), "C": Say("c"), **moves})  # pyright: ignore[reportArgumentType]


def slow_key(model: str, seconds: float = 5.0) -> Keys:
    """The key of `model` comes from a slow command."""

    async def keys(asked: Route, _base_url: str) -> None:
        if asked.model == model:
            await anyio.sleep(seconds)

    return keys


class SlowCommand:
    @hookimpl
    def register_commands(self) -> Sequence[Command]:
        return [Command("go", "goes on, after a while", self.go)]

    async def go(self, _context: CommandContext, _argument: str) -> Sequence[Effect]:
        await anyio.sleep(2.0)
        return [ON_B]


async def test_a_command_of_the_old_session_orders_nothing_in_the_new_one() -> None:
    async with rig(scripts(), ABC, plugins=[("c", SlowCommand())]) as r:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(r.agent.command, "/go")
            await anyio.sleep(0.5)
            await r.agent.new_session()
        await r.until(10.0)
        assert r.asked == []
        assert r.agent.route == route("A")


class TimerAtTheEnd:
    """Its timer fires while the session still waits for a slow switch of its own."""

    @hookimpl
    def session_start(self, event: SessionStart) -> Effect | None:
        return StartTimer("t", event.view.now + 2.0) if event.reason == "startup" else None

    @hookimpl
    def timer_fired(self, event: TimerFired) -> Effect:
        return ON_B

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect:
        return SwitchRoute((route("C"),), "slowly")


async def test_a_timer_that_fires_while_the_session_closes_starts_nothing_in_the_next() -> None:
    async with rig(scripts(), ABC, progress=OFF, plugins=[("t", TimerAtTheEnd())], keys=slow_key("C")) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        await r.agent.new_session()
        await r.until(40.0)
        assert r.asked == ["A"]
        assert r.agent.messages == []


class SlowSwitch:
    @hookimpl
    def session_start(self, event: SessionStart) -> Effect | None:
        return StartTimer("t", event.view.now + 2.0) if event.reason == "startup" else None

    @hookimpl
    def timer_fired(self, event: TimerFired) -> Effect:
        return SwitchRoute((route("C"),), "by timer")


@pytest.mark.parametrize("act", ["select", "new"])
async def test_a_switch_that_waited_for_its_key_does_not_undo_what_the_user_chose_since(act: str) -> None:
    async with rig(scripts(), ABC, progress=OFF, plugins=[("s", SlowSwitch())], keys=slow_key("C")) as r:
        await r.until(3.0)
        if act == "select":
            await r.agent.select("p/B")
        else:
            await r.agent.new_session()
        await r.until(20.0)
        assert r.agent.route == route("B" if act == "select" else "A")


class GoesOnWhenAborted:
    """Orders a run wherever it hears of the abort."""

    @hookimpl
    def message_end(self, event: MessageEnd) -> Effect | None:
        message = event.message
        ended = isinstance(message, AssistantMessage) and message.stop_reason is StopReason.ABORTED
        return ON_B if ended else None

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect | None:
        return ON_B if event.stop_reason is StopReason.ABORTED else None

    @hookimpl
    def session_shutdown(self, event: SessionShutdown) -> Effect:
        return ON_B

    @hookimpl
    def effect_failed(self, event: EffectFailed) -> Effect:
        return ON_B


@pytest.mark.parametrize("act", ["abort", "new"])
async def test_after_an_abort_no_plugin_goes_on_by_itself(act: str) -> None:
    async with rig(scripts(A=Hang()), ABC, progress=OFF, plugins=[("g", GoesOnWhenAborted())]) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        await (r.agent.abort() if act == "abort" else r.agent.new_session())
        await r.until(20.0)
        assert r.asked == ["A"]


class GoesOnForEver:
    """Orders a run behind every other, in the hook `where`."""

    def __init__(self, where: str) -> None:
        self.where = where

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect | None:
        return ON_B if self.where == "agent_end" and event.stop_reason is StopReason.STOP else None

    @hookimpl
    def agent_settled(self, event: AgentSettled) -> Effect | None:
        return ON_B if self.where == "agent_settled" else None

    @hookimpl
    def timer_fired(self, event: TimerFired) -> Sequence[Effect]:
        return [ON_B, StartTimer("again", event.view.now + 1.0, holds=True)]

    @hookimpl
    def user_aborted(self, event: UserAborted) -> Effect | None:
        return StartTimer("again", event.view.now + 1.0, holds=True) if self.where == "user_aborted" else None

    @hookimpl
    def turn_end(self, event: TurnEnd) -> Effect | None:
        return StartTimer("again", event.view.now + 1.0, holds=True) if self.where == "timer_fired" else None


@pytest.mark.parametrize("at", [2.5, 3.0])
@pytest.mark.parametrize("where", ["agent_end", "agent_settled", "timer_fired", "user_aborted"])
async def test_a_plugin_that_goes_on_for_ever_is_ended_by_an_abort(where: str, at: float) -> None:
    slow = Wait(1.0, Say("b"))
    async with rig(scripts(A=slow, B=slow), ABC, progress=OFF, plugins=[("g", GoesOnForEver(where))]) as r:
        await r.agent.prompt("go")
        await r.until(at)
        await r.agent.abort()
        asked = len(r.asked)
        await r.until(20.0)
        assert len(r.asked) == asked
        assert r.agent.settled_now


@pytest.mark.parametrize("where", ["agent_end", "agent_settled"])
async def test_without_an_act_of_the_user_plugins_start_so_many_runs_and_no_more(where: str) -> None:
    async with rig(scripts(), ABC, progress=OFF, plugins=[("g", GoesOnForEver(where))]) as r:
        for prompts in (1, 2):
            await r.agent.prompt("go")
            await r.agent.settled()
            assert len(r.asked) == prompts * (1 + GOING_ON_MAX)
            notices = [item for item in r.of(feed.Noticed) if isinstance(item, feed.Noticed)]
            assert len(notices) == prompts
            assert notices[-1].text.startswith(f"g has started {GOING_ON_MAX} runs since you last said something")


class GoesOnInVain:
    """Orders runs on a model that it has refused."""

    @hookimpl
    def refuse_routes(self, event: RefuseRoutes) -> Mapping[Route, str]:
        return {route("B"): "no"}

    @hookimpl
    def agent_settled(self, event: AgentSettled) -> Effect:
        return ON_B


async def test_runs_that_cannot_begin_count_too() -> None:
    async with rig(scripts(), ABC, progress=OFF, plugins=[("g", GoesOnInVain())]) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["A"]


async def test_a_tool_may_ask_for_a_new_session() -> None:
    async def renew(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
        await agents[0].new_session()
        return "renewed"

    tool = Tool("renew", "renew", {"type": "object"}, renew)
    async with rig(scripts(A=[CallTool("renew", {}), Say("here")]), ABC, tools={"renew": tool}) as r:
        agents = [r.agent]
        await r.agent.prompt("go")
        await r.until(5.0)
        assert r.agent.messages == []
        await r.agent.prompt("and now?")
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP


class LongPatience:
    @hookimpl
    def request_failed(self, event: RequestFailed) -> Retry:
        return Retry((event.failure.route,), after_s=4000.0, reason="the quota returns")


async def test_a_long_wait_that_was_granted_ends_in_a_request() -> None:
    async with rig(
        scripts(A=[fail(status=429), Say("fine")]), ["A"], progress=OFF, plugins=[("p", LongPatience())]
    ) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("A", 4000.0)]
        assert r.agent.stop_reason is StopReason.STOP


class SlowToSettle:
    @hookimpl
    def agent_settled(self, event: AgentSettled) -> Effect:
        return SwitchRoute((route("C"),), "slowly")


async def test_what_is_queued_while_it_settles_is_still_said() -> None:
    async with rig(scripts(), ABC, progress=OFF, plugins=[("s", SlowToSettle())], keys=slow_key("C")) as r:
        await r.agent.prompt("one")
        await r.until(2.0)
        r.agent.follow_up("two")
        await r.agent.settled()
        assert r.said() == ["one", "two"]


async def test_a_new_session_forgets_what_the_old_one_needed() -> None:
    seen: list[Mapping[Route, str]] = []
    async with rig(scripts(), ABC, inputs={"A": {"text", "image"}}) as r:
        await r.agent.prompt("look", [Image("aGk=", "image/png")])
        await r.agent.settled()
        seen.append(r.agent.view().refusals)
        await r.agent.new_session()
        seen.append(r.agent.view().refusals)
    assert [set(refusals) for refusals in seen] == [{route("B"), route("C")}, set[Route]()]


class Eager:
    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect | None:
        return ON_B if event.will_retry_at is not None else None


async def test_a_plugin_that_is_quicker_than_the_backoff_ends_it() -> None:
    script = scripts(A=fail(status=503), B=Wait(5.0, Say("b")))
    retry = RetryPolicy(base_delay_s=10.0)
    async with rig(script, ABC, progress=OFF, retry=retry, plugins=[("e", Eager())]) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        await r.agent.abort_retry()  # there is nothing left to end
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("B", 0.0)]
        assert len(r.of(feed.RetryScheduled)) == len(r.of(feed.RetryEnded)) == 1


class SwitchesInReturn:
    @hookimpl
    def model_select(self, event: ModelSelect) -> Effect:
        return SwitchRoute((route("C"),), "I know better")

    @hookimpl
    def effect_failed(self, event: EffectFailed) -> Effect:
        return SwitchRoute((route("C"),), "I insist")


async def test_the_users_choice_stands_against_a_plugin_that_knows_better() -> None:
    async with rig(scripts(), ABC, progress=OFF, plugins=[("s", SwitchesInReturn())]) as r:
        await r.agent.select("p/B")
        assert r.agent.route == route("B")


async def test_steering_in_a_wait_is_heard_with_the_next_request() -> None:
    retry = RetryPolicy(base_delay_s=5.0)
    async with rig(scripts(A=[fail(status=503), Say("a")]), ["A"], retry=retry) as r:
        await r.agent.prompt("go")
        await r.until(1.0)
        r.agent.steer("not that")
        await r.agent.settled()
        assert r.said() == ["go", "not that"]
        assert r.asked == ["A", "A"]


async def test_an_error_of_the_embedders_own_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with rig(scripts(), ABC):
            raise KeyError("mine")
