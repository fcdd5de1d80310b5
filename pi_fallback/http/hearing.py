"""Hearing: what went over the wire for a request, which the client does not tell when the connection breaks early."""

import select
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from pi_fallback.http.backend import httpx


@dataclass(slots=True)
class Heard:
    """What went over the wire for one request until the head of its answer was whole."""

    opened: bool = False  # a connection was opened for it, not taken from the pool
    asked: bool = False
    answered: bool = False


HEARD: ContextVar[Heard | None] = ContextVar("heard", default=None)
"""Whose request the running task sends. The client sends a request and reads the head of its answer in one task."""


class _Stream(Protocol):
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...
    async def write(self, buffer: bytes, timeout: float | None = None) -> None: ...
    async def aclose(self) -> None: ...
    async def start_tls(self, *args: Any, **kwargs: Any) -> "_Stream": ...
    def get_extra_info(self, info: str) -> Any: ...


class _Socket(Protocol):
    def fileno(self) -> int: ...


class _Backend(Protocol):
    async def connect_tcp(self, *args: Any, **kwargs: Any) -> _Stream: ...
    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> _Stream: ...
    async def sleep(self, seconds: float) -> None: ...


def listen(transport: httpx.AsyncHTTPTransport) -> None:
    """Let the connections of `transport` fill `HEARD`.

    The client's pool takes a network backend, but its transport hands none on. Should these names ever change, then
    nothing is heard of a request and no connection is called stale: such a request is not repeated for nothing.
    """
    pool: Any = getattr(transport, "_pool", None)
    backend: _Backend | None = getattr(pool, "_network_backend", None)
    if backend is not None:
        pool._network_backend = _HearingBackend(backend)


class _HearingBackend:
    def __init__(self, backend: _Backend) -> None:
        self._backend = backend

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> _Stream:
        if (heard := HEARD.get()) is not None:
            heard.opened = True
        return _HearingStream(await self._backend.connect_tcp(*args, **kwargs))

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> _Stream:
        return _HearingStream(await self._backend.connect_unix_socket(*args, **kwargs))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class _HearingStream:
    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._socket: _Socket | None = None
        self.aclose = stream.aclose

    def get_extra_info(self, info: str) -> Any:
        if info != "is_readable":
            return self._stream.get_extra_info(info)
        # The pool asks each idle connection this for each request. It takes 2 µs, and to find the socket first 30.
        if self._socket is None:
            self._socket = self._stream.get_extra_info("socket")
        return _is_readable(self._socket)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        if data and (heard := HEARD.get()) is not None:
            heard.answered = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if (heard := HEARD.get()) is not None:
            heard.asked = True
        await self._stream.write(buffer, timeout)

    async def start_tls(self, *args: Any, **kwargs: Any) -> _Stream:
        return _HearingStream(await self._stream.start_tls(*args, **kwargs))


def _is_readable(socket: _Socket | None) -> bool:
    """Whether reading would return at once: on an idle connection that is its end."""
    if socket is None or (number := socket.fileno()) < 0:
        return True
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
