"""The engine: what follows a failed attempt. No I/O, no event loop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.core.booking import Entry, book
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.plans import Attempt, Episode, GiveUp, Outcome, Pool, RetrySame, Switch, inline
from pi_fallback_hookspecs import (
    ClassifyFailure,
    Event,
    FailureKind,
    Fault,
    FaultKind,
    Judgement,
    Ledger,
    Notify,
    Request,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Scope,
    ScopeKind,
    Stop,
    user_message,
)
from tests.rigs import NoChance

A, B, C = Route("p", "a"), Route("p", "b"), Route("q", "c")
REQUEST = Request((user_message("hello"),))
DOWN = Fault(FaultKind.STATUS, "down", status=503)
ODD = Fault(FaultKind.OTHER, "odd")


@dataclass
class PlainBook:
    ledger: Ledger = field(default_factory=Ledger)

    def enter(self, entry: Entry) -> None:
        self.ledger = book(self.ledger, entry)


class Bench:
    """An engine whose clock and plugin are in our hands."""

    def __init__(self, *order: Route, policy: RetryPolicy | None = None, **hooks: Callable[[Event], object]) -> None:
        self.now = 0.0
        self.hooks = hooks
        self.asked: list[str] = []
        pool = Pool(order or (A, B, C), {}, 1)
        self.engine = Engine(
            book=PlainBook(),
            now=lambda: self.now,
            pool=lambda: pool,
            policy=policy or RetryPolicy(),
            chance=NoChance(),
            asked=frozenset(hooks),
        )
        self.episode = Episode()

    def ask(self, hook: str, event: Event) -> object:
        self.asked.append(hook)
        return self.hooks[hook](event)

    def begin(self, prefer: Route | None = A) -> Attempt:
        attempt = inline(self.engine.begin(self.episode, REQUEST, prefer), self.ask)
        assert attempt is not None
        return attempt

    def fail(self, fault: Fault, attempt: Attempt | None = None) -> Outcome:
        outcome = inline(self.engine.failed(attempt or self.begin(), fault), self.ask)
        assert outcome is not None
        return outcome


def test_nobody_decides_so_the_host_backs_off_three_times_and_gives_up() -> None:
    bench = Bench()
    waits = [cast("RetrySame", bench.fail(DOWN)).after_s for _ in range(3)]
    assert waits == [2.0, 4.0, 8.0]
    end = bench.fail(DOWN)
    assert isinstance(end, GiveUp)
    assert end.recoverable


@pytest.mark.parametrize(
    ("fault", "repeats"),
    [
        (Fault(FaultKind.STATUS, "", status=429), True),
        (Fault(FaultKind.STATUS, "", status=529), True),
        (Fault(FaultKind.STATUS, "", status=500), True),
        (Fault(FaultKind.QUIET_TIMEOUT, ""), True),
        (Fault(FaultKind.BROKEN, ""), True),
        (Fault(FaultKind.STATUS, "", status=401), False),
        (Fault(FaultKind.STATUS, "", status=402), False),
        (Fault(FaultKind.STATUS, "", status=404), False),
        (Fault(FaultKind.STATUS, "", status=413), False),
        (Fault(FaultKind.STATUS, "", status=400), False),
        (ODD, False),
    ],
)
def test_only_what_passes_by_itself_is_repeated_by_the_host(fault: Fault, repeats: bool) -> None:
    assert isinstance(Bench().fail(fault), RetrySame if repeats else GiveUp)


def test_a_hint_beyond_the_cap_ends_the_hosts_waiting() -> None:
    assert isinstance(Bench().fail(Fault(FaultKind.STATUS, "", status=429, retry_after_s=61.0)), GiveUp)


def test_a_decision_switches_at_once_and_brings_its_effects() -> None:
    bench = Bench(request_failed=lambda _: ("ha", Retry((B, C), effects=(Notify("switching"),))))
    outcome = bench.fail(DOWN)
    assert isinstance(outcome, Switch)
    assert (outcome.route, outcome.by, outcome.effects) == (B, "ha", (Notify("switching"),))


def test_rests_of_a_decision_are_booked_before_its_routes_are_looked_at() -> None:
    rest = Rest(Scope.of(ScopeKind.PROVIDER, B), until=100.0, reason="provider p is down")
    bench = Bench(request_failed=lambda _: ("ha", Retry((B, C), effects=(rest,))))
    outcome = bench.fail(DOWN)
    assert isinstance(outcome, Switch)
    assert outcome.route == C
    assert outcome.effects == ()


def test_a_decision_for_the_failed_route_first_is_the_same_again() -> None:
    bench = Bench(request_failed=lambda event: ("ha", Retry((A, B), after_s=1.0)))
    outcome = bench.fail(DOWN)
    assert isinstance(outcome, RetrySame)
    assert outcome.after_s == 1.0


def test_each_route_is_tried_once_an_incident() -> None:
    def others(event: Event) -> object:
        assert isinstance(event, RequestFailed)
        return "ha", Retry(tuple(route for route in event.view.order if route != event.failure.route))

    bench = Bench(request_failed=others)
    assert cast("Switch", bench.fail(DOWN)).route == B
    assert cast("Switch", bench.fail(DOWN, bench.begin(B))).route == C
    end = bench.fail(DOWN, bench.begin(C))
    assert isinstance(end, GiveUp)
    assert not end.recoverable


def test_after_a_decision_the_hosts_backoff_keeps_out_of_the_incident() -> None:
    answers = iter([("ha", Retry((B,))), None])
    bench = Bench(request_failed=lambda _: next(answers))
    assert isinstance(bench.fail(DOWN), Switch)
    assert isinstance(bench.fail(DOWN, bench.begin(B)), GiveUp)


def test_a_stop_is_final() -> None:
    outcome = Bench(request_failed=lambda _: ("ha", Stop("configured"))).fail(DOWN)
    assert isinstance(outcome, GiveUp)
    assert not outcome.recoverable


def test_a_plugins_judgement_replaces_the_built_in_one() -> None:
    judged = Judgement(FailureKind.CAPACITY, ScopeKind.MODEL, reason="we know that code")
    bench = Bench(classify_failure=lambda _: judged)
    outcome = bench.fail(ODD)
    assert (outcome.failure.kind, outcome.failure.scope) == (FailureKind.CAPACITY, ScopeKind.MODEL)
    assert bench.engine.book.ledger.failures[A.ref].kind is FailureKind.CAPACITY


def test_what_happened_is_booked_before_anybody_is_asked() -> None:
    bench = Bench(classify_failure=lambda _: None)
    attempt = bench.begin()
    question = next(bench.engine.failed(attempt, DOWN))
    assert isinstance(question.event, ClassifyFailure)
    assert bench.engine.book.ledger.failures[A.ref].text == "down"
    assert bench.episode.visited == {A}


def test_a_dead_pooled_connection_is_tried_once_more_for_free() -> None:
    bench = Bench()
    attempt = bench.begin()
    stale = Fault(FaultKind.STALE, "closed")
    first = bench.fail(stale, attempt)
    assert isinstance(first, RetrySame)
    assert first.free
    assert bench.episode.incident is None
    second = bench.fail(stale, attempt)
    assert isinstance(second, RetrySame)
    assert (second.free, second.after_s) == (False, 2.0)


def test_a_late_result_of_an_older_attempt_is_ignored() -> None:
    bench = Bench()
    old = bench.begin()
    new = bench.begin(B)
    assert inline(bench.engine.failed(old, DOWN), bench.ask) is None
    bench.engine.complete(old)
    assert bench.engine.book.ledger == Ledger()
    bench.engine.complete(new)
    assert B.ref in bench.engine.book.ledger.worked_at


def test_success_ends_the_incident_and_clears_the_mark() -> None:
    bench = Bench()
    bench.fail(DOWN)
    bench.engine.complete(bench.begin())
    assert bench.episode.incident is None
    assert not bench.engine.book.ledger.failures
    assert cast("RetrySame", bench.fail(DOWN)).after_s == 2.0


def test_a_budget_ends_what_plugins_would_go_on_with_for_ever() -> None:
    bench = Bench(request_failed=lambda _: ("ha", Retry((A,))))
    outcomes = [bench.fail(DOWN) for _ in range(15)]
    assert all(isinstance(outcome, RetrySame) for outcome in outcomes[:14])
    assert isinstance(outcomes[14], GiveUp)  # 4 for each of three routes, and 3 repeats of the host


def test_a_deadline_ends_an_incident() -> None:
    bench = Bench(request_failed=lambda _: ("ha", Retry((A,))))
    bench.fail(DOWN)
    last = bench.begin()
    bench.now = 3601.0
    assert isinstance(bench.fail(DOWN, last), GiveUp)
    assert inline(bench.engine.begin(bench.episode, REQUEST, A), bench.ask) is None


def test_a_resting_route_is_passed_over_and_used_when_it_wakes() -> None:
    bench = Bench()
    bench.engine.booked(Rest(Scope.of(ScopeKind.MODEL, A), until=10.0, reason="tired"))
    assert bench.begin(A).route == B
    bench.now = 10.0
    assert bench.begin(A).route == A


@pytest.mark.parametrize("ordered", [False, True])
def test_a_route_whose_account_is_gone_is_not_tried_again(ordered: bool) -> None:
    order = (B, work := Route("p", "a", "work"), C)
    bench = Bench(*order, order_routes=lambda _: order) if ordered else Bench(*order)
    assert bench.begin(A).route == work  # the next account of its model
    assert bench.engine.view(A).why_not(A) == "its account is gone"
    assert bench.begin(B).route == B


def test_a_model_beside_the_pool_that_was_chosen_is_tried() -> None:
    assert Bench(B, C).begin(A).route == A


def test_when_everything_rests_there_is_no_attempt() -> None:
    bench = Bench(A)
    bench.engine.booked(Rest(Scope.of(ScopeKind.MODEL, A), until=10.0, reason="tired"))
    assert inline(bench.engine.begin(bench.episode, REQUEST, A), bench.ask) is None


def test_order_and_refusals_are_asked_only_when_something_changed() -> None:
    bench = Bench(order_routes=lambda _: (C, A), refuse_routes=lambda _: {C: "not here"})
    assert bench.begin(None).route == A
    assert bench.begin(None).route == A
    assert bench.asked == ["order_routes", "refuse_routes"]
    bench.engine.booked(Rest(Scope.of(ScopeKind.MODEL, A), until=10.0, reason="tired"))
    assert inline(bench.engine.begin(bench.episode, REQUEST, None), bench.ask) is None
    assert bench.asked == ["order_routes", "refuse_routes"] * 2


def test_a_plan_may_be_dropped_at_every_question() -> None:
    bench = Bench(classify_failure=lambda _: None, request_failed=lambda _: None)
    plan = bench.engine.failed(bench.begin(), DOWN)
    next(plan)
    plan.close()
    assert isinstance(bench.fail(DOWN), RetrySame)
