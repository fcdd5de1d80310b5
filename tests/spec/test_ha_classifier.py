"""The classifier as high availability acts on it: what an error says decides who is asked next and what rests.

The fixture is that of `test_ha`: three accounts at provider a, then B and C.
"""

from typing import NamedTuple

import pytest

from pi_fallback.core.classify import classify_error
from pi_fallback.runtime import feed
from pi_fallback.testing import fail
from pi_fallback.testing.moves import Fail
from pi_fallback_hookspecs import FailureKind, Fault, FaultKind, Route
from tests.conftest import Backend
from tests.rigs import Rig
from tests.spec.test_ha import K0, K1, K2, B, account, answered, asked, by_account, gave_up, ha, notices, rests

pytestmark = pytest.mark.anyio

K = FailureKind
AN_ACCOUNT, AN_ENTRY, NOBODY = [K0, K1], [K0, K0, B], [K0]
"""Who is asked: the next account; the same once more over a fresh connection, then the next entry; nobody else."""


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


class Case(NamedTuple):
    """An error as the wire has it, what it is, who is asked, and whether the first account rests."""

    text: str
    kind: FailureKind
    asked: list[Route]
    rests: bool = False
    status: int | None = None
    code: str | None = None
    type: str | None = None

    @property
    def fault(self) -> Fault:
        at = FaultKind.ERROR_EVENT if self.status is None else FaultKind.STATUS
        return Fault(at, self.text, status=self.status, code=self.code, type=self.type)


CASES = {
    "T16 engine overloaded, no status": Case("429 engine overloaded", K.CAPACITY, AN_ACCOUNT),
    "T17 a network failure inside": Case("internal network failure (api_error)", K.NETWORK, [K0, B]),
    "T18 quota in an api_error": Case(
        "quota exceeded for this account", K.QUOTA_EXHAUSTED, AN_ACCOUNT, True, 429, type="api_error"
    ),
    "T20 digits in a number": Case("processed 4291 items", K.UNKNOWN, NOBODY),
    "T21 rate_limit_error": Case("rate_limit_error", K.RATE_LIMIT, AN_ACCOUNT, True),
    "T21 RESOURCE_EXHAUSTED": Case("RESOURCE_EXHAUSTED", K.RATE_LIMIT, AN_ACCOUNT, True),
    "T21 Too Many Requests": Case("Too Many Requests", K.RATE_LIMIT, AN_ACCOUNT, True),
    "T21 usage limit": Case("You have hit your usage limit", K.QUOTA_EXHAUSTED, AN_ACCOUNT, True),
    "T21 daily limit": Case("Daily limit reached", K.QUOTA_EXHAUSTED, AN_ACCOUNT, True),
    "T22 temporarily unavailable": Case("Service temporarily unavailable", K.CAPACITY, AN_ACCOUNT),
    "T58 no credit, as a bad request": Case(
        "Your credit balance is too low to access the API", K.QUOTA_EXHAUSTED, AN_ACCOUNT, True, 400
    ),
    "T59 no quota, as forbidden": Case(
        "You have no remaining quota on this plan", K.QUOTA_EXHAUSTED, AN_ACCOUNT, True, 403
    ),
    "T59 forbidden": Case("no", K.AUTH, AN_ACCOUNT, status=403, code="permission_denied"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_what_an_error_says_decides_who_is_asked_next(case: Case) -> None:
    async with ha({"A": by_account(k0=Fail(case.fault))}) as r:
        await answered(r)
        assert withdrawn(r)[0] is case.kind
        assert asked(r) == case.asked
        assert (account(K0) in rests(r)) is case.rests
        assert bool(gave_up(r)) is (case.asked == NOBODY)


def withdrawn(r: Rig) -> list[FailureKind]:
    return [item.failure.kind for item in r.of(feed.Withdrawn) if isinstance(item, feed.Withdrawn)]


NOT_YET = "Attempt 1/4 failed with status 503: No capacity available for model gemini-2.5-pro. Retrying in 5s..."
AT_LAST = "Attempt 4/4 failed with status 503: No capacity available for model gemini-2.5-pro"


@pytest.mark.parametrize(
    ("text", "is_final"), [(NOT_YET, False), (AT_LAST, True)], ids=["T25 attempt 1 of 4", "T26 attempt 4 of 4"]
)
def test_an_error_whose_client_goes_on_by_itself_is_not_final(text: str, is_final: bool) -> None:
    verdict = classify_error(text)
    assert (verdict.kind, verdict.is_final) == (K.CAPACITY, is_final)


async def test_t26_after_the_last_of_a_providers_own_attempts_want_of_capacity_is_handled_as_ever() -> None:
    async with ha({"A": fail(AT_LAST, kind=FaultKind.OTHER)}) as r:
        assert await answered(r) == "from B"
        assert withdrawn(r) == [K.CAPACITY] * 3
        assert asked(r) == [K0, K1, K2, B]
        assert notices(r) == []
