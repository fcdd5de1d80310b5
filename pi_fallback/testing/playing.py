"""Playing one step: its bytes, its waits, its end."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, assert_never, cast

import anyio

from pi_fallback.testing import http1
from pi_fallback.testing.sockets import Connection
from pi_fallback.testing.steps import (
    CommentsOnly,
    Cut,
    CutBeforeHeaders,
    Drip,
    Empty200,
    ErrorEvent,
    HangBeforeHeaders,
    Html,
    Malformed,
    Ok,
    Raw,
    Redirect,
    Stall,
    Status,
    Step,
)
from pi_fallback.testing.wire import Rendered, Wire

Ending = Literal["keep", "fin"]
"""Whether the connection may serve on, or is to be closed."""


async def play(step: Step, connection: Connection, wire: Wire, body: Mapping[str, Any], number: int) -> Ending:
    """Answer a request with `step`. Hangs last until the caller is cancelled."""
    match step:
        case HangBeforeHeaders():
            return await _end(connection, "hang")
        case CutBeforeHeaders(how=how):
            return await _end(connection, how)
        case Raw(data=data, then=then):
            await connection.send(data)
            return await _end(connection, then)
        case Status() | Redirect() | Html() | Empty200():
            await connection.send(_whole(step, wire))
            return "keep"
        case Ok() | Stall() | CommentsOnly() | Cut() | ErrorEvent() | Malformed() | Drip():
            ok = step if isinstance(step, Ok) else step.of
            rendered = wire.render(ok, body, number)
            match step:
                case Drip():
                    return await _drip(step, connection, rendered)
                case Cut(how="close"):
                    return await _cut_unframed(step, connection, rendered)
                case _:
                    return await _stream(step, ok, connection, rendered, wire, body)
        case _:
            assert_never(step)


async def _stream(
    step: Ok | Stall | CommentsOnly | Cut | ErrorEvent | Malformed,
    ok: Ok,
    connection: Connection,
    rendered: Rendered,
    wire: Wire,
    body: Mapping[str, Any],
) -> Ending:
    after = len(rendered.content) if isinstance(step, Ok) else step.after
    start = http1.head(200, _headers(rendered)) + _chunks(rendered.opening)
    await _send_paced(connection, start, rendered.content[:after], ok.pace_s)
    match step:
        case Ok():
            await connection.send(_chunks(rendered.closing) + http1.LAST_CHUNK)
        case Stall():
            await anyio.sleep_forever()
        case CommentsOnly(every_s=every_s):
            while True:
                await anyio.sleep(every_s)
                await connection.send(http1.chunk(rendered.heartbeat))
        case Cut(how="fin" | "rst" as how):
            return await _end(connection, how)
        case Cut():
            await connection.send(http1.LAST_CHUNK)
        case ErrorEvent(error=error):
            await connection.send(http1.chunk(wire.error_event(error, body)) + http1.LAST_CHUNK)
        case Malformed(raw=raw):
            await _send_paced(connection, http1.chunk(raw), rendered.content[after:], ok.pace_s)
            await connection.send(_chunks(rendered.closing) + http1.LAST_CHUNK)
    return "keep"


async def _send_paced(connection: Connection, start: bytes, events: Sequence[bytes], pace_s: float) -> None:
    if not pace_s:  # one write: as fast as a server can be
        await connection.send(start + _chunks(events))
        return
    await connection.send(start)
    for event in events:
        await anyio.sleep(pace_s)
        await connection.send(http1.chunk(event))


async def _drip(step: Drip, connection: Connection, rendered: Rendered) -> Ending:
    head = http1.head(200, _headers(rendered))
    body = _chunks((*rendered.opening, *rendered.content, *rendered.closing)) + http1.LAST_CHUNK
    if step.headers:
        body = head + body
    else:
        await connection.send(head)
    for at in range(0, len(body), step.size):
        await connection.send(body[at : at + step.size])
        await anyio.sleep(step.every_s)
    return "keep"


async def _cut_unframed(step: Cut, connection: Connection, rendered: Rendered) -> Ending:
    head = http1.head(200, {"content-type": rendered.content_type, "connection": "close"})
    await connection.send(head + b"".join((*rendered.opening, *rendered.content[: step.after])))
    return "fin"


async def _end(connection: Connection, how: Literal["fin", "rst", "hang"]) -> Ending:
    match how:
        case "fin":
            pass
        case "rst":
            await connection.reset()
        case "hang":
            await anyio.sleep_forever()
    return "fin"


def _whole(step: Status | Redirect | Html | Empty200, wire: Wire) -> bytes:
    match step:
        case Status(code=code, headers=headers, body=None):
            return as_json(code, wire.error(code, f"{http1.reason(code)} (scripted)"), headers)
        case Status(code=code, headers=headers, body=str() as text):
            return http1.whole(code, {"content-type": "text/plain", **_lower(headers)}, text.encode())
        case Status(code=code, headers=headers, body=bytes() as data):
            return http1.whole(code, {"content-type": "application/octet-stream", **_lower(headers)}, data)
        case Status(code=code, headers=headers, body=body):
            return as_json(code, cast("Mapping[str, Any]", body), headers)  # the type checker keeps str and bytes here
        case Redirect(to=to, code=code):
            return http1.whole(code, {"location": to}, b"")
        case Html(body=text):
            return http1.whole(200, {"content-type": "text/html; charset=utf-8"}, text.encode())
        case Empty200():
            return http1.whole(200, {"content-type": "text/event-stream"}, b"")


def as_json(code: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a whole response that holds `body`."""
    return http1.whole(code, {"content-type": "application/json", **_lower(headers)}, json.dumps(body).encode())


def _headers(rendered: Rendered) -> Mapping[str, str]:
    return {"content-type": rendered.content_type, "cache-control": "no-cache", "transfer-encoding": "chunked"}


def _lower(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _chunks(events: Sequence[bytes]) -> bytes:
    return b"".join(map(http1.chunk, events))
