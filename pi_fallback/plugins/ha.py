"""High availability: what is decided by the groups of ha.json, up and down their ladder."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pi_fallback.config.ha_policy import Group, HaPolicy
from pi_fallback.core.groups import ordered
from pi_fallback.core.ha_report import AccountName, AccountRow
from pi_fallback.core.ladder import WAIT, WAIT_LABEL, decide, first_wake
from pi_fallback.core.pooling import renews
from pi_fallback.core.returning import Cached, way_back
from pi_fallback.errors import LoginNeeded
from pi_fallback.plugins.ha_commands import HaCommands, Keeper
from pi_fallback_hookspecs import (
    AgentStart,
    AssistantMessage,
    CancelTimer,
    Command,
    Decision,
    Effect,
    FailureKind,
    Fault,
    FaultKind,
    MessageEnd,
    ModelSelect,
    Notify,
    OrderRoutes,
    RefuseRoutes,
    RequestFailed,
    Route,
    Run,
    SessionStart,
    StartTimer,
    SwitchRoute,
    TimerFired,
    UserAborted,
    View,
    hookimpl,
)

NAME = "ha"
GOING_ON: tuple[Effect, ...] = (CancelTimer(WAIT),)


@dataclass
class HighAvailability:
    """Decides as ha.json has it, within the active group, and leaves nothing to others that it has a word for.

    While the file has no group, `pool` decides in its place; the way back is found here all the same. What it remembers
    is of this session: the route that the user chose, which keys were refused, and of them which may have been `mended`
    since, what a provider has cached, and what it has said already. Without a group the work goes back to that route
    only if `has_failed` says that it was left for a failure or a rest: what another plugin chose instead stays.

    `accounts`, `path`, `when` and `keeper` are told by whoever knows them, for the commands; `version` rises when other
    routes come first. With `enabled` false no group counts.
    """

    policy: HaPolicy = field(default_factory=HaPolicy)
    group_name: str | None = None
    accounts: Sequence[AccountRow] = ()
    path: str = "ha.json"
    when: Callable[[float], str] | None = None
    keeper: Keeper | None = None
    version: int = 0
    enabled: bool = True
    refused: dict[AccountName, str] = field(default_factory=dict[AccountName, str], init=False)
    mock: Fault | None = field(default=None, init=False)
    all_routes: Sequence[Route] = field(default=(), init=False)
    mended: dict[AccountName, bool] = field(default_factory=dict[AccountName, bool], init=False)
    home: Route | None = field(default=None, init=False)
    has_failed: bool = field(default=False, init=False)
    cached: Cached | None = field(default=None, init=False)
    said: str = field(default="", init=False)

    @property
    def group(self) -> Group | None:
        """The group that is active. Without one the pool decides."""
        return self.policy.group(self.group_name) if self.enabled else None

    def follow(self, policy: HaPolicy) -> None:
        """Go by `policy` from now on: the file has changed."""
        if policy != self.policy:
            self.policy = policy
            self.version += 1

    def mocked(self, _route: Route) -> Fault | None:
        """The failure that is to take the place of the next request, once."""
        fault, self.mock = self.mock, None
        return fault

    def try_again(self, names: Iterable[tuple[str, ...]]) -> int:
        """Let those of these accounts that were refused be tried again; how many there were."""
        again = set(names)
        gone = [name for name, is_good in self.mended.items() if name in again and not is_good]
        for name in gone:
            self.refused.pop(name, None)
            self.mended[name] = True
        self.version += bool(gone)
        return len(gone)

    def waits_out(self, wait_s: float) -> bool | None:
        """Whether a run that finds everything at rest waits, `wait_s` seconds in all; None: the file has no group."""
        if self.group is None:
            return None
        return self.policy.when_exhausted == "wait" and wait_s <= self.policy.max_wait_s

    def waits(self, view: View) -> bool:
        """Whether the session waits for the first route that wakes."""
        return (NAME, WAIT) in view.timers

    @hookimpl
    def register_commands(self) -> Sequence[Command]:
        return HaCommands(self).commands()

    @hookimpl
    def session_start(self, event: SessionStart) -> None:
        self.home, self.has_failed = None if event.reason == "resume" else event.view.current, False
        self.cached, self.said = None, ""
        self.mended = dict.fromkeys(self.refused, False)

    @hookimpl
    def order_routes(self, event: OrderRoutes) -> Sequence[Route] | None:
        self.all_routes = event.order
        if (group := self.group) is None:
            return None
        return ordered(group, event.order, [route for route in (event.view.current, self.home) if route is not None])

    @hookimpl
    def refuse_routes(self, event: RefuseRoutes) -> dict[Route, str] | None:
        if not self.refused:
            return None
        names = ((route, self.refused.get((route.provider, route.credential))) for route in event.order)
        return {route: reason for route, reason in names if reason is not None}

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Decision | None:
        failure = event.failure
        fault, name = failure.fault, (failure.route.provider, failure.route.credential)
        self.has_failed = self.has_failed or failure.route == self.home
        not_had = fault is not None and fault.kind is FaultKind.KEY  # a command may work next time
        if fault is not None and not_had and fault.code == LoginNeeded.code:
            self.refused[name] = "a new login is needed"
        is_refused = failure.kind is FailureKind.AUTH and not not_had and not renews(event)
        if is_refused or name in self.refused:
            self.mended[name] = False
        if (group := self.group) is None:
            return None  # the pool decides, once third parties have passed
        if is_refused and self.policy.auth.startswith("next"):
            self.refused[name] = "its key was refused"
        return decide(event, group, self.policy)

    @hookimpl
    def agent_start(self, event: AgentStart) -> Sequence[Effect] | None:
        if event.cause not in {"prompt", "follow_up"}:
            return None
        tidy = GOING_ON if self.waits(event.view) else ()
        home = None if self.group is None and not self.has_failed else self.home
        found = way_back(event.view, self.group, self.policy, home, self.cached, self.mended)
        if found is None:
            return tidy
        if found.on:
            return (*tidy, SwitchRoute(found.on, found.reason))
        if found.reason == self.said:
            return tidy
        self.said = found.reason
        return (*tidy, Notify(found.reason))

    @hookimpl
    def message_end(self, event: MessageEnd) -> None:
        message, route = event.message, event.view.current
        if isinstance(message, AssistantMessage) and message.error is None and route is not None:
            if (name := (route.provider, route.credential)) not in self.refused:
                self.mended.pop(name, None)
            self.has_failed = self.has_failed and route != self.home
            usage = message.usage
            caches = usage.cache_read or usage.cache_write  # who reports nothing of it may have none
            tokens = usage.input + usage.cache_read + usage.cache_write if caches else 0
            self.cached = Cached(route, tokens, event.view.now)

    @hookimpl
    def model_select(self, event: ModelSelect) -> None:
        if event.source == "user":
            self.home, self.has_failed = event.route, False
        elif event.previous is not None and event.previous == self.home and not event.view.usable(event.previous):
            self.has_failed = True  # it rests by the word of another agent, or cannot take what was said

    @hookimpl
    def user_aborted(self, event: UserAborted) -> Sequence[Effect] | None:
        waiting = self.waits(event.view)
        if not waiting and event.during != "backoff":
            return None
        return (*(GOING_ON if waiting else ()), Notify("The wait is cancelled."))

    @hookimpl
    def timer_fired(self, event: TimerFired) -> Effect:
        view = event.view
        if routes := tuple(route for route in view.order if view.usable(route)):
            return Run(routes, reason="the first route may be tried again", fresh=True)
        return self._wait_for_first(view) or Notify("Waiting has not helped: no route may be used.", "warning")

    def _wait_for_first(self, view: View) -> StartTimer | None:
        wake = first_wake(view, view.order)
        if wake is None or wake.at - view.now > self.policy.max_wait_s:
            return None
        return StartTimer(WAIT, wake.at, holds=True, label=WAIT_LABEL)
