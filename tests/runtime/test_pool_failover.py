"""Failover with no configuration: the pool decides, progress detection is the net. In virtual time."""

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_fallback.config.schema import ProgressSettings, RetryPolicy
from pi_fallback.core.booking import replay
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback.runtime import feed
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.plans import Episode, GiveUp, Pool, inline
from pi_fallback.state.memory import MemoryLedger
from pi_fallback.testing import CallTool, Move, Pieces, Say, ScriptedProvider, fail
from pi_fallback_hookspecs import (
    AssistantMessage,
    Event,
    Fault,
    FaultKind,
    Ledger,
    Model,
    Phase,
    Request,
    RequestFailed,
    Rest,
    Route,
    Scope,
    ScopeKind,
    StopReason,
    TextDelta,
    user_message,
)
from tests import rigs
from tests.conftest import Backend
from tests.rigs import NoChance, Rig
from tests.runtime.test_engine import PlainBook

pytestmark = pytest.mark.anyio
rig = partial(rigs.rig, own_providers=True)

POOL = ((NAME, PoolFailover()),)
ABC = ("A", "B", "C")
RETRY = RetryPolicy()


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def route(model: str) -> Route:
    return Route(model.lower(), model)


def ok(**scripts: Move | Sequence[Move]) -> ScriptedProvider:
    return ScriptedProvider({name: scripts.get(name, Say(f"from {name}")) for name in ABC})


async def answered(r: Rig, prompt: str = "go") -> str:
    await r.agent.prompt(prompt)
    await r.agent.settled()
    last = r.agent.messages[-1]
    assert isinstance(last, AssistantMessage)
    return last.text


@pytest.mark.parametrize(
    ("failure", "asked"),
    [
        (fail(status=429), ["A", "B"]),
        (fail(status=402), ["A", "B"]),
        (fail(status=529), ["A", "B"]),
        (fail(status=401), ["A", "B"]),
        (fail(status=404), ["A", "B"]),
        (fail(status=400), ["A", "B"]),
        (fail(kind=FaultKind.QUIET_TIMEOUT), ["A", "B"]),
        (fail(kind=FaultKind.MALFORMED), ["A", "B"]),
        (fail(status=500), ["A", "A", "B"]),
        (fail(), ["A", "A", "B"]),
        (fail(kind=FaultKind.CONNECT), ["A", "A", "B"]),
        (fail(kind=FaultKind.INCOMPLETE, phase=Phase.TEXT), ["A", "A", "B"]),
    ],
)
async def test_a_classified_failure_switches_in_the_same_turn_without_a_second_of_waiting(
    failure: Move, asked: list[str]
) -> None:
    async with rig(ok(A=failure), ABC, plugins=POOL, retry=RETRY) as r:
        assert await answered(r) == "from B"
        assert r.calls == [(model, r.calls[0][1]) for model in asked]
        assert r.said() == ["go"]
        assert len(r.of(feed.RunEnded)) == 1


async def test_a_blip_is_repeated_over_a_fresh_connection_and_keeps_the_model() -> None:
    async with rig(ok(A=[fail(status=503), Say("well again")]), ABC, plugins=POOL, retry=RETRY) as r:
        assert await answered(r) == "well again"
        assert [r.call(index).call.fresh for index in (0, 1)] == [False, True]
        assert r.agent.view().current == route("A")


async def test_what_nobody_can_name_is_left_to_progress_detection() -> None:
    async with rig(ok(A=fail("odd", status=418)), ABC, plugins=POOL, retry=RETRY) as r:
        assert await answered(r) == "from B"
        assert r.calls == [("A", r.calls[0][1]), ("B", r.calls[0][1] + 20.0)]


async def test_the_session_stays_where_it_went_and_what_rests_is_not_asked_again() -> None:
    async with rig(ok(A=fail(status=429, retry_after_s=60.0)), ABC, plugins=POOL, retry=RETRY) as r:
        await answered(r)
        assert await answered(r, "and?") == "from B"
        assert r.asked == ["A", "B", "B"]


async def test_a_session_does_not_begin_on_a_route_that_rests() -> None:
    store = MemoryLedger()
    async with rig(ok(), ABC, plugins=POOL, store=store) as r:
        r.book.enter(Rest(Scope.of(ScopeKind.MODEL, route("A")), 3600.0, "quota_exhausted"))
        assert await answered(r) == "from B"
        assert r.asked == ["B"]


async def test_when_all_is_down_the_waits_are_short_the_requests_few_and_the_error_names_each_route() -> None:
    down = {name: fail(f"{name} is down") for name in ABC}
    async with rig(ok(**down), ABC, plugins=POOL, retry=RETRY) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        # A and B twice, as after a blip; C once, because what follows it are waits: 2, 4 and 8 seconds.
        assert r.asked[:5] == ["A", "A", "B", "B", "C"]
        assert len(r.asked) == 8
        assert r.calls[-1][1] - r.calls[0][1] == 14.0
        (gave_up,) = r.of(feed.GaveUp)
        assert isinstance(gave_up, feed.GaveUp)
        for name in ABC:
            assert f"{name.lower()}/{name}: network: {name} is down" in gave_up.text


async def test_with_every_route_at_its_limit_the_first_to_wake_is_waited_for_and_that_is_said() -> None:
    limits = {"A": 30.0, "B": 9.0, "C": 50.0}
    scripts = {name: [fail(status=429, retry_after_s=wait), Say(f"from {name}")] for name, wait in limits.items()}
    async with rig(ok(**scripts), ABC, plugins=POOL, retry=RETRY) as r:
        assert await answered(r) == "from B"
        assert [(model, at - r.calls[0][1]) for model, at in r.calls] == [("A", 0), ("B", 0), ("C", 0), ("B", 9)]
        (scheduled,) = r.of(feed.RetryScheduled)
        assert isinstance(scheduled, feed.RetryScheduled)
        assert scheduled.at == r.calls[0][1] + 9.0


async def test_a_wait_beyond_the_cap_is_not_waited_for() -> None:
    async with rig(
        ok(A=fail(status=429, retry_after_s=3600.0)), ["A"], plugins=POOL, retry=RETRY, progress=ProgressSettings()
    ) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == ["A"]
        assert r.book.ledger.resting(route("A"), now=r.calls[0][1]) is not None


# G8, by the engine alone: an outage of everything, a turn a second.


def test_in_a_total_outage_each_turn_costs_hardly_more_than_one_request() -> None:
    now = 0.0
    order = tuple(Route(name, "m") for name in "abc")
    pool = Pool(order, {route.ref: Model(route.ref) for route in order}, 1)
    plugin = PoolFailover()

    def ask(_hook: str, event: Event) -> object:
        assert isinstance(event, RequestFailed)
        decision = plugin.request_failed(event)
        return None if decision is None else (NAME, decision)

    engine = Engine(
        book=PlainBook(),
        now=lambda: now,
        pool=lambda: pool,
        policy=RETRY,
        chance=NoChance(),
        asked=frozenset({"request_failed"}),
    )
    request = Request((user_message("go"),))
    requests = {"first minute": 0, "later": 0}
    for second in range(600):
        episode, prefer = Episode(), order[0]
        while True:
            now = float(second)
            attempt = inline(engine.begin(episode, request, prefer), ask)
            if attempt is None:
                break
            requests["first minute" if second < 60 else "later"] += 1
            outcome = inline(engine.failed(attempt, Fault(FaultKind.STATUS, "down", status=503)), ask)
            if outcome is None or isinstance(outcome, GiveUp):
                break
            prefer = getattr(outcome, "route", attempt.route)
    assert requests["later"] / 540 <= 1.1
    assert requests["first minute"] / 60 > 1.1  # a short outage is fought


# What was decided, and why


async def test_each_decision_is_a_record_with_its_cause() -> None:
    async with rig(ok(A=[fail(status=500), fail(status=429)]), ABC, plugins=POOL, retry=RETRY) as r:
        await answered(r)
        told = [(record.verdict, record.choice, record.by) for record in r.routings]
        assert told == [
            ("begins", route("A"), ""),
            ("repeats", route("A"), NAME),
            ("switches", route("B"), NAME),
        ]
        assert r.routings[-1].refused() == {route("A"): "rests for another 20 s: rate_limit"}


moves = st.sampled_from(
    [
        Say("fine"),
        fail(status=429, retry_after_s=5.0),
        fail(status=500),
        fail(status=529),
        fail(status=402),
        fail(status=418),
        fail(kind=FaultKind.QUIET_TIMEOUT),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(moves, min_size=1, max_size=5), min_size=3, max_size=3), st.integers(1, 4))
async def test_the_entries_replay_to_the_ledger(scripts: list[list[Move]], turns: int) -> None:
    script = ScriptedProvider(dict(zip(ABC, scripts, strict=True)))
    async with rig(script, ABC, plugins=POOL, retry=RETRY) as r:
        for _ in range(turns):
            await r.agent.prompt("go")
            await r.agent.settled()
        assert replay(r.entries) == r.book.ledger
        assert replay([]) == Ledger()


# Mid-stream


BROKEN_OFF = Pieces(("One, two, ", "three "), then=fail(kind=FaultKind.QUIET_TIMEOUT))


async def test_a_text_that_broke_off_starts_anew_by_default() -> None:
    async with rig(ok(A=BROKEN_OFF), ABC, plugins=POOL, prefills=ABC) as r:
        assert await answered(r) == "from B"
        assert r.call(1).call.request.prefix == ""


async def test_with_continue_the_next_model_goes_on_where_the_text_broke_off() -> None:
    script = ok(A=BROKEN_OFF, B=Say(" four."))
    async with rig(script, ABC, plugins=POOL, prefills=ABC, goes_on=True) as r:
        assert await answered(r) == "One, two, three four."
        assert r.call(1).call.request.prefix == "One, two, three"
        answer = r.agent.messages[-1]
        assert isinstance(answer, AssistantMessage)
        assert [answer.producer_of(block).model for block in answer.content] == ["A", "B"]
        deltas = [item.delta for item in r.of(feed.Streamed) if isinstance(item, feed.Streamed)]
        shown = [delta.text for delta in deltas if isinstance(delta, TextDelta)]
        assert shown == ["One, two, ", "three ", "One, two, three", " four."]
        assert r.said() == ["go"]


async def test_two_failures_in_one_answer_are_gone_on_with_twice() -> None:
    script = ok(A=BROKEN_OFF, B=Pieces((" four,",), then=fail(kind=FaultKind.QUIET_TIMEOUT)), C=Say(" five."))
    async with rig(script, ABC, plugins=POOL, prefills=ABC, goes_on=True) as r:
        assert await answered(r) == "One, two, three four, five."


async def test_a_model_that_takes_no_beginning_starts_anew() -> None:
    async with rig(ok(A=BROKEN_OFF), ABC, plugins=POOL, prefills=["A", "C"], goes_on=True) as r:
        assert await answered(r) == "from B"
        assert r.call(1).call.request.prefix == ""


async def test_the_next_turn_of_a_run_knows_nothing_of_a_beginning() -> None:
    script = ok(A=BROKEN_OFF, B=[Say(" four.", calls=(CallTool("nothing"),)), Say("Done.")])
    async with rig(script, ABC, plugins=POOL, prefills=ABC, goes_on=True) as r:
        assert await answered(r) == "Done."
        assert [called.call.request.prefix for called in r.script.calls] == ["", "One, two, three", ""]
        first = next(m for m in r.agent.messages if isinstance(m, AssistantMessage))
        assert (first.text, first.stop_reason) == ("One, two, three four.", StopReason.TOOL_USE)
