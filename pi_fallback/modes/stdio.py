"""Standard input and output as streams of bytes that never stop the event loop.

The descriptors stay in blocking mode, for they may be shared with the shell or with stderr. A pipe,
socket or terminal that is ready gives and takes some bytes without blocking: at least `PIPE_BUF` in
the case of a pipe. A file is always ready.
"""

import os
import select
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

import anyio

READ_MAX = 64 * 1024
STDIN, STDOUT, STDERR = 0, 1, 2


def take_stdin() -> int:
    """Return a descriptor of standard input, which is empty from now on: a plugin's child must not read the lines."""
    taken = os.dup(STDIN)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, STDIN)
    os.close(empty)
    return taken


def take_stdout() -> int:
    """Return a descriptor of standard output, which is standard error from now on: what plugins print gets there."""
    sys.stdout.flush()
    taken = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    return taken


def opened(taken: int) -> TextIO:
    """The descriptor that was taken of standard output as the stream of text that this was."""
    return open(taken, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)


@contextmanager
def stderr_on_terminal() -> Generator[None]:
    """Let standard error be the terminal that standard output is while the block lasts: there Textual draws."""
    elsewhere = os.dup(STDERR)
    sys.stderr.flush()
    os.dup2(STDOUT, STDERR)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(elsewhere, STDERR)
        os.close(elsewhere)


async def _ready(wait: Callable[[int], Awaitable[None]], fd: int) -> None:
    try:
        await wait(fd)
    except PermissionError:  # epoll's word for a plain file or /dev/null
        await anyio.lowlevel.checkpoint()


@dataclass
class FdSource:
    """Reads the descriptor `fd`."""

    fd: int

    async def receive(self, max_bytes: int = READ_MAX) -> bytes:
        """Return some bytes.

        Raises:
            anyio.EndOfStream: there are no more.
        """
        await _ready(anyio.wait_readable, self.fd)
        if data := os.read(self.fd, max_bytes):
            return data
        raise anyio.EndOfStream


@dataclass
class FdSink:
    """Writes to the descriptor `fd`."""

    fd: int

    async def send(self, item: bytes, /) -> None:
        """Write all of `item`. Raises `OSError` when the other end is closed."""
        left = memoryview(item)
        while left:
            await _ready(anyio.wait_writable, self.fd)
            left = left[os.write(self.fd, left[: select.PIPE_BUF]) :]
