"""The retry budget: repeats do not pile up while everything is down."""

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.retry_budget import CAPACITY, COSTS, REFILL_PER_S, USUAL_COST, RetryBudget
from pi_fallback_hookspecs import FailureKind

kinds = st.sampled_from(FailureKind)


def spent(budget: RetryBudget, kind: FailureKind, now: float = 0.0) -> RetryBudget:
    left = budget.spend(kind, now=now)
    assert left is not None
    return left


def test_a_timeout_costs_more_than_an_error_and_what_rests_costs_least() -> None:
    def cost(kind: FailureKind) -> float:
        return CAPACITY - spent(RetryBudget(), kind).tokens

    assert cost(FailureKind.TIMEOUT) > cost(FailureKind.SERVER_ERROR) == USUAL_COST > cost(FailureKind.QUOTA_EXHAUSTED)


def test_an_empty_bucket_grants_nothing_until_it_has_filled_again() -> None:
    empty = RetryBudget(0.0, at=100.0)
    assert empty.spend(FailureKind.NETWORK, now=100.0) is None
    assert empty.spend(FailureKind.NETWORK, now=100.0 + USUAL_COST / REFILL_PER_S) is not None


@given(st.lists(kinds, max_size=60), st.floats(0, 1e5))
def test_an_incident_that_ends_well_costs_nothing(failures: list[FailureKind], now: float) -> None:
    budget = RetryBudget(CAPACITY, now)
    paid: dict[FailureKind, int] = {}
    for kind in failures:
        left = budget.spend(kind, now=now)
        if left is not None:
            budget, paid[kind] = left, paid.get(kind, 0) + 1
    assert abs(budget.refund(paid, now=now).tokens - CAPACITY) < 1e-6


@given(st.lists(st.tuples(kinds, st.floats(0, 10)), max_size=300))
def test_repeats_are_bounded_by_the_bucket_and_the_time(steps: list[tuple[FailureKind, float]]) -> None:
    budget, now, paid = RetryBudget(), 0.0, 0.0
    for kind, pause in steps:
        now += pause
        left = budget.spend(kind, now=now)
        if left is not None:
            budget = left
            paid += COSTS.get(kind, USUAL_COST)
        assert 0.0 <= budget.tokens <= CAPACITY
    assert paid <= CAPACITY + REFILL_PER_S * now + 1e-6
