"""Rows: what stands on the screen, as styled pieces of clean text."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from pi_fallback.core.clean import clean, clean_line
from pi_fallback.tui.entries import Answer, Entry, Notice, Said, ToolUse
from pi_fallback.tui.state import ScreenState
from pi_fallback_hookspecs import Json, Level, ToolCall, thawed

Style: TypeAlias = Literal["plain", "user", "provisional", "dim", "tool", "strong", "info", "warning", "error", "link"]

OUTPUT_LINES = 3  # of a tool's output, while it is collapsed
OUTPUT_COLUMNS = 300  # of one such line
OUTPUT_LINES_MAX = 500  # while it is not: the rest is in the session
THINKING_LINES = 2
MESSAGE_LINES = 2_000  # of one message; a drawn line costs 3 KB
MESSAGE_CHARS = 200_000  # the same, where lines are long
STREAMED_MAX = 8_000  # characters of an answer while it streams: each frame draws them all again
IN_SESSION = "; the whole is in the session file"
TITLE_MAX = 100
TITLE_KEYS = ("command", "path", "pattern", "file_path", "url", "query")


_ADDRESS = re.compile(r"https?://[\x21-\x7e]+")


class Span(NamedTuple):
    text: str
    style: Style = "plain"


Row: TypeAlias = tuple[Span, ...]


def rows(state: ScreenState) -> tuple[Row, ...]:
    """Return the whole conversation."""
    return tuple(row for entry in state.entries for row in entry_rows(entry, expanded=state.expanded))


def gone_rows(state: ScreenState) -> tuple[Row, ...]:
    """Return what stands where the entries were that left the screen."""
    return (_row(f"({state.gone} earlier entries are in the session only)", "dim"),) if state.gone else ()


def entry_rows(entry: Entry, *, expanded: bool) -> tuple[Row, ...]:
    """Return one entry. All text goes through `clean` here, and nowhere before: the session keeps it raw."""
    match entry:
        case Said(text=text, images=images):
            note = f" [{images} image{'s' if images > 1 else ''}]" if images else ""
            return tuple(_lines(text + note, "user", first="> ", then="  ", whole=IN_SESSION))
        case Answer():
            return tuple(_answer(entry))
        case ToolUse():
            return tuple(_tool_use(entry, expanded=expanded))
        case Notice(text=text, level=level):
            noted = _lines(text, _LEVELS[level], first=_MARKS[level], then="  ")
            return tuple(_address(row) or row for row in noted)


_LEVELS: Mapping[Level, Style] = {"info": "info", "warning": "warning", "error": "error"}
_MARKS: Mapping[Level, str] = {"info": "· ", "warning": "! ", "error": "✗ "}


def _answer(answer: Answer) -> Iterator[Row]:
    provisional = answer.state == "provisional"
    if provisional and answer.thinking:
        yield from _lines(
            "\n".join(clean(_tail(answer.thinking, STREAMED_MAX)).strip().splitlines()[-THINKING_LINES:]), "dim"
        )
    text = _tail(answer.text, STREAMED_MAX) if provisional else answer.text
    if len(text) < len(answer.text):
        yield _row("… (the beginning is shown when the answer is whole)", "dim")
    if text:
        style = "plain" if answer.state == "final" else "provisional"
        yield from _lines(text.strip("\n"), style, whole=IN_SESSION if answer.state == "final" else "")
    if provisional:
        yield _row(f"… {clean_line(answer.calling)}".rstrip(), "dim")
    elif answer.state == "aborted":
        yield _row("(cut off; not part of the conversation)", "dim")


def _address(row: Row) -> Row | None:
    """A line that is an address and nothing else, as a link: it can be opened, or copied without an indent."""
    text = row[0].text.strip()
    return (Span(text, "link"),) if _ADDRESS.fullmatch(text) else None


def _tail(text: str, most: int) -> str:
    """Whole lines where there are some: a cut sequence of controls would stand there to be read."""
    if len(text) <= most:
        return text
    tail = text[-most:]
    return tail[tail.find("\n") + 1 :]


_SIGNS = {"waiting": "○", "running": "◐", "done": "●", "failed": "✗"}


def _tool_use(use: ToolUse, *, expanded: bool) -> Iterator[Row]:
    failed = use.state == "failed"
    sign = Span(f"{_SIGNS[use.state]} ", "error" if failed else "tool")
    yield (sign, Span(clean_line(use.call.name), "strong"), Span(f" {title(use.call)}".rstrip(), "tool"))
    lines = clean(use.output).strip("\n").splitlines()
    # While it runs, the end is what is new; afterwards the beginning says what it is.
    shown_max = OUTPUT_LINES_MAX if expanded else OUTPUT_LINES
    shown = lines[-shown_max:] if use.state == "running" else lines[:shown_max]
    for line in shown:
        cut = line if expanded or len(line) <= OUTPUT_COLUMNS else line[:OUTPUT_COLUMNS] + "…"
        yield _row(f"  {cut}", "error" if failed else "dim")
    if more := len(lines) - len(shown):
        hint = "" if expanded else " (Ctrl+O shows them)"
        yield _row(f"  … {more} more line{'s' if more > 1 else ''}{hint}", "dim")


def title(call: ToolCall) -> str:
    """Return a call's arguments in short, on one line."""
    strings = {key: value for key, value in call.arguments.items() if isinstance(value, str)}
    key = next((key for key in TITLE_KEYS if key in strings), None)
    text = strings[key] if key else _compact(call.arguments)
    line = clean_line(text)
    return line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1] + "…"


def _compact(arguments: Mapping[str, Json]) -> str:
    return json.dumps(thawed(arguments), ensure_ascii=False)[: TITLE_MAX * 2] if arguments else ""


def _row(text: str, style: Style) -> Row:
    return (Span(clean(text), style),)


def _lines(text: str, style: Style, first: str = "", then: str = "", whole: str = "") -> Iterator[Row]:
    """Yield the last lines of `text`. If there are more, a row says how many, and, with `whole`, where all are."""
    tail = _tail(text, MESSAGE_CHARS)
    lines: Sequence[str] = clean(tail).split("\n")
    shown = lines[-MESSAGE_LINES:]
    above = text.count("\n", 0, len(text) - len(tail)) + len(lines) - len(shown)
    if above or len(tail) < len(text):
        what = f"{above:,} line{'s' if above > 1 else ''} above" if above else "the beginning of the line"
        yield _row(f"… {what} not shown{whole}", "dim")
        first = then
    for at, line in enumerate(shown):
        yield _row((then if at else first) + line, style)


def beginning_of(text: str) -> str:
    """Return the first lines of what is asked about, clean; a line at the end says how many more there are."""
    head = text[:MESSAGE_CHARS]
    lines = clean(head).split("\n")
    shown = lines[:MESSAGE_LINES]
    more = text.count("\n", len(head)) + len(lines) - len(shown)
    if more or len(head) < len(text):
        shown.append(f"… {f'{more:,} more lines' if more else 'the rest of the line'} not shown{IN_SESSION}")
    return "\n".join(shown)
