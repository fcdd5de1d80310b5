"""The decision log: why each request went where it went, kept in a small file that all agents of a machine share."""

import errno
import fcntl
import json
import math
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pi_fallback.core.booking import Entry
from pi_fallback.core.explaining import Row, entry_row, routing_row, row_of
from pi_fallback.core.routing import Routing

FILE_BYTES = 1024 * 1024  # then it becomes the old one, and the one before that goes
READ_BYTES = 2 * FILE_BYTES
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe would wait for a writer
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
AGAIN_S = 60.0  # a full disk has room again some time
KEPT = 200  # records in memory, for `/explain`


class DecisionLog:
    """Takes records as they are made. What cannot be written is lost to the file only; it is said once until that ends.

    `now` is the monotonic clock of the records, `wall` the time since 1970; `clean` takes secrets out.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        clean: Callable[[str], str] = str,
        on_problem: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.rows: deque[Row] = deque(maxlen=KEPT)
        self._path = path
        self._now = now
        self._wall = wall
        self._clean = clean
        self._on_problem = on_problem
        self._last: Routing | None = None
        self._is_broken = False
        self._again_at = -math.inf

    def routing(self, record: Routing) -> None:
        """Keep `record`, if it tells more than the one before it."""
        if record.is_news_after(self._last):
            self._last = record
            self._keep(routing_row(record, self._wall_of))

    def entry(self, entry: Entry) -> None:
        """Keep what was written into the ledger."""
        self._keep(entry_row(entry, self._now(), self._wall_of))

    def _wall_of(self, moment: float) -> float:
        return round(self._wall() + moment - self._now(), 3)

    def _keep(self, row: Row) -> None:
        self.rows.append(row)
        if self._path is None or self._now() < self._again_at:
            return
        line = self._clean(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
        try:
            # A line that a full disk has cut must not take this one with it.
            self._append(self._path, f"\n{line}" if self._is_broken else line)
        except OSError as error:
            if not self._is_broken:
                self._on_problem(f"Decisions are not recorded in {self._path}: {error.strerror}. The agent works on.")
            self._is_broken, self._again_at = True, self._now() + AGAIN_S
        else:
            self._is_broken = False

    def _append(self, path: Path, line: str) -> None:
        try:
            fd = os.open(path, _APPEND, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(path, _APPEND, 0o600)
        try:
            # One write a line: agents that share the file cannot cut each other's lines.
            data = f"{line}\n".encode("utf-8", "replace")
            if os.write(fd, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if os.fstat(fd).st_size > FILE_BYTES:
                _move(fd, path)
        finally:
            os.close(fd)


def _move(fd: int, path: Path) -> None:
    """Make the full file the old one, unless another agent has done so or is about to: it would move the new one."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    except OSError:
        pass  # a file system without locks: a moment is left in which two agents can move it
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(fd), path.lstat()):
            path.replace(_old(path))


def read_rows(path: Path, on_problem: Callable[[str], None] = lambda _text: None) -> Iterator[Row]:
    """Yield the rows of the log at `path`, oldest first; lines that are no rows are passed over."""
    for file in (_old(path), path):
        try:
            data = _end_of(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            on_problem(f"{file} cannot be read: {(error.strerror or str(error)).lower()}. Move it away.")
            continue
        yield from filter(None, map(row_of, data.splitlines()))


def _end_of(path: Path) -> bytes:
    """The last whole lines of a file: others may have put anything there, of any size.

    Raises:
        OSError: it is no file, or cannot be read.
    """
    if path.is_symlink():
        raise OSError(0, "it is a symbolic link")
    fd = os.open(path, _READ)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is not a file")
        start = max(0, found.st_size - READ_BYTES)
        data = os.pread(fd, READ_BYTES, start)
    finally:
        os.close(fd)
    return data if start == 0 else data.partition(b"\n")[2]


def _old(path: Path) -> Path:
    return path.with_suffix(f".old{path.suffix}")
