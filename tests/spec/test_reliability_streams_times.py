"""RS4, RS5: each limit of time holds to the moment, and whoever is slow but alive is let alone. In virtual time."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, fields, replace

import anyio
import pytest

from pi_fallback.http import Http, limits
from pi_fallback.http.backend import httpx
from pi_fallback.providers.dialects import dialects
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import Wires
from pi_fallback_hookspecs import Fault, FaultKind, Limits, Model, Provider, Reply, Request, Route, user_message
from tests.conftest import Backend
from tests.providers.chat import chunk, said, sse

pytestmark = pytest.mark.anyio

ROUTE = Route("acme", "big")
DEFAULT = Limits()


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


Pieces = Callable[[], AsyncGenerator[bytes, None]]


class Body(httpx.AsyncByteStream):
    def __init__(self, pieces: Pieces, *, closes: bool) -> None:
        self._pieces = pieces()
        self._closes = closes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        await self._pieces.aclose()
        if not self._closes:
            await anyio.sleep_forever()


@dataclass
class Slow(httpx.AsyncBaseTransport):
    """A connection that takes `connect_s`, then `head_s` until the head of an answer of `pieces` is there."""

    pieces: Pieces
    status: int = 200
    connect_s: float = 0.0
    head_s: float = 0.0
    closes: bool = True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.sleep(self.connect_s)
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        await anyio.sleep(self.head_s)
        return httpx.Response(self.status, stream=Body(self.pieces, closes=self.closes))


def pieces(*steps: float | bytes) -> Pieces:
    """Return a body: numbers are waits."""

    async def run() -> AsyncGenerator[bytes, None]:
        for step in steps:
            if isinstance(step, bytes):
                yield step
            else:
                await anyio.sleep(step)

    return run


async def ended(transport: Slow, within: Limits = DEFAULT) -> tuple[float, Reply | Fault]:
    """Return when a request over `transport` ended, and how."""
    watchdog, provider = Watchdog(), Provider("acme", "http://127.0.0.1:9", needs_key=False)

    async def no_key(_route: Route, _base_url: str) -> None:
        return None

    async with Http(wall=lambda: 0.0, transport=transport) as http, anyio.create_task_group() as tasks:
        tasks.start_soon(watchdog.run)
        catalog = {ROUTE.ref: Model(ROUTE.ref, limits=within)}
        wires = Wires({"acme": provider}, dialects(http), catalog, no_key, watchdog)
        began = anyio.current_time()
        end = await wires.send(ROUTE, Request((user_message("hi"),)), lambda _delta: None)
        took = anyio.current_time() - began
        tasks.cancel_scope.cancel()
    return took, end


TEXT, DONE, PING = sse(said("x")), sse(chunk(finish="stop"), "[DONE]"), b": ping\n\n"
NEVER = 1e6
DRIP = [step for _ in range(400) for step in (30.0, PING)]

LATE: dict[str, tuple[Slow, FaultKind, float]] = {
    "head_s": (Slow(pieces(TEXT, DONE), head_s=NEVER), FaultKind.HEAD_TIMEOUT, 60.0),
    "first_content_s": (Slow(pieces(NEVER)), FaultKind.FIRST_CONTENT_TIMEOUT, 120.0),
    "first_content_s, after the head": (Slow(pieces(NEVER), head_s=50.0), FaultKind.FIRST_CONTENT_TIMEOUT, 120.0),
    "first_content_s, with pings": (Slow(pieces(*DRIP)), FaultKind.FIRST_CONTENT_TIMEOUT, 120.0),
    "quiet_s": (Slow(pieces(TEXT, NEVER)), FaultKind.QUIET_TIMEOUT, 60.0),
    "quiet_s, with pings": (Slow(pieces(100.0, TEXT, *DRIP)), FaultKind.QUIET_TIMEOUT, 160.0),
    "total_s": (Slow(pieces(*[50.0, TEXT] * 100)), FaultKind.TOTAL_TIMEOUT, 1800.0),
    "ERROR_BODY_S": (Slow(pieces(b"No", NEVER), status=500), FaultKind.STATUS, limits.ERROR_BODY_S),
    "ERROR_BODY_S, dripping": (Slow(pieces(*[1.0, b"No"] * 99), status=500), FaultKind.STATUS, limits.ERROR_BODY_S),
    "CLOSE_S": (Slow(pieces(b"data: {\n\n", NEVER), closes=False), FaultKind.MALFORMED, limits.CLOSE_S),
}


@pytest.mark.parametrize("name", LATE)
async def test_rs4_what_comes_too_late_is_a_fault_at_the_limit(name: str) -> None:
    transport, kind, at = LATE[name]
    took, end = await ended(transport)
    assert isinstance(end, Fault)
    assert end.kind is kind
    assert took == pytest.approx(at)


async def test_after_the_finish_reason_the_rest_has_its_time() -> None:
    finish, usage = sse(chunk(finish="stop")), sse({"choices": [], "usage": {"prompt_tokens": 7}})
    for wait, at, tokens in ((0.4, 0.4, 7), (NEVER, limits.TAIL_S, 0)):
        took, end = await ended(Slow(pieces(TEXT, finish, wait, usage, b"data: [DONE]\n\n")))
        assert isinstance(end, Reply)
        assert (took, end.message.usage.input) == (pytest.approx(at), tokens)


SLOW: dict[str, Slow] = {
    "head_s": Slow(pieces(TEXT, DONE), head_s=59.9),
    "first_content_s": Slow(pieces(60.0, TEXT, DONE), head_s=59.9),
    "quiet_s": Slow(pieces(*[59.9, TEXT] * 25, DONE)),
    "total_s": Slow(pieces(*[59.9, TEXT] * 30, DONE)),
}


@pytest.mark.parametrize("name", SLOW)
async def test_rs5_who_is_slow_but_alive_is_let_alone(name: str) -> None:
    _, end = await ended(SLOW[name])
    assert isinstance(end, Reply)


@pytest.mark.parametrize("name", [field.name for field in fields(Limits) if field.name != "connect_s"])
async def test_rs4_a_limit_that_is_off_ends_nothing(name: str) -> None:
    off = replace(Limits(head_s=50.0, first_content_s=50.0, quiet_s=50.0, total_s=50.0), **{name: 0.0})
    only = replace(Limits(0.0, 0.0, 0.0, 0.0, 0.0), **{name: 50.0})
    transport = Slow(pieces(20.0, TEXT, 20.0, TEXT, DONE), head_s=5.0)
    for within in (off, only):
        assert isinstance((await ended(transport, within))[1], Reply)
    late = Slow(pieces(TEXT, 200.0, TEXT, DONE), head_s=200.0)
    assert isinstance((await ended(late, Limits(0.0, 0.0, 0.0, 0.0, 0.0)))[1], Reply)
