"""The engine: begins attempts and answers their failures, synchronously and without I/O.

What needs an answer from plugins is a *plan*: a generator that yields `Ask` and is sent the answer,
so that one code serves a driver that asks inline and one that awaits. A plan books what happened
before it asks, and may be dropped at every `Ask`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import cast

from pi_fallback.config.policies import RetryPolicy
from pi_fallback.core.backoff import Chance, delay_s
from pi_fallback.core.booking import Failed, Worked
from pi_fallback.core.classify import REPEATABLE, classify
from pi_fallback.core.eligibility import Needs, ineligible, needs_of
from pi_fallback.core.error_rows import rows_for
from pi_fallback.core.retry_budget import RetryBudget
from pi_fallback.core.routing import Routing
from pi_fallback.core.table import RouteTable
from pi_fallback.runtime.plans import (
    Ask,
    Attempt,
    Book,
    Episode,
    GiveUp,
    Incident,
    Outcome,
    Plan,
    Pool,
    RetrySame,
    Switch,
)
from pi_fallback_hookspecs import (
    Ability,
    ClassifyFailure,
    CompactHistory,
    Decision,
    ErrorRow,
    Failure,
    FailureKind,
    Fault,
    FaultKind,
    Judgement,
    OrderRoutes,
    RefuseRoutes,
    Request,
    RequestFailed,
    Rest,
    Route,
    ScopeKind,
    Stop,
    View,
    Wake,
)

INCIDENT_S = 3600.0  # an hour of failing is an end, whatever the plugins say
LONGEST_WAIT_S = 31 * 86_400.0  # no server's word counts for longer
LONGEST_SLEEP_S = 86_400.0  # no wait of a run is longer: whoever wants more starts a timer
BUDGET_PER_ROUTE = 4
BUDGET_MAX = 50
BUDGET_MIN = 8  # a single route with the default backoff needs four
COMPACTED = "the history was shortened in this incident already"
BROKE = "the retry budget is spent, because too many repeats have failed lately"
BY_FRESH_CONNECTION = frozenset({FailureKind.NETWORK, FailureKind.TIMEOUT, FailureKind.SERVER_ERROR})


@dataclass
class Engine:
    """Decides which route a request takes and what follows its failure.

    `asked` names the hooks that at least one plugin implements: the others are not asked at all. `today` is the
    user's own calendar and clock, with its zone: by it "resets 7pm" becomes a wait. `error_rows` are of plugins.
    `waits_out` says whether a run that finds everything at rest waits, by how many seconds the waits of its incident
    come to with this one; None: as `policy` has it.
    """

    book: Book
    now: Callable[[], float]
    pool: Callable[[], Pool]
    policy: RetryPolicy
    chance: Chance
    can: frozenset[Ability] = frozenset()
    asked: frozenset[str] = frozenset()
    timers: Callable[[], Mapping[tuple[str, str], float]] = dict
    explain: Callable[[Routing], None] | None = None
    today: Callable[[], datetime | None] = lambda: None
    error_rows: Sequence[ErrorRow] = ()
    waits_out: Callable[[float], bool | None] = lambda _wait_s: None
    _retries: RetryBudget = field(default=RetryBudget(), init=False)
    _table: RouteTable = field(default_factory=lambda: RouteTable(()), init=False)
    _table_key: tuple[int, int, Needs, Route | None] | None = field(default=None, init=False)
    _needs: Needs = field(default=Needs(), init=False)

    @property
    def order(self) -> Sequence[Route]:
        """The routes best first, as they were last asked for."""
        return self._table.order

    def view(self, current: Route | None, episode: Episode | None = None) -> View:
        """What plugins may look at now."""
        return View(
            now=self.now(),
            current=current,
            order=self._table.order,
            ledger=self.book.ledger,
            refusals=self._table.refusals,
            visited=episode.visited if episode else frozenset(),
            timers=self.timers(),
            catalog=self.pool().catalog,
        )

    def refresh(self, current: Route | None = None) -> Plan[None]:
        """Ask for order and refusals anew, if pool, ledger, the request's needs or the route have changed since."""
        pool, needs = self.pool(), self._needs  # another call may set its own needs while plugins are asked
        gone = current is not None and pool.lacks(current)
        asks_order, asks_refusals = "order_routes" in self.asked, "refuse_routes" in self.asked
        seen_ledger = self.book.ledger.generation if asks_order or asks_refusals else 0
        key = (pool.version, seen_ledger, needs, current if asks_order or gone else None)
        if key == self._table_key:
            return
        order: Sequence[Route] = pool.order
        refusals: Mapping[Route, str] = {}
        left_out: dict[Route, str] = {}
        if asks_order:
            view = self.view(current)
            known = frozenset(pool.order)
            answer = cast("Sequence[Route]", (yield Ask("order_routes", OrderRoutes(view=view, order=pool.order))))
            order = tuple(dict.fromkeys(route for route in answer if route in known))
            left_out = dict.fromkeys(known.difference(order), "left out by a plugin")
        if asks_refusals:
            view = self.view(current)
            event = RefuseRoutes(view=view, order=tuple(order))
            refusals = cast("Mapping[Route, str]", (yield Ask("refuse_routes", event)))
        unfit = ineligible(order, pool.catalog, needs)
        if current is not None and gone:
            left_out[current] = "its account is gone"
        if left_out or unfit:
            refusals = {**unfit, **left_out, **refusals}
        self._table = RouteTable(order, refusals)
        self._table_key = key

    def begin(self, episode: Episode, request: Request, prefer: Route | None) -> Plan[Attempt | None]:
        """Begin an attempt on `prefer` if it may be used, else on the best usable route.

        None if there is none, or if the incident has failed too often or for too long. An attempt that
        was begun before on this episode is stale from now on: its results are ignored.
        """
        self.expect(request)
        yield from self.refresh(prefer)
        now, incident = self.now(), episode.incident
        if incident is not None and incident.is_spent(now):
            self._routed(episode, now, None, "this has failed too often")
            return None
        route = prefer if prefer is not None and self.usable(prefer) else None
        if route is None and prefer is not None:  # another account of the model that was chosen comes before others
            siblings = (other for other in self._table.order if other.ref == prefer.ref)
            route = next((other for other in siblings if other not in episode.visited and self.usable(other)), None)
        if route is None:
            route = self._table.best(self.book.ledger, now=now, without=episode.visited)
        if route is None:
            self._routed(episode, now, None, "no route may be used")
            return None
        episode.generation += 1
        attempt = Attempt(route, request, episode, episode.generation, now)
        if incident is None:
            reason = "the session stands on it" if route == prefer else "the first that may be used"
            self._routed(episode, now, route, reason)
        else:
            attempt.fresh, incident.fresh_next = incident.fresh_next, False
            if route != prefer:
                self._routed(episode, now, route, "the one that was chosen may not be used any more")
        return attempt

    def rest_to_wait_out(self, episode: Episode) -> Failure | None:
        """When no attempt could begin: the rest that is worth waiting for, as a failure whose `until` is its end.

        Booked as a wait of the incident: it is the sum of its waits that is allowed or not.
        """
        now, ledger = self.now(), self.book.ledger
        allowed = (route for route in self._table.order if route not in self._table.refusals)
        rests = [(rest.until, route, rest.reason) for route in allowed if (rest := ledger.resting(route, now=now))]
        if not rests or self.is_spent(episode):
            return None
        until, route, reason = min(rests)
        incident = episode.incident or self._new_incident(episode, now)
        sum_s = incident.waited_s + until - now
        if (waits := self.waits_out(sum_s)) is None:
            waits = self.policy.enabled and sum_s <= self.policy.max_delay_s
        if not waits:
            return None
        self._granted(incident, until - now)
        judged = Judgement(FailureKind.UNKNOWN, ScopeKind.REQUEST, until - now, reason)
        return _failure(route, Fault(FaultKind.OTHER, f"it rests: {reason}"), judged, now)

    def usable(self, route: Route) -> bool:
        """Whether `route` is neither refused nor resting now."""
        return self._usable_at(route, self.now())

    def _usable_at(self, route: Route, moment: float) -> bool:
        return route not in self._table.refusals and self.book.ledger.resting(route, now=moment) is None

    def complete(self, attempt: Attempt) -> None:
        """Book that `attempt` ended well; the incident is over."""
        if not attempt.current:
            return
        ledger, model, now = self.book.ledger, attempt.route.ref, self.now()
        if (incident := attempt.episode.incident) is not None:
            self._retries = self._retries.refund(incident.spent, now=now)
            attempt.episode.incident = None
        # Booked only when it tells something new: a healthy agent does not write at every turn.
        last = max(ledger.worked_at, key=ledger.worked_at.__getitem__, default=None)
        if model in ledger.failures or last != model or now - ledger.worked_at[model] > 60.0:
            self.book.enter(Worked(model, now))

    def failed(self, attempt: Attempt, fault: Fault) -> Plan[Outcome | None]:
        """Judge the fault of `attempt` and say what follows; None if a newer attempt took its place.

        The order: a dead pooled connection once more, free; then plugins; then, if nobody has decided
        in this incident, the host's own backoff; then giving up.
        """
        if not attempt.current:
            return None
        self.expect(attempt.request)
        now = self.now()
        rows = rows_for(attempt.route.provider, self.error_rows) if self.error_rows else ()
        judged = classify(fault, self.today(), rows)
        failure = _failure(attempt.route, fault, judged, now)
        if fault.kind is FaultKind.STALE and not attempt.stale_repeat:
            attempt.stale_repeat = attempt.fresh = True
            return RetrySame(failure, "the pooled connection was dead", free=True, fresh=True)
        incident = self._booked(attempt, failure, now)
        if "classify_failure" in self.asked:
            view = self.view(attempt.route, attempt.episode)
            try:
                answer = yield Ask(
                    "classify_failure", ClassifyFailure(view=view, failure=failure, can=self._can(attempt.episode))
                )
            except GeneratorExit:  # nobody will answer any more, and it has failed all the same
                self._mark(failure, now)
                raise
            if isinstance(answer, Judgement):
                failure = _failure(attempt.route, fault, answer, now)
                incident.failures[attempt.route] = failure
        self._mark(failure, now)
        yield from self.refresh(attempt.route)
        outcome = yield from self._outcome(attempt, incident, failure)
        self._explained(attempt.episode, outcome)
        return outcome

    def _outcome(self, attempt: Attempt, incident: Incident, failure: Failure) -> Plan[Outcome]:
        if incident.is_spent(self.now()):
            return GiveUp(failure, False, "this has failed too often")
        if "request_failed" in self.asked:
            event = RequestFailed(
                view=self.view(attempt.route, attempt.episode),
                can=self._can(attempt.episode),
                failure=failure,
                request=attempt.request,
                attempts=incident.attempts,
                tries=MappingProxyType(dict(incident.tries)),
                failures=MappingProxyType(dict(incident.failures)),
                waited_s=incident.waited_s,
                longest_wait_s=self.policy.max_delay_s if self.policy.enabled else 0.0,
                began_at=incident.began_at,
                compacted=incident.compacted,
            )
            answer = yield Ask("request_failed", event)
            # Meanwhile another call may have looked at the routes with its own needs.
            self.expect(attempt.request)
            yield from self.refresh(attempt.route)
            if answer is not None:
                by, decision = cast("tuple[str, Decision]", answer)
                return self._decided(attempt, incident, failure, by, decision)
        return self._backoff(attempt, incident, failure)

    def booked(self, effect: Rest | Wake) -> None:
        """Book a rest, of 31 days at most, or its end in the ledger."""
        if isinstance(effect, Rest):
            effect = replace(effect, until=min(effect.until, self.now() + LONGEST_WAIT_S))
        self.book.enter(effect)
        if isinstance(effect, Wake):
            self._table = RouteTable(self._table.order, self._table.refusals)

    def is_spent(self, episode: Episode) -> bool:
        """Whether this incident has failed too often, or for too long, for another attempt."""
        return episode.incident is not None and episode.incident.is_spent(self.now())

    def expect(self, request: Request) -> None:
        """Let `request` decide which routes can take what comes next, before it is begun."""
        self._needs = needs_of(request)

    def allow_backoff(self, allowed: bool) -> None:
        """Switch the host's own backoff on or off."""
        self.policy = replace(self.policy, enabled=allowed)

    def first_usable(self, on: Sequence[Route]) -> Route | None:
        return next((route for route in on if self.usable(route)), None)

    def recoverable(self, episode: Episode) -> bool:
        """Whether a usable model is left that this incident has not tried."""
        tried = {route.ref for route in episode.visited}
        ledger, now = self.book.ledger, self.now()
        return any(
            route.ref not in tried and route not in self._table.refusals and ledger.resting(route, now=now) is None
            for route in self._table.order
        )

    def _booked(self, attempt: Attempt, failure: Failure, now: float) -> Incident:
        incident = attempt.episode.incident or self._new_incident(attempt.episode, now)
        incident.tries[attempt.route] += 1
        incident.failures[attempt.route] = failure
        incident.attempts += 1
        return incident

    def _new_incident(self, episode: Episode, now: float) -> Incident:
        # The host's own repeats come on top: however many were asked for, other routes keep their chance.
        budget = max(BUDGET_MIN, min(BUDGET_MAX, BUDGET_PER_ROUTE * len(self._table.order)))
        budget += self.policy.max_retries if self.policy.enabled else 0
        incident = episode.incident = Incident(now, now + INCIDENT_S, budget)
        return incident

    def _mark(self, failure: Failure, now: float) -> None:
        if failure.kind in {FailureKind.ABORTED, FailureKind.NOT_AN_ERROR}:
            return
        self.book.enter(Failed(failure.route.ref, now, failure.kind, failure.text))

    def _decided(self, attempt: Attempt, incident: Incident, failure: Failure, by: str, decision: Decision) -> Outcome:
        incident.decided = True
        booked = tuple(effect for effect in decision.effects if isinstance(effect, Rest | Wake))
        for effect in booked:
            self.booked(effect)
        rest = tuple(effect for effect in decision.effects if not isinstance(effect, Rest | Wake))
        if isinstance(decision, Stop):
            return GiveUp(failure, False, decision.reason, by, rest, booked, stopped=True)
        after_s = min(decision.after_s, LONGEST_SLEEP_S)
        route = self._first_of(attempt.route, incident, decision.on, after_s)
        others = tuple(effect for effect in rest if not isinstance(effect, CompactHistory))
        if route is None:
            reason = "none of the routes asked for may be used" if decision.on else decision.reason
            return GiveUp(failure, self.recoverable(attempt.episode), reason, by, others, booked)
        if len(others) < len(rest) and incident.compacted:
            return GiveUp(failure, False, COMPACTED, by, others, booked, stopped=True)
        if not self._afford(incident, failure):
            return GiveUp(failure, False, BROKE, by, others, booked, stopped=True)
        incident.compacted = incident.compacted or len(others) < len(rest)
        self._granted(incident, after_s)
        if route == attempt.route:
            fresh = incident.fresh_next = failure.kind in BY_FRESH_CONNECTION
            return RetrySame(failure, decision.reason, after_s, fresh=fresh, by=by, effects=rest, booked=booked)
        return Switch(route, failure, decision.reason, after_s, by, rest, booked)

    def _can(self, episode: Episode) -> frozenset[Ability]:
        return self.can if episode.can is None else episode.can

    def _first_of(self, failed: Route, incident: Incident, on: Sequence[Route], after_s: float) -> Route | None:
        """The first route that may be used once the wait is over and that this incident has not tried.

        One that it has tried counts if it was named first and is the failed one, or is to be waited for.
        """
        at = self.now() + after_s
        first = on[0] if on else None
        if first is not None and (first == failed or after_s > 0.0) and self._usable_at(first, at):
            return first
        return next((route for route in on if route not in incident.tries and self._usable_at(route, at)), None)

    def _backoff(self, attempt: Attempt, incident: Incident, failure: Failure) -> Outcome:
        wait: float | None = None
        if not incident.decided and failure.kind in REPEATABLE:
            wait = delay_s(self.policy, incident.repeats, failure.retry_after_s, self.chance)
        if wait is None:
            return GiveUp(failure, self.recoverable(attempt.episode), _why_no_repeat(incident, failure))
        if not self._afford(incident, failure):
            return GiveUp(failure, False, BROKE, stopped=True)
        incident.repeats += 1
        self._granted(incident, wait)
        fresh = incident.fresh_next = failure.kind in BY_FRESH_CONNECTION
        return RetrySame(failure, "backoff", wait, incident.repeats, self.policy.max_retries, fresh=fresh)

    def _afford(self, incident: Incident, failure: Failure) -> bool:
        """Pay for another attempt out of the retry budget."""
        left = self._retries.spend(failure.kind, now=self.now())
        if left is None:
            return False
        self._retries = left
        incident.spent[failure.kind] += 1
        return True

    def _granted(self, incident: Incident, wait_s: float) -> None:
        incident.waited_s += wait_s
        incident.deadline += wait_s  # a wait that was granted is no failing

    def _explained(self, episode: Episode, outcome: Outcome) -> None:
        failure = outcome.failure
        choice: Route | None = None
        after_s = 0.0
        if not isinstance(outcome, GiveUp):
            choice = outcome.route if isinstance(outcome, Switch) else failure.route
            after_s = outcome.after_s
        self._routed(episode, self.now(), choice, outcome.reason, failure, outcome.by, after_s)

    def _routed(
        self,
        episode: Episode,
        now: float,
        choice: Route | None,
        reason: str,
        failure: Failure | None = None,
        by: str = "",
        after_s: float = 0.0,
    ) -> None:
        if self.explain is not None:
            table = self._table
            looked_at = (table.refusals, episode.visited, self.book.ledger)
            self.explain(Routing(now, table.order, choice, reason, failure, by, after_s, *looked_at))


def _failure(route: Route, fault: Fault, judged: Judgement, now: float) -> Failure:
    return Failure(
        route=route,
        kind=judged.kind,
        scope=judged.scope,
        text=fault.text or fault.kind.value,
        phase=fault.phase,
        at=now,
        retry_after_s=None if judged.retry_after_s is None else min(judged.retry_after_s, LONGEST_WAIT_S),
        reason=judged.reason,
        fault=fault,
    )


def _why_no_repeat(incident: Incident, failure: Failure) -> str:
    if failure.kind not in REPEATABLE:
        return "a repeat would not mend it"
    return "nothing is left to try" if incident.decided else "the repeats are used up"
