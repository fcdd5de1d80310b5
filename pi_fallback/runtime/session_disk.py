"""The session on the disk: whole lines, synced, in a file that one process holds."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from pi_fallback.errors import SessionError
from pi_fallback.runtime.session_files import contents, last_pid, parsed


def sync(file: int) -> None:
    """Wait until what was written is on the disk."""
    getattr(os, "fdatasync", os.fsync)(file)  # macOS has no fdatasync


def make(path: Path) -> int:
    """Make the file and its folders, for this user alone, and see to it that their names are on the disk."""
    for folder in reversed([folder for folder in path.parents if not folder.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    lock(file, path)
    _sync_folder(path.parent)
    return file


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with suppress(OSError):  # not every file system can sync a folder
        os.fsync(opened)
    os.close(opened)


def is_at(file: int, path: Path) -> bool:
    """Whether the open `file` is the one that `path` names."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False


def make_again(file: int, path: Path) -> tuple[int, Path]:
    """Write all that is in the open `file`, which `path` does not name any more, to a new one.

    That lies at `path`, or beside whatever took its place.
    """
    if path.exists():
        path = path.with_name(f"{path.stem}-{uuid4().hex[:8]}.jsonl")
    again = make(path)
    try:
        write(again, contents(file))
        sync(again)
    except OSError:
        os.close(again)
        path.unlink()
        raise
    os.close(file)
    return again, path


def write(file: int, data: bytes) -> None:
    """Append `data` in one write, whole or not at all."""
    end = os.fstat(file).st_size
    try:
        if os.write(file, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, end)  # the next record must not be glued to half a line
        raise


def lock(file: int, path: Path) -> None:
    """Hold `file` for this process, until it is closed.

    Raises:
        SessionError: another one holds it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = last_pid(contents(file))
        raise SessionError(
            f"The session {path} is in use by process {pid or 'unknown'}. End that one, or start a new session."
        ) from error
    except OSError:
        pass  # a file system without locks: work without one


def mend_tail(file: int, path: Path) -> None:
    """Let the file end with a whole line. What is half written was never acknowledged; it is set aside."""
    data = contents(file)
    end = data.rfind(b"\n") + 1
    tail = data[end:]
    if not tail:
        return
    with suppress(ValueError):
        parsed(tail)
        write(file, b"\n")  # an editor took the last newline: the record is whole
        return
    aside = os.open(f"{path}.torn", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        write(aside, tail + b"\n")
        os.fsync(aside)
    finally:
        os.close(aside)
    os.ftruncate(file, end)
    os.fsync(file)
