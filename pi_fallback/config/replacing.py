"""Replacing: a file becomes the new one whole or stays the old one, and what killed writers leave is swept away."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pi_fallback.config import ownership

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}\.tmp")


def write_private(path: Path, text: str) -> None:
    """Replace `path`, which is no link, by a file of JSON that only its owner can read.

    Raises:
        OSError: it could not be written. It is as it was.
    """
    ownership.check_replaceable(path)
    descriptor, temporary = _begun(path)
    try:
        # Half of a surrogate pair, which JSON can hold and UTF-8 cannot, stays the escape that JSON has for it.
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def sweep(path: Path) -> None:
    """Delete what killed writers of `path` left."""
    _delete(found for found in _temporaries(path.parent) if _owner(found) == path.name)


def sweep_folder(folder: Path) -> None:
    """Delete what killed writers of any file in `folder` left."""
    _delete(_temporaries(folder))


def _begun(path: Path) -> tuple[int, Path]:
    """A new file beside `path`. It is locked for as long as its writer lives: that tells it from a leftover."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        descriptor = os.open(temporary, flags, 0o600)
        with suppress(OSError):  # a file system without such locks: then nobody can sweep either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, temporary
        os.close(descriptor)  # swept away before it was locked


def _temporaries(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if _TEMPORARY.fullmatch(name)]
    except OSError:
        return []


def _owner(temporary: Path) -> str:
    match = _TEMPORARY.fullmatch(temporary.name)
    return match["name"] if match else ""


def _delete(leftovers: Iterable[Path]) -> None:
    for leftover in leftovers:
        with suppress(OSError):
            descriptor = os.open(leftover, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its writer lives
                leftover.unlink()
            finally:
                os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
