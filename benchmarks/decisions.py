"""Decisions: routing, asking plugins, and decoding, without a wire."""

import time
from random import Random

from benchmarks.measure import Effort, Figure, Subject, in_turns, per_call_s
from benchmarks.scene import QUESTION
from benchmarks.server import events
from pi_fallback.config.policies import RetryPolicy
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback.providers.openai_fold import PartialAnswer
from pi_fallback.providers.sse import SseDecoder
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.plans import Episode, Pool, RetrySame, Switch, inline
from pi_fallback.runtime.registry import Registry
from pi_fallback.state.memory import MemoryLedger
from pi_fallback_hookspecs import (
    Fault,
    FaultKind,
    Model,
    OrderRoutes,
    Producer,
    RefuseRoutes,
    Request,
    Rest,
    Route,
    Scope,
    ScopeKind,
    TurnStart,
    View,
    hookimpl,
    user_message,
)

ROUTES, PLUGINS, EVENTS = 1000, 8, 2000
MINUTES = 10


class Passes:
    """Implements the hooks of a request and passes."""

    @hookimpl
    def turn_start(self, event: TurnStart) -> None:
        pass

    @hookimpl
    def order_routes(self, event: OrderRoutes) -> None:
        pass

    @hookimpl
    def refuse_routes(self, event: RefuseRoutes) -> None:
        pass


def eight() -> Registry:
    return Registry.load(first=[(f"passes-{n}", Passes()) for n in range(PLUGINS)])


async def figures(_origin: str, effort: Effort) -> list[Figure]:
    return [*_routing(), _outage(), *await _dispatch(effort), *_decoding()]


def _routing() -> list[Figure]:
    order = tuple(Route(f"provider-{n // 10}", f"model-{n}") for n in range(ROUTES))
    registry = eight()
    dispatcher, pool = Dispatcher(registry), Pool(order, {route.ref: Model(route.ref) for route in order}, 1)
    engine = Engine(
        book=LedgerBook(MemoryLedger()),
        now=time.monotonic,
        pool=lambda: pool,
        policy=RetryPolicy(),
        chance=Random(1),
        asked=registry.asked,
    )

    request = Request((user_message(QUESTION),))

    def decide() -> None:
        inline(engine.begin(Episode(), request, None), dispatcher.ask_sync)

    rows = [_rate("none rests", per_call_s(decide))]
    far = time.monotonic() + 3600.0
    for number, route in enumerate(order):
        if number == ROUTES // 2:
            rows.append(_rate("the first half rests", per_call_s(decide)))
        scope = Scope.of(ScopeKind.CREDENTIAL_MODEL, route)
        engine.book.enter(Rest(scope, far, "spent"))
    rows.append(_rate("all rest", per_call_s(decide)))
    return rows


def _rate(which: str, call_s: float) -> Figure:
    what = f"routing decisions, {ROUTES} routes, {PLUGINS} plugins, {which}"
    return Figure(what, f"{1 / call_s:,.0f}/s ({call_s * 1e6:.1f} µs)", "≥ 50,000/s", 1 / call_s >= 50_000)


def _outage() -> Figure:
    """Everything is down and a turn is offered each second: what the second to tenth minute cost."""
    now, turns, requests = 0.0, 0, 0
    order = tuple(Route(name, "m") for name in "abc")
    registry = Registry.load(first=((NAME, PoolFailover()),))
    dispatcher, pool = Dispatcher(registry), Pool(order, {route.ref: Model(route.ref) for route in order}, 1)
    engine = Engine(
        book=LedgerBook(MemoryLedger()),
        now=lambda: now,
        pool=lambda: pool,
        policy=RetryPolicy(),
        chance=Random(1),
        asked=registry.asked,
    )
    request = Request((user_message(QUESTION),))
    for second in range(60 * MINUTES):
        episode, prefer, now = Episode(), order[0], max(now, float(second))
        turns += second >= 60
        while (attempt := inline(engine.begin(episode, request, prefer), dispatcher.ask_sync)) is not None:
            requests += second >= 60
            down = Fault(FaultKind.STATUS, "down", status=503)
            outcome = inline(engine.failed(attempt, down), dispatcher.ask_sync)
            if not isinstance(outcome, Switch | RetrySame):
                break
            prefer = outcome.route if isinstance(outcome, Switch) else attempt.route
    each = requests / turns
    what = f"requests a turn when all is down, from the second to the {MINUTES}th minute"
    return Figure(what, f"{each:.2f}", "≤ 1.1", each <= 1.1)


async def _dispatch(effort: Effort) -> list[Figure]:
    event = TurnStart(view=View(now=0.0), index=0, cause="prompt")
    built_in = Dispatcher(eight())
    call_s = per_call_s(lambda: built_in.ask_sync("turn_start", event))
    rows = [Figure(f"asking {PLUGINS} built-in plugins", f"{call_s * 1e6:.1f} µs ({call_s / PLUGINS * 1e6:.2f} each)")]
    registry = eight()
    for plugin in registry.plugins[1:]:
        plugin.disabled = True
    registry.plugins[0].builtin = False
    foreign = Dispatcher(registry)
    subjects = {"foreign": Subject(lambda: foreign.ask("turn_start", event))}
    await in_turns(subjects, effort, time.perf_counter)
    foreign_ms = subjects["foreign"].median_s * 1e3
    rows.append(Figure("asking a third party's plugin", f"{foreign_ms:.3f} ms", "≤ 0.1 ms", foreign_ms <= 0.1))
    return rows


def _decoding() -> list[Figure]:
    stream = events(EVENTS)
    whole = b"".join(stream)
    pieces = [whole[at : at + 65536] for at in range(0, len(whole), 65536)]

    def decode(chunks: list[bytes]) -> int:
        decoder = SseDecoder()
        return sum(len(decoder.feed(chunk)) for chunk in chunks)

    def fold() -> None:
        decoder, answer = SseDecoder(), PartialAnswer(Producer("acme", "big", "openai-completions"))
        for chunk in stream:
            for event in decoder.feed(chunk):
                answer.take(event)

    large_s, small_s, fold_s = (per_call_s(run) for run in (lambda: decode(pieces), lambda: decode(stream), fold))
    each_us = 1e6 / EVENTS
    large = f"{len(whole) / large_s / 1e6:.0f} MB/s ({large_s * each_us:.2f} µs each)"
    return [
        Figure("decoding events, reads of 64 KiB", large),
        Figure("decoding events, one a read", f"{small_s * each_us:.2f} µs each"),
        Figure("decoding, parsing and folding events, one a read", f"{fold_s * each_us:.2f} µs each"),
    ]
