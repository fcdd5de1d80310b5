"""`ls`: what is in a folder."""

import os

from pydantic import Field

from pi_fallback.runtime.tools.arguments import Arguments
from pi_fallback.runtime.tools.errors import unusable
from pi_fallback.runtime.tools.limits import MAX_BYTES
from pi_fallback.runtime.tools.paths import legible, resolved, shown

LS = "List a folder, hidden files included. Folders end with `/`, symbolic links with `@`."


class LsArguments(Arguments):
    path: str = Field(".", description="the folder, relative to the working directory or absolute")
    limit: int = Field(500, ge=1, description="how many entries to list")


def ls(cwd: str, arguments: LsArguments) -> str:
    path = resolved(cwd, arguments.path)
    try:
        with os.scandir(path) as entries:
            names = sorted((legible(entry.name) + _mark(entry) for entry in entries), key=str.casefold)
    except OSError as error:
        raise unusable(shown(cwd, path), error) from error
    listed: list[str] = []
    room = MAX_BYTES
    for name in names[: arguments.limit]:
        room -= len(name.encode()) + 1
        if room < 0:
            break
        listed.append(name)
    if len(listed) < len(names):
        listed.append(f"[{len(listed)} of {len(names)} entries. Use `find`, or raise `limit`.]")
    return "\n".join(listed) or "[The folder is empty.]"


def _mark(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "@"
    return "/" if entry.is_dir() else ""
