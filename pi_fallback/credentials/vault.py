"""The vault: hands out a route's key, for the one origin that it belongs to, and renews a login that is over."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import anyio

from pi_fallback.credentials.accounts import Account
from pi_fallback.credentials.commands import TIME_LIMIT_S, output_of
from pi_fallback.credentials.headers import HeaderSources
from pi_fallback.credentials.keyrings import password_of
from pi_fallback.credentials.login_store import Place
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.refreshing import EARLY_S, Refresher
from pi_fallback.credentials.sources import Command, Keyring, Literal, Login, NoKey, Source, Template, Variable, filled
from pi_fallback.errors import CredentialError, LoginNeeded
from pi_fallback_hookspecs import Key, Provider, Route, origin_of

WORTHLESS_S = 300.0  # a token refused so soon after it came: another one would be refused too


class Vault:
    """Finds secrets when they are used, never before, and tells `redactor` each of them.

    `wall` is the time in seconds since 1970, against which logins expire; `refresher` renews them.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        environ: Mapping[str, str],
        redactor: Redactor,
        *,
        wall: Callable[[], float],
        time_limit_s: float = TIME_LIMIT_S,
        headers: HeaderSources | None = None,
        refresher: Refresher | None = None,
    ) -> None:
        self._accounts = {(account.provider, account.label): account for account in accounts}
        self._environ = environ
        self._redactor = redactor
        self._wall = wall
        self._time_limit_s = time_limit_s
        self._headers: HeaderSources = headers or {}
        self._kept: dict[Command | Keyring, str] = {}
        self._running: dict[Command | Keyring, anyio.Lock] = {}
        self._refresher = refresher
        self._refused: set[str] = set()
        self._came: dict[str, float] = {}  # access tokens that took the place of refused ones, and when

    def follow(self, accounts: Iterable[Account]) -> set[tuple[str, str]]:
        """Go by `accounts` from now on. Returns those whose secret is another one now, or gone, by provider and label.

        A login that we renewed ourselves, and that is in the files by now, has not changed by that.
        """
        before, after = self._accounts, {(account.provider, account.label): account for account in accounts}
        self._accounts = after
        return {name for name, account in before.items() if name not in after or not _same(account, after[name])}

    def opened(self, route: Route) -> Provider | None:
        """The provider of `route` as its account asks it; None if that is the way of a key."""
        account = self._accounts.get((route.provider, route.credential))
        return None if account is None else account.opened

    async def key_for(self, route: Route, base_url: str) -> Key | None:
        """Return the key of `route`, or None if its provider asks for none.

        Raises:
            CredentialError: there is none, or it belongs to another origin than that of `base_url`.
        """
        account = self._accounts.get((route.provider, route.credential))
        if account is None:
            raise CredentialError(f"There is no account {route.credential} for {route.provider}. Add it to auth.json.")
        if isinstance(account.source, NoKey):
            return None
        origin = _origin(base_url)
        if origin != account.origin and origin not in account.also:
            raise CredentialError(f"The key for {route.provider} belongs to {account.origin} and is sent nowhere else.")
        try:
            secret = await self._secret(account.source, account)
        except CredentialError as error:
            raise type(error)(f"No key for {route.provider} ({account.found_in}): {error}") from None
        self._redactor.add(secret)
        if not all("\x21" <= character <= "\x7e" for character in secret):
            message = "it holds spaces, line breaks or letters that no key has. Write it again."
            raise CredentialError(f"No key for {route.provider} ({account.found_in}): {message}")
        return Key(secret, origin)

    def refused(self, route: Route, key: Key) -> bool:
        """Hear that the provider of `route` does not take `key`. Whether another one can be had for its account."""
        account = self._accounts.get((route.provider, route.credential))
        login = account.source if account is not None else None
        if isinstance(login, Command | Keyring):
            self._kept.pop(login, None)  # when it is asked for again, there may be another one
        if account is None or not isinstance(login, Login) or key.origin not in (account.origin, *account.also):
            return False
        secret = key.reveal(key.origin)
        self._refused.add(secret)
        if secret != login.access:
            return True  # it has been renewed since
        return self._refresher is not None and login.endpoints is not None and not self._is_new(secret)

    async def headers_for(self, route: Route) -> Mapping[str, str]:
        """Return the headers of `route` whose values are found when they are used, and those of its login.

        Raises:
            CredentialError: a value cannot be had.
        """
        found = {**self._headers.get((route.provider, ""), {}), **self._headers.get((route.provider, route.model), {})}
        account = self._accounts.get((route.provider, route.credential))
        login = account.source if account is not None else None
        headers = dict(login.headers) if isinstance(login, Login) else {}
        for name, source in found.items():
            if isinstance(source, Literal):
                headers[name] = source.value
                continue
            try:
                headers[name] = await self._secret(source)
            except CredentialError as error:
                raise CredentialError(f"No header {name} for {route.provider} (models.json): {error}") from None
            self._redactor.add(headers[name])
        return headers

    async def _secret(self, source: Source, account: Account | None = None) -> str:
        match source:
            case Literal(value):
                secret = value
            case Variable() | Template():
                try:
                    secret = filled(source, self._environ)
                except LookupError as missing:
                    raise CredentialError(f"the environment variable {missing.args[0]} is not set. Set it.") from None
            case Command() | Keyring():
                secret = await self._fetched(source)
            case Login():
                secret = await self._access(source, account)
            case NoKey():
                secret = ""
        if not secret:
            raise CredentialError("the key is empty. Write it.")
        return secret

    async def _access(self, login: Login, account: Account | None) -> str:
        """The access token of `login`, renewed if it is over or was refused.

        Raises:
            LoginNeeded: only a new login helps.
            CredentialError: it could not be renewed.
        """
        left_s = login.expires - self._wall()
        refused = login.access in self._refused
        if refused and self._is_new(login.access):
            raise LoginNeeded(f"login needed: its new access was refused too. Log in again: /login {_of(account)}")
        if not refused and left_s > EARLY_S:
            return login.access
        if self._refresher is None or login.endpoints is None or account is None:
            if not refused and left_s > 0:
                return login.access
            raise LoginNeeded(f"login needed: the access has expired. Log in again: /login {_of(account)}")
        place = Place(account.provider, account.label, account.found_in)
        try:
            renewed = await self._refresher.renewed(place, login.endpoints, login.access)
        except CredentialError:
            if not refused and left_s > 0:  # it was early: for now the old one still does
                return login.access
            raise
        name = (account.provider, account.label)
        if refused:
            self._came[renewed.access] = self._wall()
        if self._accounts.get(name) is account:  # else the files were read anew meanwhile
            self._accounts[name] = replace(account, source=renewed)
        return renewed.access

    def _is_new(self, access: str) -> bool:
        came = self._came.get(access)
        return came is not None and abs(self._wall() - came) < WORTHLESS_S

    async def _fetched(self, source: Command | Keyring) -> str:
        """What `source` gives; it is asked once, however many want it, and again only if that failed."""
        async with self._running.setdefault(source, anyio.Lock()):
            if source not in self._kept:
                if isinstance(source, Command):
                    text = await output_of(source.line, self._environ, time_limit_s=self._time_limit_s)
                else:
                    text = await password_of(source, time_limit_s=self._time_limit_s)
                self._kept[source] = text
            return self._kept[source]


def _same(one: Account, other: Account) -> bool:
    if isinstance(one.source, Login) and isinstance(other.source, Login):
        return one.source.access == other.source.access
    return one.source == other.source


def _of(account: Account | None) -> str:
    return "" if account is None else account.provider


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:
        return ""
