"""What the engine and the pool hold to, whatever plugins and other calls do."""

from datetime import datetime, timedelta, timezone

import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.core.pooling import decide
from pi_fallback.core.routing import Routing
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.plans import Attempt, Episode, GiveUp, Pool, RetrySame, Switch, inline
from pi_fallback_hookspecs import (
    ErrorRow,
    Event,
    FailureKind,
    Fault,
    FaultKind,
    Image,
    Judgement,
    Model,
    Request,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Scope,
    ScopeKind,
    user_message,
)
from tests.core.test_pooling import ORDER, B, K, failed
from tests.rigs import NoChance
from tests.runtime.test_engine import PlainBook

R, S = Route("p", "a"), Route("q", "b")
REQUEST = Request((user_message("go"),))


def engine(seen: list[Routing], asked: frozenset[str] = frozenset()) -> Engine:
    clock = [1000.0]
    pool = Pool((R, S), {}, 1)
    return Engine(
        PlainBook(), lambda: clock[0], lambda: pool, RetryPolicy(), NoChance(), explain=seen.append, asked=asked
    )


def nothing(hook: str, event: Event) -> object:
    return None


def test_a_choice_that_begin_makes_inside_of_an_incident_is_recorded() -> None:
    seen: list[Routing] = []
    e = engine(seen)
    episode = Episode()
    first = inline(e.begin(episode, REQUEST, R), nothing)
    outcome = inline(e.failed(first, Fault(FaultKind.STATUS, "x", status=500)), nothing)
    assert isinstance(outcome, RetrySame)
    e.booked(Rest(Scope.of(ScopeKind.PROVIDER, R), 5000.0, "another agent has seen it fail"))
    second = inline(e.begin(episode, REQUEST, R), nothing)
    assert second is not None
    assert second.route == S
    assert seen[-1].choice == S, [(record.verdict, record.choice) for record in seen]


def test_a_failure_that_a_plugin_calls_none_leaves_no_mark_on_the_model() -> None:
    e = engine([], frozenset({"classify_failure"}))
    episode = Episode()
    first = inline(e.begin(episode, REQUEST, R), nothing)

    def ask(hook: str, event: Event) -> object:
        return Judgement(FailureKind.NOT_AN_ERROR, ScopeKind.REQUEST)

    inline(e.failed(first, Fault(FaultKind.STATUS, "x", status=500)), ask)
    assert R.ref not in e.book.ledger.failures


BIG, BIG_2, SMALL, MID = Route("a", "big"), Route("a", "big", "backup-1"), Route("a", "small"), Route("b", "mid")
WINDOWS = {"big": 100_000, "small": 8_000, "mid": 400_000}


def pool_answers(hook: str, event: Event) -> object:
    assert isinstance(event, RequestFailed)
    decision = decide(event)
    return None if decision is None else ("pool", decision)


@pytest.mark.parametrize(
    ("first", "never"),
    [
        (Fault(FaultKind.STATUS, "bad key", status=401), SMALL),  # the same bad key at another model
        (Fault(FaultKind.FINISH, "no", code="content_filter"), BIG_2),  # RF5: the same model after its refusal
        (Fault(FaultKind.STATUS, "gone", status=404), BIG_2),  # the same model that is not there
        (Fault(FaultKind.STATUS, "long", status=413), SMALL),  # RF4: a smaller context after an overflow
    ],
    ids=["auth", "content_policy", "model_not_found", "context_overflow"],
)
def test_what_one_failure_ruled_out_stays_ruled_out_when_another_route_fails(first: Fault, never: Route) -> None:
    order = (BIG, MID, BIG_2, SMALL)
    catalog = {route.ref: Model(route.ref, context_window=WINDOWS[route.model]) for route in order}
    pool = Pool(order, catalog, 1)
    e = Engine(
        PlainBook(), lambda: 1000.0, lambda: pool, RetryPolicy(), NoChance(), asked=frozenset({"request_failed"})
    )
    episode = Episode()
    asked: list[Route] = []
    route, fault = BIG, first
    for _ in range(6):
        attempt = inline(e.begin(episode, REQUEST, route), pool_answers)
        assert attempt is not None
        asked.append(attempt.route)
        outcome = inline(e.failed(attempt, fault), pool_answers)
        if isinstance(outcome, GiveUp) or outcome is None or outcome.after_s:
            break
        route = outcome.route if isinstance(outcome, Switch) else attempt.route
        fault = Fault(FaultKind.STATUS, "down", status=500)
    assert never not in asked, asked


def test_the_pool_waits_as_long_as_the_server_says() -> None:
    """`PATIENCE_S` says: "a server's word may ask for more". DESIGN: server hints are honoured up to the cap."""
    down = Fault(FaultKind.STATUS, "down", status=503)
    decision = decide(failed(K.SERVER_ERROR, B, fault=down, tries=dict.fromkeys(ORDER, 2), hint_s=30.0))
    assert isinstance(decision, Retry)
    assert decision.after_s >= 30.0


def test_what_another_call_needs_refuses_nothing_while_a_plan_asks() -> None:
    """`Failover` lets other threads run at each `Ask`; `_decided` then looks at their table."""
    sees, reads = Model(R.ref, inputs=frozenset({"text", "image"})), Model(S.ref)
    pool = Pool((R, S), {R.ref: sees, S.ref: reads}, 1)
    e = Engine(
        PlainBook(), lambda: 1000.0, lambda: pool, RetryPolicy(), NoChance(), asked=frozenset({"request_failed"})
    )
    words = inline(e.begin(Episode(), REQUEST, R), nothing)
    assert words is not None
    plan = e.failed(words, Fault(FaultKind.STATUS, "bad key", status=401))
    assert plan.send(None).hook == "request_failed"
    look = Request((user_message("look", [Image("AA==", "image/png")]),))
    inline(e.begin(Episode(), look, R), nothing)
    with pytest.raises(StopIteration) as end:
        plan.send(("pool", Retry((S,))))
    assert isinstance(end.value.value, Switch), end.value.value


def test_a_spent_retry_budget_ends_the_turn_and_says_so() -> None:
    e = engine([], frozenset({"request_failed"}))
    down = Fault(FaultKind.STATUS, "down", status=500)
    ends: list[GiveUp] = []
    for _ in range(60):
        episode, route = Episode(), R
        for _ in range(3):
            attempt = inline(e.begin(episode, REQUEST, route), nothing)
            assert attempt is not None
            outcome = inline(e.failed(attempt, down), lambda _h, _e: ("p", Retry((S,))))
            if isinstance(outcome, GiveUp):
                ends.append(outcome)
                break
            route = S
    assert ends[-1].stopped
    assert "retry budget" in ends[-1].reason
    assert not ends[-1].recoverable


NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=-8)))


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("You've hit your limit · resets 7pm", 7 * 3600.0),  # on the user's own clock
        ("Your limit resets at 11:30 am", 23.5 * 3600.0),  # the next such time
        ("usage limit reached, try again at 2026-11-21T20:00:30Z", 30.0),
        ("limit reached|1795300000", 1795300000 - NOON.timestamp()),
        ("Your limit resets on 2031-01-01", 31 * 86400.0),
        ("usage limit reached, try again at 2020-01-01T00:00:00Z", 0.0),
    ],
)
def test_a_stated_moment_becomes_a_wait_on_the_users_clock(text: str, wait_s: float) -> None:
    e = engine([])
    e.today = lambda: NOON
    outcome = inline(e.failed(begun(e), Fault(FaultKind.STATUS, text, status=429)), nothing)
    assert outcome is not None
    assert outcome.failure.retry_after_s == pytest.approx(wait_s)
    assert outcome.failure.until == pytest.approx(1000.0 + wait_s)


def test_rows_of_plugins_are_asked_before_the_built_in_ones() -> None:
    e = engine([])
    e.error_rows = (ErrorRow("ours", FailureKind.CAPACITY, ("fair use",), provider="p"),)
    outcome = inline(e.failed(begun(e), Fault(FaultKind.STATUS, "Fair use, please.", status=403)), nothing)
    assert outcome is not None
    assert (outcome.failure.kind, outcome.failure.reason) == (FailureKind.CAPACITY, "ours")


def begun(e: Engine) -> Attempt:
    attempt = inline(e.begin(Episode(), REQUEST, R), nothing)
    assert attempt is not None
    return attempt
