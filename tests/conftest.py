"""Fixtures that the whole suite shares."""

import asyncio
import signal
from typing import Any

import looptime
import pytest
import trio.testing

from tests.canary_scan import CanaryScan

Backend = tuple[str, dict[str, Any]]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CanaryScan(config), "canary-scan")
    # A shell that starts us in the background lets Ctrl-C be ignored, by all programs that the tests start as well.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def virtual_trio() -> Backend:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


def virtual_asyncio() -> Backend:
    loop_class = looptime.make_event_loop_class(asyncio.SelectorEventLoop)
    return "asyncio", {"loop_factory": lambda: loop_class(start=0, end=1e7)}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Real time on both backends. A module of virtual-time tests overrides it with `virtual_backend`."""
    return request.param


@pytest.fixture(params=[virtual_asyncio, virtual_trio], ids=["asyncio", "trio"])
def virtual_backend(request: pytest.FixtureRequest) -> Backend:
    """Virtual time: waits take no time. In-process parts only: a socket or a thread looks idle to it.

    A module uses it by defining its own fixture `anyio_backend` that returns this one.
    """
    return request.param()
