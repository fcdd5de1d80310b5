"""Failover: from the start of a request that fails to the first piece of the next model's answer."""

import time
from collections.abc import Awaitable, Callable

import anyio

from benchmarks import raw
from benchmarks.measure import Effort, Figure, Subject, added_s, in_turns
from benchmarks.scene import SwitchAtOnce, agent_over, body_of, driver_over, forget, next_request, prompt
from pi_fallback.core.booking import Worked
from pi_fallback.http.backend import httpx
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.conversation import UnwrittenLog
from pi_fallback_hookspecs import Wake

KINDS = ("quota", "stream-20")
PLUGINS = (("switch-at-once", SwitchAtOnce()),)
QUIET_S = 0.05


class FirstPiece:
    """Notes when the first piece comes."""

    def __init__(self) -> None:
        self.at: float | None = None

    def __call__(self, _piece: object) -> None:
        if self.at is None:
            self.at = time.perf_counter()

    def hear(self, item: feed.FeedItem) -> None:
        if isinstance(item, feed.Streamed):
            self(item)

    async def after(self, run: Callable[[], Awaitable[object]]) -> float:
        """Seconds until the first piece of `run`, which goes on to its end."""
        self.at = None
        begun = time.perf_counter()
        await run()
        assert self.at is not None, "no piece came"
        return self.at - begun


async def _again(agent: Agent) -> None:
    """Back to the first model, as if nothing had been said and nothing had failed."""
    book = agent.parts.book
    for scope in tuple(book.ledger.rests):
        book.enter(Wake(scope))
    for model in tuple(book.ledger.failures):
        book.enter(Worked(model, anyio.current_time()))
    await forget(agent)
    await agent.select(f"{KINDS[0]}/big")


async def figures(origin: str, effort: Effort) -> list[Figure]:
    first = FirstPiece()
    quiet = {"retry": {"enabled": False}, "fallback": {"quietSeconds": QUIET_S}}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=None) as client,
        agent_over(origin, KINDS, PLUGINS, first.hear) as agent,
        driver_over(origin, KINDS, next_request(agent), PLUGINS) as driver,
        agent_over(origin, KINDS, PLUGINS, first.hear) as unwritten,
        agent_over(origin, KINDS, (), first.hear, quiet) as progress,
    ):
        question = body_of(next_request(agent))

        async def two_calls() -> None:
            for kind in KINDS:
                await raw.ask(client, f"{origin}/{kind}/v1", question, first)

        unwritten.parts.open_log = UnwrittenLog
        for each in (agent, unwritten, progress):
            await each.new_session()

        subjects = {
            "raw": Subject(lambda: first.after(two_calls)),
            "engine": Subject(lambda: first.after(lambda: driver.ask(first))),
            "agent": Subject(lambda: first.after(lambda: prompt(agent)), before=lambda: _again(agent)),
            "agent, no session file": Subject(
                lambda: first.after(lambda: prompt(unwritten)), before=lambda: _again(unwritten)
            ),
            "progress": Subject(lambda: first.after(lambda: prompt(progress)), before=lambda: _again(progress)),
        }
        await in_turns(subjects, Effort(effort.rounds, max(2, effort.calls // 4)), time.perf_counter)
    plain = subjects["raw"]
    rows = [Figure("two raw requests, 429 and an answer, to its first text", f"{plain.median_s * 1e3:.2f} ms")]
    for name, limit_ms in (("engine", 0.2), ("agent", 0.4), ("agent, no session file", 0.4)):
        more_ms = added_s(subjects[name], plain) * 1e3
        what = f"429 → first text of the next route, over that ({name})"
        rows.append(Figure(what, f"{more_ms:+.2f} ms", f"≤ +{limit_ms} ms", more_ms <= limit_ms))
    late_ms = (added_s(subjects["progress"], plain) - QUIET_S) * 1e3
    what = "the same by progress detection, over its quiet time too"
    return [*rows, Figure(what, f"{late_ms:+.1f} ms", "≤ +10 ms", late_ms <= 10.0)]
