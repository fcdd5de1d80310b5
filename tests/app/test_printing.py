"""What is printed while no line ends: it gets on, and no key in it does."""

import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import TextIOWrapper
from pathlib import Path

import pytest

from pi_fallback.credentials.redaction import MARK, Redactor
from pi_fallback.printing import MOST_HELD, clean_prints

KEY = "sk-é-0123456789abcdef"  # its fourth letter is two bytes


@contextmanager
def printing(out: Path, *, at_once: bool = False) -> Generator[None]:
    """Standard output is the file `out`, written `at_once` if Python was told so, and `KEY` is known."""
    known = Redactor()
    known.add(KEY)
    with (
        out.open("wb", buffering=0 if at_once else -1) as file,
        TextIOWrapper(file, "utf-8", write_through=at_once) as stdout,
        out.with_suffix(".err").open("w", encoding="utf-8") as stderr,
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        clean_prints(known)
        yield
        sys.stdout.flush()
        sys.stderr.flush()


def test_a_line_without_an_end_is_passed_on_before_it_ends(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with printing(out):
        for _ in range(64):
            sys.stdout.buffer.write(b"." * MOST_HELD)
        size = out.stat().st_size
    assert (size > 60 * MOST_HELD, out.stat().st_size) == (True, 64 * MOST_HELD)


@pytest.mark.parametrize("before", range(MOST_HELD - 24, MOST_HELD + 3))
def test_a_key_where_a_long_line_is_parted_is_blotted_out(tmp_path: Path, before: int) -> None:
    out = tmp_path / "out"
    line = b"." * before + KEY.encode()
    with printing(out):
        for part in (line[: MOST_HELD + 1], line[MOST_HELD + 1 :], b"!"):
            sys.stdout.buffer.write(part)
    is_clean = out.read_text("utf-8") == "." * before + MARK + "!"
    assert is_clean


def test_without_buffers_all_is_passed_on_at_once_but_the_beginning_of_a_key(tmp_path: Path) -> None:
    out = tmp_path / "out"
    seen: list[str] = []
    with printing(out, at_once=True):
        for part in ("working ... ", f"with {KEY[:3]}", KEY[3:], "."):
            sys.stdout.write(part)
            seen.append(out.read_text("utf-8"))
    assert seen == [
        "working ... ",
        "working ... with ",
        f"working ... with {MARK}",
        f"working ... with {MARK}.",
    ]
