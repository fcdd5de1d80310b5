"""The ladder: what holds for every failure, whatever the file says."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.config.ha_policy import ACTIONS, Entry, Group, HaPolicy
from pi_fallback.core.classify import SCOPES
from pi_fallback.core.groups import ordered, steps_after
from pi_fallback.core.ladder import NOT_OURS, booked, decide
from pi_fallback_hookspecs import (
    Failure,
    FailureKind,
    Fault,
    FaultKind,
    Ledger,
    ModelRef,
    Phase,
    Request,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Scope,
    ScopeKind,
    Stop,
    View,
    user_message,
)

NOW = 1000.0
ORDER = tuple(Route(p, m, label) for p, m in ("aA", "aS", "bB", "cC") for label in ("primary", "backup-1"))
ENTRIES = ("a/A", "a/S", "b/B", "c/C", "a", "b", "z/Z")
routes = st.sampled_from(ORDER)
kinds = st.sampled_from(FailureKind)
groups = st.lists(st.sampled_from(ENTRIES), unique=True).map(lambda ids: Group("g", tuple(map(Entry, ids))))
actions = st.sampled_from(ACTIONS)
policies = st.builds(
    HaPolicy,
    capacity=actions,
    quota=actions,
    auth=actions,
    network=st.none() | actions,
    context=st.sampled_from([None, "larger_model", "compact", "stop"]),
    cooldown_s=st.sampled_from([0.0, 60.0]),
    max_retries=st.integers(0, 2),
    when_exhausted=st.sampled_from(["stop", "wait"]),
)
scopes = st.builds(Scope.of, st.sampled_from([ScopeKind.CREDENTIAL, ScopeKind.MODEL]), routes)


@st.composite
def failures(draw: st.DrawFn) -> RequestFailed:
    """A failure in an incident that has tried some routes, while others rest."""
    route, kind = draw(routes), draw(kinds)
    tries: Mapping[Route, int] = {**draw(st.dictionaries(routes, st.integers(1, 3))), route: draw(st.integers(1, 3))}
    ledger = Ledger()
    for scope in draw(st.lists(scopes, max_size=4)):
        ledger = ledger.rest(scope, until=NOW + draw(st.sampled_from([0.0, 5.0, 9000.0])), reason="booked")
    fault = Fault(draw(st.sampled_from([FaultKind.STATUS, FaultKind.BROKEN])), "said", status=None, code="said")
    hint = draw(st.sampled_from([None, 0.0, 30.0, 9000.0]))
    failure = Failure(route, kind, SCOPES[kind], "said", Phase.PRE, NOW, hint, fault=fault)
    view = View(now=NOW, current=route, order=ORDER, ledger=ledger, visited=frozenset(tries))
    return RequestFailed(
        view=view,
        can=frozenset({"timers"}),
        failure=failure,
        request=Request((user_message("go"),)),
        attempts=sum(tries.values()),
        tries=tries,
        began_at=NOW,
    )


@given(failures(), groups, policies)
def test_what_is_ours_is_answered_and_what_is_not_is_left(event: RequestFailed, group: Group, policy: HaPolicy) -> None:
    assert (decide(event, group, policy) is None) == (event.failure.kind in NOT_OURS)


@given(failures(), groups, policies)
def test_only_routes_of_the_group_that_may_be_used_and_were_not_tried_are_gone_to(
    event: RequestFailed, group: Group, policy: HaPolicy
) -> None:
    decision = decide(event, group, policy)
    if not isinstance(decision, Retry):
        return
    failed = event.failure.route
    view = booked(event.view, [effect for effect in decision.effects if isinstance(effect, Rest)])
    assert decision.on
    for route in decision.on:
        repeat = route == failed == decision.on[0]
        assert repeat or (view.usable(route) and route not in event.tries)
        assert route.ref == failed.ref or group.index_of(route) is not None
    if decision.on[0] == failed:
        assert event.tries[failed] <= policy.max_retries
    else:
        assert decision.after_s == 0.0  # nothing is waited for while another may be used


@given(failures(), groups, policies)
def test_rests_are_of_what_failed_and_network_errors_book_none(
    event: RequestFailed, group: Group, policy: HaPolicy
) -> None:
    decision = decide(event, group, policy)
    rests = [effect for effect in decision.effects if isinstance(effect, Rest)] if decision is not None else []
    assert all(rest.scope.covers(event.failure.route) for rest in rests)
    if event.failure.kind not in {
        FailureKind.RATE_LIMIT,
        FailureKind.QUOTA_EXHAUSTED,
        FailureKind.CAPACITY,
        FailureKind.MODEL_NOT_FOUND,
    }:
        assert rests == []


@given(groups, routes)
def test_an_order_holds_each_route_once_and_only_those_of_the_group_and_what_is_kept(group: Group, keep: Route) -> None:
    found = ordered(group, ORDER, [keep])
    assert len(found) == len(set(found))
    if any(group.index_of(route) is not None for route in ORDER):
        assert all(group.index_of(route) is not None or route.ref == keep.ref for route in found)
        assert {route for route in ORDER if group.index_of(route) is not None} <= set(found)
    else:
        assert found == ORDER


@given(groups, routes)
def test_each_step_is_one_model_and_never_the_one_that_failed(group: Group, failed: Route) -> None:
    view = View(now=NOW, current=failed, order=ORDER, visited=frozenset({failed}))
    models: list[ModelRef] = []
    for _, step in steps_after(group, failed, view):
        (model,) = {route.ref for route in step}
        models.append(model)
    assert failed.ref not in models


def test_the_scan_goes_on_from_the_entry_that_failed_and_then_from_the_top() -> None:
    group = Group("g", tuple(map(Entry, ("a/A", "b/B", "c/C"))))
    failed = Route("b", "B")
    view = View(now=NOW, current=failed, order=ORDER, visited=frozenset({failed}))
    assert [entry.id for entry, _ in steps_after(group, failed, view)] == ["c/C", "a/A"]


def test_the_deadline_of_an_episode_does_not_count_what_was_waited() -> None:
    group, policy = Group("g", (Entry("a/A"), Entry("b/B"))), HaPolicy(max_episode_s=600.0)
    route = Route("a", "A")
    failure = Failure(route, FailureKind.CAPACITY, ScopeKind.MODEL, "full", Phase.PRE, NOW)
    for waited_s, goes_on in ((0.0, False), (500.0, True)):
        event = RequestFailed(
            view=View(now=NOW, current=route, order=ORDER, visited=frozenset({route})),
            failure=failure,
            request=Request((user_message("go"),)),
            attempts=1,
            tries={route: 1},
            waited_s=waited_s,
            began_at=NOW - 1000.0,
        )
        assert isinstance(decide(event, group, policy), Retry if goes_on else Stop)


def test_the_model_that_failed_first_takes_no_candidates_turn_though_it_is_none_of_the_groups() -> None:
    outside, first, second = Route("z", "Z"), Route("b", "B"), Route("c", "C")
    group, policy = Group("g", (Entry("b/B"), Entry("c/C"))), HaPolicy(max_retries=0)
    event = RequestFailed(
        view=View(now=NOW, current=first, order=(first, second), visited=frozenset({outside, first})),
        failure=Failure(first, FailureKind.CAPACITY, ScopeKind.MODEL, "full", Phase.PRE, NOW),
        request=Request((user_message("go"),)),
        attempts=2,
        tries={outside: 1, first: 1},
        began_at=NOW,
    )
    decision = decide(event, group, policy)
    assert isinstance(decision, Retry)
    assert decision.on == (second,)


@given(failures(), groups, policies)
def test_a_login_that_can_be_renewed_is_renewed_whatever_the_file_says(
    event: RequestFailed, group: Group, policy: HaPolicy
) -> None:
    fault = Fault(FaultKind.STATUS, "expired", status=401, renewable=True)
    failure = replace(event.failure, kind=FailureKind.AUTH, fault=fault)
    decision = decide(replace(event, failure=failure), group, policy)
    assert isinstance(decision, Stop) or (isinstance(decision, Retry) and decision.on == (failure.route,))
    assert not isinstance(decision, Stop) or "attempts" in decision.reason or "maxEpisodeMs" in decision.reason
