"""The ladder: which step follows a failure, as ha.json has it: an account, an entry, a wait, or the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from pi_fallback.config.ha_policy import Action, Group, HaPolicy
from pi_fallback.core.groups import steps_after
from pi_fallback.core.pooling import booked, is_blip, renews, rules_out, shortened
from pi_fallback.core.spans import span
from pi_fallback_hookspecs import (
    Decision,
    Failure,
    FailureKind,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Scope,
    ScopeKind,
    StartTimer,
    Stop,
    View,
)

K = FailureKind
WAIT = "wait"
WAIT_LABEL = "first route may be tried again"
QUOTA = frozenset({K.RATE_LIMIT, K.QUOTA_EXHAUSTED})
NETWORK = frozenset({K.NETWORK, K.TIMEOUT, K.SERVER_ERROR})
NOT_OURS = frozenset(
    {K.CONTENT_POLICY, K.INVALID_REQUEST, K.OUTPUT_LIMIT, K.ABORTED, K.NOT_AN_ERROR, K.UNKNOWN}
)  # another account or model cures none of them by itself: the quiet timer is the net


class Wake(NamedTuple):
    """The first moment at which a route may be used again."""

    at: float
    route: Route


@dataclass(frozen=True, slots=True)
class Ladder:
    """One failure, with what the user's file says of it. `answer` is None for what is not ours."""

    event: RequestFailed
    group: Group
    policy: HaPolicy

    @property
    def failure(self) -> Failure:
        return self.event.failure

    @property
    def route(self) -> Route:
        return self.event.failure.route

    def answer(self) -> Decision | None:
        kind, policy = self.failure.kind, self.policy
        if renews(self.event):
            return self._going_on((self.route,), "its login is renewed")
        if kind in NOT_OURS:
            return None
        if kind in QUOTA:
            return self._acted(policy.quota, "quotaErrorAction", policy.retry_s)
        if kind is K.CAPACITY:
            return self._acted(policy.capacity, "capacityErrorAction", policy.retry_s)
        if kind is K.AUTH:
            return self._acted(policy.auth, "authErrorAction", policy.retry_s)
        if kind is K.MODEL_NOT_FOUND:
            return self._next_entry()
        if kind is K.CONTEXT_OVERFLOW:
            return self._larger_model()
        if policy.network is not None:
            return self._acted(policy.network, "networkErrorAction", policy.network_retry_s)
        return self._through_the_network()

    def _acted(self, action: Action, name: str, wait_s: float) -> Decision:
        match action:
            case "stop":
                return Stop(f"{name} is stop")
            case "retry":
                return self._again(wait_s)
            case "next_provider":
                return self._next_entry()
            case "next_key_then_provider":
                return self._next_account()
            case _:
                assert_never(action)

    def _again(self, wait_s: float) -> Decision:
        """The same route after a wait: the configured one, or the server's own word if that is longer."""
        most = self.policy.max_retries
        if self.event.tries[self.route] > most:
            return Stop(f"{self.failure.kind.value}: repeated {most} times, which is maxRetriesPerTurn")
        hint_s = 0.0 if self.failure.until is None else self.failure.until - self.event.view.now
        if hint_s > max(wait_s, self.policy.max_wait_s):
            return Stop(f"the server asks for a wait of {span(hint_s)}, which is more than maxWaitMs")
        return self._going_on((self.route,), f"{self.failure.kind.value}: once more", after_s=max(wait_s, hint_s))

    def _next_account(self) -> Decision:
        rests = self._credential_rests()
        view = booked(self.event.view, rests)
        others = [route for route in view.routes_of(self.route.ref) if self._may_help(route, view)]
        if not others:
            return self._next_entry()
        rest = tuple(route for _, routes in self._steps(view) for route in routes)
        reason = f"{self.failure.kind.value}: the next account of {self.route.provider}"
        return self._going_on((*others, *rest), reason, rests)

    def _next_entry(self) -> Decision:
        """Leave the entry: what its failure says of it rests, and the next one takes over."""
        rests = self._credential_rests()
        rests = (*rests, *self._entry_rest(booked(self.event.view, rests)))
        view = booked(self.event.view, rests)
        steps = list(self._steps(view))
        routes = tuple(route for _, routes in steps for route in routes)
        if not routes:
            return self._exhausted(view, rests)
        return self._going_on(routes, f"{self.failure.kind.value}: {self._left(view, routes[0])}", rests)

    def _larger_model(self) -> Decision:
        view, action = self.event.view, self.policy.context
        routes = [] if action in {"stop", "compact"} else [r for _, found in self._steps(view) for r in found]
        if routes:
            return self._going_on(tuple(routes), "the conversation is too long: a model with a larger context")
        if action == "stop":
            return Stop("contextErrorAction is stop")
        if action == "larger_model":
            return Stop("no other usable model has a larger context; shorten the conversation")
        return shortened(self.event)

    def _through_the_network(self) -> Decision:
        """With no action given: once more over a fresh connection, else the next entry, else a wait on this one."""
        view, event = self.event.view, self.event
        routes = tuple(route for _, found in self._steps(view) for route in found)
        tries_here = sum(times for route, times in event.tries.items() if route.provider == self.route.provider)
        if is_blip(self.failure) and tries_here <= 1 and self.policy.max_retries:
            return self._going_on((self.route, *routes), "once more over a fresh connection")
        if routes:
            return self._going_on(routes, f"{self.failure.kind.value}: {self._left(view, routes[0])}")
        if event.tries[self.route] > self.policy.max_retries:
            return self._exhausted(view, ())
        return self._again(self.policy.network_retry_s)

    # What is tried

    def _steps(self, view: View) -> Iterator[tuple[str, tuple[Route, ...]]]:
        """The entries after this one that may help, each with the accounts that may."""
        found: list[tuple[str, tuple[Route, ...]]] = []
        for entry, routes in steps_after(self.group, self.route, view):
            if usable := tuple(route for route in routes if self._may_help(route, view)):
                found.append((entry.id, usable))
        if self.failure.kind in NETWORK:  # what ails a provider's network ails its other models too
            found.sort(key=lambda step: step[1][0].provider == self.route.provider)
        return iter(found)

    def _may_help(self, route: Route, view: View) -> bool:
        if route in self.event.tries or not view.usable(route):
            return False
        return not any(rules_out(one, route, view) for one in (self.failure, *self.event.failures.values()))

    def _left(self, view: View, chosen: Route) -> str:
        """What became of the entry that is left, and why those before `chosen` were passed over."""
        words = "the next entry"
        if (wake := first_wake(view, view.routes_of(self.route.ref))) is not None:
            words = f"{self.route.ref} is left, to be tried again in {span(wake.at - view.now)}"
        passed: list[str] = []
        here = self.group.index_of(self.route)
        start = 0 if here is None else here + 1
        for entry in (*self.group.entries[start:], *self.group.entries[:start]):
            if entry.covers(chosen):
                break
            if not entry.covers(self.route):
                passed.append(f"{entry.id} ({why_not(entry.id, [r for r in view.order if entry.covers(r)], view)})")
        return f"{words}; passed over {', '.join(passed)}" if passed else words

    # What rests

    def _credential_rests(self) -> tuple[Rest, ...]:
        """A spent account rests; with the model alone where the failure says so. A refused key does not."""
        if self.failure.kind not in QUOTA:
            return ()
        whole = self.failure.scope is ScopeKind.CREDENTIAL
        kind = ScopeKind.CREDENTIAL if whole else ScopeKind.CREDENTIAL_MODEL
        return (self._rest(kind, self._cooldown_until()),)

    def _entry_rest(self, view: View) -> tuple[Rest, ...]:
        """The model at its provider rests: for want of capacity, or until the first of its accounts wakes."""
        if self.failure.kind in {K.CAPACITY, K.MODEL_NOT_FOUND}:
            return (self._rest(ScopeKind.MODEL, self._cooldown_until()),)
        if self.failure.kind not in QUOTA:
            return ()
        routes = view.routes_of(self.route.ref) or (self.route,)
        moments = [_rests_until(route, view) for route in routes if route not in view.refusals]
        known = [moment for moment in moments if moment is not None]
        if len(known) < len(moments) or not known:
            return ()  # an account of it is still good
        return (self._rest(ScopeKind.MODEL, min(known)),)

    def _rest(self, kind: ScopeKind, until: float) -> Rest:
        return Rest(Scope.of(kind, self.route), until, self.failure.kind.value)

    def _cooldown_until(self) -> float:
        """The server's word, else the entry's, else the file's."""
        if self.failure.until is not None:
            return self.failure.until
        entry = self.group.entry_of(self.route)
        own = None if entry is None else entry.cooldown_s
        return self.failure.at + (self.policy.cooldown_s if own is None else own)

    # The end

    def _going_on(
        self, routes: tuple[Route, ...], reason: str, rests: tuple[Rest, ...] = (), after_s: float = 0.0
    ) -> Decision:
        """Retry on `routes`, unless this incident has had its share."""
        event, policy = self.event, self.policy
        candidates = {*event.view.order, *event.tries}  # the model that failed first may be none of the group's
        if event.attempts >= len(candidates) + policy.max_retries:
            return Stop(f"{event.attempts} attempts have failed, which is all there are for one turn", rests)
        if event.began_at is not None and event.view.now - event.began_at - event.waited_s >= policy.max_episode_s:
            return Stop(f"this has failed for {span(policy.max_episode_s)}, which is maxEpisodeMs", rests)
        return Retry(routes, after_s, reason, rests)

    def _exhausted(self, view: View, rests: tuple[Rest, ...]) -> Decision:
        wake = first_wake(view, view.order)
        if wake is None:
            return Stop("no other entry of the group may be used", rests)
        words = f"no entry of the group may be used; the first is {wake.route}, in {span(wake.at - view.now)}"
        if self.policy.when_exhausted == "wait":
            if wake.at - view.now > self.policy.max_wait_s:
                return Stop(f"{words}, which is longer than maxWaitMs", rests)
            if "timers" in self.event.can:
                return Stop(f"{words}; waiting", (*rests, StartTimer(WAIT, wake.at, holds=True, label=WAIT_LABEL)))
        return Stop(words, rests)


def decide(event: RequestFailed, group: Group, policy: HaPolicy) -> Decision | None:
    """Answer a failed request as `group` and `policy` have it; None is for what they say nothing of."""
    return Ladder(event, group, policy).answer()


def first_wake(view: View, routes: Sequence[Route]) -> Wake | None:
    """The first moment at which one of `routes` wakes; None if none of them rests or one needs no waiting."""
    wakes = [
        Wake(until, route)
        for route in routes
        if route not in view.refusals and (until := _rests_until(route, view)) is not None
    ]
    return min(wakes, key=lambda wake: wake.at, default=None)


def why_not(name: str, routes: Sequence[Route], view: View) -> str:
    """Why an entry with these `routes` may not be used."""
    if not routes:
        return f"no usable account for {name.partition('/')[0]}"
    reasons = [reason for route in routes if (reason := view.why_not(route)) is not None]
    return reasons[0] if reasons else "it has failed in this incident"


def _rests_until(route: Route, view: View) -> float | None:
    rest = view.ledger.resting(route, now=view.now)
    return None if rest is None else rest.until
