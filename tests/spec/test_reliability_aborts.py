"""RF11 at random moments in the life of an answer: the socket is closed at once, and nothing is asked after it."""

import os
import random
from contextlib import suppress

import anyio
import pytest

from pi_fallback.embedding import RetryPolicy, Settings
from pi_fallback.testing import Cut, Drip, FaultServer, HangBeforeHeaders, Ok, Status, ToolCallScript
from tests.spec.wired import NAMES, at, full_house, patient, times, wired

pytestmark = pytest.mark.anyio

# `PI_FALLBACK_ABORTS=1000` is the long form.
ABORTS = int(os.environ.get("PI_FALLBACK_ABORTS", "50"))  # on each backend
TOGETHER = 4
CLOSED_S, BEAT_S = 0.2, 0.005
REQUESTS = 6  # in a whole life
STAGE_S = 0.12  # about as long as one of them lasts
LIMITS = {"B": patient(head_s=0.2)}
HOST = Settings(retry=RetryPolicy(base_delay_s=0.1))
WEIGH = Ok("I look at it first.", tools=[ToolCallScript("weigh", {"what": "a feather"})], chunk=4)
SLOW = Ok("An answer that takes its time.", chunk=4, pace_s=0.015)

# A life: head, text and arguments drip in; a tool runs; A breaks off twice, B never answers, C makes us wait.
LIFE = {
    "A": [Drip(every_s=0.003, size=60, headers=True, of=WEIGH), Cut(4, "rst", SLOW), Status(500)],
    "B": HangBeforeHeaders(),
    "C": [Status(429, {"retry-after-ms": "100"}), SLOW],
}


async def weigh(what: str) -> str:
    """Weigh something."""
    await anyio.sleep(0.1)
    return "1 g"


class Lateness:
    """How late the event loop itself was: a machine that is busy with other tests serves nobody in time."""

    def __init__(self) -> None:
        self._beats: list[tuple[float, float]] = []

    async def watch(self) -> None:
        while True:
            due = anyio.current_time() + BEAT_S
            await anyio.sleep_until(due)
            self._beats.append((due, anyio.current_time() - due))

    def between(self, begun: float, over: float) -> float:
        return sum(late for due, late in self._beats if begun - BEAT_S <= due <= over)


async def aborted(dialect: str, requests: int, after_s: float, lateness: Lateness) -> str:
    """Abort a life `after_s` seconds after it made so many requests; return what it had come to."""
    async with wired(LIFE, dialect, limits=LIMITS, settings=HOST, tools=[weigh]) as it:
        heard, stage, begun, over = ["nothing"], "", 0.0, 0.0

        async def listen() -> None:
            async for event in it.session.prompt("first"):
                heard.append(type(event).__name__)  # noqa: PERF401  # it is looked at while it grows

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            with suppress(TimeoutError):  # on a busy machine a life may be over with fewer
                await it.server.wait_for_requests(requests, timeout_s=2.0)
            await anyio.sleep(after_s)
            stage = f"{it.asked} {heard[-1]}"
            begun = anyio.current_time()
            await it.session.abort()
            over = anyio.current_time()
        await it.server.wait_until(lambda requests: all(request.outcome != "open" for request in requests))
        closed = max((request.closed_at or 0.0 for request in it.server.requests), default=0.0)
        assert max(over, closed) - begun - lateness.between(begun, max(over, closed)) < CLOSED_S
        for name in LIFE:
            it.server.play(name, Ok("well again"))
        await it.session.select("a/A")  # which never rests, and has time
        assert (await it.hear("second")).text == "well again"
        assert [times(request, "second") for request in it.server.requests if request.at > over] == [1]
        assert it.server.violations == ()
        return stage


@pytest.mark.timeout(60 + ABORTS)
async def test_rf11_an_abort_at_any_moment_closes_the_socket_and_asks_nothing_more(anyio_backend: str) -> None:
    chance = random.Random(f"aborts on {anyio_backend}")
    room = anyio.CapacityLimiter(TOGETHER)
    stages: set[str] = set()
    lateness = Lateness()

    async def one(dialect: str, requests: int, after_s: float) -> None:
        async with room:
            stages.add(await aborted(dialect, requests, after_s, lateness))

    async with anyio.create_task_group() as watching:
        watching.start_soon(lateness.watch)
        async with anyio.create_task_group() as tasks:
            for number in range(ABORTS):
                dialect = NAMES[number % len(NAMES)]
                tasks.start_soon(one, dialect, chance.randint(0, REQUESTS), chance.uniform(0.0, STAGE_S))
        watching.cancel_scope.cancel()
    assert len(stages) >= 5, stages  # they came at many different moments, on a slow machine at fewer


@pytest.mark.parametrize("dialect", NAMES)
async def test_rf11_an_abort_while_connecting_goes_nowhere_else(dialect: str) -> None:
    async with FaultServer({"B": Ok("elsewhere")}) as server:
        with full_house() as port:
            addresses = {"A": f"http://127.0.0.1:{port}/v1", "B": server.base_url}
            async with at(addresses, dialect) as host, host.session() as session:
                begun = anyio.current_time()
                with anyio.move_on_after(0.1):
                    await session.ask("first")  # who is cancelled aborts it
                assert 0.1 <= anyio.current_time() - begun < 0.1 + CLOSED_S
                assert server.requests == ()
                await session.select("b/B")
                assert (await session.ask("second")).text == "elsewhere"
