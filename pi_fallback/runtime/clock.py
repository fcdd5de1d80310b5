"""The clock of the running event loop. It is asked for once: to find the loop costs more than to read its clock."""

import asyncio
from collections.abc import Callable

import anyio


def loop_clock() -> Callable[[], float]:
    """Return what `anyio.current_time` would return, for this loop."""
    try:
        return asyncio.get_running_loop().time
    except RuntimeError:  # trio
        return anyio.current_time
