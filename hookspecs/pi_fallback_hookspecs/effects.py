"""Effects: what a plugin orders. The host performs them: ledger, timers, route, screen, run."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pi_fallback_hookspecs.routes import Route, Scope

Level: TypeAlias = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Rest:
    """Let `scope` rest until the moment `until` (monotonic seconds)."""

    scope: Scope
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Wake:
    """End the rest of `scope`."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Start or restart this plugin's timer `name`, to fire at the moment `at`.

    With `holds` the agent is not settled while it runs, so print mode waits for it. `label` is
    what the status line shows beside the countdown.
    """

    name: str
    at: float
    holds: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop this plugin's timer `name`; nothing happens if it does not run."""

    name: str


@dataclass(frozen=True, slots=True)
class SwitchRoute:
    """Set the session's route to the first usable one of `on`, without a run.

    The switch is a lease: it belongs to this session. The user's saved default never changes.
    """

    on: tuple[Route, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notify:
    """Show `text` to the user."""

    text: str
    level: Level = "info"


@dataclass(frozen=True, slots=True)
class Status:
    """Show `text` on the status line in this plugin's slot `key`; None clears it."""

    key: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """Start a new run on the first usable route of `on`, from the context as it is.

    The switch comes first; `say` becomes a user message only if the switch worked and it is not the
    last thing said already. Of one event's runs the first wins, the rest become a notice. With `fresh`
    a new episode begins: every route may be tried again, so see to it that this comes to an end.
    """

    on: tuple[Route, ...]
    say: str | None = None
    reason: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class CompactHistory:
    """Summarise the older part of the history, before the next request is made. Only where `event.can` has `compact`.

    With a `Retry` the request is repeated on what is left of the history, or, if that does not work, not at all;
    in one incident only once. `instructions` say what the summary is to keep in mind.
    """

    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Abort:
    """End the run that is going on, as if the user had."""

    reason: str = ""


Effect: TypeAlias = (
    Rest | Wake | StartTimer | CancelTimer | SwitchRoute | Notify | Status | Run | CompactHistory | Abort
)


@dataclass(frozen=True, slots=True)
class Retry:
    """Answer to a failed request: repeat it on the first usable route of `on`, best first.

    The rests among `effects` are booked before `on` is looked at. `on[0]` the failed route means:
    the same again. The request stays as it is: no second prompt, images and tool results kept.
    """

    on: tuple[Route, ...]
    after_s: float = 0.0
    reason: str = ""
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """Answer to a failed request: give up, and let nobody try again."""

    reason: str
    effects: tuple[Effect, ...] = ()


Decision: TypeAlias = Retry | Stop


@dataclass(frozen=True, slots=True)
class Summary:
    """Answer to `before_compact`: put `text` in place of the older part; no model is asked for one."""

    text: str


@dataclass(frozen=True, slots=True)
class KeepHistory:
    """Answer to `before_compact`: leave the history as it is, for this `reason`."""

    reason: str


CompactAnswer: TypeAlias = Summary | KeepHistory
