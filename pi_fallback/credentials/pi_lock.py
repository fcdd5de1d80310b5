"""The lock that pi takes on auth.json: a folder beside the file, touched for as long as it is held.

The protocol is that of the npm package proper-lockfile: who makes the folder `<file>.lock` has the lock. One that
nobody has touched for 30 s was left behind by a dead process, and anybody may take it over. Whoever was not dead but
asleep finds out by `check` before it writes.
"""

import fcntl
import os
import stat
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from errno import ENOTDIR
from pathlib import Path
from random import Random

import anyio

from pi_fallback.config.problems import shown
from pi_fallback.errors import ConfigError, single

STALE_S = 30.0  # pi's own figure: both sides must go by the same
TOUCH_S = 10.0  # two touches may come late or fail before the lock is stale
SAY_S = 2.0  # who waits longer is told for what
WAIT_S = 30.0  # as pi waits: a refresh of a token inside the lock takes seconds
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 2.0  # pi's too


class PiLock:
    """The lock on `path`, which is no link. `wall` is seconds since 1970, as the times of files are."""

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        self._path = path
        self._folder = path.with_name(f"{path.name}.lock")
        self._wall = wall
        self._mark: tuple[int, int] | None = None

    def take(self) -> bool:
        """Take it, if it is free or was left behind. Whether we have it now.

        Raises:
            ConfigError: there can be no lock there.
        """
        try:
            if not self._make():
                self._remove_if_left_behind()
                return self._make()
        except OSError as error:
            raise self._in_the_way(error) from error
        return True

    def check(self) -> None:
        """Make sure that it is still ours.

        Raises:
            ConfigError: another process took it over. What stands in the file now is not what was read.
        """
        if self._mark is None or self._seen() != self._mark:
            message = f"{shown(self._path)} was locked for too long and taken over. Nothing was written. Try again."
            raise ConfigError(message, path=self._path)

    def touch(self) -> bool:
        """Say that we are alive. Whether it is still ours."""
        if self._mark is None or self._seen() != self._mark:
            return False
        with suppress(OSError):
            self._mark = self._stamped()
        return True

    def release(self) -> None:
        """Give it back, unless it is somebody else's by now."""
        if self._mark is not None and self._seen() == self._mark:
            with suppress(OSError):
                self._folder.rmdir()
        self._mark = None

    def held_by_another(self) -> ConfigError:
        where = shown(self._path)
        message = f"{where} is locked by another process. Close that, or delete the folder {where}.lock."
        return ConfigError(message, path=self._path)

    @property
    def waiting(self) -> str:
        where = shown(self._path)
        return f"{where} is locked by another process: waiting for {where}.lock to go away."

    def _in_the_way(self, error: OSError) -> ConfigError:
        where, reason = shown(self._folder), (error.strerror or "its folder cannot be written").lower()
        if os.path.lexists(self._folder):
            message = f"{where}, which another process left behind, could not be removed: {reason}. Delete it."
        else:
            message = f"{where} could not be made: {reason}. See that its folder can be written."
        return ConfigError(message, path=self._path)

    def _make(self) -> bool:
        try:
            self._folder.mkdir()
        except FileExistsError:
            with suppress(FileNotFoundError):  # it was given back just now
                if not stat.S_ISDIR(self._folder.lstat().st_mode):  # nobody's lock, and nobody removes it
                    raise NotADirectoryError(ENOTDIR, "it is no folder") from None
            return False
        self._mark = self._stamped()
        return True

    def _stamped(self) -> tuple[int, int] | None:
        now = int(self._wall() * 1e9)
        os.utime(self._folder, ns=(now, now))
        return self._seen()  # not `now`: file systems round

    def _seen(self) -> tuple[int, int] | None:
        try:
            found = self._folder.stat()
        except OSError:  # it is gone, or nobody can say: not a lock to rely on
            return None
        return found.st_ino, found.st_mtime_ns

    def _remove_if_left_behind(self) -> None:
        """Look and remove in one step, as far as processes of ours go: two must not both take over the same lock."""
        with _alone_in(self._folder.parent):
            seen = self._seen()
            if seen is not None and seen[1] / 1e9 < self._wall() - STALE_S:
                self._folder.rmdir()


@contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without such locks: then as pi does it
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def unheard(_text: str) -> None:
    """Nobody is told that something is waited for."""


@asynccontextmanager
async def locked(
    path: Path,
    *,
    wall: Callable[[], float],
    chance: Random,
    wait_s: float = WAIT_S,
    say: Callable[[str], None] = unheard,
) -> AsyncGenerator[PiLock]:
    """Hold the lock on `path` over awaits. Losing it does not end the block: ask `check` before you write.

    `say` hears of a wait that takes long.

    Raises:
        ConfigError: another process does not let go.
    """
    lock, waited_s, told = PiLock(path, wall), 0.0, False
    for pause in pauses(chance, wait_s):
        if lock.take():
            break
        if waited_s >= SAY_S and not told:
            say(lock.waiting)
            told = True
        await anyio.sleep(pause)
        waited_s += pause
    else:
        raise lock.held_by_another()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_keep_fresh, lock)
            yield lock
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise single(group) from None
    finally:
        lock.release()


async def _keep_fresh(lock: PiLock) -> None:
    while lock.touch():  # noqa: ASYNC110  # nobody could set an event: time is what is waited for
        await anyio.sleep(TOUCH_S)


@contextmanager
def locked_sync(path: Path, *, wall: Callable[[], float], chance: Random, wait_s: float = WAIT_S) -> Generator[PiLock]:
    """The same for a block of milliseconds, in which nothing is awaited and nobody needs to touch it.

    Raises:
        ConfigError: another process does not let go.
    """
    lock = PiLock(path, wall)
    for pause in pauses(chance, wait_s):
        if lock.take():
            break
        threading.Event().wait(pause)
    else:
        raise lock.held_by_another()
    try:
        yield lock
    finally:
        lock.release()


def pauses(chance: Random, limit_s: float) -> Iterator[float]:
    """How long to wait between tries: ever longer, never in step with another, `limit_s` in all."""
    left, pause = limit_s, FIRST_PAUSE_S
    while left > 0:
        now = min(pause * chance.uniform(1, 2), LONGEST_PAUSE_S, left)
        yield now
        left -= now
        pause *= 2
    yield 0.0
