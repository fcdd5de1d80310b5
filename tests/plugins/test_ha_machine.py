"""The ladder over many incidents: whatever fails in whatever order, it walks as a simple reference walks."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pi_fallback.config.ha_policy import ACTIONS, Entry, Group, HaPolicy
from pi_fallback.config.schema import RetryPolicy
from pi_fallback.core.spans import span
from pi_fallback.plugins.ha import NAME, HighAvailability
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import BROKE, Engine
from pi_fallback.runtime.plans import Attempt, Episode, GiveUp, Pool, RetrySame, Switch, inline
from pi_fallback.runtime.registry import Registry
from pi_fallback_hookspecs import (
    Failure,
    FailureKind,
    Fault,
    FaultKind,
    Request,
    Rest,
    Route,
    Scope,
    ScopeKind,
    StartTimer,
    user_message,
)
from tests.rigs import NoChance
from tests.runtime.test_engine import PlainBook

K = FailureKind
REQUEST = Request((user_message("go"),))
POOL = tuple(
    Route(provider, model, label)
    for provider, model, labels in (("a", "A", 3), ("a", "S", 3), ("b", "B", 2), ("c", "C", 1))
    for label in ("primary", "backup-1", "backup-2")[:labels]
)
IDS = ("a/A", "a/S", "b/B", "c/C")
FAULTS = {
    K.RATE_LIMIT: Fault(FaultKind.STATUS, "", status=429),
    K.QUOTA_EXHAUSTED: Fault(FaultKind.STATUS, "", status=402),
    K.CAPACITY: Fault(FaultKind.STATUS, "", status=529),
    K.AUTH: Fault(FaultKind.STATUS, "", status=401),
    K.MODEL_NOT_FOUND: Fault(FaultKind.STATUS, "", status=404),
    K.SERVER_ERROR: Fault(FaultKind.STATUS, "", status=500),
    K.NETWORK: Fault(FaultKind.BROKEN, ""),
}
PASSING = {K.SERVER_ERROR, K.NETWORK}

actions = st.sampled_from(ACTIONS)
policies = st.builds(
    HaPolicy,
    groups=st.lists(st.sampled_from(IDS), min_size=1, unique=True).map(
        lambda ids: {"g": Group("g", tuple(map(Entry, ids)))}
    ),
    capacity=actions,
    quota=actions,
    auth=actions,
    network=st.none() | actions,
    cooldown_s=st.sampled_from([0.0, 60.0, 3600.0]),
    max_retries=st.integers(0, 2),
    max_episode_s=st.just(1e9),
    when_exhausted=st.sampled_from(["stop", "wait"]),
)


class Incidents(RuleBasedStateMachine):
    """Prompts, failures, answers, time, and other agents that rest this and that."""

    @initialize(policy=policies, current=st.sampled_from(POOL))
    def begin(self, policy: HaPolicy, current: Route) -> None:
        self.now, self.current, self.policy = 1000.0, current, policy
        self.plugin = HighAvailability(policy)
        registry = Registry.load(first=[(NAME, self.plugin)])
        self.dispatcher = Dispatcher(registry, runner="inline")
        self.engine = Engine(
            book=PlainBook(),
            now=lambda: self.now,
            pool=lambda: Pool(POOL, {}, self.plugin.version),
            policy=RetryPolicy(enabled=False),
            chance=NoChance(),
            can=frozenset({"timers"}),
            asked=registry.asked,
        )
        self.episode = Episode()
        self.attempt: Attempt | None = None
        self.asked: list[Route] = []
        self.failures: dict[Route, Failure] = {}  # of a route the last one: a key that is limited was taken

    @precondition(lambda self: self.attempt is None)
    @rule()
    def prompt(self) -> None:
        self.episode, self.asked, self.failures = Episode(), [], {}
        self.ask(self.current)
        if self.attempt is None:
            assert not any(self.engine.usable(route) for route in self.engine.order)

    @precondition(lambda self: self.attempt is not None)
    @rule(kind=st.sampled_from(list(FAULTS)), hint_s=st.sampled_from([None, 0.0, 5.0, 7200.0]))
    def fail(self, kind: FailureKind, hint_s: float | None) -> None:
        attempt, self.attempt = self.attempt, None
        assert attempt is not None
        outcome = inline(self.engine.failed(attempt, replace(FAULTS[kind], retry_after_s=hint_s)), self.answer)
        assert outcome is not None
        self.failures[attempt.route] = outcome.failure
        action = self.action(outcome.failure.kind)
        expected = self.reference(attempt.route, action)
        match outcome:
            case GiveUp(reason=reason):
                spent = len(self.asked) >= self.most
                assert expected is None or action in ("stop", "retry") or spent or reason == BROKE, reason
                if "no entry of the group may be used" in reason:
                    self.names_the_earliest(outcome)
            case RetrySame(after_s=after_s):
                assert action in ("retry", None)
                assert self.asked.count(attempt.route) <= self.policy.max_retries
                self.now += after_s
                self.ask(attempt.route)
            case Switch(route=route):
                assert route not in self.asked
                assert self.engine.usable(route)
                assert self.policy.groups["g"].index_of(route) is not None or route.ref == attempt.route.ref
                assert outcome.after_s == 0.0
                if outcome.failure.kind not in PASSING:  # those go to other providers first
                    assert route == expected
                self.ask(route)

    @precondition(lambda self: self.attempt is not None)
    @rule()
    def answer_well(self) -> None:
        assert self.attempt is not None
        self.engine.complete(self.attempt)
        self.attempt = None

    @precondition(lambda self: self.attempt is None)
    @rule(pause_s=st.sampled_from([0.5, 61.0, 4000.0]))
    def wait(self, pause_s: float) -> None:
        self.now += pause_s

    @rule(route=st.sampled_from(POOL), kind=st.sampled_from([ScopeKind.CREDENTIAL, ScopeKind.MODEL]))
    def let_another_agent_rest(self, route: Route, kind: ScopeKind) -> None:
        self.engine.booked(Rest(Scope.of(kind, route), self.now + 100.0, "quota_exhausted"))

    @invariant()
    def is_bounded(self) -> None:
        if self.asked:
            assert len(self.asked) <= self.most
            assert all(self.asked.count(route) <= 1 + self.policy.max_retries for route in self.asked)

    @property
    def most(self) -> int:
        """Each candidate once, and the repeats."""
        return len({*self.engine.order, *self.asked}) + self.policy.max_retries

    def ask(self, prefer: Route) -> None:
        attempt = inline(self.engine.begin(self.episode, REQUEST, prefer), self.answer)
        if attempt is not None:
            assert self.engine.usable(attempt.route)
            self.asked.append(attempt.route)
            self.current = attempt.route
        self.attempt = attempt

    def answer(self, hook: str, event: object) -> object:
        return self.dispatcher.ask_sync(hook, event)  # pyright: ignore[reportArgumentType]  # an event, by its hook

    def action(self, kind: FailureKind) -> str | None:
        match kind:
            case K.RATE_LIMIT | K.QUOTA_EXHAUSTED:
                return self.policy.quota
            case K.CAPACITY:
                return self.policy.capacity
            case K.AUTH:
                return self.policy.auth
            case K.MODEL_NOT_FOUND:
                return "next_provider"
            case _:
                return self.policy.network

    def reference(self, failed: Route, action: str | None) -> Route | None:
        """Who is next: the accounts of the failed model in order, then the entries behind it, then those before."""
        entries = [entry.id for entry in self.policy.groups["g"].entries]
        here = entries.index(str(failed.ref)) + 1 if str(failed.ref) in entries else 0
        models: Sequence[str] = [name for name in (*entries[here:], *entries[:here]) if name != str(failed.ref)]
        if action == "next_key_then_provider":
            models = [str(failed.ref), *models]
        walk = (route for name in models for route in POOL if str(route.ref) == name)
        return next((route for route in walk if self.may_help(route)), None)

    def may_help(self, route: Route) -> bool:
        return (
            route not in self.asked
            and self.engine.usable(route)
            and not any(
                (one.kind is K.MODEL_NOT_FOUND and one.route.ref == route.ref)
                or (
                    one.kind is K.AUTH
                    and (one.route.provider, one.route.credential) == (route.provider, route.credential)
                )
                for one in self.failures.values()
            )
        )

    def names_the_earliest(self, outcome: GiveUp) -> None:
        view = self.engine.view(self.current, self.episode)
        rests = (view.ledger.resting(route, now=self.now) for route in view.order if route not in view.refusals)
        earliest = min((rest.until for rest in rests if rest is not None), default=None)
        timers = [effect.at for effect in outcome.effects if isinstance(effect, StartTimer)]
        if earliest is None:
            assert (outcome.reason, timers) == ("no other entry of the group may be used", [])
            return
        assert f", in {span(earliest - self.now)}" in outcome.reason
        waits = self.policy.when_exhausted == "wait" and earliest - self.now <= self.policy.max_wait_s
        assert timers == ([earliest] if waits else [])


class TestIncidents(Incidents.TestCase):
    settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
