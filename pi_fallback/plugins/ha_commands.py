"""The commands of high availability: `/ha-…` reports, changes who comes first, and lets a request fail on demand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pi_fallback.core.groups import ordered
from pi_fallback.core.ha_report import Report
from pi_fallback.core.ladder import WAIT
from pi_fallback.core.rehearsal import FAULTS
from pi_fallback.core.spans import span
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Command, CommandContext, Effect, Notify, Route, StartTimer, SwitchRoute, View, Wake

if TYPE_CHECKING:
    from pi_fallback.plugins.ha import HighAvailability

HOW_TO_EDIT = (
    "Edit {path}, or say\n"
    "    pi-fallback ha group add NAME provider/model …\n"
    "An edit counts at once. What acts on this session:\n"
    "    /ha-use GROUP, /ha-activate PROVIDER LABEL, /ha-clear,\n"
    "    /ha-mock-error KIND"
)
STORED = "ha.json"  # where an account stands that auth.json does not have


class Keeper(Protocol):
    """Keeps auth.json and the accounts of ha.json alike, and says what it did. Raises `ConfigError`."""

    async def sync(self, *, create: bool = True) -> Sequence[str]: ...

    async def activate(self, provider: str, label: str) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class HaCommands:
    """What works with and without a group; all that lasts is of `ha`."""

    ha: "HighAvailability"

    def commands(self) -> Sequence[Command]:
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

        routes = self.ha.all_routes or view.order
        when = self.ha.when or relative
        return Report(view, routes, self.ha.accounts, when, self.ha.policy, self.ha.group, self.ha.refused).text()

    async def show_all(self, context: CommandContext, argument: str) -> str:
        said: Sequence[str] = ()
        if self.ha.keeper is not None:
            try:
                said = await self.ha.keeper.sync(create=False)
            except ConfigError as error:
                said = (str(error),)
        return "\n".join((*said, await self.show(context, argument), "", HOW_TO_EDIT.format(path=self.ha.path)))

    async def sync(self, _context: CommandContext, _argument: str) -> Sequence[Effect] | str:
        """Store what was logged in elsewhere, and bring renewed tokens to where they are missing."""
        if self.ha.keeper is None:
            return "Nobody keeps accounts here."
        try:
            said = await self.ha.keeper.sync()
        except ConfigError as error:
            return (Notify(str(error), "error"),)
        return "\n".join(said) or f"auth.json and {self.ha.path} know the same accounts."

    async def use(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        """Another group for this session; it goes there at once, unless its model is one of the group's."""
        if argument not in self.ha.policy.groups:
            names = ", ".join(self.ha.policy.groups)
            known = f"The groups are {names}." if names else f"There are none in {self.ha.path}."
            return f"There is no group {argument!r}. {known}" if argument else f"Say which: /ha-use GROUP. {known}"
        self.ha.group_name = argument
        self.ha.version += 1
        group, view = self.ha.policy.groups[argument], context.view
        told = Notify(f"The group {argument} is active for this session.")
        if view.current is not None and group.index_of(view.current) is not None:
            return (told,)
        routes = [r for r in ordered(group, self.ha.all_routes or view.order) if group.index_of(r) is not None]
        return (told, SwitchRoute(tuple(routes), f"the group {argument}")) if routes else (told,)

    async def activate(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        """The session goes on with one account, which is woken for that; it goes into auth.json, for pi too."""
        view, name = context.view, tuple(argument.split())
        row = next((row for row in self.ha.accounts if (row.provider, row.label) == name), None)
        if row is None:
            known = ", ".join(f"{row.provider} {row.label}" for row in self.ha.accounts)
            return f"Say which account: /ha-activate PROVIDER LABEL. There are: {known or 'none'}."
        told: tuple[Effect, ...] = ()
        if self.ha.keeper is not None and STORED in row.places.split(", "):
            try:
                said = await self.ha.keeper.activate(row.provider, row.label)
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
        self.ha.try_again([name])
        return (*told, *wakes, SwitchRoute((routes[0],), "/ha-activate"))

    async def clear(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        """End rests before their time: all, those of a provider, or those of one account."""
        view, words = context.view, argument.split()
        known = ((row.provider, row.label) for row in self.ha.accounts)
        names = [name for name in known if [*name][: len(words)] == words]
        if words and not names:
            return f"There is no account {argument!r}. /ha-status lists them."
        if words:
            routes = [r for r in self.ha.all_routes or view.order if (r.provider, r.credential) in names]
            wakes = self._woken(view, routes)
        else:
            wakes = [Wake(scope) for scope in view.ledger.rests]
        count = len(wakes) + self.ha.try_again(names if words else list(self.ha.mended))
        on = (StartTimer(WAIT, view.now, holds=True),) if self.ha.waits(view) else ()
        return (*wakes, *on, Notify(f"{count} rest{'' if count == 1 else 's'} ended." if count else "Nothing rests."))

    async def mock_error(self, _context: CommandContext, argument: str) -> str:
        """The next request is not sent: it fails as providers fail, and all that follows is real."""
        if argument not in FAULTS:
            return f"Say how it is to fail: /ha-mock-error KIND, one of {', '.join(FAULTS)}."
        self.ha.mock = FAULTS[argument]
        return f"The next request will fail as {argument}; what rests after it rests really, until /ha-clear."

    def complete_groups(self, _view: View, prefix: str) -> Sequence[str]:
        return [name for name in self.ha.policy.groups if name.startswith(prefix)]

    def complete_accounts(self, _view: View, prefix: str) -> Sequence[str]:
        names = [f"{row.provider} {row.label}" for row in self.ha.accounts]
        return [name for name in names if name.startswith(prefix)]

    def _woken(self, view: View, routes: Iterable[Route]) -> list[Wake]:
        rests = view.ledger.rests
        return [Wake(scope) for scope in rests if any(scope.covers(route) for route in routes)]


def complete_kinds(_view: View, prefix: str) -> Sequence[str]:
    return [kind for kind in FAULTS if kind.startswith(prefix)]
