"""The ledger's file: made, opened, and moved aside if it is damaged, by one process at a time."""

import os
import sqlite3
from contextlib import suppress
from itertools import count
from pathlib import Path

from pi_fallback.state import tables
from pi_fallback.state.instant import Instant

BUSY_S = 0.04  # what a locked file may cost one turn, with room for the scheduler below 50 ms
OPEN_S = 0.25  # once in the life of a process, in a queue with others that start

Identity = tuple[int, int]


def identity(path: Path) -> Identity | None:
    """What tells the file at `path` from another one that takes its name; None if it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def opened(path: Path, instant: Instant, *, broken: Identity | None) -> tuple[sqlite3.Connection, Path | None]:
    """Open the file at `path`, made if need be; the file `broken` is moved aside first, and its new name returned.

    Raises:
        OSError: the folder cannot be used, or others took too long to open it (`TimeoutError`).
        sqlite3.Error: the file cannot be used.
        NewerSchema: it belongs to a later version of this program.
    """
    from filelock import FileLock  # as much import time as the rest of this package

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=OPEN_S, poll_interval=0.005, mode=0o600):
        # Another process may have moved it already: then a sound file has its name.
        aside = _set_aside(path) if broken is not None and broken == identity(path) else None
        # SQLite would make it readable for all. An existing file must not be opened past SQLite:
        # closing it would end the locks that this process' other connections hold on it.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        db.text_factory = _text
        try:
            tables.prepare(db, instant)
            db.execute("PRAGMA busy_timeout = 0")  # from here on we wait ourselves
        except BaseException:
            db.close()
            raise
        return db, aside


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")  # damage inside a text costs the text, not the ledger


def _set_aside(path: Path) -> Path:
    """Rename the file together with its log, so that it can still be looked into."""
    aside = next(name for n in count(1) if not (name := path.with_name(f"{path.name}.corrupt-{n}")).exists())
    path.rename(aside)
    with suppress(FileNotFoundError):
        path.with_name(f"{path.name}-wal").rename(f"{aside}-wal")
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return aside
