"""Blocking work: how file I/O runs beside the event loop."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import anyio.to_thread

T = TypeVar("T")


class RunBlocking(Protocol):
    """Runs `work` and returns what it returns. A test in virtual time runs it inline."""

    async def __call__(self, work: Callable[[], T], /) -> T: ...


async def in_thread(work: Callable[[], T], /) -> T:
    """Run `work` in a worker thread. Whoever is cancelled leaves at once; the thread ends its work alone."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


async def inline(work: Callable[[], T], /) -> T:
    """Run `work` here and now, for tests in virtual time: to their clock a thread looks idle."""
    return work()
