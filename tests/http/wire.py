"""A server that sends any bytes whatever: each connection runs the next script, over a real socket."""

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
import anyio.abc
from anyio.abc import SocketAttribute


@dataclass
class Received:
    """A request as it came: the head as text, with lower-case header names in `headers`."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Peer:
    """The server's end of a connection."""

    stream: anyio.abc.SocketStream
    _buffer: bytes = b""

    async def request(self) -> Received:
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += await self.stream.receive()
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        length = int(headers.get("content-length", "0"))
        while len(rest) < length:
            rest += await self.stream.receive()
        self._buffer = rest[length:]
        return Received(line, headers, rest[:length])

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            await self.stream.send(piece)

    async def closed(self) -> None:
        """Wait until the client has closed."""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                await self.stream.receive()

    async def reset(self) -> None:
        """Close with RST instead of FIN."""
        raw = self.stream.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.stream.aclose()


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Server:
    """A running server. `requests` are those that came, `connections` how many were made."""

    port: int
    requests: list[Received] = field(default_factory=list)
    connections: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1/chat/completions"


@asynccontextmanager
async def serving(*scripts: Script) -> AsyncIterator[Server]:
    """Serve `scripts`, one to a connection; the last one serves all that come after it."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    server = Server(listener.extra(SocketAttribute.local_port))

    async def handle(stream: anyio.abc.SocketStream) -> None:
        script = scripts[min(server.connections, len(scripts) - 1)]
        server.connections += 1
        async with stream:
            peer = Peer(stream)
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                await script(peer)  # the client may go away: that is its right

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        yield server
        tasks.cancel_scope.cancel()


def answering(*pieces: bytes, to: list[Received] | None = None) -> Script:
    """Read one request, send `pieces`, close."""

    async def script(peer: Peer) -> None:
        received = await peer.request()
        if to is not None:
            to.append(received)
        await peer.send(*pieces)

    return script


def head(status: str = "200 OK", *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode("latin-1")


def whole(body: bytes, status: str = "200 OK", *fields: str) -> bytes:
    return head(status, f"content-length: {len(body)}", *fields) + body


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))
