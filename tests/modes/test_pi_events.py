"""The feed as pi's events: one table a kind, and the laws that hold for every feed."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.modes.jsonl import line_of
from pi_fallback.modes.pi_events import PiEvents
from pi_fallback.runtime import feed
from pi_fallback_hookspecs import (
    AssistantMessage,
    Producer,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolResultMessage,
    user_message,
)
from tests.modes.samples import CALL, FAILURE, RESULT, A, B


def answer(*content: Text | Thinking | ToolCall, stop: StopReason = StopReason.STOP, error: str | None = None):
    return AssistantMessage(content, stop, Producer("p", "a", "openai-completions"), error=error)


def events_of(*items: feed.FeedItem) -> list[dict[str, object]]:
    """The events as a client reads them."""
    events = PiEvents(wall=lambda: 1000.5, now=lambda: 10.0)
    return [json.loads(line_of(event)) for item in items for event in events.events(item)]


def types_of(events: Sequence[dict[str, object]]) -> list[object]:
    """The types, those of streamed pieces by their own name."""
    return [
        event["assistantMessageEvent"]["type"] if event["type"] == "message_update" else event["type"]  # pyright: ignore
        for event in events
    ]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (feed.RunStarted("prompt"), {"type": "agent_start", "cause": "prompt"}),
        (feed.TurnStarted(2), {"type": "turn_start", "turnIndex": 2, "timestamp": 1000500}),
        (
            feed.RetryScheduled(1, 3, 2.0, 12.0, A, FAILURE),
            {
                "type": "auto_retry_start",
                "attempt": 1,
                "maxAttempts": 3,
                "delayMs": 2000,
                "errorMessage": "p/a: capacity: full",
            },
        ),
        (feed.RetryEnded(True, 2), {"type": "auto_retry_end", "success": True, "attempt": 2}),
        (
            feed.RetryEnded(False, 3, "full"),
            {"type": "auto_retry_end", "success": False, "attempt": 3, "finalError": "full"},
        ),
        (
            feed.RouteSwitched(B, A, "failover", "capacity"),
            {
                "type": "model_select",
                "provider": "q",
                "modelId": "b",
                "previousProvider": "p",
                "previousModelId": "a",
                "credential": "backup-1",
                "source": "failover",
                "reason": "capacity",
            },
        ),
        (feed.Noticed("mind", "warning"), {"type": "notice", "message": "mind", "level": "warning"}),
        (feed.StatusChanged("p.k", None), {"type": "status", "statusKey": "p.k", "statusText": None}),
        (
            feed.TimerChanged("progress", "quiet", 30.0, "next model"),
            {"type": "timer", "plugin": "progress", "name": "quiet", "label": "next model", "remainingMs": 20000},
        ),
        (
            feed.TimerChanged("progress", "quiet", None),
            {"type": "timer", "plugin": "progress", "name": "quiet", "label": "", "remainingMs": None},
        ),
        (feed.QueueChanged(("s",), ("f",)), {"type": "queue_update", "steering": ["s"], "followUp": ["f"]}),
        (feed.GaveUp("none left"), {"type": "gave_up", "message": "none left"}),
        (feed.SessionChanged("s2", ()), {"type": "session_changed", "sessionId": "s2", "messageCount": 0}),
        (feed.Settled(StopReason.TOOL_USE), {"type": "agent_settled", "stopReason": "toolUse"}),
        (feed.Settled(None), {"type": "agent_settled", "stopReason": None}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_an_item_is_one_event(item: feed.FeedItem, expected: dict[str, object]) -> None:
    assert events_of(item) == [expected]


def test_an_answer_streams_in_blocks_that_are_numbered_as_they_begin() -> None:
    message = answer(Thinking("hmm"), Text("Hi"), CALL, stop=StopReason.TOOL_USE)
    events = events_of(
        feed.AnswerStarted(A),
        feed.Streamed(ThinkingDelta("hm", 0)),
        feed.Streamed(ThinkingDelta("m", 0)),
        feed.Streamed(TextDelta("Hi", 0)),
        feed.Streamed(ToolCallDelta(0, "c1", "bash")),
        feed.Streamed(ToolCallDelta(0, arguments='{"command":"ls"}')),
        feed.MessageEnded(message),
    )
    assert events[0]["message"]["stopReason"] == "pending"  # pyright: ignore
    assert [event["assistantMessageEvent"] for event in events[1:-1]] == [
        {"type": "thinking_start", "contentIndex": 0},
        {"type": "thinking_delta", "contentIndex": 0, "delta": "hm"},
        {"type": "thinking_delta", "contentIndex": 0, "delta": "m"},
        {"type": "thinking_end", "contentIndex": 0, "content": "hmm"},
        {"type": "text_start", "contentIndex": 1},
        {"type": "text_delta", "contentIndex": 1, "delta": "Hi"},
        {"type": "text_end", "contentIndex": 1, "content": "Hi"},
        {"type": "toolcall_start", "contentIndex": 2, "id": "c1", "toolName": "bash"},
        {"type": "toolcall_delta", "contentIndex": 2, "delta": '{"command":"ls"}'},
        {
            "type": "toolcall_end",
            "contentIndex": 2,
            "toolCall": {"type": "toolCall", "id": "c1", "name": "bash", "arguments": {"command": "ls"}},
        },
    ]
    ended = events[-1]["message"]
    assert (ended["role"], ended["stopReason"], ended["timestamp"]) == ("assistant", "toolUse", 1000500)  # pyright: ignore


def test_what_a_failed_attempt_has_streamed_is_withdrawn() -> None:
    events = events_of(
        feed.AnswerStarted(A),
        feed.Streamed(TextDelta("half an ans")),
        feed.Withdrawn(FAILURE),
        feed.AnswerStarted(B),
        feed.Streamed(TextDelta("whole")),
        feed.MessageEnded(answer(Text("whole"))),
    )
    assert types_of(events) == [
        *("message_start", "text_start", "text_delta", "message_withdrawn"),
        *("message_start", "text_start", "text_delta", "text_end", "message_end"),
    ]
    assert events[3]["errorMessage"] == "p/a: capacity: full"
    assert events[4]["message"]["model"] == "b"  # pyright: ignore


def test_the_same_attempt_over_a_fresh_connection_is_the_same_message() -> None:
    events = events_of(feed.AnswerStarted(A), feed.AnswerStarted(A), feed.MessageEnded(answer(Text("hi"))))
    assert types_of(events) == ["message_start", "message_end"]


def test_a_tool_runs_reports_and_ends() -> None:
    events = events_of(feed.ToolStarted(CALL), feed.ToolProgressed("c1", "a"), feed.ToolEnded(CALL, RESULT))
    called = {"toolCallId": "c1", "toolName": "bash"}
    content = [{"type": "text", "text": "a"}]
    assert events == [
        {"type": "tool_execution_start", **called, "args": {"command": "ls"}},
        {"type": "tool_execution_update", **called, "args": {"command": "ls"}, "partialResult": {"content": content}},
        {
            "type": "tool_execution_end",
            **called,
            "result": {"content": [{"type": "text", "text": "a.txt"}]},
            "isError": False,
        },
    ]


def test_a_tool_that_was_aborted_ends_with_its_result_message() -> None:
    aborted = ToolResultMessage("c1", "bash", (Text("aborted"),), is_error=True)
    events = events_of(feed.ToolStarted(CALL), feed.MessageEnded(aborted))
    assert types_of(events) == ["tool_execution_start", "tool_execution_end", "message_start", "message_end"]
    assert events[1]["isError"] is True


def test_turn_and_run_end_with_the_messages_as_they_were_told() -> None:
    message = answer(CALL, stop=StopReason.TOOL_USE)
    said = user_message("hi")
    messages = (feed.MessageEnded(said), feed.MessageEnded(message), feed.MessageEnded(RESULT))
    run = feed.RunEnded(StopReason.STOP, (said, message, RESULT))
    events = events_of(*messages, feed.TurnEnded(0, message, (RESULT,)), run)
    ended = [event["message"] for event in events if event["type"] == "message_end"]
    assert events[-2] == {"type": "turn_end", "turnIndex": 0, "message": ended[1], "toolResults": [ended[2]]}
    assert events[-1] == {
        "type": "agent_end",
        "messages": ended,
        "willRetry": False,
        "stopReason": "stop",
        "recoverable": True,
    }


def test_a_failed_run_says_why_and_whether_it_goes_on() -> None:
    failed = answer(stop=StopReason.ERROR, error="p/a: capacity: full")
    [event] = events_of(feed.RunEnded(StopReason.ERROR, (failed,), FAILURE, will_retry_at=14.0, recoverable=False))
    assert (event["stopReason"], event["errorMessage"]) == ("error", "p/a: capacity: full")
    assert (event["willRetry"], event["recoverable"]) == (True, False)


def test_a_message_from_before_this_program_has_no_timestamp() -> None:
    assert "timestamp" not in PiEvents(wall=lambda: 1.0, now=lambda: 1.0).message(user_message("old"))


ITEMS = st.sampled_from(
    [
        feed.RunStarted("prompt"),
        feed.TurnStarted(0),
        feed.AnswerStarted(A),
        feed.Streamed(TextDelta("x")),
        feed.Streamed(TextDelta("y", 1)),
        feed.Streamed(ThinkingDelta("z")),
        feed.Streamed(ToolCallDelta(0, "c1", "bash", "{}")),
        feed.Streamed(ToolCallDelta(1, "c2", "bash", "{}")),
        feed.Withdrawn(FAILURE),
        feed.MessageEnded(user_message("hi")),
        feed.MessageEnded(answer(Text("x"), CALL, ToolCall("c2", "bash"))),
        feed.MessageEnded(RESULT),
        feed.ToolStarted(CALL),
        feed.ToolProgressed("c1", "..."),
        feed.ToolEnded(CALL, RESULT),
        feed.RunEnded(StopReason.STOP, ()),
        feed.SessionChanged("s", ()),
        feed.Settled(StopReason.STOP),
    ]
)


@given(st.lists(ITEMS, max_size=40))
def test_messages_and_blocks_are_well_nested_whatever_the_feed(items: list[feed.FeedItem]) -> None:
    message_open, blocks = False, set[object]()
    for event in events_of(*items):
        match event:
            case {"type": "message_start"}:
                assert not message_open
                message_open = True
            case {"type": "message_end" | "message_withdrawn" as kind}:
                assert message_open
                assert not blocks or kind == "message_withdrawn"
                message_open = False
                blocks.clear()
            case {"type": "message_update", "assistantMessageEvent": {"type": str(kind), "contentIndex": index}}:
                assert message_open
                if kind.endswith("_start"):
                    assert index not in blocks
                    blocks.add(index)
                assert index in blocks
                if kind.endswith("_end"):
                    blocks.discard(index)
            case {"type": "agent_end" | "session_changed"}:
                assert not message_open
            case _:
                pass
