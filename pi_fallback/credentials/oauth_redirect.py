"""The redirect: a browser comes back from a login to a port of this machine, and is told that it may be closed."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import anyio
import h11
from anyio.abc import SocketStream, TaskGroup

from pi_fallback.config.schema import loopback
from pi_fallback.errors import single

HEAD_BYTES = 32 * 1024
HEAD_S = 10.0  # browsers open connections in advance and say nothing on them
PAGE = "<!doctype html><meta charset=utf-8><title>pi-fallback</title><p>{words}"
DONE = "You may close this page: the login goes on in the terminal."
NOT_THIS = "This is not the page that the login in the terminal waits for."


@dataclass
class Redirect:
    """Where the browser is to come back to; `answer` is the address that it came with."""

    url: str
    state: str
    came: anyio.Event = field(default_factory=anyio.Event)
    answer: str = ""

    def take(self, target: str) -> bool:
        """Hear of a request. Whether it is the one: for the right path, from the right login, and the first."""
        try:
            parts = urlsplit(target)
        except ValueError:  # no address at all
            return False
        right = parts.path == urlsplit(self.url).path and parse_qs(parts.query).get("state") == [self.state]
        if not right or self.came.is_set():
            return False
        self.answer = f"{self.url}?{parts.query}"
        self.came.set()
        return True


@asynccontextmanager
async def redirected(url: str, state: str) -> AsyncGenerator[Redirect | None]:
    """Wait on this machine for a browser, while the block lasts, at `url`; if that names no port, at any.

    None if the port is taken: a server that knows one port lets the browser go to no other, but there at least its
    address can be pasted.
    """
    parts = urlsplit(loopback(url))
    sock = _bound(parts.hostname or "", parts.port or 0)
    if sock is None:
        yield None
        return
    with closing(sock):
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        redirect = Redirect(f"http://{host}:{sock.getsockname()[1]}{parts.path or '/'}", state)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_serve, sock, redirect, tasks)
                yield redirect
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise single(group) from None


def _bound(host: str, port: int) -> socket.socket | None:
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError):
        return socket.create_server((address, port), family=family, backlog=8)
    return None


async def _serve(sock: socket.socket, redirect: Redirect, tasks: TaskGroup) -> None:
    sock.setblocking(False)
    while True:
        await anyio.wait_readable(sock)
        with suppress(OSError):
            connection, _address = sock.accept()
            tasks.start_soon(_answered, await SocketStream.from_socket(connection), redirect)


async def _answered(stream: SocketStream, redirect: Redirect) -> None:
    with suppress(Exception), anyio.move_on_after(HEAD_S):  # anybody may send anything here: it is their page alone
        async with stream:
            target = await _target(stream)
            right = target is not None and redirect.take(target)
            await stream.send(_page(200 if right else 400, DONE if right else NOT_THIS))


async def _target(stream: SocketStream) -> str | None:
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    while (event := parser.next_event()) is h11.NEED_DATA:
        parser.receive_data(await stream.receive())
    return event.target.decode("ascii") if isinstance(event, h11.Request) and event.method == b"GET" else None


def _page(status: int, words: str) -> bytes:
    body = PAGE.format(words=words).encode()
    lines = (f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Request'}", "content-type: text/html; charset=utf-8")
    head = (*lines, "cache-control: no-store", "connection: close", f"content-length: {len(body)}", "", "")
    return "\r\n".join(head).encode() + body
