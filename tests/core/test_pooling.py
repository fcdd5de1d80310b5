"""Pooling: what follows a failure when nobody has configured anything."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.classify import SCOPES
from pi_fallback.core.pooling import OTHER_OPINIONS, RESTS_S, decide
from pi_fallback_hookspecs import (
    CompactHistory,
    Failure,
    FailureKind,
    Fault,
    FaultKind,
    Ledger,
    Model,
    Phase,
    Request,
    RequestFailed,
    Retry,
    Route,
    Scope,
    ScopeKind,
    Stop,
    View,
    user_message,
)

K = FailureKind
A, A_BACKUP, A_SMALL = Route("a", "big"), Route("a", "big", "backup-1"), Route("a", "small")
B, C = Route("b", "mid"), Route("c", "wide")
ORDER = (A, A_BACKUP, A_SMALL, B, C)
WINDOWS = {"big": 100_000, "small": 8_000, "mid": 100_000, "wide": 1_000_000}
CATALOG = {route.ref: Model(route.ref, context_window=WINDOWS[route.model]) for route in ORDER}
NOW = 1_000.0


def failed(
    kind: FailureKind,
    route: Route = A,
    *,
    fault: Fault | None = None,
    order: tuple[Route, ...] = ORDER,
    tries: Mapping[Route, int] | None = None,
    ledger: Ledger | None = None,
    hint_s: float | None = None,
    waited_s: float = 0.0,
    longest_wait_s: float = 60.0,
) -> RequestFailed:
    failure = Failure(route, kind, SCOPES[kind], "said so", Phase.PRE, NOW, hint_s, fault=fault)
    tried = {route: 1} if tries is None else tries
    view = View(
        now=NOW, current=route, order=order, ledger=ledger or Ledger(), visited=frozenset(tried), catalog=CATALOG
    )
    return RequestFailed(
        view=view,
        failure=failure,
        request=Request((user_message("go"),)),
        attempts=sum(tried.values()),
        tries=tried,
        waited_s=waited_s,
        longest_wait_s=longest_wait_s,
    )


def retry(event: RequestFailed) -> Retry:
    decision = decide(event)
    assert isinstance(decision, Retry)
    return decision


@pytest.mark.parametrize(
    ("kind", "next_ones"),
    [
        (K.RATE_LIMIT, (A_BACKUP, B, C)),  # the account: neither it nor its other models
        (K.QUOTA_EXHAUSTED, (A_BACKUP, B, C)),
        (K.AUTH, (A_BACKUP, B, C)),
        (K.CAPACITY, (A_SMALL, B, C)),  # the model is full for every account
        (K.MODEL_NOT_FOUND, (A_SMALL, B, C)),
        (K.TIMEOUT, (B, C, A_SMALL)),  # the provider stumbles: its other models come last
        (K.SERVER_ERROR, (B, C, A_SMALL)),
        (K.NETWORK, (B, C, A_SMALL)),
        (K.CONTEXT_OVERFLOW, (C,)),  # only what is larger
        (K.CONTENT_POLICY, (A_SMALL, B, C)),
        (K.INVALID_REQUEST, (A_SMALL, B, C)),
        (K.OUTPUT_LIMIT, (A_SMALL, B, C)),
    ],
)
def test_what_has_a_name_switches_at_once_to_what_may_do_better(
    kind: FailureKind, next_ones: tuple[Route, ...]
) -> None:
    decision = retry(failed(kind))
    assert (decision.on, decision.after_s) == (next_ones, 0.0)


@pytest.mark.parametrize("kind", [K.UNKNOWN, K.ABORTED, K.NOT_AN_ERROR])
def test_what_has_no_name_is_left_to_others(kind: FailureKind) -> None:
    assert decide(failed(kind)) is None


@pytest.mark.parametrize(
    ("kind", "fault", "repeated"),
    [
        (K.NETWORK, Fault(FaultKind.BROKEN, ""), True),
        (K.NETWORK, Fault(FaultKind.CONNECT, ""), True),
        (K.NETWORK, Fault(FaultKind.INCOMPLETE, ""), True),
        (K.SERVER_ERROR, Fault(FaultKind.STATUS, "", status=500), True),
        (K.SERVER_ERROR, Fault(FaultKind.ERROR_EVENT, "", status=502), True),
        (K.SERVER_ERROR, Fault(FaultKind.MALFORMED, "a web page"), False),
        (K.SERVER_ERROR, Fault(FaultKind.EMPTY, ""), False),
        (K.CAPACITY, Fault(FaultKind.STATUS, "", status=529), False),
        (K.TIMEOUT, Fault(FaultKind.QUIET_TIMEOUT, ""), False),
        (K.RATE_LIMIT, Fault(FaultKind.STATUS, "", status=429), False),
    ],
)
def test_only_a_blip_is_repeated_and_only_once(kind: FailureKind, fault: Fault, repeated: bool) -> None:
    first = retry(failed(kind, fault=fault))
    assert (first.on[0] == A) is repeated
    again = retry(failed(kind, fault=fault, tries={A: 2}))
    assert A not in again.on


def test_a_provider_that_is_down_gets_one_repeat_and_not_one_for_each_of_its_models() -> None:
    down = Fault(FaultKind.STATUS, "", status=503)
    assert A_SMALL not in retry(failed(K.SERVER_ERROR, A_SMALL, fault=down, tries={A: 2, A_SMALL: 1})).on


@pytest.mark.parametrize(
    ("kind", "hint_s", "scope", "rests_s"),
    [
        (K.RATE_LIMIT, None, ScopeKind.CREDENTIAL, RESTS_S[K.RATE_LIMIT]),
        (K.RATE_LIMIT, 7.0, ScopeKind.CREDENTIAL, 7.0),
        (K.QUOTA_EXHAUSTED, None, ScopeKind.CREDENTIAL, 3600.0),
        (K.QUOTA_EXHAUSTED, 86_400.0, ScopeKind.CREDENTIAL, 86_400.0),
        (K.CAPACITY, None, ScopeKind.MODEL, RESTS_S[K.CAPACITY]),
        (K.TIMEOUT, None, ScopeKind.MODEL, RESTS_S[K.TIMEOUT]),
    ],
)
def test_what_failed_rests_as_long_as_the_server_says_or_as_is_usual(
    kind: FailureKind, hint_s: float | None, scope: ScopeKind, rests_s: float
) -> None:
    (rest,) = retry(failed(kind, hint_s=hint_s)).effects
    assert (rest.scope, rest.until) == (Scope.of(scope, A), NOW + rests_s)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("kind", [K.NETWORK, K.SERVER_ERROR, K.AUTH, K.CONTEXT_OVERFLOW, K.INVALID_REQUEST])
def test_what_says_nothing_of_a_time_books_no_rest(kind: FailureKind) -> None:
    assert retry(failed(kind)).effects == ()


def test_what_rests_already_is_not_among_the_next_ones() -> None:
    ledger = Ledger().rest(Scope.of(ScopeKind.PROVIDER, B), until=NOW + 60.0, reason="spent")
    assert retry(failed(K.QUOTA_EXHAUSTED, ledger=ledger)).on == (A_BACKUP, C)


@pytest.mark.parametrize(("ago_s", "on"), [(299.0, (A_BACKUP, C, B)), (301.0, (A_BACKUP, B, C))])
def test_a_model_that_failed_within_five_minutes_comes_last(ago_s: float, on: tuple[Route, ...]) -> None:
    ledger = Ledger().failed(A.ref, at=NOW, kind=K.QUOTA_EXHAUSTED, text="spent")
    ledger = ledger.failed(B.ref, at=NOW - ago_s, kind=K.NETWORK, text="down")
    assert retry(failed(K.QUOTA_EXHAUSTED, ledger=ledger)).on == on


def test_a_bare_413_is_asked_of_other_providers_whose_windows_it_says_nothing_of() -> None:
    event = failed(K.CONTEXT_OVERFLOW)
    bare = replace(event, failure=replace(event.failure, scope=ScopeKind.PROVIDER))
    assert retry(bare).on == (B, C)
    tried = failed(K.CONTEXT_OVERFLOW, tries={Route(f"p{n}", "m"): 1 for n in range(OTHER_OPINIONS + 1)})
    assert isinstance(decide(replace(tried, failure=bare.failure)), Stop)  # and not of all of fifty


def test_a_request_too_large_for_every_model_stops_without_a_storm() -> None:
    decision = decide(failed(K.CONTEXT_OVERFLOW, C, tries={A: 1, C: 1}))
    assert isinstance(decision, Stop)
    assert "larger context" in decision.reason


@pytest.mark.parametrize("tried", [(C,), (A, B, C, A_SMALL, A_BACKUP)])  # one, or more opinions than count
def test_what_is_too_long_for_all_is_shortened_once_where_the_host_can(tried: tuple[Route, ...]) -> None:
    event = replace(failed(K.CONTEXT_OVERFLOW, C, tries=dict.fromkeys(tried, 1)), can=frozenset({"compact"}))
    decision = retry(event)
    assert (decision.on, decision.effects) == ((C,), (CompactHistory(),))
    again = decide(replace(event, compacted=True))
    assert isinstance(again, Stop)
    assert "even after it was shortened" in again.reason


def test_a_larger_model_comes_before_a_shorter_conversation() -> None:
    event = replace(failed(K.CONTEXT_OVERFLOW), can=frozenset({"compact"}))
    assert (retry(event).on, retry(event).effects) == ((C,), ())


def test_a_request_that_four_models_refuse_is_refused_by_all() -> None:
    many = tuple(Route("p", f"m{n}") for n in range(10))
    tries = dict.fromkeys(many[: OTHER_OPINIONS + 1], 1)
    assert isinstance(decide(failed(K.INVALID_REQUEST, many[OTHER_OPINIONS], order=many, tries=tries)), Stop)
    assert isinstance(decide(failed(K.SERVER_ERROR, many[OTHER_OPINIONS], order=many, tries=tries)), Retry)


@pytest.mark.parametrize("kind", [K.RATE_LIMIT, K.CAPACITY, K.SERVER_ERROR, K.TIMEOUT, K.NETWORK])
def test_a_single_route_is_left_to_the_hosts_own_backoff(kind: FailureKind) -> None:
    assert decide(failed(kind, order=(A,))) is None


def test_a_single_route_that_asks_for_an_hour_rests_and_is_not_waited_for() -> None:
    decision = retry(failed(K.RATE_LIMIT, order=(A,), hint_s=3600.0))
    assert decision.on == ()
    assert decision.effects


def test_when_all_routes_rest_the_first_to_wake_is_waited_for() -> None:
    ledger = Ledger().rest(Scope.of(ScopeKind.MODEL, B), until=NOW + 9.0, reason="busy")
    decision = retry(failed(K.RATE_LIMIT, order=(A, B), tries={B: 1, A: 1}, ledger=ledger, hint_s=30.0))
    assert (decision.on, decision.after_s) == ((B,), 9.0)


def test_no_wait_is_longer_than_what_is_left_of_the_longest() -> None:
    def wait(waited_s: float) -> tuple[Route, ...]:
        return retry(failed(K.RATE_LIMIT, order=(A, B), tries={B: 1, A: 1}, hint_s=30.0, waited_s=waited_s)).on

    assert wait(29.0) == (A,)
    assert wait(31.0) == ()


def test_when_nothing_answers_the_waits_double_and_end() -> None:
    waits: list[float] = []
    while True:
        decision = decide(failed(K.NETWORK, A, order=(A, B), tries={A: 3, B: 1}, waited_s=sum(waits)))
        if decision is None:
            break
        assert isinstance(decision, Retry)
        assert decision.on == (A,)
        waits.append(decision.after_s)
    assert waits == [2.0, 4.0, 8.0]


def test_with_retries_off_nothing_is_waited_for() -> None:
    assert decide(failed(K.NETWORK, order=(A, B), tries={A: 2, B: 1}, longest_wait_s=0.0)) is None


routes = st.sampled_from(ORDER)


@given(
    kind=st.sampled_from(FailureKind),
    order=st.lists(routes, unique=True, min_size=1).map(tuple),
    tried=st.sets(routes),
    resting=st.sets(routes),
    hint_s=st.none() | st.floats(0, 1e6),
    waited_s=st.floats(0, 120),
)
def test_a_decision_never_names_what_may_not_be_used(
    kind: FailureKind,
    order: tuple[Route, ...],
    tried: set[Route],
    resting: set[Route],
    hint_s: float | None,
    waited_s: float,
) -> None:
    ledger = Ledger()
    for route in resting:
        ledger = ledger.rest(Scope.of(ScopeKind.CREDENTIAL_MODEL, route), until=NOW + 40.0, reason="rest")
    event = failed(
        kind, order[0], order=order, tries={order[0]: 1} | dict.fromkeys(tried, 1), ledger=ledger, hint_s=hint_s
    )
    event = replace(event, waited_s=waited_s)
    decision = decide(event)
    if not isinstance(decision, Retry):
        return
    assert set(decision.on) <= set(order)
    if decision.after_s == 0.0:
        others = decision.on[1:] if decision.on[:1] == (order[0],) else decision.on
        assert not set(others) & (set(event.tries) | resting)
    else:
        assert waited_s + decision.after_s <= 60.0


@pytest.mark.parametrize("tries", [{A: 1}, {A: 2}, {A: 1, B: 1}], ids=str)
def test_a_login_that_can_be_renewed_is_tried_again_on_the_same_route(tries: Mapping[Route, int]) -> None:
    refused = Fault(FaultKind.STATUS, "expired", status=401)
    assert retry(failed(K.AUTH, fault=replace(refused, renewable=True), tries=tries)).on[0] == A
    assert retry(failed(K.AUTH, fault=refused, tries=tries)).on[0] != A
