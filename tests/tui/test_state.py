"""What the feed makes of the screen."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pi_fallback.core.compacting import Compaction, summary_message
from pi_fallback.runtime import feed
from pi_fallback.tui.entries import Answer, Entry, Notice, Said, ToolUse
from pi_fallback.tui.state import ENTRIES_MAX, Countdown, ScreenState, fold, noticed, with_history
from pi_fallback_hookspecs import (
    AssistantMessage,
    Failure,
    FailureKind,
    Phase,
    Producer,
    Route,
    ScopeKind,
    StopReason,
    Text,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolResultMessage,
    user_message,
)

A, B = Route("p", "a"), Route("p", "b")
FAILED = Failure(A, FailureKind.RATE_LIMIT, ScopeKind.MODEL, "too many", Phase.TEXT, at=0.0)
CALL = ToolCall("c1", "bash", {"command": "ls"})


def after(*items: feed.FeedItem, state: ScreenState | None = None) -> ScreenState:
    state = state or ScreenState()
    for item in items:
        state = fold(state, item, 0.0)
    return state


def answer(text: str = "", *calls: ToolCall, stop: StopReason = StopReason.STOP) -> AssistantMessage:
    return AssistantMessage(((Text(text),) if text else ()) + calls, stop, Producer("p", "a", "x"))


def no_answer(stop: StopReason, error: str) -> AssistantMessage:
    return AssistantMessage((), stop, Producer("p", "a", "x"), error=error)


def numberless(entries: Sequence[Entry]) -> list[Entry]:
    return [replace(entry, number=0) for entry in entries]


STREAMING = (feed.RunStarted("prompt"), feed.AnswerStarted(A), feed.Streamed(TextDelta("half an ")))

SHORTER = Compaction("so far", (), 120_000, 20_500)

CONVERSATIONS: list[tuple[str, Sequence[feed.FeedItem], list[Entry]]] = [
    (
        "what streams is provisional",
        (*STREAMING, feed.Streamed(TextDelta("answer"))),
        [Answer(0, "half an answer")],
    ),
    (
        "the final message takes the place of what streamed",
        (*STREAMING, feed.MessageEnded(answer("a whole answer"))),
        [Answer(0, "a whole answer", state="final")],
    ),
    (
        "withdrawn text is gone and the reason stands there",
        (*STREAMING, feed.Withdrawn(FAILED)),
        [Notice(0, "p/a: rate_limit: too many", "warning")],
    ),
    (
        "a repetition without a withdrawal starts anew as well",
        (*STREAMING, feed.AnswerStarted(A), feed.Streamed(TextDelta("again"))),
        [Answer(0, "again")],
    ),
    (
        "thinking and a coming tool call belong to the provisional answer",
        (
            feed.AnswerStarted(A),
            feed.Streamed(ThinkingDelta("hm")),
            feed.Streamed(ToolCallDelta(0, "c1", "bash")),
            feed.Streamed(ToolCallDelta(0, arguments="{")),
        ),
        [Answer(0, thinking="hm", calling="bash")],
    ),
    (
        "a failed answer that was withdrawn is told once, as an error",
        (*STREAMING, feed.Withdrawn(FAILED), feed.MessageEnded(no_answer(StopReason.ERROR, str(FAILED)))),
        [Notice(0, "p/a: rate_limit: too many", "error")],
    ),
    (
        "an aborted answer stays to be read, and is marked",
        (*STREAMING, feed.MessageEnded(no_answer(StopReason.ABORTED, "aborted"))),
        [Answer(0, "half an ", state="aborted"), Notice(0, "Aborted.")],
    ),
    (
        "an aborted answer without text leaves nothing",
        (feed.AnswerStarted(A), feed.MessageEnded(no_answer(StopReason.ABORTED, "aborted"))),
        [Notice(0, "Aborted.")],
    ),
    (
        "a conversation that was shortened is told with about how much it was",
        (feed.CompactionStarted("manual"), feed.CompactionEnded("manual", SHORTER)),
        [Notice(0, "The conversation was shortened: about 120,000 tokens before, 20,500 now.")],
    ),
    (
        "why one was not shortened is told",
        (feed.CompactionStarted("manual"), feed.CompactionEnded("manual", error="it is short already")),
        [Notice(0, "The conversation was not shortened: it is short already.", "warning")],
    ),
    (
        "why one was not that was too long is told by the error that ends the run",
        (feed.CompactionStarted("overflow"), feed.CompactionEnded("overflow", error="nobody can")),
        [],
    ),
    (
        "that it was not because of the user is no warning",
        (feed.CompactionStarted("manual"), feed.CompactionEnded("manual", error="aborted", aborted=True)),
        [Notice(0, "The conversation was not shortened: aborted.")],
    ),
    (
        "a tool call waits, runs with progress, and is done",
        (feed.MessageEnded(answer("", CALL)), feed.ToolStarted(CALL), feed.ToolProgressed("c1", "some")),
        [ToolUse(0, CALL, "running", "some")],
    ),
    (
        "a tool's result takes the place of its progress",
        (
            feed.MessageEnded(answer("", CALL)),
            feed.ToolStarted(CALL),
            feed.ToolProgressed("c1", "some"),
            feed.ToolEnded(CALL, ToolResultMessage("c1", "bash", (Text("all"),))),
        ),
        [ToolUse(0, CALL, "done", "all")],
    ),
    (
        "a refused tool call, which never started, still ends",
        (
            feed.MessageEnded(answer("", CALL)),
            feed.MessageEnded(ToolResultMessage("c1", "bash", (Text("no"),), is_error=True)),
        ),
        [ToolUse(0, CALL, "failed", "no")],
    ),
    (
        "a switch is told with its reason",
        (feed.RouteSwitched(B, A, "failover", "rate_limit"),),
        [Notice(0, "→ p/b: rate_limit")],
    ),
    (
        "the user's own switch needs no reason",
        (feed.RouteSwitched(B, A, "user", "chosen"),),
        [Notice(0, "→ p/b")],
    ),
    (
        "the same notice twice in a row is shown once",
        (feed.Noticed("same"), feed.Noticed("same"), feed.Noticed("other")),
        [Notice(0, "same"), Notice(0, "other")],
    ),
    (
        "the closing error is an error",
        (feed.GaveUp("p/a: quota\np/b: auth"),),
        [Notice(0, "p/a: quota\np/b: auth", "error")],
    ),
    (
        "another session takes the place of this one",
        (feed.Noticed("old"), feed.SessionChanged("s", (user_message("hello"), answer("hi")))),
        [Said(0, "hello"), Answer(0, "hi", state="final")],
    ),
]


@pytest.mark.parametrize(("items", "expected"), [case[1:] for case in CONVERSATIONS], ids=[c[0] for c in CONVERSATIONS])
def test_the_conversation_shows(items: Sequence[feed.FeedItem], expected: list[Entry]) -> None:
    assert numberless(after(*items).entries) == expected


RETRY = feed.RetryScheduled(2, 3, 4.0, at=4.0, route=A, failure=FAILED)


@pytest.mark.parametrize(
    ("items", "retry"),
    [
        ((RETRY,), Countdown(4.0, "retry 2/3")),
        ((replace(RETRY, attempt=0, max_attempts=0, route=B),), Countdown(4.0, "waiting: p/b may be tried again")),
        ((RETRY, feed.RunEnded(StopReason.ERROR, (), FAILED, will_retry_at=4.0)), Countdown(4.0, "retry 2/3")),
        ((feed.RunEnded(StopReason.ERROR, (), FAILED, will_retry_at=4.0),), Countdown(4.0, "retry")),
        ((RETRY, feed.RetryEnded(False, 2, "aborted")), None),
        ((RETRY, feed.AnswerStarted(A)), None),
        ((RETRY, feed.RunStarted("retry")), None),
        ((RETRY, feed.Settled(StopReason.ERROR)), None),
    ],
)
def test_a_retry_counts_down_until_it_happens_or_is_off(
    items: Sequence[feed.FeedItem], retry: Countdown | None
) -> None:
    assert after(*items).retry == retry


def test_a_plugins_timer_is_shown_until_it_is_gone() -> None:
    state = after(feed.TimerChanged("progress", "quiet", 20.0, "next model"))
    assert state.timers == {("progress", "quiet"): Countdown(20.0, "next model")}
    assert after(feed.TimerChanged("progress", "quiet", None), state=state).timers == {}


def test_a_status_slot_is_set_replaced_and_cleared() -> None:
    state = after(
        feed.StatusChanged("a.x", "one"), feed.StatusChanged("b.x", "two"), feed.StatusChanged("a.x", "three")
    )
    assert state.status == {"a.x": "three", "b.x": "two"}
    assert after(feed.StatusChanged("a.x", None), state=state).status == {"b.x": "two"}


@pytest.mark.parametrize(
    ("items", "working"),
    [
        ((feed.RunStarted("prompt"),), True),
        ((feed.RunStarted("prompt"), feed.RunEnded(StopReason.STOP, ())), False),
        ((feed.RunStarted("prompt"), feed.GaveUp("nothing left")), False),
    ],
)
def test_the_status_says_whether_a_run_goes_on(items: Sequence[feed.FeedItem], working: bool) -> None:
    assert after(*items).working is working


def test_the_queue_is_shown_as_it_is() -> None:
    state = after(feed.QueueChanged(("now",), ("then",)))
    assert (state.steering, state.follow_ups) == (("now",), ("then",))


def test_a_history_stands_before_what_was_said_since_and_tools_have_their_results() -> None:
    messages = (
        user_message("go"),
        answer("", CALL, stop=StopReason.TOOL_USE),
        ToolResultMessage("c1", "bash", (Text("files"),)),
        answer("done"),
    )
    state = with_history(noticed(ScreenState(), "a key is missing", "warning"), messages)
    assert numberless(state.entries) == [
        Said(0, "go"),
        ToolUse(0, CALL, "done", "files"),
        Answer(0, "done", state="final"),
        Notice(0, "a key is missing", "warning"),
    ]


def test_each_entry_has_a_number_of_its_own() -> None:
    state = with_history(noticed(ScreenState(), "first"), (user_message("a"), answer("b", CALL), user_message("c")))
    numbers = [entry.number for entry in state.entries]
    assert len(set(numbers)) == len(numbers)


def test_old_entries_leave_the_screen() -> None:
    state = after(*(feed.Noticed(str(number)) for number in range(ENTRIES_MAX + 7)))
    assert len(state.entries) == ENTRIES_MAX
    assert state.gone == 7


def test_a_compaction_shows_for_as_long_as_it_goes_on() -> None:
    state = after(feed.CompactionStarted("threshold"))
    assert state.compacting
    assert not after(feed.CompactionEnded("threshold", SHORTER), state=state).compacting


def test_a_summary_in_a_history_is_no_word_of_the_users() -> None:
    state = with_history(ScreenState(), [summary_message("so far"), user_message("go on")])
    assert numberless(state.entries) == [Notice(0, "What was said before, in short:\nso far"), Said(0, "go on")]
