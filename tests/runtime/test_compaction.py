"""A history that is too long is shortened in the midst of the work, by a model that can still answer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from pi_fallback.config.ha import HaFile
from pi_fallback.config.policies import CompactionPolicy
from pi_fallback.config.schema import ProgressSettings, RetryPolicy
from pi_fallback.core.compacting import Compaction, summary_in, tokens_in
from pi_fallback.core.summarising import SYSTEM
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.errors import CompactionFailed
from pi_fallback.plugins.ha import HighAvailability
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback.runtime import feed
from pi_fallback.runtime.conversation import UnwrittenLog
from pi_fallback.runtime.parts import Reopened
from pi_fallback.testing import CallTool, Hang, Move, Say, ScriptedProvider, Wait, fail
from pi_fallback.testing.moves import Moves
from pi_fallback_hookspecs import (
    AssistantMessage,
    BeforeCompact,
    Call,
    CompactAnswer,
    Compacted,
    CompactHistory,
    Effect,
    EffectFailed,
    Image,
    KeepHistory,
    Message,
    Notify,
    RequestFailed,
    Retry,
    Stop,
    StopReason,
    Summary,
    Text,
    Tool,
    ToolContext,
    TurnEnd,
    Usage,
    UserAborted,
    hookimpl,
    user_message,
)
from tests.canary import canary
from tests.conftest import Backend
from tests.core.histories import answer
from tests.rigs import NO_RETRY, Rig, rig, route

pytestmark = pytest.mark.anyio
OFF = ProgressSettings(enabled=False)
POOL = (NAME, PoolFailover())
SMALL = CompactionPolicy(reserve_tokens=500, keep_recent_tokens=200)
KEY = canary("compaction")
TALK: tuple[Message, ...] = (
    user_message("the first task"),
    answer("a" * 8_000),
    user_message("the second task", (Image("aGk=", "image/png"),)),
    answer("b" * 8_000),
)
OVERFLOW = fail("prompt is too long", status=400, code="context_length_exceeded")


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def asks_for_summary(call: Call) -> bool:
    return call.request.system == SYSTEM


def window(tokens: int, *says: Move, summary: Move | None = None) -> Callable[[Call], Move]:
    """A model that takes no more than `tokens`, and answers with `says` and with a `summary`."""
    left = list(says or (Say("done"),))

    def answered(call: Call) -> Move:
        if tokens_in(call.request.messages) > tokens:
            return OVERFLOW
        if asks_for_summary(call):
            return summary or Say("what was said")
        return left.pop(0) if len(left) > 1 else left[0]

    return answered


def too_long(summary: Move | None = None) -> Moves:
    """A model for which everything is too long, but a question for a summary."""
    return lambda call: summary or Say("brief") if asks_for_summary(call) else OVERFLOW


def past(*messages: Message) -> Reopened:
    return Reopened(UnwrittenLog(), messages or TALK, route("A"))


def long_rig(
    a: Moves, *plugins: tuple[str, object], b: "Moves | None" = None, compaction: CompactionPolicy = SMALL, **more: Any
) -> AbstractAsyncContextManager[Rig]:
    """A whole agent with a long history on the model A, the model B if there are moves for it, and the pool."""
    scripts: dict[str, Moves] = {"A": a} | ({} if b is None else {"B": b})
    script = ScriptedProvider(scripts)
    options: dict[str, Any] = {"retry": NO_RETRY, "past": past(), "progress": OFF} | more
    return rig(script, [*scripts], plugins=(*plugins, POOL), compaction=compaction, **options)


def text_of(messages: Sequence[Message]) -> str:
    return "".join(block.text for message in messages for block in message.content if isinstance(block, Text))


def ended(r: Rig) -> list[feed.CompactionEnded]:
    return [item for item in r.of(feed.CompactionEnded) if isinstance(item, feed.CompactionEnded)]


def closing(r: Rig) -> str:
    (item,) = r.of(feed.GaveUp)
    assert isinstance(item, feed.GaveUp)
    return item.text


@dataclass
class Listener:
    """A plugin with an opinion on compactions; `order` is what it orders at the end of a turn."""

    opinion: CompactAnswer | None = None
    order: Effect | None = None
    asked: list[BeforeCompact] = field(default_factory=list[BeforeCompact])
    told: list[Compacted] = field(default_factory=list[Compacted])
    failed: list[EffectFailed] = field(default_factory=list[EffectFailed])

    @hookimpl
    def before_compact(self, event: BeforeCompact) -> CompactAnswer | None:
        self.asked.append(event)
        return self.opinion

    @hookimpl
    def compacted(self, event: Compacted) -> Effect:
        self.told.append(event)
        return Notify("it is shorter")

    @hookimpl
    def effect_failed(self, event: EffectFailed) -> None:
        self.failed.append(event)

    @hookimpl
    def turn_end(self, event: TurnEnd) -> Effect | None:
        order, self.order = self.order, None
        return order


# Overflow: shorten, and go on with the same request


async def test_an_overflow_on_the_only_model_is_answered_in_the_same_turn() -> None:
    async with long_rig(window(5_000)) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert len(r.calls) == 3  # too long, the summary, the same once more
        summary, *rest = r.agent.messages
        assert summary_in(summary) == "what was said"
        assert rest[-2:] == [user_message("go on"), r.agent.messages[-1]]
        assert r.agent.stop_reason is StopReason.STOP
        assert r.said().count("go on") == 1
        assert [len(r.of(kind)) for kind in (feed.RunStarted, feed.TurnStarted, feed.GaveUp)] == [1, 1, 0]
        assert r.of(feed.CompactionStarted) == [feed.CompactionStarted("overflow")]
        [end] = ended(r)
        assert isinstance(end.result, Compaction)
        assert (end.will_retry, end.aborted, end.error) == (True, False, None)


async def test_a_tool_that_has_run_is_not_run_again_and_its_result_is_kept() -> None:
    ran: list[str] = []

    async def run(_context: ToolContext, _arguments: object) -> str:
        ran.append("ran")
        return "r" * 4_000

    tools = {"count": Tool("count", "counts", {"type": "object", "properties": {}}, run)}
    async with long_rig(window(6_000, CallTool("count"), Say("counted")), tools=tools) as r:
        await r.agent.prompt("count it")
        await r.agent.settled()
        assert ran == ["ran"]
        last = r.call(-1).call.request.messages
        assert [m.text for m in last[1:] if not isinstance(m, AssistantMessage)] == ["count it", "r" * 4_000]
        assert r.said().count("count it") == 1
        assert r.agent.stop_reason is StopReason.STOP


async def test_what_is_sent_for_a_summary_has_no_tools_no_pictures_and_no_thoughts() -> None:
    async with long_rig(window(5_000)) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        request = next(called.call.request for called in r.script.calls if asks_for_summary(called.call))
        (message,) = request.messages
        assert (request.tools, request.thinking) == ((), None)
        assert not any(isinstance(block, Image) for block in message.content)
        assert "[a picture, image/png]" in str(message.content)


async def test_a_secret_that_has_become_known_is_not_sent_for_a_summary_and_not_asked_to_be_kept() -> None:
    redactor = Redactor()
    said = (user_message(f"it is {KEY}"), *TALK)
    async with long_rig(window(20_000), past=past(*said), secrets=redactor) as r:
        redactor.add(KEY)
        await r.agent.compact(f"and {KEY}")
        assert KEY not in str(r.call(0).call.request)
        assert "and " in text_of(r.call(0).call.request.messages)


async def test_a_second_overflow_in_the_incident_ends_with_a_clear_error() -> None:
    async with long_rig(too_long()) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert len(r.calls) == 3
        assert "too long for the model even after it was shortened" in closing(r)
        assert r.agent.stop_reason is StopReason.ERROR


async def test_a_plugin_that_wants_it_again_and_again_gets_it_once() -> None:
    class Stubborn:
        @hookimpl
        def request_failed(self, event: RequestFailed) -> Retry:
            return Retry((event.failure.route,), effects=(CompactHistory(),))

    async with long_rig(too_long(), ("stubborn", Stubborn())) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert len(ended(r)) == 1
        assert "shortened in this incident already" in closing(r)


async def test_a_later_incident_may_shorten_again_and_builds_on_the_first_summary() -> None:
    async with long_rig(window(5_000, Say("x" * 19_900), Say("done"))) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        await r.agent.prompt("and on")
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP
        questions = [called.call.request for called in r.script.calls if asks_for_summary(called.call)]
        assert len(questions) > 1
        assert "<minutes>\nwhat was said\n</minutes>" in text_of(questions[1].messages)
        assert sum(summary_in(message) is not None for message in r.agent.messages) == 1


async def test_a_newest_message_that_is_too_long_alone_is_one_clear_error() -> None:
    async with long_rig(window(5_000), past=past(user_message("hi"), answer("ho"))) as r:
        await r.agent.prompt("x" * 40_000)
        await r.agent.settled()
        assert len(r.calls) == 1
        assert "the newest messages alone are too long" in closing(r)
        assert len(r.said()) == 2


async def test_another_model_summarises_when_the_sessions_own_cannot() -> None:
    mine = window(5_000, summary=fail("down", status=503))
    async with long_rig(mine, b=too_long(Say("by B"))) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert summary_in(r.agent.messages[0]) == "by B"
        assert r.agent.stop_reason is StopReason.STOP


async def test_a_model_that_says_nothing_has_written_no_summary() -> None:
    mine = window(5_000, summary=Say(""))
    async with long_rig(mine, b=window(5_000, summary=Say("by B"))) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert summary_in(r.agent.messages[0]) == "by B"


async def test_without_a_plugin_the_next_route_is_asked_for_the_summary_too() -> None:
    script = ScriptedProvider({"A": fail("odd", status=418), "B": Say("by B")})
    async with rig(script, ["A", "B"], past=past(), progress=OFF, compaction=SMALL) as r:
        done = await r.agent.compact()
        assert (done.summary, r.asked) == ("by B", ["A", "B"])
        assert r.agent.route == route("A")


async def test_a_wait_for_the_summary_is_announced_and_it_goes_on_after_it() -> None:
    script = ScriptedProvider({"A": [fail("busy", status=503), Say("at last")]})
    async with rig(script, ["A"], past=past(), progress=OFF, compaction=SMALL, retry=RetryPolicy()) as r:
        done = await r.agent.compact()
        assert done.summary == "at last"
        assert [at for _, at in r.calls] == [0.0, 2.0]
        assert [len(r.of(kind)) for kind in (feed.RetryScheduled, feed.RetryEnded)] == [1, 1]


async def test_if_nobody_can_summarise_the_history_stays_and_one_error_says_why() -> None:
    async with long_rig(too_long(fail("no", status=401))) as r:
        before = tuple(r.agent.messages)
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert tuple(r.agent.messages[: len(before)]) == before
        assert "cannot be shortened: no model could summarise it" in closing(r)
        assert ended(r)[0].will_retry is False


async def test_a_small_window_is_summarised_in_pieces_that_build_on_each_other() -> None:
    async with long_rig(window(2_500), windows={"A": 3_000}) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        asked = [called.call.request.messages for called in r.script.calls if asks_for_summary(called.call)]
        whole = [text_of(messages) for messages in asked if tokens_in(messages) <= 2_500]
        assert len(whole) > 2
        assert "<minutes>" not in whole[0]
        assert all("<minutes>\nwhat was said" in piece for piece in whole[1:])
        assert sum(piece.count("a") for piece in whole) >= 8_000
        assert r.agent.stop_reason is StopReason.STOP


async def test_a_piece_that_is_too_long_is_halved() -> None:
    """The catalogue believes in 128,000 tokens; the model takes 3,000."""
    async with long_rig(window(3_000), windows={"A": 128_000}, past=past(*TALK, *TALK, *TALK)) as r:
        done = await r.agent.compact()
        assert done.summary == "what was said"
        assert len([called for called in r.script.calls if asks_for_summary(called.call)]) > 3


# Ordered by hand, or by a plugin


async def test_a_compaction_by_hand_takes_instructions_and_tells_what_it_did() -> None:
    async with long_rig(window(20_000)) as r:
        done = await r.agent.compact("the file names")
        assert done.messages == tuple(r.agent.messages)
        assert done.tokens_after < done.tokens_before
        assert "keep in mind: the file names" in str(r.call(0).call.request.messages)
        await r.agent.settled()
        assert r.of(feed.RunStarted) == []
        assert r.of(feed.Settled)


async def test_what_is_short_already_is_left_and_no_model_is_asked() -> None:
    async with long_rig(Say("ok"), past=past(user_message("hi"), answer("ho"))) as r:
        with pytest.raises(CompactionFailed, match="short already"):
            await r.agent.compact()
        assert r.calls == []


async def test_only_one_at_a_time() -> None:
    async with long_rig(Hang()) as r, anyio.create_task_group() as tasks:

        async def first() -> None:
            with pytest.raises(CompactionFailed, match="aborted"):
                await r.agent.compact()

        tasks.start_soon(first)
        await anyio.wait_all_tasks_blocked()
        assert r.agent.is_compacting
        assert r.agent.busy
        with pytest.raises(CompactionFailed, match="already"):
            await r.agent.compact()
        await r.agent.abort()
        assert not r.agent.is_compacting


async def test_esc_during_a_compaction_leaves_the_history_as_it_was() -> None:
    heard: list[UserAborted] = []

    class Ears:
        @hookimpl
        def user_aborted(self, event: UserAborted) -> None:
            heard.append(event)

    async with long_rig(too_long(Hang()), ("ears", Ears())) as r:
        await r.agent.prompt("go on")
        await r.until(1.0)
        assert r.agent.is_compacting
        await r.agent.abort()
        await r.agent.settled()
        assert tuple(r.agent.messages[:5]) == (*TALK, user_message("go on"))
        assert r.agent.stop_reason is StopReason.ABORTED
        assert [(end.aborted, end.result) for end in ended(r)] == [(True, None)]
        assert [event.during for event in heard] == ["run"]


async def test_an_overflow_while_another_compaction_is_wanted_shortens_more_than_that_would() -> None:
    answers = window(3_000)
    async with long_rig(lambda call: Wait(1.0, answers(call)), compaction=CompactionPolicy()) as r:
        await r.agent.prompt("go on")
        await r.until(0.5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(r.agent.compact)
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP
        assert r.of(feed.CompactionStarted) == [feed.CompactionStarted("overflow")]


@pytest.mark.parametrize("act", ["abort", "abort_retry"])
async def test_esc_ends_a_pause_before_the_next_try_for_a_summary(act: str) -> None:
    heard: list[str] = []

    class Ears:
        @hookimpl
        def user_aborted(self, event: UserAborted) -> None:
            heard.append(event.during)

    down, retry = fail(status=503), RetryPolicy(base_delay_s=20.0)
    async with long_rig(too_long(down), ("ears", Ears()), retry=retry) as r:
        await r.agent.prompt("go on")
        await r.until(1.0)
        assert r.of(feed.RetryScheduled)
        await getattr(r.agent, act)()
        await r.agent.settled()
        assert heard == ["backoff"]
        assert tuple(r.agent.messages[:5]) == (*TALK, user_message("go on"))
        assert [end.aborted for end in ended(r)] == [True]
        assert len(r.of(feed.RetryEnded)) == len(r.of(feed.RetryScheduled))
        assert len(r.calls) == 2


async def test_a_pause_for_a_summary_ends_no_wait_that_was_announced_before_it() -> None:
    answers = iter((fail(status=503, retry_after_s=40.0), Say("done")))
    summaries = iter((fail(status=503), Say("what was said")))
    retry = RetryPolicy(base_delay_s=2.0)
    async with long_rig(lambda call: next(summaries if asks_for_summary(call) else answers), retry=retry) as r:
        await r.agent.prompt("go on")
        await r.until(1.0)
        await r.agent.compact()
        assert summary_in(r.agent.messages[0]) == "what was said"
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP
        assert [round(at) for at, item in r.seen if isinstance(item, feed.RetryEnded)] == [3, 40]


async def test_what_is_said_meanwhile_is_heard_afterwards() -> None:
    slow = window(20_000, summary=Wait(5.0, Say("what was said")))
    async with long_rig(slow) as r, anyio.create_task_group() as tasks:
        tasks.start_soon(r.agent.compact)
        await r.until(1.0)
        r.agent.follow_up("now this")
        await r.agent.settled()
        assert r.said()[-1] == "now this"
        assert asks_for_summary(r.call(0).call)
        assert r.agent.stop_reason is StopReason.STOP


async def test_while_a_run_goes_on_it_is_done_before_the_next_request() -> None:
    tool = Tool("ls", "lists", {"type": "object", "properties": {}}, _listed)
    async with long_rig(window(20_000, CallTool("ls"), Say("done")), tools={"ls": tool}) as r:
        await r.agent.prompt("look")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(r.agent.compact)
        await r.agent.settled()
        assert summary_in(r.agent.messages[0]) == "what was said"
        assert len(r.of(feed.RunStarted)) == 1
        assert r.said()[-1] == "look"


async def test_a_session_that_closes_lets_nobody_wait_for_its_compaction() -> None:
    failures: list[str] = []
    async with anyio.create_task_group() as tasks, long_rig(Hang()) as r:

        async def wait() -> None:
            try:
                await r.agent.compact()
            except CompactionFailed as error:
                failures.append(str(error))

        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
    assert len(failures) == 1


async def test_a_plugin_orders_one_and_hears_of_it() -> None:
    listener = Listener(order=CompactHistory("be brief"))
    async with long_rig(window(20_000), ("l", listener)) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        [asked], [told] = listener.asked, listener.told
        assert (asked.reason, asked.instructions, asked.older) == ("manual", "be brief", TALK)
        assert (told.summary, told.reason) == ("what was said", "manual")
        assert "compact" in asked.can
        assert told.tokens_after < told.tokens_before
        assert any(isinstance(item, feed.Noticed) and item.text == "it is shorter" for _, item in r.seen)


async def test_a_plugin_whose_compaction_fails_hears_why() -> None:
    listener = Listener(order=CompactHistory())
    async with long_rig(Say("ok"), ("l", listener), past=past(user_message("hi"), answer("ho"))) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert [(event.effect, event.reason) for event in listener.failed] == [
            ("CompactHistory", "it is short already")
        ]
        assert r.agent.stop_reason is StopReason.STOP


async def test_a_plugin_may_bring_its_own_summary() -> None:
    async with long_rig(Say("unasked"), ("l", Listener(Summary("my own words")))) as r:
        await r.agent.compact()
        assert summary_in(r.agent.messages[0]) == "my own words"
        assert r.calls == []


async def test_a_plugin_may_keep_the_history_as_it_is() -> None:
    async with long_rig(window(5_000), ("l", Listener(KeepHistory("it is evidence")))) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert "cannot be shortened: it is evidence" in closing(r)
        assert tuple(r.agent.messages[:4]) == TALK


async def test_a_plugin_that_orders_one_whenever_all_is_settled_comes_to_an_end() -> None:
    class Restless:
        @hookimpl
        def agent_settled(self) -> Effect:
            return CompactHistory()

    async with long_rig(Say("ok"), ("restless", Restless()), past=past(user_message("hi"), answer("ho"))) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert len(ended(r)) == 100


async def test_a_stop_may_shorten_the_history_and_nothing_is_sent_again() -> None:
    class Tidy:
        @hookimpl
        def request_failed(self) -> Stop:
            return Stop("enough", effects=(CompactHistory(),))

    async with long_rig([OVERFLOW, Say("what was said")], ("tidy", Tidy())) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert summary_in(r.agent.messages[0]) == "what was said"
        assert len(r.calls) == 2
        assert r.agent.stop_reason is StopReason.ERROR
        assert "enough" in closing(r)


# As ha.json has it


@pytest.mark.parametrize(
    ("action", "asked"),
    [(None, "AB"), ("larger_model", "AB"), ("compact", "AAA"), ("stop", "A")],
)
async def test_what_ha_json_says_of_a_conversation_that_is_too_long(action: str | None, asked: str) -> None:
    file = {
        "groups": {"g": {"entries": [{"id": "p/A"}, {"id": "p/B"}]}},
        "errorHandling": {"contextErrorAction": action} if action else {},
    }
    plugin = ("ha", HighAvailability(HaFile.model_validate(file).policy()))
    windows = {"A": 6_000, "B": 200_000}
    async with long_rig(window(5_000), plugin, b=Say("from B"), windows=windows) as r:
        await r.agent.prompt("go on")
        await r.agent.settled()
        assert "".join(r.asked) == asked
        assert r.agent.stop_reason is (StopReason.ERROR if action == "stop" else StopReason.STOP)
        assert (summary_in(r.agent.messages[0]) is not None) == (action == "compact")


# By itself, when the context is nearly full


async def _listed(_context: ToolContext, _arguments: object) -> str:
    return "a.txt"


LS = {"ls": Tool("ls", "lists", {"type": "object", "properties": {}}, _listed)}
FULL = Usage(input=9_000, output=600)


async def test_a_context_that_is_nearly_full_is_shortened_before_the_next_request() -> None:
    says = (Say(calls=(CallTool("ls"),), usage=FULL), Say("done"))
    async with long_rig(window(20_000, *says), windows={"A": 10_000}, tools=LS) as r:
        await r.agent.prompt("look")
        await r.agent.settled()
        assert [asks_for_summary(called.call) for called in r.script.calls] == [False, True, False]
        assert r.of(feed.CompactionStarted) == [feed.CompactionStarted("threshold")]
        assert r.said()[-1] == "look"
        await r.agent.prompt("more")
        await r.agent.settled()
        assert len(ended(r)) == 1  # the answer since then tells that there is room


@pytest.mark.parametrize(
    ("policy", "usage"),
    [
        (CompactionPolicy(False, 500, 200), FULL),
        (CompactionPolicy(True, 300, 200), FULL),
        (SMALL, Usage()),
    ],
)
async def test_it_is_not_shortened_when_that_is_off_or_there_is_room(policy: CompactionPolicy, usage: Usage) -> None:
    says = (Say(calls=(CallTool("ls"),), usage=usage), Say("done"))
    async with long_rig(window(20_000, *says), windows={"A": 10_000}, tools=LS, compaction=policy) as r:
        await r.agent.prompt("look")
        await r.agent.settled()
        assert ended(r) == []


async def test_if_that_fails_the_work_goes_on_and_it_is_not_tried_before_each_request() -> None:
    says = (*[Say(calls=(CallTool("ls"),), usage=FULL)] * 3, Say("done"))
    moves = window(20_000, *says, summary=fail("no", status=401))
    async with long_rig(moves, windows={"A": 10_000}, tools=LS) as r:
        await r.agent.prompt("look")
        await r.agent.settled()
        assert r.agent.stop_reason is StopReason.STOP
        assert len(ended(r)) == 1
        assert summary_in(r.agent.messages[0]) is None
