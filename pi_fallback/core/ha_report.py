"""The report of `/ha-status`: groups, accounts, who rests until when and why, and what is in use."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pi_fallback.config.ha_policy import Entry, Group, HaPolicy
from pi_fallback.core.ladder import why_not
from pi_fallback.core.spans import span
from pi_fallback_hookspecs import Resting, Route, Scope, ScopeKind, View

AccountName = tuple[str, str]
"""Provider and label."""


class AccountRow(NamedTuple):
    """An account as the report names it; `unusable` says why it cannot be used. Nothing here is secret."""

    provider: str
    label: str
    kind: str
    found_in: str
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
        lines: list[str] = []
        for group in self.policy.groups.values():
            lines += self._group(group)
        if not lines:
            lines = ["No group: the pool decides, in the order of `pi-fallback models`."]
        lines += ["Accounts", *(self._account(row) for row in self.accounts)]
        if not self.accounts:
            lines.append("  none was found")
        others = [
            f"    {scope}: {self._rest(rest)}"
            for scope, rest in self.view.ledger.rests.items()
            if scope.kind is not ScopeKind.CREDENTIAL and self.view.now < rest.until
        ]
        return "\n".join([*lines, *(["Also at rest", *others] if others else ())])

    def _group(self, group: Group) -> Iterator[str]:
        active = self.active is not None and group.name == self.active.name
        notes = [word for word, holds in (("active", active), ("default", self._is_default(group))) if holds]
        title = f" ({group.title})" if group.title not in ("", group.name) else ""
        yield f"Group {group.name}{title}{': ' if notes else ''}{', '.join(notes)}"
        here = group.index_of(self.view.current) if active and self.view.current is not None else None
        for index, entry in enumerate(group.entries):
            cooldown = "" if entry.cooldown_s is None else f" (rests {span(entry.cooldown_s)})"
            yield f"  {'→' if index == here else ' '} {index + 1}. {entry.id}{cooldown}: {self._entry(entry)}"
        if not group.entries:
            yield "    no entries"

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
        return f"  {mark} {row.provider} {row.label} ({row.kind}, {row.found_in}): {state}"

    def _rest(self, rest: Resting) -> str:
        return f"rests, again {self.when(rest.until)}: {rest.reason}"
