"""SQLite: the ledger in one file that all agents on the machine share.

The file is a cache. Whatever is wrong with it, the agent goes on with the ledger it holds, says so
once, and shares everything as soon as the file works again.
"""

import os
import sqlite3
from collections.abc import Callable
from math import inf
from pathlib import Path
from threading import RLock
from time import thread_time

from pi_fallback.state import ledgerfile, tables
from pi_fallback.state.changes import Change, adopt, difference
from pi_fallback.state.instant import Instant
from pi_fallback_hookspecs import Ledger

COLLISIONS = 4  # in a row: fewer are a crowd, these are a lock
PAUSE_S = 1.0  # between two tries on a file that does not work
READ_SHARE, UNREAD_S = 0.02, 0.5  # of a writer's time may go into reading what a crowd writes; it may wait so long
CLOSE_S = 1.0  # the last chance to share is worth more patience than a turn

_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_OWN = "Until then each agent remembers rests and failures for itself."


class SqliteLedger:
    """A `LedgerStore` at `path`. `now` is the clock of the ledger's moments, `wall` that of the file.

    Opens at the first `sync`. `on_problem` gets each sentence once; it must not raise.
    """

    def __init__(
        self, path: Path, *, now: Callable[[], float], wall: Callable[[], float], on_problem: Callable[[str], object]
    ) -> None:
        self._path = path
        self._now = now
        self._wall = wall
        self._on_problem = on_problem
        self._lock = RLock()
        self._db: sqlite3.Connection | None = None
        self._identity: ledgerfile.Identity | None = None
        self._version = -1  # of the file's content when it was read last
        self._read_not_before = -inf
        self._shared = self._held = Ledger()  # what the file knows from us; what we were given last
        self._unshared: dict[Change, float] = {}  # what was last to be written, and when (wall) it happened
        self._not_before = -inf  # the moment of the next try
        self._broken: ledgerfile.Identity | None = None
        self._rebuilt = False
        self._collisions = 0
        self._off = False
        self._wait_s = ledgerfile.BUSY_S
        self._said: set[str] = set()

    def sync(self, ledger: Ledger) -> Ledger:
        with self._lock:
            self._held = ledger
            if not self._off and self._now() >= self._not_before:
                try:
                    self._held = self._exchange(ledger)
                    self._collisions = 0
                except tables.NewerSchema:
                    self._off = True
                    self._drop()
                    self._say(f"{self._path} belongs to a newer pi-fallback. Update this one to share with it. {_OWN}")
                except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
                    if self._rebuilds(error):
                        return self.sync(ledger)
                    self._pause(error)
            return self._held

    def close(self) -> None:
        with self._lock:
            if self._held is not self._shared:
                self._not_before = -inf
                self._wait_s = CLOSE_S
                self.sync(self._held)
            self._off = True
            self._drop()

    def _exchange(self, ledger: Ledger) -> Ledger:
        """Write what is new here, then read if others have written.

        Raises:
            NewerSchema, sqlite3.Error, OSError, UnicodeDecodeError: the file cannot be used, now or at all.
        """
        instant = Instant(self._now(), self._wall())
        db = self._opened(instant)
        version = tables.data_version(db)
        only_asks = ledger is self._shared
        if not only_asks:
            news = difference(self._shared, ledger, now=instant.now)
            # What waits for a locked file keeps its first stamp: a wake by somebody else came later and holds.
            self._unshared = {change: self._unshared.get(change, instant.wall) for change in news}
            if news:
                tables.write(db, self._unshared, instant, wait_s=self._wait_s)
                if version != self._version:  # whoever goes on at once would keep a crowd waiting
                    os.sched_yield()
            self._shared = ledger
        if version != self._version and (only_asks or self._now() >= self._read_not_before):
            is_first, begun = self._version == -1, thread_time()
            self._shared = adopt(ledger, tables.read(db, instant))
            self._version = version
            if not is_first:  # that one warms up, and is of no crowd
                spent_s = thread_time() - begun  # of our own: on a busy machine others' work must not count as reading
                self._read_not_before = self._now() + min(spent_s / READ_SHARE, UNREAD_S)
        return self._shared

    def _opened(self, instant: Instant) -> sqlite3.Connection:
        if self._db is not None and ledgerfile.identity(self._path) == self._identity:
            return self._db
        self._drop()
        self._db, aside = ledgerfile.opened(self._path, instant, broken=self._broken)
        self._identity, self._version = ledgerfile.identity(self._path), -1
        self._read_not_before = -inf
        self._shared = Ledger()  # a file that we do not know gets all that we know
        self._broken = None
        if aside is not None:
            self._say(
                f"{self._path} was damaged. It is now {aside.name}, and a new one takes its place: no need to act."
            )
        return self._db

    def _rebuilds(self, error: Exception) -> bool:
        """Whether `error` tells of damage, and the next opening may repair it: once, lest it goes on for ever."""
        if self._rebuilt or not _is_damage(error):
            return False
        self._broken, self._rebuilt = ledgerfile.identity(self._path), True
        self._drop()
        return True

    def _pause(self, error: Exception) -> None:
        locked = _code(error) in _LOCKED or isinstance(error, TimeoutError)
        self._collisions = self._collisions + 1 if locked else 0
        if 0 < self._collisions < COLLISIONS:
            return
        self._not_before = self._now() + PAUSE_S
        what = "is locked. End the program that holds it." if locked else f"cannot be used: {error}. {_remedy(error)}"
        self._say(f"{self._path} {what} {_OWN}")

    def _drop(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._on_problem(text)


def _is_damage(error: Exception) -> bool:
    # SQLite quotes the damaged bytes in its message, and the message then cannot be decoded.
    return isinstance(error, (tables.Damaged, UnicodeDecodeError)) or _code(error) in _BROKEN


def _remedy(error: Exception) -> str:
    if _is_damage(error):
        return "Move it away."
    return "See that it is a file, that the disk has room, and that you may write in its folder."


def _code(error: Exception) -> int:
    """SQLite's primary result code; -1 for what is not SQLite's."""
    return getattr(error, "sqlite_errorcode", -1) & 0xFF
