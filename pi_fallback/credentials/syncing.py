"""Syncing: what changes in auth.json and in the accounts of ha.json so that both know the same."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pi_fallback.credentials.accounts import PRIMARY
from pi_fallback.credentials.identity import Entry, Marks, accounts_in, is_account, marks
from pi_fallback.credentials.memory import Known, Memory
from pi_fallback.credentials.stored import free_label
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

GOOD_FOR_S = 600.0  # nobody renews a login that is good for longer than this

File = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Books:
    """auth.json, the `credentials` of ha.json, what is remembered of both, and what was done, in sentences."""

    auth: File
    credentials: File
    memory: Memory
    said: tuple[str, ...] = ()

    def live(self, provider: str) -> Entry | None:
        """The account of `provider` in auth.json."""
        entry = self.auth.get(provider)
        return entry if is_account(entry) else None

    def stored(self, provider: str) -> dict[str, Entry]:
        """The accounts of `provider` in ha.json by label."""
        return accounts_in(self.credentials.get(provider))

    def labels(self, provider: str) -> tuple[str, ...]:
        """All names that are taken at `provider` in ha.json."""
        return tuple(self._accounts(provider))

    def _accounts(self, provider: str) -> File:
        accounts = self.credentials.get(provider)
        return accounts if isinstance(accounts, Mapping) else {}

    def with_live(self, provider: str, entry: Entry) -> "Books":
        return replace(self, auth={**self.auth, provider: entry})

    def with_stored(self, provider: str, label: str, entry: Entry) -> "Books":
        """With `entry` under `label` in ha.json.

        Raises:
            ConfigError: what stands there for `provider` is no object, and would be lost.
        """
        rest = self.credentials.get(provider, {})
        if not isinstance(rest, Mapping):
            message = f'"{provider}" of "credentials" in ha.json is not an object of accounts. Correct it there first.'
            raise ConfigError(message)
        return replace(self, credentials={**self.credentials, provider: {**rest, label: entry}})

    def saying(self, text: str) -> "Books":
        return replace(self, said=(*self.said, text))


def synced(books: Books, *, wall: float, login: str = "") -> Books:
    """Bring both files to the same state. `login` names the provider whose account in auth.json was just logged in.

    What is newer counts, on either side. An account that ha.json does not have is stored there; none is put into
    auth.json, and none is deleted. `wall` is seconds since 1970.
    """
    for provider in dict.fromkeys((*books.auth, *books.credentials, *books.memory.known)):
        accounts = books.credentials.get(provider, {})
        if isinstance(accounts, Mapping):  # else it is broken, and whoever reads it says so
            books = _synced(books, provider, wall, is_login=provider == login)
    return books


def live_label(books: Books, provider: str) -> str | None:
    """The label under which the account in auth.json is stored, if it is."""
    live = books.live(provider)
    if live is None:
        return None
    found = _marks(books, provider)
    owners, _ = _recognised(books, provider, found)
    return _label_of(marks(live, provider, books.memory.salt), found, owners)


def _synced(books: Books, provider: str, wall: float, *, is_login: bool) -> Books:
    found = _marks(books, provider)
    owners, gone = _recognised(books, provider, found)
    live, was_live = books.live(provider), books.memory.live.get(provider)
    if live is None:
        return replace(books, memory=books.memory.told(provider, owners, gone, None))
    mark = marks(live, provider, books.memory.salt)
    label = _label_of(mark, found, owners)
    if label is None and not is_login:
        renewed = (name for name, one in owners.items() if _is_renewed(one, mark, was_live, wall))
        label = next(renewed, None)
    deleted = next((one for one in gone if one.is_of(mark) or _is_renewed(one, mark, was_live, wall)), None)
    if label is not None:
        before = {secret for known in books.memory.of(provider) for secret in known.seen}
        fresh = (
            _is_fresh(live, mark, before, wall),
            _is_fresh(books.stored(provider)[label], found[label], before, wall),
        )
        newer = is_login or _is_newer(live, mark, books.stored(provider)[label], found[label], owners[label], fresh)
        books = _reconciled(books, provider, label, live, live_is_newer=newer)
        live = books.live(provider) or live
        owners[label] = owners[label].met(marks(live, provider, books.memory.salt), expiry(live))
    elif deleted is not None and not (is_login or _is_new_login(deleted, mark, was_live, wall)):
        gone[gone.index(deleted)] = deleted.met(mark, expiry(live))
    else:
        if deleted is not None:
            gone.remove(deleted)
        label = next_label(books.labels(provider))
        books = books.with_stored(provider, label, live).saying(f"{provider}: the account in auth.json is now {label}.")
        owners[label] = (deleted or Known()).met(mark, expiry(live))
    now_live = marks(live, provider, books.memory.salt).secret
    return replace(books, memory=books.memory.told(provider, owners, gone, now_live))


def next_label(taken: Collection[str]) -> str:
    """What a new account is called: `primary`, else the lowest `backup-N` that is free."""
    return free_label(taken) if PRIMARY in taken else PRIMARY


def _marks(books: Books, provider: str) -> dict[str, Marks]:
    return {label: marks(entry, provider, books.memory.salt) for label, entry in books.stored(provider).items()}


def _recognised(books: Books, provider: str, found: Mapping[str, Marks]) -> tuple[dict[str, Known], list[Known]]:
    """What is known of the stored accounts, and the accounts that are gone: stored once, and no more."""
    left, owners = list(books.memory.of(provider)), dict[str, Known]()
    for label, mark in found.items():
        if (known := next((one for one in left if one.is_of(mark)), None)) is not None:
            left.remove(known)
            owners[label] = known
    for label, mark in found.items():
        if label in owners:
            continue
        # A nameless login that was renewed where it is stored is known by its label alone.
        known = next((one for one in left if one.label == label and _may_be(one, mark)), None) or Known()
        left = [one for one in left if one is not known]
        owners[label] = known
    stored = books.stored(provider)
    # A secret that was seen before is not the newest one because it stands in the file again.
    fresh = {label: mark for label, mark in found.items() if mark.secret not in owners[label].seen}
    owners |= {label: owners[label].met(mark, expiry(stored[label])) for label, mark in fresh.items()}
    return {label: owners[label] for label in found}, left


def _may_be(known: Known, mark: Marks) -> bool:
    return mark.is_login and not known.gone and known.expires is not None and known.is_of(mark) is None


def _label_of(mark: Marks, found: Mapping[str, Marks], owners: Mapping[str, Known]) -> str | None:
    same = next((label for label, other in found.items() if other.secret == mark.secret), None)
    return same or next((label for label, known in owners.items() if known.is_of(mark)), None)


def _is_renewed(known: Known, mark: Marks, was_live: str | None, wall: float) -> bool:
    """Whether an entry whose names say nothing may be what `known`, in whose place it stands, was renewed to."""
    return mark.is_login and known.is_of(mark) is None and _may_be_renewed(known, was_live, wall)


def _may_be_renewed(known: Known, was_live: str | None, wall: float) -> bool:
    """Logins are renewed when they run out, not before: what takes the place of a good one is another login."""
    return was_live in known.seen and known.expires is not None and known.expires / 1000 - GOOD_FOR_S <= wall


def _is_new_login(gone: Known, mark: Marks, was_live: str | None, wall: float) -> bool:
    """Whether an account that was deleted is back by a login, not because it never left auth.json."""
    return mark.secret not in gone.seen and not _may_be_renewed(gone, was_live, wall)


def _is_fresh(entry: Entry, mark: Marks, seen_before: Collection[str], wall: float) -> bool:
    """Whether a login was never met. One that has run out may be a copy so old that it was forgotten."""
    ends = expiry(entry)
    return mark.secret not in seen_before and (ends is None or ends > wall * 1000)


def _is_newer(live: Entry, mark: Marks, stored: Entry, other: Marks, known: Known, fresh: tuple[bool, bool]) -> bool:
    """Whether auth.json has the newer state of an account that both files have."""
    is_fresh, other_is_fresh = fresh
    if is_fresh != other_is_fresh:  # a login may end sooner than the one that it replaces
        return is_fresh
    if mark.secret != other.secret and mark.secret in known.seen and other.secret in known.seen:
        return known.seen.index(mark.secret) > known.seen.index(other.secret)
    ends, other_ends = expiry(live), expiry(stored)
    return ends is None or other_ends is None or ends >= other_ends


def _reconciled(books: Books, provider: str, label: str, live: Entry, *, live_is_newer: bool) -> Books:
    stored = books.stored(provider)[label]
    older, newer = (stored, live) if live_is_newer else (live, stored)
    merged = {**older, **newer}  # what only one of them knew stays, such as the e-mail that pi forgets
    if merged == older:
        return books
    if live_is_newer:
        return books.with_stored(provider, label, merged).saying(f"{provider} {label} was newer in auth.json.")
    return books.with_live(provider, merged).saying(f"{provider} {label} was newer in ha.json.")


def expiry(entry: Entry) -> float | None:
    """When the access of a login ends, in milliseconds since 1970."""
    value = entry.get("expires")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
