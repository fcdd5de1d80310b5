"""The fault server: a provider on loopback, over real sockets, that answers as its scripts say."""

import socket
from collections.abc import Callable, Sequence

import anyio

from pi_fallback.testing.anthropic_wire import AnthropicMessages
from pi_fallback.testing.conversing import Conversations
from pi_fallback.testing.google_wire import GoogleGenerativeAI
from pi_fallback.testing.listening import Listening
from pi_fallback.testing.openai_wire import OpenAICompletions
from pi_fallback.testing.playbook import Playbook
from pi_fallback.testing.received import Log, Received
from pi_fallback.testing.responses_wire import OpenAIResponses
from pi_fallback.testing.sockets import Connection
from pi_fallback.testing.steps import For, Playable, Scripts

WIRES = (AnthropicMessages(), GoogleGenerativeAI(), OpenAIResponses(), OpenAICompletions())  # the usual one last


class FaultServer(Listening):
    """A provider that fails as told: `async with FaultServer({"m": [Status(429), Ok("hi")]}) as server`.

    `scripts` maps models (or `For` values) to a step or a row of them; a bare step or row answers everything. A strict
    server refuses with 400 what the real API would refuse, and keeps the reasons in `violations`.
    """

    def __init__(self, scripts: Scripts | Playable | None = None, *, strict: bool = True, port: int = 0) -> None:
        super().__init__(port)
        self._playbook = Playbook(scripts)
        self._log = Log()
        self._talks = Conversations(self._playbook, self._log, WIRES, strict)

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

    async def _hold(self, sock: socket.socket, number: int) -> None:
        with Connection(sock) as connection:
            await self._talks.hold(connection, number)
