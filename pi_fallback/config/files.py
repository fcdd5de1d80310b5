"""Files of the user's: read whole and checked, written under a lock and never half."""

import json
import os
import stat
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from pi_fallback.config import jsonc, ownership
from pi_fallback.config.jsonc import Document, Malformed
from pi_fallback.config.problems import Problem, shown
from pi_fallback.config.replacing import sweep, write_private
from pi_fallback.errors import ConfigError, FileLocked
from pi_fallback_hookspecs import Json, thawed

MAX_BYTES = 8 * 2**20  # far above any configuration, far below what hurts
LOCK_TIMEOUT_S = 5.0  # a write under the lock takes milliseconds: longer means a dead or hanging holder
LOOK_S = 0.02  # how soon who waits sees that a lock is free

Change = Callable[[Mapping[str, Json]], Mapping[str, Json]]


def read(path: Path, *, comments: bool = False, anybodys: bool = False) -> Document | Problem | None:
    """Return the JSON of `path`, the problem that it has, or None if there is no such file.

    A file that others may have written is a problem, unless it may be `anybodys`, as those of a project are.
    """
    try:
        data = bytes_of(path, anybodys=anybodys)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        return Problem(path, None, "", f"cannot be read: {reason}", "Correct that or move it away.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Problem(path, line, "", "is not UTF-8 text", "Save it as UTF-8.")
    if not text.strip():
        return Problem(path, None, "", "is empty", "Write {} into it or delete it.")
    try:
        return jsonc.parse(text, comments=comments)
    except Malformed as error:
        return Problem(
            path, error.line, "", f"is not valid JSON: {error}", "Correct it there; nothing was overwritten."
        )


def bytes_of(path: Path, *, anybodys: bool = False) -> bytes:
    """Return what `path` holds, if it is a file of a size that a file of ours can have.

    Raises:
        OSError: it is not, or cannot be read.
        NotOwn: others may have written it.
    """
    target = Path(os.path.realpath(path)) if anybodys else ownership.target_of(path)
    # Without O_NONBLOCK the opening of a named pipe would wait for a writer.
    descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is not a file")
        if not anybodys:
            ownership.check_readable(found)
        if found.st_size > MAX_BYTES:
            raise OSError(0, f"it is larger than {MAX_BYTES // 2**20} megabytes")
        return file.read(MAX_BYTES)


def update(path: Path, change: Change, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
    """Rewrite the JSON object in `path` as `change` says, which gets what stands there now.

    Other writers wait; a reader sees the old file or the new one. Of a link the target is written.

    Raises:
        ConfigError: the file cannot be parsed, locked or written, or is not the user's alone. It is as it was.
    """
    try:
        target = ownership.target_of(path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(target, lock_timeout_s):
            rewrite(target, change)
    except (OSError, ConfigError) as error:
        failed = unwritable(path, error)
    else:
        return
    raise failed  # outside the handler: the frames of what was tried hold the file's content


async def update_later(path: Path, change: Change, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
    """The same for a loop, which goes on while others hold the lock.

    Raises:
        ConfigError: as for `update`.
    """
    until = anyio.current_time() + lock_timeout_s
    while True:
        try:
            return update(path, change, lock_timeout_s=0)
        except FileLocked:
            if anyio.current_time() >= until:
                raise
        await anyio.sleep(LOOK_S)


def check_replaceable(path: Path) -> None:
    """Make sure that `update` may write `path`, as far as can be told before.

    Raises:
        ConfigError: it may not.
    """
    try:
        ownership.check_replaceable(ownership.target_of(path))
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError | ConfigError) -> ConfigError:
    """What is to be raised if `error` came of writing `path`: without the frames that it came through."""
    if isinstance(error, ConfigError):
        return error.with_traceback(None)
    reason = (error.strerror or "it cannot be written").lower()
    return ConfigError(f"{shown(path)} could not be written: {reason}. It is as it was.", path=path)


def rewrite(path: Path, change: Change) -> None:
    """Write `path` anew, which is no link and whose lock is held. If nothing changes, nothing is written.

    Raises:
        ConfigError: the file cannot be parsed. It is as it was.
        OSError: it could not be written.
    """
    sweep(path)
    before = object_in(path)
    after = change(before)
    if (text := _text(after)) != _text(before):
        write_private(path, text)


def _text(value: Mapping[str, Json]) -> str:
    text = json.dumps(thawed(value), indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, which JSON can name and UTF-8 cannot
        text = json.dumps(thawed(value), indent=2)
    return text + "\n"


def object_in(path: Path) -> Mapping[str, Json]:
    """The JSON object in `path`; of a file that is not there an empty one.

    Raises:
        ConfigError: it is none.
    """
    match read(path):
        case None:
            return {}
        case Problem() as problem:
            raise ConfigError(str(problem), path=path)
        case Document(value=Mapping() as value):
            return value
        case Document():
            problem = Problem(path, 1, "", "must be an object", "Write it as {…}.")
            raise ConfigError(str(problem), path=path)


@contextmanager
def locked(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Generator[None]:
    """Keep other writers of `path` out.

    Raises:
        FileLocked: one of them does not let go.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=timeout_s, mode=0o600)
    try:
        with lock:
            yield
    except Timeout:
        message = f"{shown(path)} is locked by another process. Close that or delete {shown(path)}.lock."
        raise FileLocked(message, path=path) from None
