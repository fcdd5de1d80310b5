"""Routing records and what is said of them."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.booking import Entry, Failed, Worked, replay
from pi_fallback.core.clean import clean_line
from pi_fallback.core.explaining import CANDIDATES, entry_of, entry_row, routing_row, row_of, sentences, since
from pi_fallback.core.pooling import LATELY_S
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
    ("by", "failed_at", "why"),
    [
        ("pool", 1000.0 - 24.0, "failed 24 s ago: network"),
        ("pool", 1000.0 - LATELY_S, "the choice was made among others"),
        ("pool", None, "the choice was made among others"),
        ("", 1000.0 - 24.0, "the session stands on another"),
    ],
)
def test_a_route_that_was_passed_over_because_it_failed_lately_says_so(
    by: str, failed_at: float | None, why: str
) -> None:
    ledger = replay([] if failed_at is None else [Failed(A.ref, failed_at, FailureKind.NETWORK, "down")])
    assert Routing(1000.0, (A, B), B, "network", FAILURE, by, ledger=ledger).refused() == {A: why}


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


ROUTING = Routing(10.0, (A, B, C), C, "rate_limit", FAILURE, "pool", 2.0, {B: "takes no images"})
ROWS = [routing_row(ROUTING, same), routing_row(Routing(1.0, (A,), None, "none"), same)] + [
    entry_row(entry, 5.0, same)
    for entry in (
        Rest(Scope.of(ScopeKind.MODEL, A), 70.0, "spent"),
        Wake(Scope.of(ScopeKind.PROVIDER, A)),
        Worked(A.ref, 3.0),
        Failed(A.ref, 3.0, FailureKind.AUTH, "no"),
    )
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["type"]))
def test_a_row_comes_back_from_its_line(row: dict[str, object]) -> None:
    assert row_of(json.dumps(row).encode()) == row


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at", "x"),
        ("at", 1e300),
        ("at", float("nan")),
        ("at", -1e18),
        ("verdict", "foo"),
        ("verdict", ["begins"]),
        ("choice", 3),
        ("reason", None),
        ("candidates", "a"),
        ("refused", [1]),
        ("refused", {"a": 1}),
        ("refused", [{"route": "a/b"}]),
        ("failure", 3),
        ("failure", None),
        ("after_s", 10**400),
        ("type", [1]),
        ("type", "of a later version"),
    ],
)
def test_a_row_with_a_field_of_another_kind_is_none(name: str, value: object) -> None:
    assert row_of(json.dumps({**ROWS[0], name: value}).encode()) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["routing", "rest", "auth"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def _changed(row: dict[str, object]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from(sorted(row)), json_values, max_size=3).map(lambda change: {**row, **change})


@given(st.one_of(json_values, *map(_changed, ROWS)))
def test_whatever_a_line_holds_it_is_no_row_or_can_be_told(value: object) -> None:
    row = row_of(json.dumps(value).encode("utf-8", "surrogatepass"))
    if row is not None and row["type"] == "routing":
        assert all(clean_line(line) == " ".join(line.split()) for line in sentences(row, str))
    elif row is not None:
        assert entry_of(row, same) is not None


def test_decisions_are_counted_whatever_stands_between() -> None:
    first, rest, second = ROWS[0], ROWS[2], ROWS[1]
    rows = (first, rest, rest, second, rest)
    assert [since(rows, last) for last in (1, 2, 3)] == [(second, rest), rows, rows]
    assert since((rest, rest), 1) == (rest, rest)


def test_a_row_that_is_no_entry_is_told_from_a_broken_one() -> None:
    assert entry_of({"type": "routing"}, same) is None
    with pytest.raises(ValueError, match="without 'scope'"):
        entry_of({"type": "wake"}, same)
