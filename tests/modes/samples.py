"""A feed with an item of every kind, for the page that describes the events."""

from pi_fallback.core.compacting import Compaction
from pi_fallback.runtime import feed
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

A, B = Route("p", "a"), Route("q", "b", "backup-1")
CALL = ToolCall("c1", "bash", {"command": "ls"})
RESULT = ToolResultMessage("c1", "bash", (Text("a.txt"),))
FAILURE = Failure(A, FailureKind.CAPACITY, ScopeKind.MODEL, "full", Phase.TEXT, at=0.0)
ANSWER = AssistantMessage((Text("Hi"), CALL), StopReason.TOOL_USE, Producer("p", "a", "openai-completions"))
FAILED = AssistantMessage((), StopReason.ERROR, Producer("p", "a", "openai-completions"), error="full")

EVERY_KIND: tuple[feed.FeedItem, ...] = (
    feed.RunStarted("prompt"),
    feed.TurnStarted(0),
    feed.MessageEnded(user_message("hello")),
    feed.AnswerStarted(A),
    feed.Streamed(TextDelta("half")),
    feed.Withdrawn(FAILURE),
    feed.AnswerStarted(B),
    feed.Streamed(ThinkingDelta("hm")),
    feed.Streamed(TextDelta("Hi")),
    feed.Streamed(ToolCallDelta(0, "c1", "bash", "{}")),
    feed.MessageEnded(ANSWER),
    feed.ToolStarted(CALL),
    feed.ToolProgressed("c1", "a.txt"),
    feed.ToolEnded(CALL, RESULT),
    feed.TurnEnded(0, ANSWER, (RESULT,)),
    feed.RunEnded(StopReason.ERROR, (FAILED,), FAILURE),
    feed.RetryScheduled(1, 3, 2.0, 12.0, A, FAILURE),
    feed.RetryEnded(False, 3, "full"),
    feed.CompactionStarted("overflow"),
    feed.CompactionEnded("overflow", Compaction("so far", (), 1000, 100), will_retry=True),
    feed.RouteSwitched(B, A, "failover", "capacity"),
    feed.Noticed("mind", "warning"),
    feed.StatusChanged("p.k", None),
    feed.TimerChanged("progress", "quiet", 30.0, "next model"),
    feed.QueueChanged(("s",), ("f",)),
    feed.GaveUp("none left"),
    feed.SessionChanged("s2", ()),
    feed.Settled(StopReason.STOP),
)
