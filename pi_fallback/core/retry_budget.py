"""The retry budget: a bucket of tokens that keeps repeats from piling up while everything is down.

The first attempt of a turn is free. Each further one costs by what failed before it; a turn that ends
well gives back what its incident has cost. The scheme is that of the AWS SDKs' standard retry mode
(a bucket of 500, 5 for a retry, 10 after a timeout); the slow refill is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pi_fallback_hookspecs import FailureKind

CAPACITY = 500.0
REFILL_PER_S = 0.25  # an outage of an hour costs one repeat in 20 s at most, once the bucket is empty
USUAL_COST = 5.0
COSTS: Mapping[FailureKind, float] = {
    FailureKind.TIMEOUT: 10.0,  # it has cost a minute or more already
    # What rests after it is not asked again, so these cannot pile up.
    FailureKind.RATE_LIMIT: 1.0,
    FailureKind.QUOTA_EXHAUSTED: 1.0,
    FailureKind.CAPACITY: 1.0,
}


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """`tokens` were left at the moment `at` (monotonic seconds)."""

    tokens: float = CAPACITY
    at: float = 0.0

    def spend(self, kind: FailureKind, *, now: float) -> Self | None:
        """Return what is left after another attempt because of `kind`, or None if it is too little."""
        left = self._at(now) - COSTS.get(kind, USUAL_COST)
        return None if left < 0.0 else type(self)(left, now)

    def refund(self, kinds: Mapping[FailureKind, int], *, now: float) -> Self:
        """Return what is there after an incident ended well that had spent on `kinds`, so many times each."""
        back = sum(COSTS.get(kind, USUAL_COST) * times for kind, times in kinds.items())
        return type(self)(min(CAPACITY, self._at(now) + back), now)

    def _at(self, now: float) -> float:
        return min(CAPACITY, self.tokens + REFILL_PER_S * max(0.0, now - self.at))
