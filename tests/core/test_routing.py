"""Routing records and what is said of them."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.booking import Entry, Failed, Worked, replay
from pi_fallback.core.explaining import CANDIDATES, entry_of, entry_row, routing_row, sentences
from pi_fallback.core.routing import Routing
from pi_fallback_hookspecs import (
    Failure,
    FailureKind,
    Ledger,
    ModelRef,
    Phase,
    Rest,
    Route,
    Scope,
    ScopeKind,
    Wake,
)

A, B, C, D = (Route(name, "m") for name in "abcd")
FAILURE = Failure(A, FailureKind.RATE_LIMIT, ScopeKind.CREDENTIAL, "slow\ndown", Phase.PRE, 10.0)


def same(moment: float) -> float:
    return moment


def test_a_record_says_why_each_better_candidate_was_not_chosen() -> None:
    ledger = Ledger().rest(Scope.of(ScopeKind.MODEL, B), until=70.0, reason="spent")
    record = Routing(
        10.0, (A, B, C, D), D, "rate_limit", FAILURE, "pool", 0.0, {C: "takes no images"}, frozenset({A}), ledger
    )
    assert record.verdict == "switches"
    assert record.refused() == {
        A: "has failed in this incident",
        B: "rests for another 60 s: spent",
        C: "takes no images",
    }
    lines = [*sentences(json.loads(json.dumps(routing_row(record, same))), lambda at: f"at {at:g}")]
    assert lines == [
        "at 10  switched to d/m: rate_limit (pool)",
        "  because a/m failed: rate_limit: slow down",
        "  not a/m: has failed in this incident",
        "  not b/m: rests for another 60 s: spent",
        "  not c/m: takes no images",
        "  out of 4 routes",
    ]


@pytest.mark.parametrize(
    ("choice", "failure", "verdict"),
    [
        (A, None, "begins"),
        (A, FAILURE, "repeats"),
        (B, FAILURE, "switches"),
        (None, FAILURE, "stops"),
        (None, None, "stops"),
    ],
)
def test_a_record_knows_what_was_done(choice: Route | None, failure: Failure | None, verdict: str) -> None:
    record = Routing(0.0, (A, B), choice, "so", failure)
    assert record.verdict == verdict
    assert [*sentences(routing_row(record, same), str)]


def test_of_thousands_of_candidates_some_are_named() -> None:
    many = tuple(Route("p", str(number)) for number in range(1_000))
    row = routing_row(Routing(0.0, many, None, "no route may be used", refusals=dict.fromkeys(many, "no")), same)
    assert (row["candidates"], len(row["refused"])) == (1_000, CANDIDATES)  # pyright: ignore[reportArgumentType]


def test_a_healthy_request_like_the_one_before_it_is_no_news() -> None:
    first = Routing(0.0, (A, B), A, "the session stands on it")
    assert first.is_news_after(None)
    assert not Routing(1.0, (A, B), A, "the session stands on it").is_news_after(first)
    assert Routing(1.0, (A, B), B, "the session stands on it").is_news_after(first)
    assert Routing(1.0, (A, B, C), A, "the session stands on it").is_news_after(first)
    assert Routing(1.0, (A, B), A, "backoff", FAILURE).is_news_after(first)


moments = st.integers(0, 10_000).map(float)
models = st.sampled_from([ModelRef("a", "m"), ModelRef("b", "n")])
scopes = st.builds(Scope.of, st.sampled_from([ScopeKind.MODEL, ScopeKind.PROVIDER]), st.sampled_from([A, B]))
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Rest, scopes, moments, st.text()),
    st.builds(Wake, scopes),
    st.builds(Worked, models, moments),
    st.builds(Failed, models, moments, st.sampled_from(FailureKind), st.just("down")),
)


@given(st.lists(entries), st.lists(entries))
def test_entries_replay_to_the_same_ledger_from_any_cut(first: Sequence[Entry], second: Sequence[Entry]) -> None:
    assert replay([*first, *second]) == replay(second, replay(first))


@given(st.lists(entries))
def test_entries_come_back_from_their_rows(written: list[Entry]) -> None:
    rows = [json.loads(json.dumps(entry_row(entry, 5.0, same))) for entry in written]
    assert [entry_of(row, same) for row in rows] == written


def test_a_row_that_is_no_entry_is_told_from_a_broken_one() -> None:
    assert entry_of({"type": "routing"}, same) is None
    with pytest.raises(ValueError, match="without 'scope'"):
        entry_of({"type": "wake"}, same)
