"""The ledger: what it remembers, and the laws of merging two."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback_hookspecs import FailureKind, FailureMark, Ledger, Route, Scope, ScopeKind
from tests.state.ledgers import A_SCOPE, KINDS, ROUTES, SCOPES, A, Act, B, acts, content, ledgers


@given(ledgers(), st.sampled_from(SCOPES), st.floats(0, 100), st.floats(0, 100))
def test_a_rest_is_never_shortened(ledger: Ledger, scope: Scope, first: float, second: float) -> None:
    rested = ledger.rest(scope, until=first, reason="one").rest(scope, until=second, reason="two")
    before = ledger.rests[scope].until if scope in ledger.rests else 0.0
    assert rested.rests[scope].until == max(before, first, second)


@given(ledgers(), ledgers())
def test_merging_never_shortens_a_rest(one: Ledger, other: Ledger) -> None:
    merged = one.merge(other)
    for scope, rest in [*one.rests.items(), *other.rests.items()]:
        assert merged.rests[scope].until >= rest.until


@given(ledgers(), ledgers())
def test_merging_is_commutative(one: Ledger, other: Ledger) -> None:
    assert content(one.merge(other)) == content(other.merge(one))


@given(ledgers(), ledgers(), ledgers())
def test_merging_is_associative(one: Ledger, two: Ledger, three: Ledger) -> None:
    assert content(one.merge(two).merge(three)) == content(one.merge(two.merge(three)))


@given(ledgers())
def test_merging_a_ledger_with_itself_returns_its_equal(ledger: Ledger) -> None:
    assert ledger.merge(ledger) == ledger


@given(ledgers(), ledgers())
def test_the_generation_rises_exactly_if_merging_changed_something(one: Ledger, other: Ledger) -> None:
    merged = one.merge(other)
    assert (merged.generation > one.generation) == (replace(merged, generation=0) != replace(one, generation=0))


@given(ledgers(), acts())
def test_an_act_that_changes_something_raises_the_generation(ledger: Ledger, act: Act) -> None:
    after = act(ledger)
    assert after.generation > ledger.generation or content(after) == content(ledger)


@given(ledgers(), acts())
def test_an_act_leaves_the_ledger_it_was_done_on_as_it_was(ledger: Ledger, act: Act) -> None:
    before = Ledger(dict(ledger.rests), dict(ledger.worked_at), dict(ledger.failures), ledger.generation)
    act(ledger)
    assert ledger == before


@given(ledgers())
def test_a_model_that_worked_later_than_it_failed_has_no_mark(ledger: Ledger) -> None:
    assert all(mark.at > ledger.worked_at.get(model, -1.0) for model, mark in ledger.failures.items())


def test_a_wake_ends_the_whole_rest_and_a_shorter_one_may_follow() -> None:
    ledger = Ledger().rest(A_SCOPE, until=100.0, reason="spent").wake(A_SCOPE)
    assert ledger.resting(ROUTES[0], now=0.0) is None
    shorter = ledger.rest(A_SCOPE, until=5.0, reason="slow").resting(ROUTES[0], now=0.0)
    assert shorter is not None
    assert shorter.until == 5.0


def test_a_failure_stands_until_the_model_works_again() -> None:
    failed = Ledger().failed(A, at=2.0, kind=FailureKind.QUOTA_EXHAUSTED, text="spent")
    assert failed.failures == {A: FailureMark(2.0, FailureKind.QUOTA_EXHAUSTED, "spent")}
    assert failed.worked(B, at=3.0).failures == failed.failures
    assert failed.worked(A, at=3.0).failures == {}


def test_a_success_and_a_failure_in_the_same_moment_mean_success() -> None:
    worked = Ledger().worked(A, at=2.0)
    assert worked.failed(A, at=2.0, kind=KINDS[0], text="") is worked
    failed = Ledger().failed(A, at=2.0, kind=KINDS[0], text="")
    assert failed.worked(A, at=2.0).failures == failed.merge(worked).failures == {}


@pytest.mark.parametrize(
    ("kind", "covered"),
    [
        (ScopeKind.PROVIDER, [True, True, False]),
        (ScopeKind.MODEL, [True, True, False]),
        (ScopeKind.CREDENTIAL, [True, False, False]),
        (ScopeKind.CREDENTIAL_MODEL, [True, False, False]),
        (ScopeKind.REQUEST, [False, False, False]),
        (ScopeKind.NETWORK, [False, False, False]),
    ],
)
def test_a_rest_concerns_the_routes_of_its_scope_until_its_moment(kind: ScopeKind, covered: list[bool]) -> None:
    ledger = Ledger().rest(Scope.of(kind, ROUTES[0]), until=10.0, reason="spent")
    assert [ledger.resting(route, now=9.9) is not None for route in ROUTES] == covered
    assert [ledger.resting(route, now=10.0) for route in ROUTES] == [None, None, None]


def test_of_several_rests_on_one_route_the_longest_is_named() -> None:
    route = Route("a", "big")
    ledger = Ledger().rest(Scope.of(ScopeKind.PROVIDER, route), until=10.0, reason="short")
    ledger = ledger.rest(Scope.of(ScopeKind.CREDENTIAL, route), until=20.0, reason="long")
    rest = ledger.resting(route, now=0.0)
    assert rest is not None
    assert rest.reason == "long"
