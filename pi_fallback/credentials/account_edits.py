"""Edits of accounts: each a function from the books to the books, in which everything else stays as it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pi_fallback.config.ha import NEVER_MS
from pi_fallback.credentials.identity import RESERVED, Entry, marks
from pi_fallback.credentials.syncing import Books, expiry, live_label, next_label, synced
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_KEY = re.compile(
    r"^(?:sk|pk|rk|gsk|xai|hf|r8|pplx|nvapi|csk|fw|tgp|gh[opsu]|glpat)[-_].{12}|^AIza.{12}"
    r"|(?=[0-9]*[A-Za-z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20}"
)  # how most keys begin, or a long run of letters and digits


def added(books: Books, provider: str, label: str, entry: Entry) -> Books:
    """With a new account of `provider` in ha.json, behind those that it has.

    Raises:
        ConfigError: the label is taken or none, or the account is there already.
    """
    check_label(label)
    if label == entry.get("key"):
        raise ConfigError("The label is the key itself, and labels are shown. Choose another one.")
    if label in books.labels(provider):
        raise ConfigError(f"{provider} has an account {label} already. Choose another label.")
    mark = marks(entry, provider, books.memory.salt)
    for there, other in books.stored(provider).items():
        if marks(other, provider, books.memory.salt).secret == mark.secret:
            raise ConfigError(f"This account of {provider} is stored already, as {there}.")
    return books.with_stored(provider, label, entry)


def activated(books: Books, provider: str, label: str) -> Books:
    """With the stored account `label` in auth.json. What stood there is stored.

    Raises:
        ConfigError: it is not stored, or what stands there cannot be.
    """
    entry = _stored(books, provider, label)
    if label == live_label(books, provider):
        return books
    return _placed(vacated(books, provider), provider, entry)


def vacated(books: Books, provider: str) -> Books:
    """With what stands in auth.json stored, so that another account may take its place.

    A sync has stored it, unless the user once took it out of ha.json.

    Raises:
        ConfigError: it is no account.
    """
    live = books.live(provider)
    if live is None and provider in books.auth:
        raise ConfigError(f"auth.json has something for {provider} that is no known account. Remove it there first.")
    if live is None or live_label(books, provider) is not None:
        return books
    label = next_label(books.labels(provider))
    said = f"{provider}: the account that was in auth.json is {label} now."
    return books.with_stored(provider, label, live).saying(said)


def logged_in(books: Books, provider: str, entry: Entry, wall: float) -> Books:
    """With the new login `entry` in auth.json, and stored. `wall` is seconds since 1970.

    Raises:
        ConfigError: what stands in auth.json is no account.
    """
    return synced(vacated(books, provider).with_live(provider, entry), wall=wall, login=provider)


def _placed(books: Books, provider: str, entry: Entry) -> Books:
    if entry["type"] == "oauth" and expiry(entry) is None:  # pi wants one: 0 lets it renew the login when it is used
        entry = {**entry, "expires": 0 if entry.get("refresh") else NEVER_MS}
    return books.with_live(provider, entry)


def removed(books: Books, provider: str, label: str) -> Books:
    """Without the account `label`. If it was the one in auth.json, the next one takes its place there.

    Raises:
        ConfigError: it is not stored.
    """
    _stored(books, provider, label)
    was_live = live_label(books, provider) == label
    left = {name: value for name, value in _accounts(books, provider).items() if name != label}
    if _default(left) == label:
        left = _with_default(left, None)
    credentials = {name: left if name == provider else value for name, value in books.credentials.items()}
    if not left.keys() - RESERVED:
        del credentials[provider]
    books = replace(books, credentials=credentials)
    if not was_live:
        return books
    if following := next(iter(books.stored(provider)), None):
        books = _placed(books, provider, books.stored(provider)[following])
        return books.saying(f"{provider} {following} is in auth.json now.")
    auth = {name: entry for name, entry in books.auth.items() if name != provider}
    return replace(books, auth=auth)


def renamed(books: Books, provider: str, old: str, new: str) -> Books:
    """With the account `old` under the label `new`, in its place.

    Raises:
        ConfigError: there is no such account, or the new label is taken or none.
    """
    _stored(books, provider, old)
    check_label(new)
    accounts = _accounts(books, provider)
    if new != old and new in accounts:
        raise ConfigError(f"{provider} has an account {new} already. Rename or remove that one first.")
    after: Mapping[str, Json] = {new if name == old else name: value for name, value in accounts.items()}
    return _with_accounts(books, provider, _with_default(after, new) if _default(after) == old else after)


def reordered(books: Books, provider: str, labels: Sequence[str]) -> Books:
    """With `labels` first among the accounts of `provider`, in that order; the others stay behind them.

    Raises:
        ConfigError: there is no such account.
    """
    for label in labels:
        _stored(books, provider, label)
    accounts = _accounts(books, provider)
    first = {label: accounts[label] for label in labels}
    reserved = {name: value for name, value in accounts.items() if name in RESERVED}
    after: Mapping[str, Json] = {**reserved, **first, **accounts}
    return _with_accounts(books, provider, _with_default(after, labels[0]) if _default(after) and labels else after)


def check_label(label: str) -> None:
    """Make sure that an account may be called so.

    Raises:
        ConfigError: it may not.
    """
    if _KEY.search(label[:200]):
        raise ConfigError("The label looks like a key, and labels are shown. Choose another one.")
    if label in RESERVED:
        raise ConfigError(f"{label} means something else in ha.json. Choose another label.")
    if not _LABEL.fullmatch(label):
        raise ConfigError(f"{label!r} is no label. Take letters, digits and . _ @ + - without blanks.")


def _accounts(books: Books, provider: str) -> Mapping[str, Json]:
    accounts = books.credentials.get(provider)
    return accounts if isinstance(accounts, Mapping) else {}


def _with_accounts(books: Books, provider: str, accounts: Mapping[str, Json]) -> Books:
    return replace(books, credentials={**books.credentials, provider: accounts})


def _default(accounts: Mapping[str, Json]) -> Json:
    meta = accounts.get("__meta")
    return meta.get("defaultName") if isinstance(meta, Mapping) else None


def _with_default(accounts: Mapping[str, Json], label: str | None) -> Mapping[str, Json]:
    meta = accounts.get("__meta")
    rest = {name: value for name, value in meta.items() if name != "defaultName"} if isinstance(meta, Mapping) else {}
    return {**accounts, "__meta": rest if label is None else {**rest, "defaultName": label}}


def _stored(books: Books, provider: str, label: str) -> Entry:
    stored = books.stored(provider)
    if label not in stored:
        known = f"It has {', '.join(stored)}." if stored else "It has none. Add one: pi-fallback auth add"
        raise ConfigError(f"ha.json has no account {label!r} of {provider}. {known}")
    return stored[label]
