"""Routing: each choice of a route as a record, which says why that one and why no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pi_fallback.core.pooling import LATELY_S
from pi_fallback_hookspecs import Failure, Ledger, Route


@dataclass(frozen=True, slots=True)
class Routing:
    """One decision at the moment `at` (monotonic seconds). It refers to what the engine looked at and copies nothing.

    `candidates` are all routes, best first. `choice` None: none was chosen. `failure` is its cause, None for the
    first attempt of a turn; `by` is the plugin that decided, "" for the host; the attempt begins after `after_s`.
    """

    at: float
    candidates: Sequence[Route]
    choice: Route | None
    reason: str
    failure: Failure | None = None
    by: str = ""
    after_s: float = 0.0
    refusals: Mapping[Route, str] = field(default_factory=dict[Route, str])
    visited: frozenset[Route] = frozenset()
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def verdict(self) -> Literal["begins", "repeats", "switches", "stops"]:
        if self.choice is None:
            return "stops"
        if self.failure is None:
            return "begins"
        return "repeats" if self.choice == self.failure.route else "switches"

    def refused(self) -> dict[Route, str]:
        """Why not each candidate that stands before the choice; all of them, if there is none."""
        found: dict[Route, str] = {}
        for route in self.candidates:
            if route == self.choice:
                break
            found[route] = self._why_not(route)
        return found

    def _why_not(self, route: Route) -> str:
        if (refusal := self.refusals.get(route)) is not None:
            return refusal
        if (rest := self.ledger.resting(route, now=self.at)) is not None:
            return f"rests for another {max(0.0, rest.until - self.at):.0f} s: {rest.reason}"
        if route in self.visited:
            return "has failed in this incident"
        if not self.by:
            return "the session stands on another"
        mark = self.ledger.failures.get(route.ref)
        if mark is not None and self.at - mark.at < LATELY_S:
            return f"failed {max(0.0, self.at - mark.at):.0f} s ago: {mark.kind.value}"
        return "the choice was made among others"

    def is_news_after(self, last: "Routing | None") -> bool:
        """Whether this tells more than `last`: a failure, another choice, or other candidates."""
        if last is None or self.failure is not None:
            return True
        return (self.choice, self.candidates, self.refusals) != (last.choice, last.candidates, last.refusals)
