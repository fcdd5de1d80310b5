"""auth.json: read anew, changed and replaced whole, under the lock that pi takes too."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pi_fallback.config import files, ownership
from pi_fallback.config.files import Change
from pi_fallback.credentials.pi_lock import WAIT_S, PiLock, locked, locked_sync, unheard
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json


@dataclass(frozen=True, slots=True)
class Held:
    """auth.json while its lock is ours. `target` is the file itself: a link is followed once and stays."""

    path: Path
    target: Path
    lock: PiLock

    def read(self) -> Mapping[str, Json]:
        """What stands there now; without a file an empty object.

        Raises:
            ConfigError: it cannot be parsed.
        """
        return files.object_in(self.target)

    def write(self, change: Change) -> None:
        """Rewrite it as `change` says, which gets what stands there now; the rest stays, in its order.

        Raises:
            ConfigError: it cannot be parsed or written, or the lock was lost. It is as it was.
        """

        def checked(before: Mapping[str, Json]) -> Mapping[str, Json]:
            after = change(before)
            self.lock.check()
            return after

        try:
            files.rewrite(self.target, checked)
        except (OSError, ConfigError) as error:
            failed = files.unwritable(self.path, error)
        else:
            return
        raise failed  # outside the handler: the frames of what was tried hold the file's content


@dataclass(frozen=True, slots=True)
class AuthJson:
    """auth.json at `path`. `wall` is seconds since 1970; `chance` keeps those who wait for its lock out of step.

    `say` hears of a wait for it that takes long.
    """

    path: Path
    wall: Callable[[], float]
    chance: Random
    say: Callable[[str], None] = unheard

    @property
    def held_by_another(self) -> ConfigError:
        """What is to be raised if another process does not let go of it."""
        return PiLock(self.path, self.wall).held_by_another()

    @asynccontextmanager
    async def held(self, *, wait_s: float = WAIT_S) -> AsyncGenerator[Held]:
        """Hold its lock over awaits, such as a refresh of a token.

        Raises:
            ConfigError: it cannot be locked.
        """
        target = self._target()
        async with locked(target, wall=self.wall, chance=self.chance, wait_s=wait_s, say=self.say) as lock:
            yield Held(self.path, target, lock)

    @contextmanager
    def held_sync(self, *, wait_s: float = WAIT_S) -> Generator[Held]:
        """Hold its lock for milliseconds.

        Raises:
            ConfigError: it cannot be locked.
        """
        target = self._target()
        with locked_sync(target, wall=self.wall, chance=self.chance, wait_s=wait_s) as lock:
            yield Held(self.path, target, lock)

    async def update(self, change: Change) -> None:
        """Rewrite it as `change` says. If nothing changes, nothing is written.

        Raises:
            ConfigError: it cannot be locked, parsed or written. It is as it was.
        """
        async with self.held() as held:
            held.write(change)

    def update_sync(self, change: Change) -> None:
        """The same without a loop.

        Raises:
            ConfigError: it cannot be locked, parsed or written. It is as it was.
        """
        with self.held_sync() as held:
            held.write(change)

    def _target(self) -> Path:
        try:
            target = ownership.target_of(self.path)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise files.unwritable(self.path, error) from None
        return target
