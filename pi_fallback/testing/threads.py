"""The fault server in a thread of its own: for synchronous tests, and for programs in another process."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial

from anyio.from_thread import BlockingPortal, start_blocking_portal

from pi_fallback.testing.received import Received
from pi_fallback.testing.server import FaultServer
from pi_fallback.testing.steps import For, Playable, Scripts


class RunningFaultServer:
    """A `FaultServer` as another thread sees it: the waits block.

    From an event loop: `await anyio.to_thread.run_sync(server.wait_for_requests, 2)`.
    """

    def __init__(self, server: FaultServer, portal: BlockingPortal) -> None:
        self._server = server
        self._portal = portal

    @property
    def origin(self) -> str:
        return self._server.origin

    @property
    def base_url(self) -> str:
        return self._server.base_url

    @property
    def requests(self) -> tuple[Received, ...]:
        return self._server.requests

    @property
    def violations(self) -> tuple[str, ...]:
        return self._server.violations

    def requests_for(self, model: str) -> tuple[Received, ...]:
        return self._server.requests_for(model)

    def play(self, whose: str | For, script: Playable) -> None:
        self._portal.call(self._server.play, whose, script)

    def wait_for_requests(self, n: int, *, timeout_s: float = 10.0) -> None:
        self._portal.call(partial(self._server.wait_for_requests, n, timeout_s=timeout_s))

    def wait_until(self, holds: Callable[[Sequence[Received]], object], *, timeout_s: float = 10.0) -> None:
        self._portal.call(partial(self._server.wait_until, holds, timeout_s=timeout_s))


@contextmanager
def running_fault_server(
    scripts: Scripts | Playable | None = None, *, strict: bool = True, port: int = 0, backend: str = "asyncio"
) -> Generator[RunningFaultServer, None, None]:
    """Run a fault server in a background thread while the block lasts. Arguments as for `FaultServer`."""
    with (
        start_blocking_portal(backend) as portal,
        portal.wrap_async_context_manager(FaultServer(scripts, strict=strict, port=port)) as server,
    ):
        yield RunningFaultServer(server, portal)
