"""HTTP/1.1 as a server speaks it: h11 reads the requests, the answers are bytes, because they must misbehave."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import h11

from pi_fallback.testing.sockets import Connection

LAST_CHUNK = b"0\r\n\r\n"
MAX_HEAD = 1 << 20


class HttpRequest(NamedTuple):
    """Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool


class Requests:
    """The requests of one connection, one after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rest = b""

    async def next(self) -> HttpRequest | None:
        """Return the next request, or None when the client has closed the connection.

        Raises:
            h11.RemoteProtocolError: this is no HTTP.
        """
        # A parser for each request: we never tell h11 what we answered, for much of it is not HTTP.
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        if self._rest:
            parser.receive_data(self._rest)
        head: h11.Request | None = None
        body = bytearray()
        while True:
            match parser.next_event():
                case h11.NEED_DATA:
                    data = await self._connection.receive()
                    if not data and head is None:
                        return None
                    parser.receive_data(data)
                case h11.Request() as head:
                    pass
                case h11.Data(data=data):
                    body += data
                case h11.EndOfMessage() if head:
                    self._rest = parser.trailing_data[0]
                    return _request(head, bytes(body))
                case _:
                    return None


def _request(head: h11.Request, body: bytes) -> HttpRequest:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
    keep_alive = head.http_version == b"1.1" and headers.get("connection", "").lower() != "close"
    return HttpRequest(head.method.decode(), head.target.decode("latin-1"), headers, body, keep_alive)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the bytes of a response head."""
    lines = [f"HTTP/1.1 {status} {reason(status)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def whole(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of a response whose length is known."""
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return head(status, headers)
    return head(status, {**headers, "content-length": str(len(body))}) + body


def chunk(data: bytes) -> bytes:
    """Return `data` as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def reason(status: int) -> str:
    """Return the phrase that goes with `status`; providers use numbers that no standard knows."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Unknown"
