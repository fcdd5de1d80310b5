"""Differences between ledgers, and how a ledger that was read is adopted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.state.changes import Failed, Rested, Woke, Worked, adopt, difference
from pi_fallback_hookspecs import FailureMark, Ledger, Resting
from tests.state.ledgers import A_SCOPE, KINDS, A, Act, acts, content, ledger_of, ledgers


@given(ledgers())
def test_nothing_differs_between_a_ledger_and_itself(ledger: Ledger) -> None:
    assert difference(ledger, ledger, now=0.0) == ()
    assert difference(ledger, replace(ledger, generation=99), now=0.0) == ()


@given(st.lists(acts(ends=(1, 9)), max_size=8), st.lists(acts(ends=(1, 9)), max_size=8))
def test_the_difference_is_all_that_has_to_be_told(before: list[Act], after: list[Act]) -> None:
    old, new = ledger_of(before), ledger_of(before + after)
    told = old
    for change in difference(old, new, now=0.0):
        match change:
            case Rested(scope, rest):
                told = told.rest(scope, until=rest.until, reason=rest.reason)
            case Woke(scope):
                told = told.wake(scope)
            case Worked(model, at):
                told = told.worked(model, at=at)
            case Failed(model, mark):
                told = told.failed(model, at=mark.at, kind=mark.kind, text=mark.text)
    assert content(told) == content(new)


def test_sweeping_out_a_rest_that_is_over_wakes_nothing() -> None:
    old = Ledger().rest(A_SCOPE, until=10.0, reason="spent")
    assert difference(old, Ledger(), now=10.0) == ()
    assert difference(old, Ledger(), now=9.9) == (Woke(A_SCOPE),)


@pytest.mark.parametrize("until", [5.0, 10.0], ids=["shorter", "as long"])
def test_a_rest_that_ends_no_later_than_before_tells_of_the_wake_between(until: float) -> None:
    old = Ledger().rest(A_SCOPE, until=10.0, reason="spent")
    new = old.wake(A_SCOPE).rest(A_SCOPE, until=until, reason="slow")
    assert difference(old, new, now=0.0) == (Woke(A_SCOPE), Rested(A_SCOPE, Resting(until, "slow", 3)))


@given(ledgers(), ledgers())
def test_adopting_takes_what_was_read_and_raises_the_generation_only_for_news(held: Ledger, read: Ledger) -> None:
    adopted = adopt(held, read)
    assert content(adopted) == content(read)
    assert (adopted is held) if content(held) == content(read) else adopted.generation > held.generation


def test_the_way_through_wall_time_is_no_news() -> None:
    held = Ledger().rest(A_SCOPE, until=10.0, reason="spent").worked(A, at=1.0)
    held = held.failed(A, at=2.0, kind=KINDS[0], text="full")
    read = Ledger({A_SCOPE: Resting(10.0002, "spent")}, {A: 0.9998}, {A: FailureMark(2.0001, KINDS[0], "full")})
    assert adopt(held, read) is held
