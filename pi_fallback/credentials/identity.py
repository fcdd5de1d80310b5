"""Identity: when two entries of auth.json and ha.json are one account, told by hashes alone."""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple, TypeAlias, TypeGuard

from pi_fallback.credentials.claims import claims_of
from pi_fallback_hookspecs import Json

Entry: TypeAlias = Mapping[str, Json]
RESERVED = frozenset({"type", "__meta"})
"""Names beside the accounts of a provider in ha.json that are no labels."""

_ID_FIELDS = ("accountId", "account_id", "chatgpt_account_id", "accountUuid", "account_uuid")
_EMAIL_FIELDS = ("email", "email_address", "emailAddress")


class Marks(NamedTuple):
    """What an entry is known by, hashed: what its owner is called, and its secret, which a login changes."""

    names: Mapping[str, str]
    secret: str
    is_login: bool


def is_account(value: Json) -> TypeGuard[Entry]:
    return isinstance(value, Mapping) and value.get("type") in ("api_key", "oauth") and bool(_secret(value))


def accounts_in(stored: Json) -> dict[str, Entry]:
    """The accounts of one provider in ha.json by label, without reserved names and what is no account."""
    if not isinstance(stored, Mapping):
        return {}
    return {label: entry for label, entry in stored.items() if label not in RESERVED and is_account(entry)}


def marks(entry: Entry, provider: str, salt: str) -> Marks:
    """What `entry` is known by. A key counts as it is written: no variable is read, no command run."""

    def hashed(kind: str, value: str) -> str:
        text = f"{provider}\0{kind}\0{value}".encode("utf-8", "surrogatepass")
        return blake2b(text, key=salt.encode()[:64], digest_size=12).hexdigest()

    names = {kind: hashed(kind, name) for kind, name in _names(entry)}
    return Marks(names, hashed(str(entry["type"]), _secret(entry)), entry["type"] == "oauth")


def alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool | None:
    """Whether two entries with these names are of one account; None if the names do not say."""
    for kind in ("id", "email", "subject"):
        if kind in one and kind in other:
            # One person may hold several accounts: one for each workspace or project.
            apart = kind == "email" and one.get("project", "") != other.get("project", "")
            both = "project" in one and "project" in other
            return one[kind] == other[kind] and not (apart and both)
    return None


def _secret(entry: Entry) -> str:
    fields = ("key",) if entry.get("type") == "api_key" else ("refresh", "access")
    for field in fields:
        if isinstance(value := entry.get(field), str) and value:
            return value
    environ = entry.get("env") if entry.get("type") == "api_key" else None
    return json.dumps(sorted(map(str, environ.items()))) if isinstance(environ, Mapping) and environ else ""


def _names(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry["type"] != "oauth":
        return
    claims = claims_of(entry.get("access"))
    inner = [claim for claim in claims.values() if isinstance(claim, Mapping)]  # OpenAI nests its own
    places = (entry, claims, *inner)
    if found := _first(places, _ID_FIELDS):
        yield "id", found
    if found := _first(places, _EMAIL_FIELDS):
        yield "email", found.strip().lower()
    if found := _first((entry,), ("projectId", "project_id")):
        yield "project", found
    if found := _first((claims,), ("sub",)):
        yield "subject", f"{_first((claims,), ('iss',))} {found}"


def _first(places: tuple[Entry, ...], fields: tuple[str, ...]) -> str:
    values = (place.get(field) for place in places for field in fields)
    return next((value for value in values if isinstance(value, str) and value), "")
