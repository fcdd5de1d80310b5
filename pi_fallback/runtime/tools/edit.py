"""`edit`: exact pieces of a file, each replaced once."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pydantic import Field

from pi_fallback.runtime.tools.arguments import Arguments
from pi_fallback.runtime.tools.errors import ToolError, unusable
from pi_fallback.runtime.tools.files import looks_binary, open_regular, replace_file
from pi_fallback.runtime.tools.limits import counted
from pi_fallback.runtime.tools.paths import resolved, shown
from pi_fallback.runtime.tools.write import encoded
from pi_fallback_hookspecs import Json

MAX_EDITED_BYTES = 16 * 1024 * 1024

EDIT = (
    "Replace pieces of a text file. Each `oldText` must be in the file exactly once, whitespace included; "
    "all of them are looked up in the file as it is now, and must not overlap."
)


class Replacement(Arguments):
    old_text: str = Field(alias="oldText", min_length=1, description="text that is in the file exactly once")
    new_text: str = Field(alias="newText", description="what stands there afterwards")


class EditArguments(Arguments):
    path: str = Field(description="the file, relative to the working directory or absolute")
    edits: list[Replacement] = Field(min_length=1, description="the replacements")


class Match(NamedTuple):
    start: int
    end: int
    new: str


def edit(cwd: str, arguments: EditArguments) -> str:
    path = resolved(cwd, arguments.path)
    name = shown(cwd, path)
    try:
        with open_regular(path) as file:
            data = file.read(MAX_EDITED_BYTES + 1)
        old = _decoded(data, name)
        new, lines = edited(old, arguments.edits, name)
        replace_file(path, encoded(new))
    except OSError as error:
        raise unusable(name, error) from error
    where = ", ".join(str(line) for line in lines)
    return f"Edited {name}: {counted(len(lines), 'replacement')}, at line {where}."


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_EDITED_BYTES:
        raise ToolError(f"{name} is larger than 16 MiB. Change it with `bash`, for example with `sed`.")
    if looks_binary(data):
        raise ToolError(f"{name} is not text and cannot be edited.")
    try:
        return data.decode()  # a byte order mark is a character like any other, and stays
    except UnicodeDecodeError as error:
        raise ToolError(f"{name} is not UTF-8 and cannot be edited. Change it with `bash`.") from error


def edited(text: str, edits: Sequence[Replacement], name: str) -> tuple[str, list[int]]:
    """Return `text` with all `edits` made, and the lines where they were made, as they were counted before.

    Raises:
        ToolError: one does not match exactly once, changes nothing, or overlaps another; nothing was changed.
    """
    matches = [_only_match(text, one, f"edits[{i}]", name) for i, one in enumerate(edits)]
    ordered = sorted(matches)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise ToolError(f"Two edits of {name} overlap at line {_line(text, after.start)}. Make them one.")
    lines = [_line(text, match.start) for match in ordered]
    for match in reversed(ordered):
        text = text[: match.start] + match.new + text[match.end :]
    return text, lines


def _only_match(text: str, wanted: Replacement, where: str, name: str) -> Match:
    # Models send LF whatever the file has. A file may mix both, so each match keeps the ending it was found with.
    plain, crlf = _lf(wanted.old_text), _crlf(wanted.old_text)
    usual = _crlf if "\r\n" in text else _lf
    if plain == crlf:
        matches = [Match(start, start + len(plain), usual(wanted.new_text)) for start in _finds(text, plain)]
    else:
        matches = [
            Match(start, start + len(old), ending(wanted.new_text))
            for old, ending in ((plain, _lf), (crlf, _crlf))
            for start in _finds(text, old)
        ]
    match matches:
        case [only] if text[only.start : only.end] == only.new:
            raise ToolError(f"`{where}` changes nothing: oldText and newText are the same.")
        case [only]:
            return only
        case []:
            raise ToolError(
                f"`{where}.oldText` is not in {name}. It must match exactly, whitespace included: "
                "`read` the file again and copy the text. Nothing was changed."
            )
        case _:
            lines = ", ".join(str(_line(text, match.start)) for match in matches[:10])
            raise ToolError(
                f"`{where}.oldText` is in {name} {len(matches)} times (at line {lines}). "
                "Add lines before or after it until it is there only once. Nothing was changed."
            )


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n")


def _crlf(text: str) -> str:
    return _lf(text).replace("\n", "\r\n")


def _finds(text: str, piece: str) -> list[int]:
    found: list[int] = []
    at = text.find(piece)
    while at >= 0:
        found.append(at)
        at = text.find(piece, at + 1)
    return found


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def preview(arguments: Mapping[str, Json]) -> str:
    shown_edits = [str(arguments.get("path"))]
    edits = arguments.get("edits")
    for one in edits if isinstance(edits, list | tuple) else ():
        if isinstance(one, Mapping):
            shown_edits += [f"- {line}" for line in str(one.get("oldText")).splitlines()]
            shown_edits += [f"+ {line}" for line in str(one.get("newText")).splitlines()]
    return "\n".join(shown_edits)
