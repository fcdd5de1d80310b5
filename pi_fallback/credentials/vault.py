"""The vault: hands out a route's key, for the one origin that it belongs to."""

from collections.abc import Callable, Iterable, Mapping

import anyio

from pi_fallback.credentials.accounts import Account
from pi_fallback.credentials.commands import TIME_LIMIT_S, output_of
from pi_fallback.credentials.headers import HeaderSources
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.sources import Command, Literal, Login, NoKey, Source, Template, Variable, filled
from pi_fallback.errors import CredentialError
from pi_fallback_hookspecs import Key, Route, origin_of


class Vault:
    """Finds secrets when they are used, never before, and tells `redactor` each of them.

    `wall` is the time in seconds since 1970, against which logins expire.
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
    ) -> None:
        self._accounts = {(account.provider, account.label): account for account in accounts}
        self._environ = environ
        self._redactor = redactor
        self._wall = wall
        self._time_limit_s = time_limit_s
        self._headers: HeaderSources = headers or {}
        self._printed: dict[Command, str] = {}
        self._running: dict[Command, anyio.Lock] = {}

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
            secret = await self._secret(account.source)
        except CredentialError as error:
            raise CredentialError(f"No key for {route.provider} ({account.found_in}): {error}") from None
        self._redactor.add(secret)
        if not all("\x21" <= character <= "\x7e" for character in secret):
            message = "it holds spaces, line breaks or letters that no key has. Write it again."
            raise CredentialError(f"No key for {route.provider} ({account.found_in}): {message}")
        return Key(secret, origin)

    async def headers_for(self, route: Route) -> Mapping[str, str]:
        """Return the headers of `route` whose values are found when they are used, and only those.

        Raises:
            CredentialError: a value cannot be had.
        """
        found = {**self._headers.get((route.provider, ""), {}), **self._headers.get((route.provider, route.model), {})}
        headers: dict[str, str] = {}
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

    async def _secret(self, source: Source) -> str:
        match source:
            case Literal(value):
                secret = value
            case Variable() | Template():
                try:
                    secret = filled(source, self._environ)
                except LookupError as missing:
                    raise CredentialError(f"the environment variable {missing.args[0]} is not set. Set it.") from None
            case Command():
                secret = await self._printed_by(source)
            case Login(access, expires):
                if expires <= self._wall():
                    raise CredentialError("login needed: the access has expired. Log in again with pi.")
                secret = access
            case NoKey():
                secret = ""
        if not secret:
            raise CredentialError("the key is empty. Write it.")
        return secret

    async def _printed_by(self, command: Command) -> str:
        """What `command` prints; it runs once, however many ask, and again only if it failed."""
        async with self._running.setdefault(command, anyio.Lock()):
            if command not in self._printed:
                text = await output_of(command.line, self._environ, time_limit_s=self._time_limit_s)
                self._printed[command] = text
            return self._printed[command]


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:
        return ""
