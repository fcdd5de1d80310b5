"""Plans: what the engine asks and answers, as values, and how a driver that cannot wait runs a plan.

A *plan* is a generator that yields `Ask` and is sent the answer, so that one code serves a driver that
asks inline and one that awaits. It books what happened before it asks, and may be dropped at every `Ask`.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from pi_fallback.core.booking import Entry
from pi_fallback_hookspecs import (
    Ability,
    Effect,
    Event,
    Failure,
    FailureKind,
    Ledger,
    Model,
    ModelRef,
    Request,
    Rest,
    Route,
    Wake,
)

STAY_S = 2.0  # a wait up to this stays inside the turn; a longer one ends the run


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the plugins: the hook and its event."""

    hook: str
    event: Event


T = TypeVar("T")
Plan: TypeAlias = Generator[Ask, Any, T]


class Book(Protocol):
    """Who keeps the ledger: an immutable value that is swapped, so that readers need no lock."""

    @property
    def ledger(self) -> Ledger: ...

    def enter(self, entry: Entry) -> None: ...


@dataclass(frozen=True, slots=True)
class Pool:
    """What may be used: routes best first, and the models behind them. `version` rises when either changes."""

    order: tuple[Route, ...] = ()
    catalog: Mapping[ModelRef, Model] = field(default_factory=dict[ModelRef, Model])
    version: int = 0

    def lacks(self, route: Route) -> bool:
        """Whether the account of `route` is gone: its model is in play, but not with that one.

        A model that is not in play at all may be one that the user chose beside the pool.
        """
        return route not in self.order and any(other.ref == route.ref for other in self.order)


@dataclass(frozen=True, slots=True)
class Switch:
    """Go on with another route. `effects` are still to be performed, for plugin `by`; `booked` are in the ledger."""

    route: Route
    failure: Failure
    reason: str = ""
    after_s: float = 0.0
    by: str = ""
    effects: tuple[Effect, ...] = ()
    booked: tuple[Rest | Wake, ...] = ()

    @property
    def ends_run(self) -> bool:
        """Whether the wait is too long to stay in the turn."""
        return self.after_s > STAY_S


@dataclass(frozen=True, slots=True)
class RetrySame:
    """The same route again, after `after_s`. `attempt` of `max_attempts` counts the host's own repeats.

    With `free` it is the same attempt once more, at once: nothing of it was booked. With `fresh` it is to
    travel by a new connection.
    """

    failure: Failure
    reason: str = ""
    after_s: float = 0.0
    attempt: int = 0
    max_attempts: int = 0
    free: bool = False
    fresh: bool = False
    by: str = ""
    effects: tuple[Effect, ...] = ()
    booked: tuple[Rest | Wake, ...] = ()

    @property
    def ends_run(self) -> bool:
        """Whether the wait is too long to stay in the turn."""
        return self.after_s > STAY_S


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No more attempts in this turn; `recoverable` says whether an untried model is left.

    `stopped`: plugin `by` wants no more, or, without one, the retry budget is spent.
    """

    failure: Failure
    recoverable: bool
    reason: str = ""
    by: str = ""
    effects: tuple[Effect, ...] = ()
    booked: tuple[Rest | Wake, ...] = ()
    stopped: bool = False


Outcome: TypeAlias = Switch | RetrySame | GiveUp


@dataclass
class Incident:
    """From the first failed attempt until a turn ends well."""

    began_at: float
    deadline: float
    budget: int
    tries: Counter[Route] = field(default_factory=Counter[Route])
    failures: dict[Route, Failure] = field(default_factory=dict[Route, Failure])
    spent: Counter[FailureKind] = field(default_factory=Counter[FailureKind])  # of the retry budget, times a kind
    attempts: int = 0
    repeats: int = 0
    waited_s: float = 0.0
    decided: bool = False
    compacted: bool = False  # the history was to be shortened because of it
    fresh_next: bool = False  # the next attempt is a repeat that asks for a new connection

    def is_spent(self, now: float) -> bool:
        return self.attempts >= self.budget or now >= self.deadline


@dataclass
class Episode:
    """From a user's prompt until the agent is settled. One owner at a time.

    `can` is what the host is able to do in it, where that is less than usual.
    """

    incident: Incident | None = None
    generation: int = 0
    can: frozenset[Ability] | None = None

    @property
    def visited(self) -> frozenset[Route]:
        return frozenset(self.incident.tries) if self.incident else frozenset()


@dataclass
class Attempt:
    """One request on one route. `generation` tells a late result from the current one."""

    route: Route
    request: Request
    episode: Episode
    generation: int
    started_at: float
    stale_repeat: bool = False
    fresh: bool = False

    @property
    def current(self) -> bool:
        return self.generation == self.episode.generation


def inline(plan: Plan[T], ask: Callable[[str, Event], object]) -> T:
    """Run `plan` to its end, answering each question with `ask`."""
    answer: object = None
    while True:
        try:
            question = plan.send(answer)
        except StopIteration as stop:
            return cast("T", stop.value)
        answer = ask(question.hook, question.event)
