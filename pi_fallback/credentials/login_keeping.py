"""Keeping logins: a new one finds its place beside the accounts that are there, and one that is given up leaves."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pi_fallback.config import files
from pi_fallback.credentials.account_edits import logged_in, removed
from pi_fallback.credentials.accounts import PRIMARY
from pi_fallback.credentials.identity import Entry, accounts_in, alike, is_account, marks
from pi_fallback.credentials.keeping import Keeper
from pi_fallback.credentials.syncing import Books, live_label, next_label
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

LIVE = ""
"""The name of an account that stands in auth.json only."""

Choose = Callable[[Sequence[str]], Awaitable[str | None]]
"""Asks of which of these accounts a login is; None: of another one."""


async def keep(keeper: Keeper, provider: str, entry: Entry, choose: Choose) -> str:
    """Keep the new login `entry`, and return the label of its account.

    A provider's first one goes into auth.json, another one into ha.json, a new login of an account to where that is.

    Raises:
        ConfigError: a file cannot be locked, parsed or written, or what stands in auth.json is no account.
    """
    label = await _owner(keeper, provider, entry, choose)
    if not keeper.ha.exists():
        done: list[bool] = []

        def in_auth(auth: Mapping[str, Json]) -> Mapping[str, Json]:
            there = auth.get(provider)
            if provider in auth and not (is_account(there) and label == LIVE):
                return auth
            done.append(True)
            return {**auth, provider: {**(there if is_account(there) else {}), **entry}}

        await keeper.auth.update(in_auth)
        if done:
            if label != LIVE:
                keeper.named(provider, PRIMARY)
            return PRIMARY
    labels: list[str] = []

    def edit(books: Books) -> Books:
        books, name = _logged_in(books, provider, entry, label, keeper.wall())
        labels.append(name)
        return books

    await keeper.change(edit)
    return labels[-1]


async def give_up(keeper: Keeper, provider: str, label: str = "") -> str:
    """Delete the login `label`, or the only one, or the one in auth.json. Returns its label.

    Raises:
        ConfigError: there is none, it is a key, or a file cannot be locked, parsed or written.
    """
    if not keeper.ha.exists():

        def without(auth: Mapping[str, Json]) -> Mapping[str, Json]:
            _check(provider, {PRIMARY: entry} if is_account(entry := auth.get(provider)) else {}, label or PRIMARY)
            return {name: other for name, other in auth.items() if name != provider}

        await keeper.auth.update(without)
        return PRIMARY
    labels: list[str] = []

    def edit(books: Books) -> Books:
        stored = books.stored(provider)
        logins = [name for name, entry in stored.items() if entry["type"] == "oauth"]
        name = label or (logins[0] if len(logins) == 1 else live_label(books, provider) or "")
        _check(provider, stored, name)
        labels.append(name)
        return removed(books, provider, name)

    await keeper.change(edit)
    return labels[-1]


async def _owner(keeper: Keeper, provider: str, entry: Entry, choose: Choose) -> str | None:
    """The label of the account that `entry` is a login of, if it is one that is there already."""
    credentials, live = files.object_in(keeper.ha).get("credentials"), files.object_in(keeper.auth.path).get(provider)
    there = accounts_in(credentials.get(provider) if isinstance(credentials, Mapping) else None)
    new = marks(entry, provider, "")
    found = {label: marks(other, provider, "") for label, other in there.items() if other["type"] == "oauth"}
    if is_account(live) and live["type"] == "oauth":
        mark = marks(live, provider, "")
        if mark.secret not in {other.secret for other in found.values()}:
            found[LIVE] = mark
    same = {label: alike(new.names, other.names) for label, other in found.items()}
    sure = next((label for label, is_same in same.items() if is_same), None)
    unsure = [label for label, is_same in same.items() if is_same is None]
    return await choose(unsure) if sure is None and unsure else sure


def _logged_in(books: Books, provider: str, entry: Entry, label: str | None, wall: float) -> tuple[Books, str]:
    live = live_label(books, provider)
    label = live if label == LIVE else label
    stored = books.stored(provider)
    if label is not None and label in stored:
        books = books.with_stored(provider, label, {**stored[label], **entry})
        if label == live:
            books = books.with_live(provider, {**(books.live(provider) or {}), **entry})
        return books, label
    if books.live(provider) is None:
        books = logged_in(books, provider, entry, wall)
        return books, live_label(books, provider) or PRIMARY
    label = next_label(books.labels(provider))
    return books.with_stored(provider, label, entry), label


def _check(provider: str, stored: Mapping[str, Entry], label: str) -> None:
    if label not in stored:
        known = f"The accounts are {', '.join(stored)}." if stored else "It has no account."
        which = f"There is no account {label} of {provider}." if label else f"Say which login of {provider}."
        raise ConfigError(f"{which} {known}")
    if stored[label]["type"] != "oauth":
        raise ConfigError(f"{provider} {label} is a key, not a login. Remove it: pi-fallback auth remove")
