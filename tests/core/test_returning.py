"""The way back: to what the user chose, as long as it is there, and else to the best of the group."""

import pytest

from pi_fallback.config.ha_policy import Entry, Group, HaPolicy
from pi_fallback.core.returning import way_back
from pi_fallback_hookspecs import Route, View

A, A_WORK, B = Route("a", "A"), Route("a", "A", "work"), Route("b", "B")
GROUP = Group("g", (Entry("b/B"),))


@pytest.mark.parametrize(
    ("order", "current", "home", "back_to"),
    [
        ((A, A_WORK, B), A_WORK, A, (A,)),
        ((A, A_WORK, B), B, A, (A, A_WORK)),
        ((A_WORK, B), A_WORK, A, None),  # the account was renamed
        ((A_WORK, B), B, A, (A_WORK,)),
        ((B,), B, A, None),  # the only account was logged out
    ],
)
def test_the_way_home_leads_only_to_an_account_that_is_there(
    order: tuple[Route, ...], current: Route, home: Route, back_to: tuple[Route, ...] | None
) -> None:
    found = way_back(View(now=1.0, current=current, order=order), GROUP, HaPolicy(), home, None)
    assert (found and found.on) == back_to
