"""Signals of the system: the first ends what goes on in order, the second at once."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from signal import Signals
from typing import Any

import anyio


@dataclass
class Caught:
    """The signal that came, if one did."""

    signal: Signals | None = None

    @property
    def exit_code(self) -> int | None:
        """What a shell reports for a program that this signal ended."""
        return None if self.signal is None else 128 + self.signal.value


@asynccontextmanager
async def catching(
    signals: Sequence[Signals], stop: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncGenerator[Caught, None]:
    """Call `stop` at the first of `signals`; the second cancels the block. None of them: nothing is caught."""
    caught = Caught()
    if not signals:
        yield caught
        return
    async with anyio.create_task_group() as tasks:

        async def listen() -> None:
            with anyio.open_signal_receiver(*signals) as received:
                async for signal in received:
                    if caught.signal is not None:
                        tasks.cancel_scope.cancel()
                        return
                    caught.signal = signal
                    tasks.start_soon(stop)

        tasks.start_soon(listen)
        yield caught
        tasks.cancel_scope.cancel()
