"""Listening: a server on loopback for as long as its block lasts, with a task for each connection."""

import socket
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from itertools import count
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from pi_fallback.testing.sockets import accepted


class Listening(ABC):
    """A server at `port` of this machine, or at any free one: `async with server`."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._stack = AsyncExitStack()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @abstractmethod
    async def _hold(self, sock: socket.socket, number: int) -> None:
        """Talk over one connection until it ends; `number` counts them from 1."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", self._port), backlog=512))
            listener.setblocking(False)
            self._port = listener.getsockname()[1]
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            tasks.start_soon(self._serve, listener, tasks)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The task group would wrap the error of a test's body in a group; only a cancellation is its business.
        if isinstance(error, anyio.get_cancelled_exc_class()):
            await self._stack.__aexit__(kind, error, trace)
        else:
            await self._stack.aclose()

    async def _serve(self, listener: socket.socket, tasks: TaskGroup) -> None:
        numbers = count(1)
        async for sock in accepted(listener):
            tasks.start_soon(self._hold, sock, next(numbers))
