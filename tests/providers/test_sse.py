"""The decoder of server-sent events."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pi_fallback.providers.sse import SseDecoder, SseEvent
from tests.fuzz.sse_reference import events_in


def decoded(*chunks: bytes, line_bytes: int = 1000, event_bytes: int = 1000) -> tuple[list[SseEvent], bool]:
    decoder = SseDecoder(line_bytes=line_bytes, event_bytes=event_bytes)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.finish()
    return events, decoder.is_over


def data(*chunks: bytes) -> list[bytes]:
    return [event.data for event in decoded(*chunks)[0]]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\n\r\ndata: b\r\n\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\ndata\n\n", [b"\n"]),
        (b"data\n\ndata:\n\ndata: \n\n", []),
        (b": ping\n\n:\n\ndata: a\n: ping\n\n", [b"a"]),
        (b"id: 1\nretry: 10\ndata: a\nnonsense: x\nmore nonsense\n\n", [b"a"]),
        (b"data: a", [b"a"]),
        (b"data: a\n", [b"a"]),
        (b"data: a\ndata: b", [b"a\nb"]),
        (b" data: a\n\nDATA: b\n\n", []),
        (b"data: a:b: c\n\n", [b"a:b: c"]),
        ("data: é\u2028\u0085x\n\n".encode(), ["é\u2028\u0085x".encode()]),
        (b"data: \xff\xfe\n\n", "\ufffd\ufffd".encode().split()),
        (b"data: \xe2\x82\n\n", ["\ufffd".encode()]),
        (b"data: \x00\x0b\x0c\x1c\n\n", [b"\x00\x0b\x0c\x1c"]),
        (b"\n\n\n\r\r", []),
        (b"", []),
    ],
)
def test_rs6_every_legal_form_is_read(stream: bytes, expected: list[bytes]) -> None:
    assert data(stream) == expected
    assert data(*(stream[i : i + 1] for i in range(len(stream)))) == expected


def test_an_event_has_its_own_name_only() -> None:
    events, _ = decoded(b"event: error\ndata: a\n\nevent: lost\n\ndata: b\n\nevent:x\ndata: c")
    assert events == [SseEvent("error", b"a"), SseEvent("", b"b"), SseEvent("x", b"c")]


pieces = st.sampled_from(
    [
        b"data:",
        b"data: ",
        b"event: ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b":",
        b"a",
        b"\xef\xbb\xbf",
        b"\xe2\x82\xac",
        b"\xff",
    ]
)
streams = st.lists(pieces | st.binary(max_size=3), max_size=40).map(b"".join)


@given(streams, st.lists(st.integers(0, 120), max_size=30), st.integers(1, 30), st.integers(1, 30))
@example(b"data: a\r\n\r\ndata: b\r\n\r\n", [8, 9, 10], 30, 30)
@example(b"x\rdata: a\n\ndata: b", [9], 30, 30)
@settings(max_examples=500)
def test_rs6_any_chunking_gives_the_same_events(
    stream: bytes, cuts: list[int], line_bytes: int, event_bytes: int
) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(places)]
    limits = {"line_bytes": line_bytes, "event_bytes": event_bytes}
    whole = decoded(stream, **limits)
    assert decoded(*chunks, **limits) == whole
    assert decoded(*(stream[i : i + 1] for i in range(len(stream))), **limits) == whole


@given(streams)
def test_rs6_the_events_are_those_that_the_standard_has(stream: bytes) -> None:
    assert decoded(stream, line_bytes=1 << 30, event_bytes=1 << 30)[0] == events_in(stream)


@given(streams)
def test_rs7_data_is_always_utf_8(stream: bytes) -> None:
    for event in decoded(stream)[0]:
        event.data.decode()


@pytest.mark.parametrize(
    ("stream", "events", "is_over"),
    [
        (b"data: 4567\n\n", [b"4567"], False),
        (b"data: 45678\n\n", [], True),
        (b"data: a\n\ndata: 45678\n\ndata: b\n\n", [b"a"], True),
        (b"data: a\n\n" + b"x" * 11, [b"a"], True),
        (b"data: 4\n" * 4 + b"\n", [b"4\n4\n4\n4"], False),
        (b"data: 4\n" * 5 + b"\n", [], True),
    ],
)
def test_rs8_a_line_or_an_event_over_its_limit_ends_the_stream(
    stream: bytes, events: list[bytes], is_over: bool
) -> None:
    got, was_over = decoded(stream, line_bytes=10, event_bytes=8)
    assert ([event.data for event in got], was_over) == (events, is_over)


def test_rs8_a_long_line_in_many_reads_is_joined_once() -> None:
    decoder = SseDecoder(line_bytes=1 << 30, event_bytes=1 << 30)
    chunk = b"x" * 65_536
    decoder.feed(b"data:")
    for _ in range(1024):  # with a copy of the line for each read this would move 32 GiB
        assert decoder.feed(chunk) == []
    (event,) = decoder.feed(b"\n\n")
    assert len(event.data) == 1024 * len(chunk)
