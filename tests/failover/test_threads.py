"""One `Failover` for many threads and tasks at once, and for several processes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random
from threading import Barrier, Lock

import anyio
import pytest

from pi_fallback.failover import Failover, NoRouteLeft, RetryPolicy, Route
from tests.failover.calls import ApiError

ROUTES = [Route(f"p{number}", "m") for number in range(8)]
THREADS, CALLS = 16, 60


def test_threads_share_what_they_learn() -> None:
    failover = Failover(ROUTES)
    asked = Counter[Route]()
    begun, guard = Barrier(THREADS), Lock()

    def work(_number: int) -> list[Route]:
        answered: list[Route] = []
        for turn in range(CALLS):
            for attempt in failover.attempts():
                with attempt:
                    with guard:
                        asked[attempt.route] += 1
                    if turn == 0:
                        begun.wait(10.0) if attempt.number == 1 else None  # all are on the first route together
                    if attempt.route == ROUTES[0]:
                        raise ApiError(429, retry_after_s=3600)
                    attempt.complete("stop")
                    answered.append(attempt.route)
        return answered

    with ThreadPoolExecutor(THREADS) as threads:
        answered = [route for routes in threads.map(work, range(THREADS)) for route in routes]
    assert answered == [ROUTES[1]] * (THREADS * CALLS)
    assert asked == {ROUTES[0]: THREADS, ROUTES[1]: THREADS * CALLS}


def test_threads_that_fail_at_random_lose_no_answer_and_no_route() -> None:
    failover = Failover(ROUTES, retry=RetryPolicy(enabled=False))
    seeds = count()

    def work(_number: int) -> Counter[str]:
        random, ends = Random(next(seeds)), Counter[str]()
        for _ in range(CALLS):
            try:
                for attempt in failover.attempts():
                    with attempt:
                        if random.random() < 0.3:
                            raise ApiError(random.choice([429, 500, 529]), retry_after_s=random.random() / 1000)
                        attempt.complete("stop")
                        ends["answered"] += 1
            except NoRouteLeft:
                ends["failed"] += 1
        return ends

    with ThreadPoolExecutor(THREADS) as threads:
        ends = sum(threads.map(work, range(THREADS)), Counter[str]())
    assert ends.total() == THREADS * CALLS
    assert ends["answered"] > 0.9 * ends.total()
    # Whatever the threads did to each other, every route is still there, in its order.
    with pytest.raises(NoRouteLeft) as caught:
        fail_everywhere(failover)
    assert [report.route for report in caught.value.reports if report.failure] == ROUTES


def fail_everywhere(failover: Failover) -> None:
    for attempt in failover.attempts():
        with attempt:
            raise ApiError(401)


@pytest.mark.anyio
async def test_tasks_of_one_loop_share_what_they_learn() -> None:
    failover = Failover(ROUTES)
    asked = Counter[Route]()

    async def call() -> None:
        async for attempt in failover.attempts():
            with attempt:
                asked[attempt.route] += 1
                await anyio.lowlevel.checkpoint()
                if attempt.route == ROUTES[0]:
                    raise ApiError(529)
                attempt.complete("stop")

    for _ in range(3):
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(call)
    assert asked == {ROUTES[0]: 50, ROUTES[1]: 150}


def test_a_rest_is_known_to_who_shares_the_file(tmp_path: Path) -> None:
    mine, yours = (Failover(ROUTES, state=tmp_path / "ledger.sqlite3") for _ in range(2))

    def answered_by(failover: Failover) -> list[Route]:
        tried: list[Route] = []
        for attempt in failover.attempts():
            with attempt:
                tried.append(attempt.route)
                if attempt.route == ROUTES[0]:
                    raise ApiError(429, retry_after_s=3600)
                attempt.complete("stop")
        return tried

    assert answered_by(yours) == ROUTES[:2]
    assert answered_by(mine) == ROUTES[1:2]
    for failover in (mine, yours):
        failover.close()
