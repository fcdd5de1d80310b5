"""`read`: a file's text, a piece at a time, or an image."""

import base64
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from pi_fallback.core import pictures
from pi_fallback.runtime.tools.arguments import Arguments
from pi_fallback.runtime.tools.errors import ToolError, unusable
from pi_fallback.runtime.tools.files import SNIFFED, looks_binary, open_regular
from pi_fallback.runtime.tools.limits import MAX_BYTES, MAX_LINES, counted
from pi_fallback.runtime.tools.paths import resolved, shown
from pi_fallback_hookspecs import Image, Text, ToolOutput

# No line numbers in the answer: `edit` wants the text exactly, and models copy what they see.
READ = (
    "Read a file. Text comes as it is, at most 2000 lines or 50 KiB at a time; a note at the end says how to read on. "
    "Images (png, jpeg, gif, webp) come as images."
)


class ReadArguments(Arguments):
    path: str = Field(description="the file, relative to the working directory or absolute")
    offset: int = Field(1, ge=1, description="the first line to read, counted from 1")
    limit: int = Field(MAX_LINES, ge=1, description="how many lines to read")


def read(cwd: str, arguments: ReadArguments) -> ToolOutput | str:
    path = resolved(cwd, arguments.path)
    name = shown(cwd, path)
    try:
        with open_regular(path) as file:
            head = file.read(SNIFFED)
            file.seek(0)
            if (mime_type := pictures.kind_of(head)) is not None:
                return _image(file, mime_type, name)
            if looks_binary(head):
                raise ToolError(f"{name} is not text. Look at it with `bash`, for example with `file` or `xxd`.")
            return _text(file, path, name, arguments)
    except OSError as error:
        raise unusable(name, error) from error


def _image(file: BinaryIO, mime_type: str, name: str) -> ToolOutput:
    data = file.read(pictures.MAX_BYTES + 1)
    if len(data) > pictures.MAX_BYTES:
        raise ToolError(f"{name} is larger than 3.75 MiB, more than models take. Make a smaller copy and read that.")
    if not pictures.is_whole(data):
        raise ToolError(f"{name} begins like {mime_type}, but is no whole image. Make it anew, or look with `file`.")
    return ToolOutput((Text(f"{name} ({mime_type})"), Image(base64.b64encode(data).decode(), mime_type)))


def _text(file: BinaryIO, path: Path, name: str, arguments: ReadArguments) -> str:
    first = arguments.offset
    skipped = _skip(file, first - 1)
    if skipped < first - 1:
        raise ToolError(f"{name} has only {counted(skipped, 'line')}; `offset` was {first}.")
    lines: list[bytes] = []
    size = 0
    while len(lines) < min(arguments.limit, MAX_LINES):
        line = file.readline(MAX_BYTES + 1)
        if not line:
            break
        size += len(line)
        if size > MAX_BYTES:
            file.seek(-len(line), 1)
            break
        lines.append(line)
    more = bool(file.read(1))
    if not lines and more:
        raise ToolError(
            f"Line {first} of {name} is longer than 50 KiB. Read a part of it with `bash`: "
            f"sed -n '{first}p' '{path}' | head -c 50000"
        )
    text = b"".join(lines).decode(errors="replace")
    if more:
        last = first + len(lines) - 1
        text += f"\n[Lines {first} to {last}; there is more. Read on with offset={last + 1}.]"
    return text or f"[{name} is empty.]" if first == 1 else text or f"[{name} ends before line {first}.]"


def _skip(file: BinaryIO, lines: int) -> int:
    """Go behind `lines` lines, or to the end; return how many there were."""
    done = 0
    while done < lines and (piece := file.readline(MAX_BYTES)):
        # A piece without a newline is a part of a long line, or the end.
        done += piece.endswith(b"\n")
    return done
