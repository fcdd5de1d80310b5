"""Timers and the watchdog, in virtual time."""

import anyio
import pytest

from pi_fallback.runtime.timers import Timers
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback_hookspecs import FaultKind, Limits
from tests.conftest import Backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


class Desk:
    """Timers and what they did."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self.fired: list[tuple[str, str, float]] = []
        self.timers = Timers(tasks, self.fire, lambda *_: None, lambda: None)

    async def fire(self, plugin: str, name: str) -> None:
        self.fired.append((plugin, name, anyio.current_time()))


async def test_a_timer_fires_at_its_moment_to_its_owner() -> None:
    async with anyio.create_task_group() as tasks:
        desk = Desk(tasks)
        desk.timers.start("progress", "quiet", 20.0, holds=True)
        assert desk.timers.moments == {("progress", "quiet"): 20.0}
        assert desk.timers.holding
    assert desk.fired == [("progress", "quiet", 20.0)]
    assert not desk.timers.holding
    assert not desk.timers.moments


async def test_a_restart_moves_the_moment_and_two_timers_never_fire() -> None:
    async with anyio.create_task_group() as tasks:
        desk = Desk(tasks)
        desk.timers.start("progress", "quiet", 20.0, holds=True)
        await anyio.sleep(19.0)
        desk.timers.start("progress", "quiet", 39.0, holds=True)
    assert desk.fired == [("progress", "quiet", 39.0)]


async def test_timers_of_one_name_belong_to_their_plugins() -> None:
    async with anyio.create_task_group() as tasks:
        desk = Desk(tasks)
        desk.timers.start("one", "t", 5.0, holds=False)
        desk.timers.start("two", "t", 6.0, holds=False)
        desk.timers.cancel("one", "t")
        assert not desk.timers.holding
    assert desk.fired == [("two", "t", 6.0)]


async def test_a_cancel_in_the_moment_of_firing_wins_if_it_comes_first() -> None:
    was_running = False
    async with anyio.create_task_group() as tasks:
        desk = Desk(tasks)

        async def canceller() -> None:
            nonlocal was_running
            await anyio.sleep_until(20.0)
            was_running = ("progress", "quiet") in desk.timers.moments
            desk.timers.cancel("progress", "quiet")

        tasks.start_soon(canceller)
        desk.timers.start("progress", "quiet", 20.0, holds=True)
    assert bool(desk.fired) is not was_running


async def test_a_moment_in_months_is_reached_in_steps() -> None:
    async with anyio.create_task_group() as tasks:
        desk = Desk(tasks)
        desk.timers.start("far", "away", 3e6, holds=False)
    assert desk.fired == [("far", "away", 3e6)]


LIMITS = Limits(first_content_s=120.0, quiet_s=60.0, total_s=1800.0)


@pytest.mark.parametrize(
    ("content_at", "limits", "ends_at", "kind"),
    [
        ([], LIMITS, 120.0, FaultKind.FIRST_CONTENT_TIMEOUT),
        ([100.0], LIMITS, 160.0, FaultKind.QUIET_TIMEOUT),
        ([1.0, 50.0, 109.0], LIMITS, 169.0, FaultKind.QUIET_TIMEOUT),
        ([float(t) for t in range(0, 1800, 30)], LIMITS, 1800.0, FaultKind.TOTAL_TIMEOUT),
        ([], Limits(first_content_s=0, quiet_s=60.0, total_s=300.0), 300.0, FaultKind.TOTAL_TIMEOUT),
        ([10.0], Limits(first_content_s=5000.0, quiet_s=1.0, total_s=0), 11.0, FaultKind.QUIET_TIMEOUT),
    ],
)
async def test_a_stream_ends_at_the_first_limit_it_breaks(
    content_at: list[float], limits: Limits, ends_at: float, kind: FaultKind
) -> None:
    watchdog = Watchdog()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watchdog.run)
        await anyio.wait_all_tasks_blocked()
        with watchdog.watch(limits) as watch:
            for moment in content_at:
                await anyio.sleep_until(watch.started + moment)
                watch.last = anyio.current_time()
            await anyio.sleep_forever()
        assert watch.expired is kind
        assert anyio.current_time() - watch.started == pytest.approx(ends_at)
        tasks.cancel_scope.cancel()


async def test_limits_that_are_off_never_end_a_stream() -> None:
    watchdog = Watchdog()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watchdog.run)
        with watchdog.watch(Limits(first_content_s=0, quiet_s=0, total_s=0)) as watch:
            await anyio.sleep(1e6)
        assert watch.expired is None
        tasks.cancel_scope.cancel()


async def test_one_dog_watches_many_streams() -> None:
    watchdog, ended = Watchdog(), list[tuple[int, float]]()

    async def stream(number: int, limit_s: float) -> None:
        with watchdog.watch(Limits(first_content_s=limit_s)) as watch:
            await anyio.sleep_forever()
        assert watch.expired is FaultKind.FIRST_CONTENT_TIMEOUT
        ended.append((number, anyio.current_time()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watchdog.run)
        async with anyio.create_task_group() as streams:
            for number, limit_s in enumerate((50.0, 10.0, 30.0)):
                streams.start_soon(stream, number, limit_s)
        tasks.cancel_scope.cancel()
    assert ended == [(1, 10.0), (2, 30.0), (0, 50.0)]
