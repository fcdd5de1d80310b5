"""The feed: what an observer of an agent sees, in the order in which it happened.

The screen, the JSON lines and the line protocol are folds over it. Nothing here decides.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pi_fallback.core.compacting import Compaction
from pi_fallback_hookspecs import (
    AssistantMessage,
    Cause,
    CompactReason,
    Delta,
    Failure,
    Level,
    Message,
    Route,
    StopReason,
    ToolCall,
    ToolResultMessage,
)


@dataclass(frozen=True, slots=True)
class RunStarted:
    cause: Cause


@dataclass(frozen=True, slots=True)
class TurnStarted:
    index: int


@dataclass(frozen=True, slots=True)
class AnswerStarted:
    """An attempt was sent by `route`; what streams from now on is provisional."""

    route: Route


@dataclass(frozen=True, slots=True)
class Streamed:
    """A piece of a provisional answer."""

    delta: Delta


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The provisional answer is void: its attempt failed."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """`message` is in the session. A failed or aborted answer comes here too, with its stop reason."""

    message: Message


@dataclass(frozen=True, slots=True)
class ToolStarted:
    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolProgressed:
    call_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolEnded:
    call: ToolCall
    result: ToolResultMessage


@dataclass(frozen=True, slots=True)
class TurnEnded:
    index: int
    message: AssistantMessage
    results: tuple[ToolResultMessage, ...]


@dataclass(frozen=True, slots=True)
class RunEnded:
    stop_reason: StopReason
    messages: tuple[Message, ...]
    failure: Failure | None = None
    will_retry_at: float | None = None
    recoverable: bool = True


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """The host waits until `at` (monotonic seconds), `delay_s` from now, then repeats on `route`."""

    attempt: int
    max_attempts: int
    delay_s: float
    at: float
    route: Route
    failure: Failure


@dataclass(frozen=True, slots=True)
class RetryEnded:
    """The waits of `RetryScheduled` are over; `error` says why they did not help."""

    success: bool
    attempt: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CompactionStarted:
    """The older part of the history is being summarised."""

    reason: CompactReason


@dataclass(frozen=True, slots=True)
class CompactionEnded:
    """It is over: `result` is the history since then, or `error` says why it is as it was.

    With `will_retry` the request that was too long is repeated.
    """

    reason: CompactReason
    result: Compaction | None = None
    error: str | None = None
    aborted: bool = False
    will_retry: bool = False


@dataclass(frozen=True, slots=True)
class RouteSwitched:
    route: Route
    previous: Route | None
    source: Literal["user", "failover", "restore"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    text: str
    level: Level = "info"


@dataclass(frozen=True, slots=True)
class StatusChanged:
    key: str
    text: str | None


@dataclass(frozen=True, slots=True)
class TimerChanged:
    """A plugin's timer runs until `at` (monotonic seconds), or, with `at` None, is gone."""

    plugin: str
    name: str
    at: float | None
    label: str = ""


@dataclass(frozen=True, slots=True)
class QueueChanged:
    steering: tuple[str, ...]
    follow_ups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Nothing is left: `text` names each route, its reason, and when it may be tried again."""

    text: str


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """Another session took the place of the one before; `messages` is its history."""

    session_id: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    stop_reason: StopReason | None


FeedItem: TypeAlias = (
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
    | Noticed
    | StatusChanged
    | TimerChanged
    | QueueChanged
    | GaveUp
    | SessionChanged
    | Settled
)
