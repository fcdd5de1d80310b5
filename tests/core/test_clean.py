"""Text for a terminal holds nothing that could command it."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.clean import clean, clean_line

FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("plain text\n\twith a tab", "plain text\n\twith a tab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1;2|data\x1b\\text", "text"),
        ("\x1bcreset", "reset"),
        ("\x1b]0;never ends, and stays to be read", "]0;never ends, and stays to be read"),
        ("a\x1b", "a"),
        ("over\rwritten\r\n", "over\nwritten\n"),
        ("bell\x07 and null\x00", "bell and null"),
        ("abc\u202egpj.exe", "abcgpj.exe"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("日本語 🙂", "日本語 🙂"),
    ],
)
def test_sequences_controls_and_turning_marks_are_taken_out(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected


@given(st.text() | st.text(alphabet="\x1b[]\\0;1mP^_\x07\x9b\x9d\x9c\x90 ~a\n\r\u202e", max_size=60))
def test_clean_text_holds_no_control_and_cleaning_again_changes_nothing(text: str) -> None:
    once = clean(text)
    assert not FORBIDDEN.search(once)
    assert clean(once) == once


@pytest.mark.parametrize("opening", ["\x1b]", "\x9d", "\x1b[", "\x9b", "\x1b[0", "\x9b0;", "\x1b"])
def test_a_flood_of_openings_is_cleaned_in_linear_time(opening: str) -> None:
    began = time.process_time()
    clean(opening * 300_000)
    assert time.process_time() - began < 5.0  # quadratic would take minutes


def test_a_clean_line_is_one_line() -> None:
    assert clean_line(" a\n\x1b[1mb\x1b[0m\tc\r\n") == "a b c"
