"""Signals of the system, sent for real to this process."""

import os
import signal

import anyio
import pytest

from pi_fallback.modes.catching import catching

pytestmark = pytest.mark.anyio
CAUGHT = (signal.SIGUSR1, signal.SIGUSR2)


async def test_the_first_signal_stops_in_order() -> None:
    stopped = anyio.Event()

    async def stop() -> None:
        stopped.set()

    with anyio.fail_after(10):
        async with catching(CAUGHT, stop) as caught:
            await anyio.wait_all_tasks_blocked()
            os.kill(os.getpid(), signal.SIGUSR1)
            await stopped.wait()
    assert caught.signal is signal.SIGUSR1
    assert caught.exit_code == 128 + signal.SIGUSR1


async def test_the_second_ends_at_once_what_does_not_stop() -> None:
    stopping = anyio.Event()

    async def stop() -> None:
        stopping.set()
        await anyio.sleep_forever()

    with anyio.fail_after(10):
        async with catching(CAUGHT, stop) as caught:
            await anyio.wait_all_tasks_blocked()
            os.kill(os.getpid(), signal.SIGUSR1)
            await stopping.wait()
            os.kill(os.getpid(), signal.SIGUSR2)
            await anyio.sleep_forever()
    assert caught.signal is signal.SIGUSR1


async def test_without_a_signal_there_is_no_exit_code() -> None:
    async with catching(CAUGHT, anyio.sleep_forever) as caught:
        await anyio.wait_all_tasks_blocked()
    assert caught.exit_code is None
