"""The search worker: `grep` and `find`, in a process of their own.

Not in a thread: a regular expression that backtracks holds the interpreter, and with it the whole
agent, until it ends; a process can be killed. It reads a request as JSON and answers as JSON.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from pi_fallback.runtime.tools.errors import ToolError, unusable
from pi_fallback.runtime.tools.files import looks_binary, open_regular
from pi_fallback.runtime.tools.globs import matches
from pi_fallback.runtime.tools.limits import MAX_BYTES
from pi_fallback.runtime.tools.paths import shown
from pi_fallback.runtime.tools.walk import files_below

MAX_SEARCHED_BYTES = 32 * 1024 * 1024
MAX_LINE = 500  # characters of a line that are shown


class Search(TypedDict):
    cwd: str
    root: str
    limit: int
    glob: str  # "" for all files
    pattern: str | None  # a regular expression, or None to list the files
    ignore_case: bool
    context: int


class Found(TypedDict):
    text: str
    error: bool


def search(request: Search) -> str:
    """Answer the request as text for the model.

    Raises:
        ToolError: there is nothing to search.
    """
    root = Path(request["root"])
    name = shown(request["cwd"], root)
    if not root.exists():
        raise unusable(name, FileNotFoundError())
    files = [root] if not root.is_dir() else [root / name for name in files_below(str(root))]
    wanted = request["glob"]
    if wanted:
        files = [
            file for file in files if matches(os.path.relpath(file, root if root.is_dir() else root.parent), wanted)
        ]
    if request["pattern"] is None:
        return _answer((shown(request["cwd"], file) for file in files), request["limit"], "file")
    return _answer(_hits(files, request, request["pattern"]), request["limit"], "match")


def _hits(files: Sequence[Path], request: Search, pattern: str) -> Iterator[str]:
    regex = re.compile(pattern, re.IGNORECASE if request["ignore_case"] else 0)
    for file in files:
        lines = _lines(file)
        name = shown(request["cwd"], file)
        for number, line in enumerate(lines):
            if regex.search(line):
                yield _with_context(name, lines, number, request["context"])


def _lines(file: Path) -> list[str]:
    """Return the lines of a text file; none of what is not text, too large, or not to be read."""
    try:
        with open_regular(file) as opened:
            data = opened.read(MAX_SEARCHED_BYTES + 1)
    except (OSError, ToolError):
        return []
    if len(data) > MAX_SEARCHED_BYTES or looks_binary(data):
        return []
    lines = data.decode(errors="replace").split("\n")
    if not lines[-1]:
        del lines[-1]
    return [line.removesuffix("\r") for line in lines]


def _with_context(name: str, lines: Sequence[str], hit: int, around: int) -> str:
    shown_lines = range(max(0, hit - around), min(len(lines), hit + around + 1))
    block = "\n".join(
        f"{name}{':' if at == hit else '-'}{at + 1}{':' if at == hit else '-'} {_short(lines[at])}"
        for at in shown_lines
    )
    return f"{block}\n--" if around else block


def _short(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} [… {len(line):,} characters]"


def _answer(found: Iterator[str], limit: int, noun: str) -> str:
    blocks: list[str] = []
    room = MAX_BYTES
    for block in found:
        room -= len(block.encode()) + 1
        if len(blocks) == limit or room < 0:
            blocks.append(f"[Stopped after {len(blocks)}: there is more. Narrow the search, or raise `limit`.]")
            break
        blocks.append(block)
    return "\n".join(blocks) or f"[No {noun}.]"


def main() -> None:
    request: Search = json.load(sys.stdin)
    try:
        found = Found(text=search(request), error=False)
    except ToolError as error:
        found = Found(text=str(error), error=True)
    except re.error as error:
        found = Found(text=f"`pattern` is not a regular expression: {error}. Correct it, or set `literal`.", error=True)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
