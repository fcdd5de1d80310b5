"""The page on failover says what holds."""

import re
from pathlib import Path

import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.core.pooling import LATELY_S, OTHER_OPINIONS, RESTS_S
from pi_fallback.core.retry_budget import CAPACITY, COSTS, REFILL_PER_S, USUAL_COST
from pi_fallback.runtime.decision_log import FILE_BYTES
from pi_fallback.runtime.engine import BUDGET_MAX, BUDGET_MIN, BUDGET_PER_ROUTE, INCIDENT_S
from pi_fallback_hookspecs import FailureKind

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "failover.md").read_text().split())
WORDS = {3600.0: "1 h", 60.0: "1 min"}
ROWS = {
    FailureKind.RATE_LIMIT: "a rate limit",
    FailureKind.QUOTA_EXHAUSTED: "a spent quota or plan",
    FailureKind.CAPACITY: "no capacity for this model",
    FailureKind.TIMEOUT: "no head, no content",
}


@pytest.mark.parametrize("kind", RESTS_S)
def test_each_rest_stands_in_the_table(kind: FailureKind) -> None:
    rest_s = RESTS_S[kind]
    assert re.search(rf"\| {ROWS[kind]}[^|]*\|[^|]*\|[^|]*, {WORDS.get(rest_s, f'{rest_s:g} s')} \|", PAGE)


def test_the_bounds_stand_in_the_text() -> None:
    assert OTHER_OPINIONS == 3
    assert "after three of them it stops" in PAGE
    assert (INCIDENT_S, BUDGET_PER_ROUTE, BUDGET_MIN, BUDGET_MAX) == (3600.0, 4, 8, 50)
    assert "after an hour or after four failures a route (at least 8, at most 50)" in PAGE
    cheapest, dearest = min(COSTS.values()), max(COSTS.values())
    assert f"({USUAL_COST:g} after most failures, {dearest:g} after a timeout, {cheapest:g} where" in PAGE
    assert f"budget of {CAPACITY:g} tokens" in PAGE
    assert f"{REFILL_PER_S:g} tokens a second" in PAGE
    assert f"{RetryPolicy().max_delay_s:g} s) for the whole incident" in PAGE
    assert LATELY_S == 300.0
    assert FILE_BYTES == 1024 * 1024
