"""Unkept: what logins were renewed to while no file has it; on the disk stands a token that is spent."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import anyio
from anyio.abc import TaskGroup

from pi_fallback.credentials import login_store
from pi_fallback.credentials.auth_json import AuthJson, Held
from pi_fallback.credentials.login_store import Entry, Place
from pi_fallback.errors import ConfigError

AGAIN_S = 15.0  # pi may spend the old token any moment, but who edits a file takes a while


class _Renewal(NamedTuple):
    place: Place
    fresh: Entry


@dataclass
class Unkept:
    """Writes renewed logins, in `tasks` again and again until it has worked; `on_problem` hears of the first time."""

    auth: AuthJson
    ha: Path
    tasks: TaskGroup
    on_problem: Callable[[str], None]
    _renewals: dict[str, _Renewal] = field(
        default_factory=dict[str, _Renewal], init=False, repr=False
    )  # by the token that is spent

    def instead_of(self, spent: str) -> Entry | None:
        """What the login with the token `spent` was renewed to, if no file has it."""
        renewal = self._renewals.get(spent)
        return renewal and renewal.fresh

    async def keep(self, held: Held, place: Place, spent: str, fresh: Entry) -> bool:
        """Write `fresh` where `spent` stands. If that fails we go on with what we have: the old token is spent."""
        is_known = spent in self._renewals
        self._renewals[spent] = _Renewal(place, fresh)  # first, because the wait for ha.json may be ended
        why = "there was no time left"
        is_kept = False
        try:
            await login_store.replace(held, self.ha, place, spent, fresh)
            is_kept = True
        except ConfigError as error:
            why = str(error)
            return False
        finally:
            if not is_kept and not is_known:
                self.on_problem(f"The renewed login of {place.provider} could not be kept: {why}")
                self.tasks.start_soon(self._later, spent)
        self._renewals.pop(spent, None)
        return True

    async def again(self) -> None:
        """Try once more."""
        with suppress(Exception):  # the user has been told
            if self._renewals:
                async with self.auth.held() as held:
                    for spent, (place, fresh) in tuple(self._renewals.items()):
                        await self.keep(held, place, spent, fresh)

    async def _later(self, spent: str) -> None:
        while spent in self._renewals:
            await anyio.sleep(AGAIN_S)
            await self.again()
