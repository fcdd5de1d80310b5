"""Refreshing: a login's access token is renewed once, however many tasks and processes want it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import NamedTuple

import anyio
from anyio.abc import TaskGroup

from pi_fallback.credentials import login_store
from pi_fallback.credentials.auth_json import AuthJson, Held
from pi_fallback.credentials.login_store import Entry, Place, login_of
from pi_fallback.credentials.oauth_requests import body, granted, placed
from pi_fallback.credentials.oauth_wire import NoAnswer, Refused, exchanged, posted
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.sources import Login
from pi_fallback.credentials.unkept import Unkept
from pi_fallback.errors import CredentialError, LoginNeeded, PiFallbackError, single
from pi_fallback.http import Http
from pi_fallback_hookspecs import OAuthEndpoints

EARLY_S = 60.0  # a request that begins now should not arrive with a token that has just expired
TIME_S = 24.0  # all of it: the lock counts as left behind after 30
PATIENCE_S = 25.0  # how long a request waits for it
AGAIN_S = 8.0  # so much must be left for a second try
LOCKED_S = 5.0  # how long for the lock alone: another route can answer, and the refresh may go on without the request
LOOK_S = 0.05  # who waits for the lock sees by the file that it need not
DEAD_S = 900.0  # servers err too: so long a token that one refused is not sent again
LAST_S = 3.0  # when the program ends: for an answer that is on its way, and for what is not kept yet


@dataclass
class _Flight:
    """A refresh under way; whoever wants it waits for `over`."""

    began: float
    over: anyio.Event = field(default_factory=anyio.Event)
    turn: anyio.Event = field(default_factory=anyio.Event)  # the lock is ours
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    wait: anyio.CancelScope | None = field(default_factory=anyio.CancelScope)  # for the lock
    login: Login | None = None
    error: CredentialError | None = None


class _Dead(NamedTuple):
    """Why a token is not sent, and until when."""

    message: str
    until: float


@dataclass
class Refresher:
    """Renews logins in tasks of `tasks`: an abort frees the caller, and what was sent is still heard and kept.

    `wall` is seconds since 1970.
    """

    http: Http
    auth: AuthJson
    ha: Path
    redactor: Redactor
    wall: Callable[[], float]
    tasks: TaskGroup
    unkept: Unkept
    locked_s: float = LOCKED_S
    _flights: dict[Place, _Flight] = field(default_factory=dict[Place, _Flight], init=False)
    _given_back: float = field(default=-inf, init=False)  # when a flight last had the lock
    _dead: dict[str, _Dead] = field(
        default_factory=dict[str, _Dead], init=False, repr=False
    )  # by the token that was refused

    async def renewed(self, place: Place, endpoints: OAuthEndpoints, worn: str) -> Login:
        """The login at `place` with another access token than `worn`.

        Raises:
            LoginNeeded: its server renews it no more, or it is gone.
            CredentialError: not now.
        """
        flight = self._flights.get(place)
        if flight is None:
            flight = self._flights[place] = _Flight(anyio.current_time())
            self.tasks.start_soon(self._fly, flight, place, endpoints, worn)
            self.tasks.start_soon(self._look_on, flight, place, endpoints, worn)
        with anyio.move_on_after(PATIENCE_S):
            await self._wait_for_turn(flight)
            await flight.over.wait()
        if flight.login is not None:
            return flight.login
        error = flight.error or CredentialError("the login could not be renewed in time. Try again.")
        raise type(error)(str(error)) from None  # each waiter its own, for each adds to its traceback

    def close(self) -> None:
        """Give what is under way a last moment."""
        for flight in self._flights.values():
            flight.scope.deadline = min(flight.scope.deadline, anyio.current_time() + LAST_S)

    async def _wait_for_turn(self, flight: _Flight) -> None:
        """Wait for the lock; if a flight of ours has it, as long as that takes."""
        while not flight.turn.is_set():
            left_s = self.locked_s
            if not any(other.turn.is_set() for other in self._flights.values()):
                left_s += max(flight.began, self._given_back) - anyio.current_time()
            if left_s <= 0.0:
                raise CredentialError(f"the login was not renewed: {self.auth.held_by_another}")
            with anyio.move_on_after(left_s):
                await flight.turn.wait()

    async def _fly(self, flight: _Flight, place: Place, endpoints: OAuthEndpoints, worn: str) -> None:
        try:
            assert flight.wait is not None
            with flight.wait:
                async with self.auth.held() as held:
                    flight.wait = None
                    flight.turn.set()
                    with flight.scope as scope:
                        scope.shield = True  # from here on a token may be spent
                        scope.deadline = min(scope.deadline, anyio.current_time() + TIME_S)
                        flight.login = await self._renew(held, place, endpoints, worn)
        except CredentialError as error:
            flight.error = error
        except PiFallbackError as error:  # no lock, a broken file, a part that is not installed
            flight.error = CredentialError(f"the login was not renewed: {error}")
        except Exception as error:  # an agent has other accounts; its words may hold a token
            flight.error = CredentialError(f"the login was not renewed: {type(error).__name__}. Try again.")
        finally:
            del self._flights[place]
            if flight.turn.is_set():
                self._given_back = anyio.current_time()
            flight.turn.set()
            flight.over.set()

    async def _look_on(self, flight: _Flight, place: Place, endpoints: OAuthEndpoints, worn: str) -> None:
        """End the wait for the lock as soon as somebody else has renewed the login."""
        while not flight.over.is_set():
            await anyio.sleep(LOOK_S)
            if flight.wait is None:
                return
            with suppress(Exception):  # pi does not write a file in one step; of all else the flight speaks
                entry = login_store.peek(self.auth.path, self.ha, place)
                if entry is not None and (login := self._renewed_by_others(entry, endpoints, worn)) is not None:
                    flight.login = login
                    flight.wait.cancel()

    def _renewed_by_others(self, entry: Entry, endpoints: OAuthEndpoints, worn: str) -> Login | None:
        for name in ("access", "refresh"):
            self.redactor.add(str(entry.get(name, "")))
        login = login_of(entry, endpoints)
        is_new = login.access not in ("", worn) and login.expires - EARLY_S > self.wall()
        return login if is_new else None

    async def _renew(self, held: Held, place: Place, endpoints: OAuthEndpoints, worn: str) -> Login:
        kept = login_store.read(held, self.ha, place)
        if kept is None:
            raise LoginNeeded(f"login needed: it is gone from {place.file}. {again(place)}")
        spent, entry = str(kept.get("refresh", "")), kept
        if (fresh := self.unkept.instead_of(spent)) is not None:
            entry = fresh
            if await self.unkept.keep(held, place, spent, entry):
                spent = str(entry.get("refresh", ""))
        if (login := self._renewed_by_others(entry, endpoints, worn)) is not None:
            return login
        refresh = str(entry.get("refresh", ""))
        if not refresh:
            raise LoginNeeded(f"login needed: the access is over. {again(place)}")
        dead = self._dead.get(refresh)
        if dead is not None and self.wall() < dead.until:
            raise LoginNeeded(dead.message)
        login_store.check_replaceable(held, self.ha, place.provider, spent)
        fresh = await self._asked(place, endpoints, entry, refresh)
        await self.unkept.keep(held, place, spent, fresh)
        return login_of(fresh, endpoints)

    async def _asked(self, place: Place, endpoints: OAuthEndpoints, entry: Entry, refresh: str) -> Entry:
        """What the server gives for `refresh`; asked twice if its first answer may have been lost on the way."""
        lost = False
        until = anyio.current_effective_deadline()
        while True:
            try:
                answer = await self._answer(placed(endpoints, entry), refresh)
                fresh = granted(answer, endpoints, entry, wall=self.wall())
            except Refused as refused:
                if not refused.is_final:
                    message = f"the login was not renewed: its server says {refused.code}. Try again."
                    raise CredentialError(message) from None
                how = "after an answer was lost" if lost else f"its server says {refused.code}"
                message = f"login needed: it was not renewed, {how}. {again(place)}"
                self._dead[refresh] = _Dead(message, self.wall() + DEAD_S)
                raise LoginNeeded(message) from None
            except LookupError:
                raise CredentialError("the login was not renewed: its server gave no token. Try again.") from None
            except NoAnswer as none:
                if lost or not none.lost or until - anyio.current_time() < AGAIN_S:
                    raise CredentialError(f"the login was not renewed: {none}. Try again.") from None
                lost = True
            else:
                for name in ("access", "refresh"):
                    self.redactor.add(str(fresh.get(name, "")))
                return fresh

    async def _answer(self, endpoints: OAuthEndpoints, refresh: str) -> Mapping[str, object]:
        if endpoints.exchange_url:
            return await exchanged(self.http, endpoints.exchange_url, refresh, endpoints.headers)
        return await posted(self.http, endpoints.token_url, body(endpoints, "refresh_token", refresh_token=refresh))


@asynccontextmanager
async def refresher(
    http: Http,
    auth: AuthJson,
    ha: Path,
    redactor: Redactor,
    wall: Callable[[], float],
    on_problem: Callable[[str], None],
) -> AsyncGenerator[Refresher]:
    """A refresher for as long as the block lasts; what has been sent by its end is still heard, for a moment."""
    unkept: Unkept | None = None
    try:
        async with anyio.create_task_group() as tasks:
            unkept = Unkept(auth, ha, tasks, on_problem)
            made = Refresher(http, auth, ha, redactor, wall, tasks, unkept)
            try:
                yield made
            finally:
                made.close()
                tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise single(group) from None
    finally:
        if unkept is not None:
            with anyio.move_on_after(LAST_S, shield=True):
                await unkept.again()


def again(place: Place) -> str:
    return f"Log in again: /login {place.provider}"
