"""The fault server: a provider on loopback, over real sockets, that answers as its scripts say."""

import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from itertools import count
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from pi_fallback.testing.anthropic_wire import AnthropicMessages
from pi_fallback.testing.conversing import Conversations
from pi_fallback.testing.google_wire import GoogleGenerativeAI
from pi_fallback.testing.openai_wire import OpenAICompletions
from pi_fallback.testing.playbook import Playbook
from pi_fallback.testing.received import Log, Received
from pi_fallback.testing.responses_wire import OpenAIResponses
from pi_fallback.testing.sockets import Connection, accepted
from pi_fallback.testing.steps import For, Playable, Scripts

WIRES = (AnthropicMessages(), GoogleGenerativeAI(), OpenAIResponses(), OpenAICompletions())  # the usual one last


class FaultServer:
    """A provider that fails as told: `async with FaultServer({"m": [Status(429), Ok("hi")]}) as server`.

    `scripts` maps models (or `For` values) to a step or a row of them; a bare step or row answers everything. A strict
    server refuses with 400 what the real API would refuse, and keeps the reasons in `violations`.
    """

    def __init__(self, scripts: Scripts | Playable | None = None, *, strict: bool = True, port: int = 0) -> None:
        self._playbook = Playbook(scripts)
        self._log = Log()
        self._talks = Conversations(self._playbook, self._log, WIRES, strict)
        self._port = port
        self._stack = AsyncExitStack()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def requests(self) -> tuple[Received, ...]:
        """All requests so far, oldest first, each with what has become of it."""
        return tuple(self._log.entries)

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(wrong for request in self.requests for wrong in request.violations)

    def requests_for(self, model: str) -> tuple[Received, ...]:
        return tuple(request for request in self.requests if request.model == model)

    def play(self, whose: str | For, script: Playable) -> None:
        """Answer the requests of `whose` (a model, or a `For`) with `script` from now on, from its first step."""
        self._playbook.put(whose, script)

    async def wait_for_requests(self, n: int, *, timeout_s: float = 10.0) -> None:
        """Return when `n` requests have come in all.

        Raises:
            TimeoutError: they did not come.
        """
        await self.wait_until(lambda requests: len(requests) >= n, timeout_s=timeout_s)

    async def wait_until(self, holds: Callable[[Sequence[Received]], object], *, timeout_s: float = 10.0) -> None:
        """Return when `holds(server.requests)` is true.

        Raises:
            TimeoutError: it did not become true.
        """
        with anyio.move_on_after(timeout_s):
            return await self._log.until(holds)
        seen = ", ".join(f"{request.model or request.path} {request.outcome}" for request in self.requests)
        raise TimeoutError(f"Not within {timeout_s:g} s. The fault server has seen: {seen or 'nothing'}.")

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

    async def _hold(self, sock: socket.socket, number: int) -> None:
        with Connection(sock) as connection:
            await self._talks.hold(connection, number)
