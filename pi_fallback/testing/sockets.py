"""Sockets with every way to end a connection.

Why not anyio's streams: they send a FIN before anything else, so that a reset could not be played.
"""

import socket
import struct
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

import anyio

RST_DELAY_S = 0.03  # a reset throws away what the client has not read yet: let it read


class Connection:
    """One accepted connection. Its methods raise `ConnectionError` once the client has left."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._early = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def receive(self) -> bytes:
        """Return what came, or b"" at the end."""
        if self._early:
            data, self._early = self._early, b""
            return data
        return await self._read()

    async def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)

    async def left(self) -> None:
        """Return when the client has closed its side. What it sends meanwhile is kept for `receive`."""
        try:
            while data := await self._read():
                self._early += data
        except ConnectionError:
            return

    async def reset(self) -> None:
        """Let the close that follows be an RST.

        The socket is not closed here: its number would go to the next one while others still wait for this one.
        """
        await anyio.sleep(RST_DELAY_S)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _read(self) -> bytes:
        while True:
            try:
                return self._socket.recv(65536)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)


async def accepted(listener: socket.socket) -> AsyncGenerator[socket.socket, None]:
    """Yield the connections that come to `listener`, for ever."""
    while True:
        await anyio.wait_readable(listener)
        try:
            sock, _address = listener.accept()
        except (BlockingIOError, ConnectionError):  # it left again before we came to it
            continue
        yield sock
