"""What the rows say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.tui.entries import Answer, Entry, Notice, Said, ToolUse
from pi_fallback.tui.rows import MESSAGE_CHARS, MESSAGE_LINES, OUTPUT_LINES, beginning_of, entry_rows, gone_rows, rows
from pi_fallback.tui.state import Countdown, ScreenState
from pi_fallback.tui.statusline import queue_rows, status_row
from pi_fallback_hookspecs import Route, ToolCall

PIECES = "\x1b\x9b\x9d\x90\x07\x9c\\[]P^_X0;52cm?! \r\n\tab\x08\x0b\x7f\u202e\u2066\u200f\ud800é"
HOSTILE = st.text(st.sampled_from(PIECES))


def is_safe(character: str) -> bool:
    """Written apart from the code: by code points, not by patterns."""
    code = ord(character)
    control = (code < 0x20 and character not in "\n\t") or 0x7F <= code <= 0x9F
    bidi = code in {0x61C, 0x200E, 0x200F} or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return not (control or bidi or 0xD800 <= code <= 0xDFFF)


TWENTY = "\n".join(f"line {number}" for number in range(20))


def text_of(entry: Entry, *, expanded: bool = False) -> list[str]:
    return ["".join(span.text for span in row) for row in entry_rows(entry, expanded=expanded)]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (Said(0, "one\ntwo"), ["> one", "  two"]),
        (Said(0, "see", images=2), ["> see [2 images]"]),
        (Answer(0), ["…"]),
        (Answer(0, "half"), ["half", "…"]),
        (Answer(0, thinking="one\ntwo\nthree"), ["two", "three", "…"]),
        (Answer(0, calling="bash"), ["… bash"]),
        (Answer(0, "whole", thinking="hidden", state="final"), ["whole"]),
        (Answer(0, "cut", state="aborted"), ["cut", "(cut off; not part of the conversation)"]),
        (ToolUse(0, ToolCall("1", "bash", {"command": "ls -l\nrm x"})), ["○ bash ls -l rm x"]),
        (ToolUse(0, ToolCall("1", "odd", {"n": 1})), ['○ odd {"n": 1}']),
        (ToolUse(0, ToolCall("1", "odd")), ["○ odd"]),
        (ToolUse(0, ToolCall("1", "ls"), "failed", "no such file"), ["✗ ls", "  no such file"]),
        (Notice(0, "one\ntwo", "error"), ["✗ one", "  two"]),
        (Notice(0, "Log in:\nhttps://e.x/a?b=c\nnow"), ["· Log in:", "https://e.x/a?b=c", "  now"]),
        (Notice(0, "See\nhttps://e.x or not"), ["· See", "  https://e.x or not"]),
    ],
)
def test_an_entry_reads(entry: Entry, expected: list[str]) -> None:
    assert text_of(entry) == expected


def test_a_result_is_collapsed_to_its_beginning() -> None:
    use = ToolUse(0, ToolCall("1", "ls"), "done", TWENTY)
    assert text_of(use)[1:] == ["  line 0", "  line 1", "  line 2", "  … 17 more lines (Ctrl+O shows them)"]
    assert len(text_of(use, expanded=True)) == 21


def test_a_running_tool_shows_the_end_of_what_it_says() -> None:
    use = ToolUse(0, ToolCall("1", "ls"), "running", TWENTY)
    assert text_of(use)[1 : 1 + OUTPUT_LINES] == ["  line 17", "  line 18", "  line 19"]


def test_provisional_text_looks_different_from_final_text() -> None:
    [provisional, _more] = entry_rows(Answer(0, "text"), expanded=False)
    [final] = entry_rows(Answer(0, "text", state="final"), expanded=False)
    assert provisional[0].style != final[0].style


def test_a_long_answer_is_drawn_from_near_its_end_until_it_is_whole() -> None:
    text = "\n".join(f"line {number}" for number in range(5_000))
    first, *rest = text_of(Answer(0, text))
    assert first == "… (the beginning is shown when the answer is whole)"
    assert rest[-2:] == ["line 4999", "…"]
    assert all(line.startswith("line ") for line in rest[:-1])
    assert len(rest) < 1_000
    assert text_of(Answer(0, text, state="final"))[-1] == "line 4999"


MANY = "\n".join(f"line {number}" for number in range(MESSAGE_LINES + 5))
LONG = "x" * (MESSAGE_CHARS + 1)
WHOLE = "not shown; the whole is in the session file"


@pytest.mark.parametrize(
    ("entry", "first", "second"),
    [
        (Said(0, MANY), f"… 5 lines above {WHOLE}", "  line 5"),
        (Answer(0, MANY, state="final"), f"… 5 lines above {WHOLE}", "line 5"),
        (Answer(0, LONG, state="final"), f"… the beginning of the line {WHOLE}", LONG[1:]),
        (Answer(0, f"{LONG}\nend", state="final"), f"… 1 line above {WHOLE}", "end"),
        (Answer(0, f"begin\n{LONG[2:]}", state="final"), f"… 1 line above {WHOLE}", LONG[2:]),
        (Answer(0, MANY.replace("\n", "\r"), state="final"), f"… 5 lines above {WHOLE}", "line 5"),
        (Notice(0, MANY), "… 5 lines above not shown", "  line 5"),
    ],
    ids=["said", "answer", "one line", "after a long line", "in a long line", "old line ends", "notice"],
)
def test_of_a_huge_message_the_end_is_shown_and_how_much_stands_above(entry: Entry, first: str, second: str) -> None:
    assert text_of(entry)[:2] == [first, second]


def test_what_is_asked_about_is_shown_from_its_beginning() -> None:
    assert beginning_of("a\x1b[2Jb") == "ab"
    assert beginning_of(MANY).split("\n")[-2:] == [f"line {MESSAGE_LINES - 1}", f"… 5 more lines {WHOLE}"]
    assert beginning_of(LONG) == f"{LONG[:-1]}\n… the rest of the line {WHOLE}"


def test_what_left_the_screen_is_said() -> None:
    assert gone_rows(ScreenState()) == ()
    assert gone_rows(ScreenState(gone=3))[0][0].text == "(3 earlier entries are in the session only)"


@given(HOSTILE, st.sampled_from(["waiting", "running", "done", "failed"]), st.booleans())
def test_no_text_of_others_reaches_the_screen_raw(text: str, use_state: str, expanded: bool) -> None:
    entries = (
        Said(0, text),
        Answer(1, text, text, text),
        Answer(2, text, state="aborted"),
        ToolUse(3, ToolCall(text, text, {text: text}), use_state, text),  # pyright: ignore[reportArgumentType]
        Notice(4, text, "error"),
    )
    state = ScreenState(
        entries=entries,
        route=Route(text, text, text),
        timers={(text, text): Countdown(9.0, text)},
        retry=Countdown(9.0, text),
        status={text: text},
        steering=(text,),
        follow_ups=(text,),
        hint=Countdown(9.0, text),
        expanded=expanded,
    )
    drawn = (*rows(state), *queue_rows(state), status_row(state, 0.0))
    assert all(is_safe(character) and character != "\n" for row in drawn for span in row for character in span.text)
