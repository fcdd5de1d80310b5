"""Bending: the bytes of a real answer in the dialect that was asked in, changed on their way out."""

import gzip
from collections.abc import Callable, Sequence

from pi_fallback.testing import Ok, Raw, Received, Step
from pi_fallback.testing.http1 import LAST_CHUNK, chunk, head
from pi_fallback.testing.server import WIRES
from pi_fallback.testing.wire import Rendered, Wire

Bend = Callable[[bytes], bytes]
SSE = "text/event-stream"


def wire_of(received: Received) -> Wire:
    path = received.path.partition("?")[0]
    return next(wire for wire in WIRES if wire.serves(received.method, path))


def rendered(received: Received, ok: Ok) -> Rendered:
    """Return `ok` as the answer to `received`."""
    wire = wire_of(received)
    return wire.render(ok, wire.asked(received.path, received.body or {}), received.number)


def whole(answer: Rendered) -> bytes:
    return b"".join((*answer.opening, *answer.content, *answer.closing))


def bent(ok: Ok, bend: Bend, size: int = 0) -> Callable[[Received], Step]:
    """Answer with the events of `ok`, changed by `bend`: in chunks of `size` bytes, else up to the connection's end."""

    def step(received: Received) -> Step:
        body = bend(whole(rendered(received, ok)))
        if not size:
            return Raw(head(200, {"content-type": SSE, "connection": "close"}) + body)
        chunks = b"".join(chunk(body[at : at + size]) for at in range(0, len(body), size)) + LAST_CHUNK
        return Raw(head(200, {"content-type": SSE, "transfer-encoding": "chunked"}) + chunks)

    return step


def after_the_end(ok: Ok, then: str) -> Callable[[Received], Step]:
    """Answer with all events of `ok`, the last included; then `then`, in the middle of the chunked body."""

    def step(received: Received) -> Step:
        start = head(200, {"content-type": SSE, "transfer-encoding": "chunked"})
        return Raw(start + chunk(whole(rendered(received, ok))), then=then)  # pyright: ignore[reportArgumentType]

    return step


def badly_framed(ok: Ok, after: int, how: str) -> Callable[[Received], Step]:
    """Answer with the first `after` pieces of `ok`, in a body whose framing is wrong."""

    def step(received: Received) -> Step:
        answer = rendered(received, ok)
        part = b"".join((*answer.opening, *answer.content[:after]))
        match how:
            case "too long":
                return Raw(head(200, {"content-type": SSE, "content-length": str(len(part) + 1000)}) + part)
            case "too short":
                start = head(200, {"content-type": SSE, "content-length": str(len(part))})
                return Raw(start + whole(answer))
            case _:
                start = head(200, {"content-type": SSE, "transfer-encoding": "chunked"})
                return Raw(start + chunk(part) + b"zz\r\nno size\r\n")

    return step


def zipped(ok: Ok) -> Callable[[Received], Step]:
    def step(received: Received) -> Step:
        body = gzip.compress(whole(rendered(received, ok)))
        fields = {"content-type": SSE, "content-encoding": "gzip", "content-length": str(len(body))}
        return Raw(head(200, fields) + body)

    return step


# Legal oddities (WHATWG HTML §9.2): each leaves the meaning as it is.


def _lines_end(with_: bytes) -> Bend:
    return lambda body: body.replace(b"\r\n", b"\n").replace(b"\n", with_)


def _before_each_event(lines: bytes) -> Bend:
    def bend(body: bytes) -> bytes:
        events = body.replace(b"\r\n", b"\n").split(b"\n\n")
        return b"\n\n".join(lines + event if event.strip() else event for event in events)

    return bend


ODDITIES: dict[str, Bend] = {
    "CRLF": _lines_end(b"\r\n"),
    "CR": _lines_end(b"\r"),
    "a BOM": lambda body: b"\xef\xbb\xbf" + body,
    "comments": _before_each_event(b": still here\n:\n\n"),
    "ids": _before_each_event(b"id: 7\nretry: 10\n"),
    "data in two lines": lambda body: body.replace(b"data: {", b"data: {\ndata: "),
    "no space": lambda body: body.replace(b"data: ", b"data:"),
    "no final newline": bytes.rstrip,
    "unknown events": _before_each_event(b'event: weather\ndata: {"type": "weather", "sky": "blue"}\n\n'),
}


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


JUNK: dict[str, bytes] = {
    "null": b"null",
    "an array": b"[1, 2]",
    "a number": b"42",
    "a text": b'"text"',
    "NUL": b"\0\0\0",
    "NaN": b"NaN",
    "half an object": b'{"half": ',
    "deep nesting": b'{"deep": ' + deep(200_000) + b"}",
    "invalid UTF-8": b'{"\xff\xfe": \xc3}',
}
"""Events of which none is one of any dialect."""


def event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def spoilt(pieces: Sequence[bytes], old: bytes, new: bytes) -> list[bytes]:
    """Return `pieces` with the first `old` in them replaced."""
    at = next(number for number, piece in enumerate(pieces) if old in piece)
    return [piece.replace(old, new, 1) if number == at else piece for number, piece in enumerate(pieces)]


WRONG_VALUES: dict[str, bytes] = {
    "a number for a text": b"7",
    "an object for a text": b'{"a": 1}',
    "a lone surrogate": b'"\\ud800"',
    "a NUL in a text": b'"\0"',
    "6,000 digits": b"9" * 6_000,
    "NaN in an event": b"NaN",
    "nested 200,000 deep": deep(200_000),
}


def wrongly(ok: Ok, value: bytes) -> Callable[[Received], Step]:
    """Answer with `ok`, but the first piece of its text is `value`."""
    first = b'"' + ok.said[: ok.chunk].encode() + b'"'

    def step(received: Received) -> Step:
        answer = rendered(received, ok)
        pieces = [*answer.opening, *spoilt(answer.content, first, value), *answer.closing]
        return Raw(head(200, {"content-type": SSE, "connection": "close"}) + b"".join(pieces))

    return step
