"""Where logins are kept: the entries of auth.json and ha.json, each found by its place and written without the rest."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

from pi_fallback.config import files
from pi_fallback.credentials.auth_json import Held
from pi_fallback.credentials.oauth_requests import account_headers
from pi_fallback.credentials.sources import Login
from pi_fallback_hookspecs import Json, OAuthEndpoints

AUTH, HA = "auth.json", "ha.json"
Entry = Mapping[str, Json]


class Place(NamedTuple):
    """Where a login is kept: in `file`, and in ha.json under `label`."""

    provider: str
    label: str
    file: str


def login_of(entry: Entry, endpoints: OAuthEndpoints | None) -> Login:
    """The token of `entry`. One without a moment of its own has expired."""
    expires = entry.get("expires")
    moment = expires / 1000 if isinstance(expires, int | float) else 0.0
    renews = endpoints if entry.get("refresh") else None
    return Login(str(entry.get("access", "")), moment, renews, account_headers(endpoints, entry))


def read(held: Held, ha: Path, place: Place) -> Entry | None:
    """The entry at `place` as it is now, or None if there is no login there any more.

    Raises:
        ConfigError: the file cannot be parsed.
    """
    return peek(held.target, ha, place)


def peek(auth: Path, ha: Path, place: Place) -> Entry | None:
    """The same without a lock: what it says may be old by now.

    Raises:
        ConfigError: the file cannot be parsed.
    """
    if place.file == AUTH:
        entry = files.object_in(auth).get(place.provider)
    else:
        entry = _accounts(ha, place.provider).get(place.label)
    return entry if isinstance(entry, Mapping) and entry.get("type") == "oauth" else None


def check_replaceable(held: Held, ha: Path, provider: str, refresh: str) -> None:
    """Make sure that `replace` may write wherever `refresh` is kept. To be asked before it is spent.

    Raises:
        ConfigError: a file cannot be parsed or may not be written.
    """
    if _bears(_part(held.read(), provider), refresh):
        files.check_replaceable(held.path)
    if any(_bears(there, refresh) for there in _accounts(ha, provider).values()):
        files.check_replaceable(ha)


async def replace(held: Held, ha: Path, place: Place, refresh: str, fresh: Entry) -> None:
    """Put the tokens of `fresh` wherever `refresh`, which is spent now, is kept: an account may stand in both files.

    Raises:
        ConfigError: a file cannot be parsed or written.
    """
    provider = place.provider

    def in_auth(before: Mapping[str, Json]) -> Mapping[str, Json]:
        there = _part(before, provider)
        return {**before, provider: {**there, **fresh}} if _bears(there, refresh) else before

    def in_ha(before: Mapping[str, Json]) -> Mapping[str, Json]:
        credentials = _part(before, "credentials")
        accounts = _part(credentials, provider)
        changed = {
            label: {**cast("Entry", there), **fresh} if _bears(there, refresh) else there
            for label, there in accounts.items()
        }
        return {**before, "credentials": {**credentials, provider: changed}} if changed != accounts else before

    held.write(in_auth)
    if place.file == HA or any(_bears(there, refresh) for there in _accounts(ha, provider).values()):
        await files.update_later(ha, in_ha)


def _accounts(ha: Path, provider: str) -> Mapping[str, Json]:
    return _part(_part(files.object_in(ha), "credentials"), provider)


def _part(value: Json, name: str) -> Mapping[str, Json]:
    part = value.get(name) if isinstance(value, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _bears(entry: Json, refresh: str) -> bool:
    return isinstance(entry, Mapping) and entry.get("type") == "oauth" and entry.get("refresh") == refresh
