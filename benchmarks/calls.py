"""Calls on a healthy route: what an attempt and a whole prompt cost over the raw call."""

import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import anyio

from benchmarks import raw
from benchmarks.measure import Effort, Figure, Subject, added_s, in_turns, ratio
from benchmarks.scene import QUESTION, agent_over, body_of, driver_over, forget, next_request, prompt
from pi_fallback.http.backend import httpx
from pi_fallback.runtime.conversation import UnwrittenLog
from pi_fallback_hookspecs import Request, user_message

SHORT, LONG = 20, 520  # events; a tool call is short
FEW, MANY = 32, 256  # in flight
ASKED = Request((user_message(QUESTION),), "You are a coding agent. " * 40)


async def figures(origin: str, effort: Effort) -> list[Figure]:
    return [*await _per_call(origin, effort), *await _throughput(origin, effort)]


def _nothing(_piece: object) -> None:
    pass


async def _per_call(origin: str, effort: Effort) -> list[Figure]:
    short, long = f"{origin}/stream-{SHORT}/v1", f"{origin}/stream-{LONG}/v1"
    async with (
        httpx.AsyncClient(trust_env=False, timeout=None) as client,
        agent_over(origin, [f"stream-{SHORT}"]) as agent,
        agent_over(origin, [f"stream-{SHORT}"]) as unwritten,
        driver_over(origin, [f"stream-{SHORT}"], next_request(agent)) as driver,
        driver_over(origin, [f"stream-{LONG}"], next_request(agent)) as long_driver,
    ):
        question = body_of(next_request(agent))
        unwritten.parts.open_log = UnwrittenLog
        await unwritten.new_session()
        subjects = {
            "raw": Subject(lambda: raw.ask(client, short, question, _nothing)),
            "attempt": Subject(lambda: driver.ask(_nothing)),
            "prompt": Subject(lambda: prompt(agent), before=lambda: forget(agent)),
            "unwritten": Subject(lambda: prompt(unwritten), before=lambda: forget(unwritten)),
            "raw, long": Subject(lambda: raw.ask(client, long, question, _nothing)),
            "attempt, long": Subject(lambda: long_driver.ask(_nothing)),
        }
        await in_turns(subjects, effort)
    plain = subjects["raw"]
    rows = [
        Figure(f"CPU of a raw call, {SHORT} events", f"{plain.median_s * 1e6:.0f} µs"),
        _over("CPU of an attempt", subjects["attempt"], plain, 1.07),
        _over("CPU of an agent's prompt", subjects["prompt"], plain, 1.15),
        _over("CPU of an agent's prompt, no session file", subjects["unwritten"], plain, 1.15),
    ]
    per_event = {
        name: [
            (a - b) / (LONG - SHORT)
            for a, b in zip(subjects[f"{name}, long"].blocks, subjects[name].blocks, strict=True)
        ]
        for name in ("raw", "attempt")
    }
    raw_us, ours_us = (1e6 * sorted(times)[len(times) // 2] for times in (per_event["raw"], per_event["attempt"]))
    rows.append(
        Figure(
            "CPU of a streamed event",
            f"{ours_us - raw_us:+.1f} µs ({ours_us:.1f}; raw {raw_us:.1f})",
            "≤ +3 µs",
            ours_us - raw_us <= 3.0,
        )
    )
    return rows


def _over(what: str, ours: Subject, plain: Subject, limit: float) -> Figure:
    times = ratio(ours, plain)
    return Figure(what, f"{times:.2f} × raw ({added_s(ours, plain) * 1e6:+.0f} µs)", f"≤ {limit} ×", times <= limit)


async def _throughput(origin: str, effort: Effort) -> list[Figure]:
    """Requests a second with many in flight, by the wall clock: one process, one core."""
    question, base_url = body_of(ASKED), f"{origin}/stream-{SHORT}/v1"
    # As many idle connections as ours keep: the client looks at each of them for each request.
    pooled = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    subjects: dict[str, Subject] = {}
    async with AsyncExitStack() as stack:
        for size in (FEW, MANY):
            client = httpx.AsyncClient(trust_env=False, timeout=None, limits=pooled)
            await stack.enter_async_context(client)
            driver = await stack.enter_async_context(driver_over(origin, [f"stream-{SHORT}"], ASKED))
            subjects |= {
                f"raw {size}": _crowd(lambda client=client: raw.ask(client, base_url, question, _nothing), size),
                f"ours {size}": _crowd(lambda driver=driver: driver.ask(_nothing), size),
            }
        await in_turns(subjects, Effort(effort.rounds, max(1, effort.calls // 10)), time.perf_counter)
    few, many = subjects[f"ours {FEW}"], subjects[f"ours {MANY}"]
    part, part_many = ratio(subjects[f"raw {FEW}"], few), ratio(subjects[f"raw {MANY}"], many)
    kept = part_many / part
    what = "requests a second, {} in flight"
    return [
        Figure(what.format(FEW), f"{part:.2f} × raw ({1 / few.median_s:.0f}/s)", "≥ 0.93 × raw", part >= 0.93),
        Figure(
            what.format(MANY),
            f"{part_many:.2f} × raw ({1 / many.median_s:.0f}/s), {kept:.2f} × that",
            "≥ 0.90 × that",
            kept >= 0.9,
        ),
    ]


def _crowd(ask: Callable[[], Coroutine[Any, Any, object]], size: int) -> Subject:
    async def one() -> None:
        await ask()

    async def run() -> float:
        begun = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(size):
                tasks.start_soon(one)
        return (time.perf_counter() - begun) / size

    return Subject(run)
