"""Streams in memory for the headless modes: a client on one end, the mode on the other."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from pi_fallback.modes.rpc import run_rpc
from pi_fallback.modes.rpc_ui import RpcUi
from tests.rigs import Rig

Event = dict[str, Any]
WALL = 1_790_000_000.25


def wall() -> float:
    return WALL


@dataclass
class Written:
    """A sink that keeps what it gets, and closes after `closes_after` bytes."""

    data: bytearray = field(default_factory=bytearray)
    closes_after: int | None = None

    async def send(self, item: bytes, /) -> None:
        await anyio.lowlevel.checkpoint()
        if self.closes_after is not None and len(self.data) >= self.closes_after:
            raise BrokenPipeError
        self.data += item

    @property
    def events(self) -> list[Event]:
        return [json.loads(line) for line in bytes(self.data).decode().split("\n")[:-1]]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]


@dataclass
class Lines:
    """A source whose other end is `send`."""

    _chunks: list[bytes] = field(default_factory=list[bytes])
    _closed: bool = False
    _changed: anyio.Event = field(default_factory=anyio.Event)

    def send(self, data: bytes) -> None:
        self._chunks.append(data)
        self._change()

    def close(self) -> None:
        self._closed = True
        self._change()

    async def receive(self, max_bytes: int = 65536, /) -> bytes:
        while not self._chunks:
            if self._closed:
                raise anyio.EndOfStream
            await self._changed.wait()
        return self._chunks.pop(0)

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


@dataclass
class Client:
    """A client of the line protocol, in the same process."""

    lines: Lines = field(default_factory=Lines)
    out: Written = field(default_factory=Written)
    exit_code: int | None = None
    _ids: int = 0

    async def ask(self, kind: str, /, **fields: object) -> Event:
        """Send a command and return its response."""
        self._ids += 1
        ident = str(self._ids)
        return (await self.tell({"id": ident, "type": kind, **fields}))[-1]

    async def tell(self, value: object) -> Sequence[Event]:
        """Send `value` as a line and return what was answered at once."""
        line = value if isinstance(value, bytes) else json.dumps(value).encode()
        before = len(self.out.of("response"))
        self.lines.send(line + b"\n")
        await anyio.wait_all_tasks_blocked()
        return self.out.of("response")[before:]

    def requests(self, method: str) -> list[Event]:
        return [event for event in self.out.of("extension_ui_request") if event["method"] == method]


@asynccontextmanager
async def rpc(r: Rig, client: Client | None = None) -> AsyncGenerator[Client, None]:
    """Serve the agent of `r` for as long as the block lasts; then the input ends."""
    client = client or Client()
    ui = RpcUi()
    r.agent.parts.ui = r.agent.parts.toolbox.ui = ui

    async def serve() -> None:
        client.exit_code = await run_rpc(r.agent, ui, source=client.lines, out=client.out, wall=wall)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        yield client
        client.lines.close()
