"""The ledger: all that is remembered about routes and models, as one immutable value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from pi_fallback_hookspecs.failures import FailureKind
from pi_fallback_hookspecs.routes import ModelRef, Route, Scope


class Resting(NamedTuple):
    """A scope that may not be used before `until` (monotonic seconds), and why."""

    until: float
    reason: str
    generation: int = 0


class FailureMark(NamedTuple):
    """A model's last failure; it stands until the model works again."""

    at: float
    kind: FailureKind
    text: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Rests by scope; per model the moment it last worked and its last failure.

    All moments are monotonic seconds. Every method returns a new ledger; `generation` rises with each change.
    """

    rests: Mapping[Scope, Resting] = field(default_factory=dict[Scope, Resting])
    worked_at: Mapping[ModelRef, float] = field(default_factory=dict[ModelRef, float])
    failures: Mapping[ModelRef, FailureMark] = field(default_factory=dict[ModelRef, FailureMark])
    generation: int = 0

    def rest(self, scope: Scope, *, until: float, reason: str) -> Self:
        """Let `scope` rest at least until `until`: a later end that is already booked stays."""
        old = self.rests.get(scope)
        if old is not None and old.until >= until:
            return self
        generation = self.generation + 1
        rests = {**self.rests, scope: Resting(until, reason, generation)}
        return replace(self, rests=rests, generation=generation)

    def wake(self, scope: Scope) -> Self:
        """End the rest of `scope`, if it has one."""
        if scope not in self.rests:
            return self
        rests = {key: rest for key, rest in self.rests.items() if key != scope}
        return replace(self, rests=rests, generation=self.generation + 1)

    def worked(self, model: ModelRef, *, at: float) -> Self:
        """Book that a turn on `model` ended well; its failure mark goes."""
        failures = {key: mark for key, mark in self.failures.items() if key != model or mark.at > at}
        worked_at = {**self.worked_at, model: max(at, self.worked_at.get(model, at))}
        return replace(self, worked_at=worked_at, failures=failures, generation=self.generation + 1)

    def failed(self, model: ModelRef, *, at: float, kind: FailureKind, text: str) -> Self:
        """Book a failure of `model`, unless a later one is booked, or that it worked since or at that very moment."""
        old = self.failures.get(model)
        if (old is not None and old.at > at) or self.worked_at.get(model, at - 1.0) >= at:
            return self
        failures = {**self.failures, model: FailureMark(at, kind, text)}
        return replace(self, failures=failures, generation=self.generation + 1)

    def resting(self, route: Route, *, now: float) -> Resting | None:
        """The longest rest that covers `route` now, or None."""
        if not self.rests:
            return None
        found = [rest for scope in Scope.all_of(route) if (rest := self.rests.get(scope)) and now < rest.until]
        return max(found, key=lambda rest: rest.until, default=None)

    def merge(self, other: "Ledger") -> Self:
        """Return what both know: per scope the later end, per model the later fact.

        Commutative, associative and idempotent, but for `generation`, which rises if anything changed.
        """
        rests = {**other.rests, **self.rests}
        for scope, theirs in other.rests.items():
            rests[scope] = max(theirs, rests[scope], key=_rest_order)
        worked_at = {**other.worked_at, **self.worked_at}
        for model, at in other.worked_at.items():
            worked_at[model] = max(at, worked_at[model])
        failures = {**other.failures, **self.failures}
        for model, mark in other.failures.items():
            failures[model] = max(mark, failures[model])
        failures = {model: mark for model, mark in failures.items() if mark.at > worked_at.get(model, float("-inf"))}
        same = (rests, worked_at, failures) == (self.rests, self.worked_at, self.failures)
        generation = self.generation if same else max(self.generation, other.generation) + 1
        return replace(self, rests=rests, worked_at=worked_at, failures=failures, generation=generation)


def _rest_order(rest: Resting) -> tuple[float, str, int]:
    return (rest.until, rest.reason, rest.generation)
