"""Paths: what the model names, as the file system and the model see it."""

import os
from pathlib import Path

from pi_fallback.runtime.tools.errors import ToolError


def resolved(cwd: str, path: str) -> Path:
    """Return `path` as an absolute one: relative ones start at `cwd`, `~` is the home folder.

    Raises:
        ToolError: no file can have that name.
    """
    if not path or "\0" in path:
        raise ToolError(f"{path!r} cannot be the name of a file.")
    # Not `Path.expanduser`: it raises for a file that is called `~x`.
    return Path(os.path.normpath(Path(cwd) / os.path.expanduser(path)))


def shown(cwd: str, path: Path | str) -> str:
    """Return `path` as the model should name it: relative to `cwd` if it is below, and always legal Unicode."""
    text = os.fspath(path)
    below = os.path.join(cwd, "")
    return legible(text.removeprefix(below) or ".")


def legible(name: str) -> str:
    """Return the file name with the bytes that are not UTF-8 replaced: no provider takes lone surrogates."""
    return os.fsencode(name).decode(errors="replace")
