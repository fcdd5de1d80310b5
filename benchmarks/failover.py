"""Failover: from the start of a request that fails to the first piece of the next model's answer.

All of it with the default settings: what has a name goes to the next route at once, a blip is repeated once before.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from benchmarks import raw
from benchmarks.measure import Effort, Figure, Subject, added_s, in_turns
from benchmarks.scene import (
    address_of,
    agent_over,
    body_of,
    driver_over,
    forget,
    next_request,
    prompt,
    well_again,
)
from pi_fallback.http.backend import httpx
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.conversation import UnwrittenLog

ANSWER = "stream-20"
NAMED = {"limit": "429", "quota": "a spent quota", "overloaded": "529"}
BLIPS = {"broken": "500", "refused": "refused", "reset": "reset"}
STALLS = {"stall-0": "no content", "stall-3": "a stall in the text"}
POOL = ((NAME, PoolFailover()),)
QUIET_S = 0.05
LIMIT_S = 0.1
ERROR_TO_TOKEN_S = 0.2


class FirstPiece:
    """Notes when the first failure came, and the first piece of the answer that stays."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.failed_at: float | None = None
        self.waits: list[float] = []

    def __call__(self, _piece: object) -> None:
        if self.at is None:
            self.at = time.perf_counter()

    def hear(self, item: feed.FeedItem) -> None:
        match item:
            case feed.Streamed():
                self(item)
            case feed.Withdrawn():
                self.at, self.failed_at = None, self.failed_at or time.perf_counter()
            case _:
                pass

    async def after(self, run: Callable[[], Awaitable[object]]) -> float:
        """Seconds until the first piece of `run`, which goes on to its end."""
        self.at = self.failed_at = None
        begun = time.perf_counter()
        await run()
        assert self.at is not None, "no piece came"
        if self.failed_at is not None:
            self.waits.append(self.at - self.failed_at)
        return self.at - begun


async def _again(agent: Agent, kind: str) -> None:
    """Back to the first model, as if nothing had been said and nothing had failed."""
    well_again(agent.parts.book)
    await forget(agent)
    await agent.select(f"{kind}/big")


async def figures(origin: str, effort: Effort) -> list[Figure]:
    few = Effort(effort.rounds, max(2, effort.calls // 4))
    rows: list[Figure] = []
    for kind, what in (NAMED | BLIPS).items():
        rows += await _switched(origin, kind, what, few)
    rows.append(await _by_progress(origin, few))
    fewer = Effort(max(3, effort.rounds // 4), 2)
    for kind, what in STALLS.items():
        rows.append(await _stalled(origin, kind, what, fewer))
    return rows


async def _switched(origin: str, kind: str, what: str, effort: Effort) -> list[Figure]:
    """What is added to the requests that a failure of this `kind` takes, made raw."""
    first, kinds = FirstPiece(), (kind, ANSWER)
    path = (kind, ANSWER) if kind in NAMED else (kind, kind, ANSWER)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=None))
        agent = await stack.enter_async_context(agent_over(origin, kinds, listen=first.hear))
        unwritten = await stack.enter_async_context(agent_over(origin, kinds, listen=first.hear))
        question = body_of(next_request(agent))
        driver = await stack.enter_async_context(driver_over(origin, kinds, next_request(agent), POOL))
        unwritten.parts.open_log = UnwrittenLog
        await agent.new_session()
        await unwritten.new_session()

        async def raw_calls() -> None:
            for step in path:
                with suppress(httpx.TransportError):
                    await raw.ask(client, address_of(origin, step), question, first)

        async def mend() -> None:
            well_again(driver.book)

        subjects = {
            "raw": Subject(lambda: first.after(raw_calls)),
            "engine": Subject(lambda: first.after(lambda: driver.ask(first)), before=mend),
            "agent": Subject(lambda: first.after(lambda: prompt(agent)), before=lambda: _again(agent, kind)),
            "agent, no session file": Subject(
                lambda: first.after(lambda: prompt(unwritten)), before=lambda: _again(unwritten, kind)
            ),
        }
        await in_turns(subjects, effort, time.perf_counter)
    plain, name = subjects["raw"], {2: "two", 3: "three"}[len(path)]
    rows = [Figure(f"{name} raw requests, {what} and an answer, to its first text", f"{plain.median_s * 1e3:.2f} ms")]
    limits_ms = {"engine": 0.2, "agent": 0.4} if kind in NAMED else {"engine": 0.3, "agent": 0.5}
    for subject, limit_ms in {**limits_ms, "agent, no session file": limits_ms["agent"]}.items():
        more_ms = added_s(subjects[subject], plain) * 1e3
        times = subjects[subject].median_s / plain.median_s
        rows.append(
            Figure(
                f"{what} → first text of the next route, over that ({subject})",
                f"{more_ms:+.2f} ms ({times:.2f} ×)",
                f"≤ +{limit_ms} ms",
                more_ms <= limit_ms,
            )
        )
    usual, worst = statistics.median(first.waits), max(first.waits)
    rows.append(
        Figure(
            f"{what}: first error → first good text in the agent, median and worst",
            f"{usual * 1e3:.1f} ms, {worst * 1e3:.1f} ms",
            f"< {ERROR_TO_TOKEN_S * 1e3:.0f} ms",
            worst < ERROR_TO_TOKEN_S,
        )
    )
    return rows


async def _by_progress(origin: str, effort: Effort) -> Figure:
    """A failure that nobody decides about: progress detection alone."""
    first, kinds = FirstPiece(), ("quota", ANSWER)
    settings = {"retry": {"enabled": False}, "fallback": {"quietSeconds": QUIET_S, "pool": False}}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=None) as client,
        agent_over(origin, kinds, listen=first.hear, settings=settings) as agent,
    ):
        question = body_of(next_request(agent))

        async def raw_calls() -> None:
            for kind in kinds:
                await raw.ask(client, address_of(origin, kind), question, first)

        subjects = {
            "raw": Subject(lambda: first.after(raw_calls)),
            "agent": Subject(lambda: first.after(lambda: prompt(agent)), before=lambda: _again(agent, kinds[0])),
        }
        await in_turns(subjects, effort, time.perf_counter)
    late_ms = (added_s(subjects["agent"], subjects["raw"]) - QUIET_S) * 1e3
    what = "an error without a name → first text, by progress detection, over its quiet time and two raw requests"
    return Figure(what, f"{late_ms:+.1f} ms", "≤ +10 ms", late_ms <= 10.0)


async def _stalled(origin: str, kind: str, what: str, effort: Effort) -> Figure:
    """A silence, over its limit and the two requests."""
    first, kinds = FirstPiece(), (kind, ANSWER)
    limits = {"firstContentSeconds": LIMIT_S, "quietSeconds": LIMIT_S}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=None) as client,
        agent_over(origin, kinds, listen=first.hear, limits=limits) as agent,
    ):
        question = body_of(next_request(agent))

        async def raw_calls() -> None:
            for step in ("quota", ANSWER):  # a first answer that ends at once, which a stall does not
                await raw.ask(client, address_of(origin, step), question, first)

        subjects = {
            "raw": Subject(lambda: first.after(raw_calls)),
            "agent": Subject(lambda: first.after(lambda: prompt(agent)), before=lambda: _again(agent, kind)),
        }
        await in_turns(subjects, effort, time.perf_counter)
    late_ms = (added_s(subjects["agent"], subjects["raw"]) - LIMIT_S) * 1e3
    times = subjects["agent"].median_s / LIMIT_S
    row = f"{what} → first text of the next route, over the limit and two raw requests (agent)"
    return Figure(row, f"{late_ms:+.1f} ms ({times:.2f} × the limit)", "≤ +10 ms", late_ms <= 10.0)
