"""The outbox: lines on their way to a reader that may be slow.

The agent never waits for who reads. Up to `ROOM` unread bytes everything is kept; above, the pieces
of what is still streaming are left out, for its end holds it whole; above `FULL` nobody is taken to
read any more, and it is over.
"""

from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import anyio

from pi_fallback.modes.jsonl import line_of

ROOM = 8 * 1024 * 1024
FULL = 64 * 1024 * 1024
SPARE = frozenset({"message_update", "tool_execution_update"})
BATCH = 64 * 1024  # one write for many small lines
LAST_S = 5.0  # for the last lines, when the program ends


class Sink(Protocol):
    """Where bytes go. `send` raises `OSError` or one of anyio's resource errors when nobody is there any more."""

    async def send(self, item: bytes, /) -> None: ...


@dataclass
class Outbox:
    """Keeps lines until `run` has written them to `sink`. `gone` says why nobody reads any more."""

    sink: Sink
    room: int = ROOM
    full: int = FULL
    gone: str | None = None
    _lines: deque[bytes] = field(default_factory=deque[bytes], init=False)
    _unread: int = field(default=0, init=False)
    _changed: anyio.Event = field(default_factory=anyio.Event, init=False)
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope, init=False)

    def put(self, value: Mapping[str, object]) -> None:
        """Queue `value` as a line. Never waits."""
        if self.gone is not None or (self._unread > self.room and value.get("type") in SPARE):
            return
        if self._unread > self.full:
            self._end(f"more than {self.full} bytes wait to be read")
            return
        line = line_of(value)
        self._lines.append(line)
        self._unread += len(line)
        self._change()

    async def has_room(self) -> None:
        """Return when fewer than `room` bytes are unread: whoever asks for more waits for this."""
        while self._unread > self.room and self.gone is None:
            await self._changed.wait()

    async def empty(self) -> None:
        """Return when all is written."""
        while self._unread and self.gone is None:
            await self._changed.wait()

    async def run(self) -> None:
        """Write what comes, until nobody reads any more."""
        with self._scope:
            while True:
                while self._lines:
                    batch = self._batch()
                    try:
                        await self.sink.send(batch)
                    except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                        self._end("the output was closed")
                        return
                    self._unread -= len(batch)
                    self._change()
                await self._changed.wait()

    def _batch(self) -> bytes:
        batch = [self._lines.popleft()]
        size = len(batch[0])
        while self._lines and size + len(self._lines[0]) <= BATCH:
            batch.append(self._lines.popleft())
            size += len(batch[-1])
        return b"".join(batch)

    def _end(self, why: str) -> None:
        self.gone = why
        self._lines.clear()
        self._scope.cancel()
        self._change()

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


@asynccontextmanager
async def outbox_to(sink: Sink, *, room: int = ROOM, full: int = FULL) -> AsyncGenerator[Outbox, None]:
    """An outbox that is written while the block lasts, and to its end when the block is left.

    The block is cancelled when nobody reads any more: look at `gone` behind it.
    """
    outbox = Outbox(sink, room, full)
    async with anyio.create_task_group() as tasks:

        async def write() -> None:
            await outbox.run()
            tasks.cancel_scope.cancel()

        tasks.start_soon(write)
        yield outbox
        with anyio.move_on_after(LAST_S):
            await outbox.empty()
        tasks.cancel_scope.cancel()
