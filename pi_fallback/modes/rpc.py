"""RPC mode: pi's line protocol over two streams of bytes, from the first line to an orderly end."""

from collections.abc import AsyncGenerator, Callable, Sequence
from signal import Signals
from typing import Protocol

import anyio

from pi_fallback.modes.catching import catching
from pi_fallback.modes.jsonl import LineSplitter, TooLong
from pi_fallback.modes.outbox import Sink, outbox_to
from pi_fallback.modes.outcome import FAILED
from pi_fallback.modes.pi_events import PiEvents
from pi_fallback.modes.rpc_server import Server
from pi_fallback.modes.rpc_ui import RpcUi
from pi_fallback.runtime.agent import Agent

WIND_UP_S = 5.0  # for a run that is ended because the input was


class Source(Protocol):
    """Where bytes come from. `receive` raises `anyio.EndOfStream` when there are no more."""

    async def receive(self, max_bytes: int = ..., /) -> bytes: ...


async def run_rpc(
    agent: Agent,
    ui: RpcUi,
    *,
    source: Source,
    out: Sink,
    wall: Callable[[], float],
    signals: Sequence[Signals] = (),
) -> int:
    """Serve `agent` until `source` ends (0), one of `signals` comes (128 + n), or nobody reads `out` (1).

    What goes on then is aborted, and its last events are written. `ui` is the one the agent was given;
    `wall` is Unix time.
    """
    reading = anyio.CancelScope()

    async def stop() -> None:
        reading.cancel()

    async with outbox_to(out) as outbox, catching(signals, stop) as caught, anyio.create_task_group() as tasks:
        server = Server(agent, ui, outbox, PiEvents(wall, anyio.current_time), tasks)
        ui.connect(outbox.put)
        unsubscribe = agent.subscribe(server.hear)
        try:
            with reading:
                async for line in lines_of(source):
                    await server.take(line)
            with anyio.move_on_after(WIND_UP_S):
                await wind_up(agent)
            tasks.cancel_scope.cancel()
        finally:
            unsubscribe()
            ui.disconnect()
    if outbox.gone is not None:
        await wind_up(agent)
        return FAILED
    return caught.exit_code or 0


async def wind_up(agent: Agent) -> None:
    """End what goes on."""
    if not agent.settled_now:
        await agent.abort()
        await agent.settled()


async def lines_of(source: Source) -> AsyncGenerator[bytes | TooLong, None]:
    """Yield the lines of `source`, the last one even without its LF."""
    splitter = LineSplitter()
    while True:
        try:
            chunk = await source.receive()
        except anyio.EndOfStream:
            break
        for line in splitter.feed(chunk):
            yield line
    for line in splitter.end():
        yield line
