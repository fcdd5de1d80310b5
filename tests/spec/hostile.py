"""Hostile answers: what a provider can send to fill our memory or to keep us busy, for any dialect."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat

from pi_fallback.http.limits import ANSWER_CHARS, ARGUMENT_CHARS, MIB
from pi_fallback.testing.steps import Ok, ToolCallScript
from pi_fallback_hookspecs import FaultKind
from tests.http.wire import head
from tests.pairs import Pair

OK = head("200 OK", "content-type: text/event-stream", "connection: close")
ENDLESS = 2048  # pieces of about a megabyte: nobody reads so far
A_LOT = 160  # pieces of a megabyte: more than may be kept, and then the end
CHUNKED = head("200 OK", "content-type: text/event-stream", "transfer-encoding: chunked")
WORDS = 24  # characters of a delta

Answer = Iterator[bytes]


@dataclass(frozen=True)
class Hostile:
    """An answer, and the faults of which it is one; none are given where it may be any, or a whole answer."""

    answer: Callable[[Pair], Answer]
    kinds: frozenset[FaultKind] = frozenset()


def _filled(piece: bytes) -> bytes:
    """Return `piece` again and again, a megabyte in all."""
    return piece * (MIB // len(piece) + 1)


def _endless(piece: bytes, *, start: bytes = OK, times: int = ENDLESS) -> Callable[[Pair], Answer]:
    return lambda _pair: chain((start,), repeat(_filled(piece), times))


def _whole(*pieces: bytes) -> Callable[[Pair], Answer]:
    return lambda _pair: iter(pieces)


def _deltas(ok: Ok) -> Callable[[Pair], Answer]:
    """Answer with the content of `ok`, whose second half comes again and again."""

    def answer(pair: Pair) -> Answer:
        rendered = pair.rendered(ok, pair.call())
        half = len(rendered.content) // 2
        start = b"".join((*rendered.opening, *rendered.content[:half]))
        return _endless(b"".join(rendered.content[half:-1] or rendered.content), start=OK + start)(pair)

    return answer


def _calls(pair: Pair) -> Answer:
    """Answer with calls of tools, each by an id of its own."""
    numbers = range(100_000)
    ok = [Ok(tools=[ToolCallScript("read", {"path": "a"}, id=f"call_{number}")]) for number in numbers[:2000]]
    rendered = [pair.rendered(one, pair.call(), number) for number, one in enumerate(ok)]
    return chain((OK, *rendered[0].opening), (b"".join(one.content) for one in rendered))


def _largest(ok: Ok) -> Callable[[Pair], Answer]:
    """Answer with `ok`, which is as large as it may be."""
    return lambda pair: iter((OK, pair.answer(ok, pair.call())))


def _brackets(count: int) -> bytes:
    return b'{"x":[' + b"{}," * count + b"0]}"


def _nested() -> str:
    """Return arguments that become many times as large as they are."""
    piece = '{"a":0},'
    return '{"x":[' + piece * (ARGUMENT_CHARS // len(piece) - 10) + "0]}"


def _bomb() -> bytes:
    squeeze = zlib.compressobj(wbits=31)
    return b"".join([squeeze.compress(bytes(MIB)) for _ in range(64)]) + squeeze.flush()


GZIP = "content-encoding: gzip"
LONG, CALL = "Many words of an answer. " * 40, ToolCallScript("read", {"path": "many words of a path " * 80})
TOO_LARGE = frozenset({FaultKind.TOO_LARGE})
STATUS = frozenset({FaultKind.STATUS})
NO_ANSWER = frozenset({FaultKind.INCOMPLETE, FaultKind.MALFORMED, FaultKind.EMPTY})
NO_HTTP = frozenset({FaultKind.TOO_LARGE, FaultKind.MALFORMED})

HOSTILE: Mapping[str, Hostile] = {
    "a line of 64 MiB": Hostile(_endless(b"x", start=OK + b"data: ", times=64), TOO_LARGE),
    "a line without end": Hostile(_endless(b"x", start=OK + b"data: "), TOO_LARGE),
    "an event without end": Hostile(_endless(b"data: x\n"), TOO_LARGE),
    "an event of empty lines": Hostile(_endless(b"data\n"), TOO_LARGE),
    "a header of 64 MiB": Hostile(_endless(b"x", start=b"HTTP/1.1 200 OK\r\nx-a: ", times=64), TOO_LARGE),
    "20,000 headers": Hostile(_whole(head("200 OK", *(f"x-{number}: a" for number in range(20_000)))), TOO_LARGE),
    "20,000 short headers": Hostile(_whole(head("200 OK", *["a:"] * 20_000)), TOO_LARGE),
    "headers without end": Hostile(_endless(b"x-a: b\r\n", start=b"HTTP/1.1 200 OK\r\n"), TOO_LARGE),
    "interim answers without end": Hostile(
        _endless(b"HTTP/1.1 103 Early Hints\r\n\r\n", start=b""), frozenset({FaultKind.HEAD_TIMEOUT})
    ),
    "a chunk size without end": Hostile(_endless(b"1", start=CHUNKED), NO_HTTP),
    "trailers without end": Hostile(_endless(b"a: b\r\n", start=CHUNKED + b"0\r\n"), NO_HTTP),
    "a bomb": Hostile(lambda _pair: iter((head("200 OK", GZIP, "connection: close"), _bomb())), {FaultKind.MALFORMED}),
    "a bomb in an error": Hostile(lambda _pair: iter((head("500 No", GZIP, "connection: close"), _bomb())), STATUS),
    "an error text of 4 MiB": Hostile(_endless(b"No. ", start=head("500 No", "connection: close"), times=4), STATUS),
    "an error text without end": Hostile(_endless(b"No. ", start=head("500 No", "connection: close")), STATUS),
    "an error of brackets": Hostile(_endless(b"[{},{}", start=head("500 No", "connection: close")), STATUS),
    "JSON without end": Hostile(_endless(b"x", start=OK + b'{"text": "'), TOO_LARGE),
    "JSON of brackets": Hostile(_whole(OK, _brackets(1_300_000)), TOO_LARGE),
    "an array of brackets": Hostile(_whole(OK, b"[" + _brackets(1_300_000) + b"]"), TOO_LARGE),
    "an event of brackets": Hostile(_whole(OK, b"data: ", _brackets(1_300_000), b"\n\n"), TOO_LARGE),
    "events of some brackets": Hostile(_endless(b"data: " + _brackets(300_000) + b"\n\n", times=20)),
    "comments": Hostile(_endless(b": still here\n\n", times=20), NO_ANSWER),
    "blank lines": Hostile(_endless(b"\n", times=A_LOT), NO_ANSWER),
    "names of events": Hostile(_endless(b"event: " + b"x" * 60_000 + b"\n\n", times=A_LOT), NO_ANSWER),
    "text without end": Hostile(_deltas(Ok(LONG, chunk=WORDS)), TOO_LARGE),
    "thoughts without end": Hostile(_deltas(Ok("", thinking=LONG, chunk=WORDS)), TOO_LARGE),
    "arguments without end": Hostile(_deltas(Ok(tools=[CALL], chunk=WORDS)), TOO_LARGE | NO_ANSWER),
    "the longest text": Hostile(_largest(Ok("\U0001f600" * (ANSWER_CHARS - 1000), chunk=100_000))),
    "the largest arguments": Hostile(_largest(Ok(tools=[ToolCallScript("read", _nested())], chunk=100_000))),
    "calls without end": Hostile(_calls, TOO_LARGE | NO_ANSWER),
}


def repeated_events(pair: Pair) -> Mapping[str, Hostile]:
    """Return for each event of a whole answer one that sends this event for ever, with something long in it."""
    ok = Ok("Yes.", thinking="Hm.", tools=[ToolCallScript("read", {"path": "a"})])
    events = pair.answer(ok, pair.call()).replace(b"\r\n", b"\n").split(b"\n\n")
    events = [event for event in events if b"{" in event]
    return {f"event {number} again and again": _again(event) for number, event in enumerate(events)}


def _again(event: bytes) -> Hostile:
    before, mark, data = event.partition(b"data: ")
    value = json.loads(data)
    _fill(value)
    piece = before + mark + json.dumps(value).encode() + b"\n\n"
    return Hostile(_endless(piece, times=A_LOT))


def _fill(value: object) -> None:
    """Put a long text under a name that nobody knows into each object of `value`."""
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        _fill(item)
    if isinstance(value, dict):
        value["later"] = "x" * 20_000


def hostile_to(pair: Pair) -> Mapping[str, Hostile]:
    return {**HOSTILE, **repeated_events(pair)}
