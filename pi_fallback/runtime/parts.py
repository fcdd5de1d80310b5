"""What an agent is made of, and what it is told to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import anyio

from pi_fallback.config.policies import CompactionPolicy
from pi_fallback.core.closing import TERMINAL, Advice
from pi_fallback.core.compacting import Compaction
from pi_fallback.runtime import feed
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.conversation import Log
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.signals import Signals
from pi_fallback.runtime.toolbox import Toolbox
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import Wires
from pi_fallback_hookspecs import (
    Ability,
    Cause,
    Command,
    CompactReason,
    Failure,
    Json,
    Message,
    ModelRef,
    Route,
    StopReason,
    Ui,
    UserMessage,
)

ABILITIES: frozenset[Ability] = frozenset({"wait", "prompt", "switch", "timers", "notify", "ask", "compact"})
Source = Literal["interactive", "print", "rpc", "embedded"]


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run that is wanted: by whom, on which routes, with what to say. `epoch` is the one it was asked for in."""

    cause: Cause
    epoch: int
    message: UserMessage | None = None
    source: Source = "interactive"
    on: tuple[Route, ...] = ()
    say: str | None = None
    by: str = ""
    reason: str = ""
    new_episode: bool = False


@dataclass
class CompactionOrder:
    """A compaction that is wanted. Once it is `over`, `result` or `error` says what became of it.

    `by` is the plugin that ordered it, if one did. With `will_retry` a request waits for it that failed for its length.
    """

    reason: CompactReason = "manual"
    instructions: str = ""
    by: str = ""
    will_retry: bool = False
    result: Compaction | None = None
    error: str = ""
    over: anyio.Event = field(default_factory=anyio.Event)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The host waits until `at` before it tries again; `scheduled` is what is said of it.

    With `for_any` everything rested, so whatever route wakes first will do.
    """

    at: float
    scheduled: feed.RetryScheduled
    for_any: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended; `retry` is the host's own next try, `stopped_by` who wanted no other.

    With `asked` false nothing was sent, so there is no failed answer either.
    """

    stop_reason: StopReason
    failure: Failure | None = None
    error: str | None = None
    retry: Backoff | None = None
    recoverable: bool = True
    stopped_by: str = ""
    asked: bool = True


ABORTED = End(StopReason.ABORTED, error="aborted")


@dataclass(frozen=True, slots=True)
class Reopened:
    """A session that was read back."""

    log: Log
    messages: tuple[Message, ...]
    route: Route | None


@dataclass
class Parts:
    """What an agent is made of. The composition root fills it in."""

    engine: Engine
    book: LedgerBook
    dispatcher: Dispatcher
    wires: Wires
    watchdog: Watchdog
    toolbox: Toolbox
    commands: Mapping[str, Command]
    ui: Ui
    cwd: str
    system: str
    open_log: Callable[[], Log]
    start_route: Route | None
    find_model: Callable[[str], Route]
    reopen: Callable[[str], Reopened]
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])
    thinking: Callable[[ModelRef], str | None] = lambda _model: None
    clock_words: Callable[[float], str] = lambda at: f"at {at:.0f}"
    advice: Advice = TERMINAL
    signals: Signals = field(default_factory=Signals)
    compaction: CompactionPolicy = field(default_factory=CompactionPolicy)
    goes_on: bool = False  # whether a text that broke off is gone on with, where a model can
