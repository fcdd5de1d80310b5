"""High availability: groups of ha.json, the way up and down their ladder, and `/ha-…`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pi_fallback.config.ha_policy import Group, HaPolicy
from pi_fallback.core.groups import ordered
from pi_fallback.core.ha_report import AccountName, AccountRow, Report
from pi_fallback.core.ladder import WAIT, WAIT_LABEL, decide, first_wake
from pi_fallback.core.pooling import renews
from pi_fallback.core.rehearsal import FAULTS
from pi_fallback.core.returning import Cached, way_back
from pi_fallback.core.spans import span
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import (
    AgentEnd,
    AgentStart,
    AssistantMessage,
    CancelTimer,
    Command,
    CommandContext,
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
    StopReason,
    SwitchRoute,
    TimerFired,
    UserAborted,
    View,
    Wake,
    hookimpl,
)

NAME = "ha"
LOGIN_NEEDED = "login_needed"  # the code of the fault
GOING_ON: tuple[Effect, ...] = (CancelTimer(WAIT),)
HOW_TO_EDIT = (
    "Edit {path}, or say\n"
    "    pi-fallback ha group add NAME provider/model …\n"
    "An edit counts at once. What acts on this session:\n"
    "    /ha-use GROUP, /ha-activate PROVIDER LABEL, /ha-clear,\n"
    "    /ha-mock-error KIND"
)
STORED = "ha.json"  # where an account is found that auth.json does not have


class Keeper(Protocol):
    """Keeps auth.json and the accounts of ha.json alike, and says what it did. Raises `ConfigError`."""

    async def sync(self, *, create: bool = True) -> Sequence[str]: ...

    async def activate(self, provider: str, label: str) -> Sequence[str]: ...


@dataclass
class HaCommands:
    """What works with and without a group: the report, accounts by name, and a failure on demand.

    `accounts`, `path` and `when` are told by whoever knows them; `version` rises when other routes come first. With
    `enabled` false no group counts.
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

    @property
    def group(self) -> Group | None:
        """The group that is active. Without one the pool decides."""
        return self.policy.group(self.group_name) if self.enabled else None

    def follow(self, policy: HaPolicy) -> None:
        """Go by `policy` from now on: the file has changed."""
        if policy != self.policy:
            self.policy = policy
            self.version += 1

    def try_again(self, names: Iterable[AccountName]) -> None:
        """Hear that these accounts have another secret now: one that was refused may be tried again."""
        self._forget(names)

    def mocked(self, _route: Route) -> Fault | None:
        """The failure that is to take the place of the next request, once."""
        fault, self.mock = self.mock, None
        return fault

    @hookimpl
    def register_commands(self) -> Sequence[Command]:
        return (
            Command("ha", "groups and accounts, and how to change them", self.show_all),
            Command("ha-status", "groups, accounts, and who rests until when", self.show),
            Command("ha-use", "make a group of ha.json the active one", self.use, self.complete_groups, "GROUP"),
            Command("ha-activate", "go on with this account", self.activate, self.complete_accounts, "PROVIDER LABEL"),
            Command("ha-sync", "let auth.json and ha.json know the same accounts", self.sync),
            Command("ha-clear", "end the rests, of all or of one account", self.clear, self.complete_accounts, "[…]"),
            Command("ha-mock-error", "let the next request fail", self.mock_error, complete_kinds, "KIND"),
        )

    async def show(self, context: CommandContext, _argument: str) -> str:
        view = context.view

        def relative(moment: float) -> str:
            return f"in {span(moment - view.now)}"

        routes = self.all_routes or view.order
        when = self.when or relative
        return Report(view, routes, self.accounts, when, self.policy, self.group, self.refused).text()

    async def show_all(self, context: CommandContext, argument: str) -> str:
        said: Sequence[str] = ()
        if self.keeper is not None:
            try:
                said = await self.keeper.sync(create=False)
            except ConfigError as error:
                said = (str(error),)
        return "\n".join((*said, await self.show(context, argument), "", HOW_TO_EDIT.format(path=self.path)))

    async def sync(self, _context: CommandContext, _argument: str) -> Sequence[Effect] | str:
        """Store what was logged in elsewhere, and bring renewed tokens to where they are missing."""
        if self.keeper is None:
            return "Nobody keeps accounts here."
        try:
            said = await self.keeper.sync()
        except ConfigError as error:
            return (Notify(str(error), "error"),)
        return "\n".join(said) or f"auth.json and {self.path} know the same accounts."

    async def use(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        """Another group for this session; it goes there at once, unless its model is one of the group's."""
        if argument not in self.policy.groups:
            names = ", ".join(self.policy.groups)
            known = f"The groups are {names}." if names else f"There are none in {self.path}."
            return f"There is no group {argument!r}. {known}" if argument else f"Say which: /ha-use GROUP. {known}"
        self.group_name = argument
        self.version += 1
        group, view = self.policy.groups[argument], context.view
        told = Notify(f"The group {argument} is active for this session.")
        if view.current is not None and group.index_of(view.current) is not None:
            return (told,)
        routes = [r for r in ordered(group, self.all_routes or view.order) if group.index_of(r) is not None]
        return (told, SwitchRoute(tuple(routes), f"the group {argument}")) if routes else (told,)

    async def activate(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        """The session goes on with one account, which is woken for that; it goes into auth.json, for pi too."""
        view, name = context.view, tuple(argument.split())
        row = next((row for row in self.accounts if (row.provider, row.label) == name), None)
        if row is None:
            known = ", ".join(f"{row.provider} {row.label}" for row in self.accounts)
            return f"Say which account: /ha-activate PROVIDER LABEL. There are: {known or 'none'}."
        told: tuple[Effect, ...] = ()
        if self.keeper is not None and row.found_in == STORED:
            try:
                said = await self.keeper.activate(row.provider, row.label)
            except ConfigError as error:
                return (Notify(f"{argument} was not activated: {error}", "error"),)
            told = (Notify("\n".join((*said, f"auth.json has {argument} now."))),)
        routes = [route for route in view.order if (route.provider, route.credential) == name]
        if not routes:
            why = row.unusable or "no entry of the active group is of this provider"
            return (*told, Notify(f"{argument} cannot be used here: {why}.", "warning"))
        current = view.current
        routes.sort(key=lambda route: current is None or route.ref != current.ref)
        wakes = self._woken(view, [routes[0]])
        self._forget([name])
        return (*told, *wakes, SwitchRoute((routes[0],), "/ha-activate"))

    async def clear(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        """End rests before their time: all, those of a provider, or those of one account."""
        view, words = context.view, argument.split()
        names = [(row.provider, row.label) for row in self.accounts if [row.provider, row.label][: len(words)] == words]
        if words and not names:
            return f"There is no account {argument!r}. /ha-status lists them."
        if words:
            routes = [r for r in self.all_routes or view.order if (r.provider, r.credential) in names]
            wakes = self._woken(view, routes)
        else:
            wakes = [Wake(scope) for scope in view.ledger.rests]
        count = len(wakes) + self._forget(names if words else list(self.refused))
        on = (StartTimer(WAIT, view.now, holds=True),) if (NAME, WAIT) in view.timers else ()
        return (*wakes, *on, Notify(f"{count} rest{'' if count == 1 else 's'} ended." if count else "Nothing rests."))

    async def mock_error(self, _context: CommandContext, argument: str) -> str:
        """The next request is not sent: it fails as providers fail, and all that follows is real."""
        if argument not in FAULTS:
            return f"Say how it is to fail: /ha-mock-error KIND, one of {', '.join(FAULTS)}."
        self.mock = FAULTS[argument]
        return f"The next request will fail as {argument}; what rests after it rests really, until /ha-clear."

    def complete_groups(self, _view: View, prefix: str) -> Sequence[str]:
        return [name for name in self.policy.groups if name.startswith(prefix)]

    def complete_accounts(self, _view: View, prefix: str) -> Sequence[str]:
        names = [f"{row.provider} {row.label}" for row in self.accounts]
        return [name for name in names if name.startswith(prefix)]

    def _woken(self, view: View, routes: Iterable[Route]) -> list[Wake]:
        rests = view.ledger.rests
        return [Wake(scope) for scope in rests if any(scope.covers(route) for route in routes)]

    def _forget(self, names: Iterable[tuple[str, ...]]) -> int:
        """Let refused keys be tried again; how many there were."""
        gone = [name for name in self.refused if name in set(names)]
        for name in gone:
            del self.refused[name]
        self.version += bool(gone)
        return len(gone)


class HighAvailability(HaCommands):
    """Decides as ha.json has it, within the active group, and leaves nothing to others that it has a word for.

    While the file has no group, `pool` decides in its place. What it remembers is of this session: the route that the
    user chose, which keys were refused, what a provider has cached, and what it has said already.
    """

    home: Route | None = None
    cached: Cached | None = None
    said: str = ""

    @hookimpl
    def session_start(self, event: SessionStart) -> None:
        self.home = None if event.reason == "resume" else event.view.current
        self.cached, self.said = None, ""

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
        fault = failure.fault
        not_had = fault is not None and fault.kind is FaultKind.KEY  # a command may work next time
        if fault is not None and not_had and fault.code == LOGIN_NEEDED:
            self.refused[failure.route.provider, failure.route.credential] = "a new login is needed"
        if (group := self.group) is None:
            return None  # the pool decides, once third parties have passed
        is_final = not not_had and not renews(event)
        if failure.kind is FailureKind.AUTH and self.policy.auth.startswith("next") and is_final:
            self.refused[failure.route.provider, failure.route.credential] = "its key was refused"
        return decide(event, group, self.policy)

    @hookimpl
    def agent_start(self, event: AgentStart) -> Sequence[Effect] | None:
        if event.cause not in {"prompt", "follow_up"} or (group := self.group) is None:
            return None
        tidy = GOING_ON if (NAME, WAIT) in event.view.timers else ()
        found = way_back(event.view, group, self.policy, self.home, self.cached)
        if found is None:
            return tidy
        if found.on:
            return (*tidy, SwitchRoute(found.on, found.reason))
        if found.reason == self.said:
            return tidy
        self.said = found.reason
        return (*tidy, Notify(found.reason))

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect | None:
        """A run that could not even begin, because all rests, is waited for as one that failed."""
        begun = event.failure is not None or event.will_retry_at is not None
        if event.stop_reason is not StopReason.ERROR or begun or self.group is None:
            return None
        return self._wait_for_first(event.view) if self.policy.when_exhausted == "wait" else None

    @hookimpl
    def message_end(self, event: MessageEnd) -> None:
        message, route = event.message, event.view.current
        if isinstance(message, AssistantMessage) and message.error is None and route is not None:
            usage = message.usage
            caches = usage.cache_read or usage.cache_write  # who reports nothing of it may have none
            tokens = usage.input + usage.cache_read + usage.cache_write if caches else 0
            self.cached = Cached(route, tokens, event.view.now)

    @hookimpl
    def model_select(self, event: ModelSelect) -> None:
        if event.source == "user":
            self.home = event.route

    @hookimpl
    def user_aborted(self, event: UserAborted) -> Sequence[Effect] | None:
        waiting = (NAME, WAIT) in event.view.timers
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


def complete_kinds(_view: View, prefix: str) -> Sequence[str]:
    return [kind for kind in FAULTS if kind.startswith(prefix)]
