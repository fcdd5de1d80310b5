"""Adding: a new key finds its place beside the accounts that are there, under the locks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pi_fallback.credentials.account_edits import added, logged_in
from pi_fallback.credentials.accounts import PRIMARY
from pi_fallback.credentials.identity import Entry
from pi_fallback.credentials.keeping import Keeper
from pi_fallback.credentials.login_store import AUTH, HA
from pi_fallback.credentials.syncing import Books, live_label, next_label
from pi_fallback_hookspecs import Json


class Added(NamedTuple):
    """What the account is called, and the file that it was put into."""

    label: str
    file: str


async def add(
    keeper: Keeper, provider: str, entry: Entry, *, label: str | None, others: Sequence[str], pi_reads: bool
) -> Added:
    """Keep `entry`, under `label` or the first one that is free.

    A provider's only account goes into auth.json, if pi can read it there; any other one into ha.json. `others` are
    the labels of accounts that stand in neither file.

    Raises:
        ConfigError: a file cannot be locked, parsed or written, the label is taken or none, the account is there
            already, or what stands in auth.json is no account.
    """
    may_be_alone = pi_reads and not others and label in (None, PRIMARY)
    if may_be_alone and not keeper.ha.exists() and await _is_alone(keeper, provider, entry):
        return Added(PRIMARY, AUTH)
    done: list[Added] = []

    def edit(books: Books) -> Books:  # what was seen before the lock may be old: many may add at once
        if may_be_alone and books.live(provider) is None and not books.stored(provider):
            books = logged_in(books, provider, entry, keeper.wall())
            done.append(Added(live_label(books, provider) or PRIMARY, AUTH))
            return books
        name = label or next_label({*others, *books.labels(provider)})
        done.append(Added(name, HA))
        return added(books, provider, name, entry)

    await keeper.change(edit)
    return done[-1]


async def _is_alone(keeper: Keeper, provider: str, entry: Entry) -> bool:
    """Put `entry` into auth.json, if nothing stands there for `provider`. Whether it was."""
    put: list[bool] = []

    def in_auth(auth: Mapping[str, Json]) -> Mapping[str, Json]:
        if provider in auth:
            return auth
        put.append(True)
        return {**auth, provider: entry}

    await keeper.auth.update(in_auth)
    if put:
        keeper.named(provider, PRIMARY)
    return bool(put)
