"""Events: what a host sees of a session. These names and fields are public; the rest of the feed is not."""

from typing import TypeAlias

from pi_fallback.runtime.feed import (
    AnswerStarted,
    CompactionEnded,
    CompactionStarted,
    GaveUp,
    MessageEnded,
    Noticed,
    QueueChanged,
    RetryEnded,
    RetryScheduled,
    RouteSwitched,
    RunEnded,
    RunStarted,
    SessionChanged,
    Settled,
    StatusChanged,
    Streamed,
    TimerChanged,
    ToolEnded,
    ToolProgressed,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Withdrawn,
)

SessionEvent: TypeAlias = (
    RunStarted
    | TurnStarted
    | AnswerStarted
    | Streamed
    | Withdrawn
    | MessageEnded
    | ToolStarted
    | ToolProgressed
    | ToolEnded
    | TurnEnded
    | RunEnded
    | RetryScheduled
    | RetryEnded
    | CompactionStarted
    | CompactionEnded
    | RouteSwitched
    | TimerChanged
    | Noticed
    | GaveUp
    | Settled
)
UNSEEN = (QueueChanged, SessionChanged, StatusChanged)  # what only a screen of ours draws
