"""JSON as people write it: comments and trailing commas on demand, and the line of every field."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pi_fallback_hookspecs import Json

Path: TypeAlias = tuple[str | int, ...]


class Malformed(ValueError):
    """The text is not JSON. `line` counts from 1; the message says what is wrong and quotes nothing."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """A parsed file: its value, and the line on which each field begins. It does not print: it may hold secrets."""

    value: Json
    lines: Mapping[Path, int]


def parse(text: str, *, comments: bool = False) -> Document:
    """Parse `text`; with `comments` also `//`, `/* */` and trailing commas.

    Raises:
        Malformed: it is not JSON.
    """
    plain = _without_comments(text) if comments else text
    try:
        value = json.loads(plain, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        what, line = f"{_explain(error.msg)} (column {error.colno})", error.lineno
    except RecursionError:
        what, line = "it is nested too deeply", 1
    except ValueError:
        what, line = "a number in it is not one that JSON allows", 1
    else:
        return Document(value, dict(_lines(plain)))
    raise Malformed(line, what)  # outside the handler: the decoder's error holds the whole text


def _refuse_constant(name: str) -> Json:
    raise ValueError(name)


_WHAT = {
    "Expecting value": "a value is missing or misspelt here",
    "Expecting property name": "a name in double quotes is expected here",
    "Expecting ',' delimiter": "a comma is missing before this point",
    "Expecting ':' delimiter": "a colon is missing before this point",
    "Illegal trailing comma": "there is a comma before a closing bracket",
    "Extra data": "there is text after the end",
    "Unterminated string": "a string is not closed",
    "Invalid control character": "a string holds a line break or another control character",
    "Invalid \\": "a string holds an escape that JSON does not know",
}


def _explain(message: str) -> str:
    return next((what for start, what in _WHAT.items() if message.startswith(start)), "it is not JSON")


_STRING = r'"(?:[^"\\\n]|\\.)*"'
_NOT_DATA = re.compile(rf"(?P<string>{_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"(?P<string>{_STRING})|,(?=\s*[\]}}])")
_TOKEN = re.compile(rf"{_STRING}|[\[\]{{}}:,]|[^\s\[\]{{}}:,\"]+")


def _without_comments(text: str) -> str:
    """Blank out what is not data. Every line break stays, so that line numbers do."""

    def blank(match: re.Match[str]) -> str:
        return match[0] if match["string"] else re.sub(r"[^\n]", " ", match[0])

    return _TRAILING_COMMA.sub(blank, _NOT_DATA.sub(blank, text))


def _lines(text: str) -> Iterator[tuple[Path, int]]:
    """Yield each field's path and line. `text` is known to be JSON, so names and brackets are where they belong."""
    yield (), 1
    path: list[str | int] = []  # one part for each open bracket: the member or element that is being read
    name_next = False
    line, counted = 1, 0
    for match in _TOKEN.finditer(text):
        mark = match[0]
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if mark in "]}":
            path.pop()
            name_next = False
        elif mark == ",":
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else last
            name_next = isinstance(last, str)
        elif name_next:
            path[-1] = json.loads(mark)
            name_next = False
            yield tuple(path), line
        elif mark != ":":
            if path and isinstance(path[-1], int):
                yield tuple(path), line
            if mark in "[{":
                path.append(0 if mark == "[" else "")
                name_next = mark == "{"
