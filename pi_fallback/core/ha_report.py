"""The report of `/ha-status`: groups, accounts, who rests until when and why, and what is in use."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pi_fallback.config.ha_policy import Entry, Group, HaPolicy
from pi_fallback.core.ladder import why_not
from pi_fallback.core.spans import span
from pi_fallback_hookspecs import Resting, Route, Scope, ScopeKind, View

WIDTH = 74  # a terminal of 80 columns, less what stands in front of a notice
NO_GROUP = "No group: the pool decides, in the order of `pi-fallback models`."
NO_ACCOUNT = "No account was found."

AccountName = tuple[str, str]
"""Provider and label."""


class AccountRow(NamedTuple):
    """An account as the report names it: `places` are the files or the variable where it stands.

    `unusable` says why it cannot be used. Nothing here is secret.
    """

    provider: str
    label: str
    kind: str
    places: str
    unusable: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that the report is made of. `routes` are all there are; `when` turns a moment into words."""

    view: View
    routes: Sequence[Route]
    accounts: Sequence[AccountRow]
    when: Callable[[float], str]
    policy: HaPolicy = field(default_factory=HaPolicy)
    active: Group | None = None
    refused: Mapping[AccountName, str] = field(default_factory=dict[AccountName, str])

    def text(self) -> str:
        groups = self.policy.groups.values()
        parts = [self._group(group) for group in groups] or [[NO_GROUP]]
        parts.append(["Accounts", *map(self._account, self.accounts)] if self.accounts else [NO_ACCOUNT])
        if others := self._others({entry.id for group in groups for entry in group.entries}):
            parts.append(["At rest beside these" if groups else "At rest", *others])
        return "\n\n".join("\n".join(lines) for lines in parts)

    def _group(self, group: Group) -> Sequence[str]:
        active = self.active is not None and group.name == self.active.name
        notes = [word for word, holds in (("active", active), ("default", self._is_default(group))) if holds]
        title = f" ({group.title})" if group.title not in ("", group.name) else ""
        lines = [f"Group {group.name}{title}{': ' if notes else ''}{', '.join(notes)}"]
        here = group.index_of(self.view.current) if active and self.view.current is not None else None
        for index, entry in enumerate(group.entries):
            cooldown = "" if entry.cooldown_s is None else f" (cooldown {span(entry.cooldown_s)})"
            mark = "→" if index == here else " "
            lines.append(_line(f"  {mark} {index + 1}. {entry.id}{cooldown}", self._entry(entry)))
        return lines if group.entries else [*lines, "    no entries"]

    def _others(self, shown: Collection[str]) -> Sequence[str]:
        """What rests and is no account, nor an entry that was `shown`."""
        return [
            _line(f"    {scope}", self._rest(rest))
            for scope, rest in self.view.ledger.rests.items()
            if self.view.now < rest.until
            and scope.kind is not ScopeKind.CREDENTIAL
            and not (scope.kind is ScopeKind.MODEL and f"{scope.provider}/{scope.model}" in shown)
        ]

    def _is_default(self, group: Group) -> bool:
        default = self.policy.group()
        return default is not None and default.name == group.name

    def _entry(self, entry: Entry) -> str:
        routes = [route for route in self.routes if entry.covers(route)]
        good = [route for route in routes if (route.provider, route.credential) not in self.refused]
        rests = [self.view.ledger.resting(route, now=self.view.now) for route in good]
        if not all(rests):
            return "ready"
        first = min((rest for rest in rests if rest is not None), key=lambda rest: rest.until, default=None)
        if first is not None:
            return self._rest(first)
        return "every key was refused" if routes else why_not(entry.id, routes, self.view)

    def _account(self, row: AccountRow) -> str:
        current, name = self.view.current, (row.provider, row.label)
        mark = "→" if current is not None and (current.provider, current.credential) == name else " "
        rest = self.view.ledger.rests.get(Scope(ScopeKind.CREDENTIAL, row.provider, "", row.label))
        state = row.unusable or self.refused.get(name)
        if state is None:
            state = "ready" if rest is None or rest.until <= self.view.now else self._rest(rest)
        return _line(f"  {mark} {row.provider} {row.label} ({row.kind}, {row.places})", state)

    def _rest(self, rest: Resting) -> str:
        return f"rests, again {self.when(rest.until)} ({rest.reason})"


def _line(what: str, state: str) -> str:
    """Both on one line of a narrow terminal, or the state on one of its own."""
    return f"{what}: {state}" if len(what) + len(state) + 2 <= WIDTH else f"{what}:\n        {state}"
