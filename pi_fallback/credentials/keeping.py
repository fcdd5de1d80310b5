"""Keeping accounts: auth.json and ha.json are changed together, each under its lock, and only if something changes."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pi_fallback.config import files
from pi_fallback.config.jsonc import Document
from pi_fallback.config.problems import shown
from pi_fallback.config.replacing import sweep, write_private
from pi_fallback.credentials.account_edits import activated
from pi_fallback.credentials.accounts import PRIMARY
from pi_fallback.credentials.auth_json import AuthJson, Held
from pi_fallback.credentials.memory import Memory, remembered
from pi_fallback.credentials.pi_lock import unheard
from pi_fallback.credentials.syncing import Books, synced
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

Edit = Callable[[Books], Books]
Named = Callable[[str, str], object]
HASTE_S = 2.0  # at the start nobody waits long for another process


def _as_it_is(books: Books) -> Books:
    return books


@dataclass(frozen=True, slots=True)
class Keeper:
    """Knows auth.json, ha.json and what is remembered of both. Whatever it does begins with a sync.

    `wall` is seconds since 1970. The lock of auth.json is taken first, always. `named` hears which label a provider's
    account has got: another one may have been called so before.
    """

    auth: AuthJson
    ha: Path
    memory: Path
    wall: Callable[[], float]
    named: Named = lambda _provider, _label: None

    @classmethod
    def of(
        cls,
        agent_dir: Path,
        wall: Callable[[], float],
        chance: Random,
        named: Named = lambda _provider, _label: None,
        say: Callable[[str], None] = unheard,
    ) -> "Keeper":
        memory = agent_dir / "pi-fallback" / "accounts.json"
        return cls(AuthJson(agent_dir / "auth.json", wall, chance, say), agent_dir / "ha.json", memory, wall, named)

    async def sync(self, *, create: bool = True) -> tuple[str, ...]:
        """Bring both files to the same state, and say what was done. Without `create` no ha.json is begun.

        Raises:
            ConfigError: a file cannot be locked, parsed or written.
        """
        if not create and not self.ha.exists():
            return ()
        async with self.auth.held() as held:
            return (await self._apply(held)).said

    async def activate(self, provider: str, label: str) -> tuple[str, ...]:
        """Put a stored account into auth.json, after what stands there was stored.

        Raises:
            ConfigError: as above, or it is not stored, or what stands there is no account.
        """
        return (await self.change(lambda books: activated(books, provider, label))).said

    async def change(self, edit: Edit) -> Books:
        """Change the accounts as `edit` says, which may raise: then nothing is written.

        Raises:
            ConfigError: a file cannot be locked, parsed or written.
        """
        async with self.auth.held() as held:
            return await self._apply(held, edit)

    def sync_at_start(self) -> str:
        """Sync without a loop, if there is an ha.json and something to do; what went wrong, if anything did."""
        try:
            if not self.ha.exists():
                return ""
            before = self._books(files.object_in(self.auth.path), files.object_in(self.ha))
        except (ConfigError, OSError):
            return ""  # whoever reads the files says what is wrong with them
        after = synced(before, wall=self.wall())
        if (after.auth, after.credentials, after.memory) == (before.auth, before.credentials, before.memory):
            return ""
        try:
            with self.auth.held_sync(wait_s=HASTE_S) as held:
                in_ha, written = self._steps(held, _as_it_is)
                files.update(self.ha, in_ha)
                written()
        except ConfigError as error:
            if (after.auth, after.credentials) != (before.auth, before.credentials):
                return f"The accounts were not synced: {error}"
        return ""

    async def _apply(self, held: Held, edit: Edit = _as_it_is) -> Books:
        in_ha, written = self._steps(held, edit)
        if self.ha.exists() or in_ha({}):  # else not even a lock file is begun beside one that nobody needs
            await files.update_later(self.ha, in_ha)
        return written()

    def _steps(self, held: Held, edit: Edit) -> tuple[files.Change, Callable[[], Books]]:
        """What to do under the lock of ha.json, and then without it: that gives the accounts as they are now."""
        done: list[Books] = []

        def in_ha(file: Mapping[str, Json]) -> Mapping[str, Json]:
            before = self._books(held.read(), file)
            books = edit(synced(before, wall=self.wall()))
            done[:] = before, books
            changed = bool(books.credentials) or "credentials" in file
            return {**file, "credentials": books.credentials} if changed else file

        def written() -> Books:
            before, books = done
            held.write(lambda _now: books.auth)
            # Last, for what it knows and ha.json does not counts as deleted by the user.
            self._remember(synced(books, wall=self.wall()).memory)
            for provider, label in _given(before, books):
                self.named(provider, label)
            return books

        return in_ha, written

    def _books(self, auth: Mapping[str, Json], ha: Mapping[str, Json]) -> Books:
        remembered = self._remembered()
        if "credentials" not in ha:  # started over: no account was deleted
            return Books(auth, {}, Memory(salt=remembered.salt))
        credentials = ha["credentials"]
        if not isinstance(credentials, Mapping):
            raise ConfigError(f'{shown(self.ha)}: "credentials" is not an object. Correct it there.', path=self.ha)
        return Books(auth, credentials, remembered)

    def _remembered(self) -> Memory:
        found = files.read(self.memory)
        return remembered(found.value if isinstance(found, Document) else None, secrets.token_hex(16))

    def _remember(self, memory: Memory) -> None:
        if memory == self._remembered():
            return
        try:
            self.memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep(self.memory)
            write_private(self.memory, memory.model_dump_json(indent=1) + "\n")
        except OSError as error:
            reason = (error.strerror or "it cannot be written").lower()
            raise ConfigError(f"{shown(self.memory)} could not be written: {reason}.", path=self.memory) from error


def _given(before: Books, after: Books) -> Iterator[tuple[str, str]]:
    """The labels that accounts have got. The only one of auth.json was called `primary` before it was stored."""
    for provider in after.credentials:
        there = before.stored(provider).keys() or ({PRIMARY} if before.live(provider) else set[str]())
        yield from ((provider, label) for label in after.stored(provider) if label not in there)
