"""Files: opened only if they are regular, replaced whole or not at all."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from pi_fallback.runtime.tools.errors import ToolError

SNIFFED = 8 * 1024  # git, too, looks for a NUL in the first 8,000 bytes


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read. A pipe or a device would never end.

    Raises:
        OSError: it cannot be opened.
        ToolError: it is not a regular file.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # non-blocking: a FIFO opens at once
    mode = os.fstat(file).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(file, "rb")
    os.close(file)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(str(path))
    raise ToolError(f"{path} is a device, a pipe or a socket, not a file.")


def looks_binary(head: bytes) -> bool:
    return b"\0" in head[:SNIFFED]


def replace_file(path: Path, data: bytes) -> None:
    """Let `path` hold `data`. Mode and owner stay, a symbolic link stays one, readers see old or new.

    Raises:
        OSError: it could not be written; the old file is untouched.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(str(path))
    old = target.stat() if target.exists() else None
    temporary = target.with_name(f".pi-fallback-{uuid4().hex}.tmp")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(file, "wb") as out:
            if old is not None:
                with suppress(PermissionError):  # only root may give a file away
                    os.fchown(file, old.st_uid, old.st_gid)
                os.fchmod(file, stat.S_IMODE(old.st_mode))
            out.write(data)
            out.flush()
            os.fsync(file)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
