"""Faults: what the wire saw. Failures: what the engine makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pi_fallback_hookspecs.routes import Route, ScopeKind


class Phase(StrEnum):
    """How far a stream came: nothing shown, text shown, inside a tool call, ended."""

    PRE = "pre"
    TEXT = "text"
    TOOL_ARGS = "tool_args"
    DONE = "done"


class FaultKind(StrEnum):
    """What happened on the wire, as a fact."""

    STATUS = "status"  # an HTTP status that is not 2xx
    CONNECT = "connect"  # DNS, TLS, refused, unreachable
    BROKEN = "broken"  # the connection broke or reset
    STALE = "stale"  # a pooled connection was dead: not one byte came back
    CONNECT_TIMEOUT = "connect_timeout"
    HEAD_TIMEOUT = "head_timeout"  # no complete response head in time
    FIRST_CONTENT_TIMEOUT = "first_content_timeout"
    QUIET_TIMEOUT = "quiet_timeout"  # content came, then none for too long
    TOTAL_TIMEOUT = "total_timeout"
    INCOMPLETE = "incomplete"  # ended without the protocol's terminal event
    EMPTY = "empty"  # ended well, with nothing in it
    ERROR_EVENT = "error_event"  # an error object inside a 200 stream
    MALFORMED = "malformed"  # not what the dialect speaks
    TOO_LARGE = "too_large"  # over one of our limits
    REDIRECT = "redirect"  # refused: keys do not follow redirects
    FINISH = "finish"  # a finish reason that means failure; it stands in `code`
    KEY = "key"  # the secret could not be had; nothing was sent
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Fault:
    """What the wire saw, without judgement. `text` is cut to 64 KiB and holds no secret.

    `renewable`: the key that was refused is that of a login, and another one can be had for it.
    """

    kind: FaultKind
    text: str
    status: int | None = None
    code: str | None = None
    type: str | None = None
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    phase: Phase = Phase.PRE
    renewable: bool = False


class FailureKind(StrEnum):
    """The labels of a judged failure."""

    RATE_LIMIT = "rate_limit"
    QUOTA_EXHAUSTED = "quota_exhausted"
    CAPACITY = "capacity"
    SERVER_ERROR = "server_error"
    AUTH = "auth"
    CONTEXT_OVERFLOW = "context_overflow"
    OUTPUT_LIMIT = "output_limit"
    CONTENT_POLICY = "content_policy"
    INVALID_REQUEST = "invalid_request"
    MODEL_NOT_FOUND = "model_not_found"
    NETWORK = "network"
    TIMEOUT = "timeout"
    ABORTED = "aborted"
    NOT_AN_ERROR = "not_an_error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judgement:
    """An answer to `classify_failure`: kind, what it concerns, and how long, if anybody said so.

    `retry_after_s` is a wait in seconds from now; `reason` says which rule spoke.
    """

    kind: FailureKind
    scope: ScopeKind
    retry_after_s: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """A wording that the built-in classifier does not know: what an error is that holds one of `words`.

    Words are compared without case, with single spaces. With `provider` the row speaks of that one's errors only;
    without a `scope` it concerns what errors of this kind usually concern.
    """

    name: str
    kind: FailureKind
    words: tuple[str, ...]
    provider: str = ""
    scope: ScopeKind | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A fault judged by the engine. `at` and `until` are moments on the monotonic clock."""

    route: Route
    kind: FailureKind
    scope: ScopeKind
    text: str
    phase: Phase
    at: float
    retry_after_s: float | None = None
    reason: str = ""
    fault: Fault | None = None

    @property
    def until(self) -> float | None:
        return None if self.retry_after_s is None else self.at + self.retry_after_s

    def __str__(self) -> str:
        return f"{self.route}: {self.kind.value}: {self.text}"
