"""JSON lines: LF alone ends a line, and no input breaks the framing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.modes.jsonl import LineSplitter, TooLong, line_of


def split(*chunks: bytes, limit: int = 100) -> list[bytes | TooLong]:
    splitter = LineSplitter(limit)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.end()]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a\r\nb\r\n"], [b"a", b"b"]),
        ([b"a", b"b", b"\n"], [b"ab"]),
        ([b"\n \r\n\na\n"], [b"a"]),
        ([b"not ended"], [b"not ended"]),
        (["a\u2028b\x85\n".encode()], ["a\u2028b\x85".encode()]),
        ([b"x" * 101, b"y\nshort\n"], [TooLong(100), b"short"]),
        ([b"x" * 60, b"x" * 60, b"x" * 60, b"\nshort\n"], [TooLong(100), b"short"]),
        ([b"x" * 100 + b"\n"], [b"x" * 100]),
    ],
)
def test_lines_end_at_lf_alone(chunks: list[bytes], lines: list[bytes | TooLong]) -> None:
    assert split(*chunks) == lines


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_how_the_bytes_are_cut_does_not_matter(chunks: list[bytes]) -> None:
    assert split(*chunks, limit=50) == split(b"".join(chunks), limit=50)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("half \ud83d pair\u2028"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES))
def test_every_value_is_one_line_of_strict_json(value: dict[str, object]) -> None:
    line = line_of(value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1

    def refuse(name: str) -> object:
        raise AssertionError(name)

    assert json.loads(line.decode("utf-8"), parse_constant=refuse).keys() == value.keys()


def test_u2028_stands_as_it_is_and_half_a_pair_stays_an_escape() -> None:
    assert line_of({"a": "\u2028"}) == '{"a":"\u2028"}\n'.encode()
    assert line_of({"a": "\ud83d"}) == b'{"a":"\\ud83d"}\n'
    assert line_of({"a": float("inf"), "b": [float("nan")]}) == b'{"a":null,"b":[null]}\n'
