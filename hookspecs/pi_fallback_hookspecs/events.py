"""Events: what happened, as frozen values. Each is the argument of the hook of its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pi_fallback_hookspecs.failures import Failure
from pi_fallback_hookspecs.messages import (
    AssistantMessage,
    Image,
    Json,
    Message,
    StopReason,
    ToolCall,
    ToolResultMessage,
)
from pi_fallback_hookspecs.routes import Route
from pi_fallback_hookspecs.view import View
from pi_fallback_hookspecs.wire import Request

Ability: TypeAlias = Literal["wait", "prompt", "compact", "switch", "timers", "notify", "ask"]
Cause: TypeAlias = Literal["prompt", "continue", "retry", "follow_up"]
CompactReason: TypeAlias = Literal["manual", "threshold", "overflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event has: the `view` at that moment, and what this host `can` do."""

    view: View
    can: frozenset[Ability] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart(Event):
    """A session opened. `settings` is the whole of `settings.json`, user and trusted project merged."""

    reason: Literal["startup", "new", "resume"]
    session_id: str
    cwd: str
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Event):
    """The user said something. Fold: return a string to replace `text`."""

    text: str
    images: tuple[Image, ...] = ()
    source: Literal["interactive", "print", "rpc", "embedded"] = "interactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStart(Event):
    """A run begins. `cause`: a user's prompt, an effect's `Run`, the host's own backoff, a queued follow-up."""

    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStart(Event):
    """A request is about to be made; `index` counts the turns of this run from 0."""

    index: int
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFailed(Event):
    """An attempt failed. `attempts` counts the failed ones of this incident, this one included.

    `tries` says how often each route has failed in it and `failures` how it failed last, `waited_s` how long
    it has been waited for in all, and `longest_wait_s` how long a wait may be. `began_at` is the moment of its first
    failure. `compacted`: the history was shortened in this incident, which happens once.
    """

    failure: Failure
    request: Request
    attempts: int
    tries: Mapping[Route, int] = field(default_factory=dict[Route, int])
    failures: Mapping[Route, Failure] = field(default_factory=dict[Route, Failure])
    waited_s: float = 0.0
    longest_wait_s: float = 60.0
    began_at: float | None = None
    compacted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEnd(Event):
    """A message is complete and in the session."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallEvent(Event):
    """A tool is about to run."""

    call: ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultEvent(Event):
    """A tool has run. Fold: return another `ToolResultMessage` of the same `call_id` to replace `result`."""

    call: ToolCall
    result: ToolResultMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnd(Event):
    """A turn is over: the answer and the results of the tools it called."""

    index: int
    message: AssistantMessage
    results: tuple[ToolResultMessage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEnd(Event):
    """A run is over.

    `messages` are those of this run. After an error `failure` says which, `will_retry_at` is the
    moment of the host's own next try if there is one, and `recoverable` is false if somebody
    answered `Stop` or no usable model is left that this incident has not tried. `stopped_by` says who
    wanted no other tried, and why: a plugin by its `Stop`, or the host, whose retry budget is spent. Nobody needs
    to add to the error that follows.
    """

    stop_reason: StopReason
    messages: tuple[Message, ...] = ()
    failure: Failure | None = None
    will_retry_at: float | None = None
    recoverable: bool = True
    stopped_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettled(Event):
    """No run, no retry and no holding timer is left."""

    stop_reason: StopReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAborted(Event):
    """The user pressed Esc or sent an abort. `during`: what it ended."""

    during: Literal["run", "backoff", "timer", "idle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Event):
    """A timer of this plugin fired. `name` is the one it was started with."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSelect(Event):
    """The session's route changed. `source`: the user's choice, a failover, or a session being restored."""

    route: Route
    previous: Route | None
    source: Literal["user", "failover", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectFailed(Event):
    """An effect of this plugin could not be performed; the later ones of its answer were dropped."""

    effect: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionShutdown(Event):
    """The session closes; timers are gone."""

    reason: Literal["quit", "new", "resume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeCompact(Event):
    """The messages `older` are about to be replaced by a summary, `kept` stay as they are.

    `reason`: somebody ordered it, the context is nearly full, or it was too long for the model. `summary` is that of
    an earlier compaction, on which the new one builds.
    """

    reason: CompactReason
    older: tuple[Message, ...]
    kept: tuple[Message, ...]
    summary: str = ""
    instructions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted(Event):
    """The history was shortened: `summary` stands in place of its older part. The tokens are estimates."""

    reason: CompactReason
    summary: str
    tokens_before: int
    tokens_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRoutes(Event):
    """Which routes come first? Fold: return the routes in another order; what you leave out is not used."""

    order: tuple[Route, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseRoutes(Event):
    """Which routes may not be used? Return a mapping of route to reason."""

    order: tuple[Route, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyFailure(Event):
    """What is this failure? `failure` bears what the built-in rules say; `failure.fault` the facts."""

    failure: Failure
