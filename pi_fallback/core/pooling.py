"""Pooling: which route follows a failure when nobody has configured anything.

What has a name switches at once. Only a blip is repeated first, once: a broken connection or a 5xx
must not change the model nor cost the prompt cache. A wait comes last, when no other route is left.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pi_fallback_hookspecs import (
    CompactHistory,
    Decision,
    Failure,
    FailureKind,
    FaultKind,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Scope,
    ScopeKind,
    Stop,
    View,
)

K = FailureKind

# How long what failed is left alone when the server names no time, in seconds. A key or a model that
# somebody mends by hand is only skipped in this incident: the next start may find it mended.
RESTS_S: Mapping[FailureKind, float] = {
    K.RATE_LIMIT: 20.0,
    K.QUOTA_EXHAUSTED: 3600.0,
    K.CAPACITY: 30.0,
    K.TIMEOUT: 60.0,  # a stall costs a minute or two: not again at the next turn
}
NOT_OURS = frozenset({K.UNKNOWN, K.ABORTED, K.NOT_AN_ERROR})
PASSING = frozenset({K.RATE_LIMIT, K.CAPACITY, K.SERVER_ERROR, K.TIMEOUT, K.NETWORK})
BLIPS = frozenset({FaultKind.CONNECT, FaultKind.BROKEN, FaultKind.STALE, FaultKind.INCOMPLETE})
OTHER_OPINIONS = 3  # a request that four models refuse is at fault itself
LATELY_S = 300.0  # as long as progress detection passes a failed model over
FIRST_WAIT_S = 2.0
MOMENT_S = 0.1
PATIENCE_S = 14.0  # 2 + 4 + 8, as the host's own backoff; a server's word may ask for more


class Wait(NamedTuple):
    route: Route
    seconds: float


def decide(event: RequestFailed) -> Decision | None:
    """Answer a failed request; None leaves it to others, which is right for what has no name."""
    failure, view = event.failure, event.view
    if failure.kind in NOT_OURS:
        return None
    rests = rests_after(failure)
    view = booked(view, rests)
    others = tuple(route for route in candidates(failure, view, event.failures.values()) if route not in event.tries)
    of_the_request = failure.scope is ScopeKind.REQUEST or failure.kind is K.CONTEXT_OVERFLOW
    if of_the_request and len({route.ref for route in event.tries}) > OTHER_OPINIONS:
        if failure.kind is K.CONTEXT_OVERFLOW:
            return shortened(event)
        return Stop(f"{OTHER_OPINIONS} other models cannot take this request either", rests)
    if renews(event):
        return Retry((failure.route, *others), reason="its login is renewed")
    if others and is_blip(failure) and _tries_at(failure.route.provider, event) <= 1:
        return Retry((failure.route, *others), reason="once more over a fresh connection", effects=rests)
    if others:
        return Retry(others, reason=failure.kind.value, effects=rests)
    if failure.kind is K.CONTEXT_OVERFLOW:
        return shortened(event)
    if len(event.tries) == 1 and failure.kind in PASSING and (failure.retry_after_s or 0.0) <= event.longest_wait_s:
        return None  # the host's own backoff knows how to wait for a single route
    if (wait := next_wait(event, view)) is None:
        return Retry((), reason="no other route is left", effects=rests) if rests else None
    return Retry((wait.route,), wait.seconds, "no other route is left", rests)


def shortened(event: RequestFailed) -> Decision:
    """The same once more with a shorter history, where the host can shorten it and has not done so yet."""
    if "compact" not in event.can:
        return Stop("no other usable model has a larger context; shorten the conversation")
    if event.compacted:
        return Stop("the conversation is too long for the model even after it was shortened")
    return Retry((event.failure.route,), reason="the conversation is too long: shortened", effects=(CompactHistory(),))


def rests_after(failure: Failure) -> tuple[Rest, ...]:
    """What rests after `failure`, and until when: the server's word, else ours."""
    usual_s = RESTS_S.get(failure.kind)
    if usual_s is None:
        return ()
    until = failure.until if failure.until is not None else failure.at + usual_s
    # A stall says something of the model; its provider may serve others well.
    kind = ScopeKind.MODEL if failure.kind is K.TIMEOUT else failure.scope
    return (Rest(Scope.of(kind, failure.route), until, failure.kind.value),)


def candidates(failure: Failure, view: View, earlier: Iterable[Failure] = ()) -> Iterator[Route]:
    """The usable routes that may do better, best first; models that failed lately come last.

    What an earlier failure of the incident has ruled out stays out: see `rules_out`.
    """
    failed = failure.route
    same_model = [route for route in view.order if route.ref == failed.ref and route != failed]
    rest = [route for route in view.order if route.ref != failed.ref]
    match failure.scope:
        case ScopeKind.CREDENTIAL | ScopeKind.CREDENTIAL_MODEL:
            routes = [*same_model, *rest]
        case ScopeKind.PROVIDER | ScopeKind.NETWORK:
            near = [route for route in rest if route.provider == failed.provider]
            routes = [*(route for route in rest if route.provider != failed.provider), *near]
        case ScopeKind.MODEL | ScopeKind.REQUEST:
            routes = rest
    # Another account of the same model is no other model: this failure says nothing against it.
    lately = {route for route in rest if _failed_lately(route, view)}
    known = (failure, *earlier)
    fit = (route for route in routes if view.usable(route) and not any(rules_out(one, route, view) for one in known))
    return iter(sorted(fit, key=lately.__contains__))


def rules_out(failure: Failure, route: Route, view: View) -> bool:
    """Whether `route` would fail as `failure` did, as long as nobody mends or changes anything."""
    failed = failure.route
    match failure.kind:
        case K.AUTH:
            return (route.provider, route.credential) == (failed.provider, failed.credential)
        case K.MODEL_NOT_FOUND | K.CONTENT_POLICY | K.INVALID_REQUEST | K.OUTPUT_LIMIT:
            return route.ref == failed.ref
        case K.CONTEXT_OVERFLOW if failure.scope is ScopeKind.PROVIDER:
            return route.provider == failed.provider  # its gateway takes no more bytes, which says nothing of windows
        case K.CONTEXT_OVERFLOW:
            return not _may_be_larger(route, failed, view)
        case _:
            return False


def is_blip(failure: Failure) -> bool:
    """Whether the same request may well succeed at once: the connection broke, or the server stumbled."""
    fault = failure.fault
    if fault is None:
        return False
    stumbled = failure.kind is K.SERVER_ERROR and fault.status is not None and fault.status >= 500
    return stumbled or (failure.kind is K.NETWORK and fault.kind in BLIPS)


def renews(event: RequestFailed) -> bool:
    """Whether the same route may well do with another token: the login behind the refused one has not been renewed yet.

    Each new token is asked with once: then the fault is not renewable any more.
    """
    failure = event.failure
    return failure.kind is K.AUTH and failure.fault is not None and failure.fault.renewable


def next_wait(event: RequestFailed, view: View) -> Wait | None:
    """The shortest wait after which a route of this incident may be tried again, or None if it is not worth it."""
    left_s = event.longest_wait_s - event.waited_s
    waits = (_wait_for(route, event, view) for route in view.order if route not in view.refusals)
    worth = [wait for wait in waits if wait is not None and wait.seconds <= left_s]
    return min(worth, key=lambda wait: (wait.seconds, event.tries.get(wait.route, 0)), default=None)


def _wait_for(route: Route, event: RequestFailed, view: View) -> Wait | None:
    if (rest := view.ledger.resting(route, now=view.now)) is not None:
        return Wait(route, rest.until - view.now)
    failure = event.failure if route == event.failure.route else event.failures.get(route)
    if failure is None or failure.kind not in PASSING:
        return None
    if failure.kind in RESTS_S:
        return Wait(route, MOMENT_S)  # it rested, and has woken while others were asked
    backoff_s = FIRST_WAIT_S + event.waited_s  # 2, 4, 8 seconds
    hint_s = 0.0 if failure.until is None else failure.until - view.now
    if hint_s <= 0.0 and event.waited_s + backoff_s > PATIENCE_S:
        return None
    return Wait(route, max(backoff_s, hint_s))


def booked(view: View, rests: Sequence[Rest]) -> View:
    """`view` as it will be once `rests` are in the ledger."""
    ledger = view.ledger
    for rest in rests:
        ledger = ledger.rest(rest.scope, until=rest.until, reason=rest.reason)
    return replace(view, ledger=ledger)


def _failed_lately(route: Route, view: View) -> bool:
    mark = view.ledger.failures.get(route.ref)
    return mark is not None and view.now - mark.at < LATELY_S


def _tries_at(provider: str, event: RequestFailed) -> int:
    return sum(times for route, times in event.tries.items() if route.provider == provider)


def _may_be_larger(route: Route, failed: Route, view: View) -> bool:
    """Whether the context of `route` is larger than that of `failed`, or not known to be smaller."""
    model, small = view.catalog.get(route.ref), view.catalog.get(failed.ref)
    return model is None or small is None or model.context_window > small.context_window
