"""Rests that are known before a turn begins: short ones are waited out, by the agent as by the library."""

from functools import partial

import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.failover import Failover
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.plans import Episode, Pool, Switch, inline
from pi_fallback.testing import Say, ScriptedProvider
from pi_fallback_hookspecs import (
    AssistantMessage,
    Fault,
    FaultKind,
    Request,
    Rest,
    Retry,
    Route,
    Scope,
    ScopeKind,
    Wake,
    user_message,
)
from tests import rigs
from tests.conftest import Backend
from tests.rigs import NoChance
from tests.runtime.test_engine import PlainBook

pytestmark = pytest.mark.anyio
rig = partial(rigs.rig, own_providers=True)


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def test_a_prompt_while_every_route_rests_for_seconds_waits_as_the_library_does() -> None:
    script = ScriptedProvider({"A": Say("from A"), "B": Say("from B")})
    async with rig(script, ("A", "B"), plugins=((NAME, PoolFailover()),), retry=RetryPolicy()) as r:
        for name in ("A", "B"):  # another agent on the machine has met its limit
            scope = Scope.of(ScopeKind.MODEL, Route(name.lower(), name))
            r.book.enter(Rest(scope, r.agent.view().now + 5.0, "rate_limit"))
        await r.agent.prompt("go")
        await r.agent.settled()
        last = r.agent.messages[-1]
        assert isinstance(last, AssistantMessage)
        assert last.text == "from A", last.error


def test_the_library_does_wait() -> None:
    clock = [0.0]
    failover = Failover(["a/A"], now=lambda: clock[0], sleep=lambda s: clock.__setitem__(0, clock[0] + s))
    failover._book.enter(Rest(Scope.of(ScopeKind.MODEL, Route("a", "A")), 5.0, "rate_limit"))
    assert next(iter(failover.attempts())).route == Route("a", "A")
    assert clock[0] == 5.0


def test_a_rest_that_comes_with_a_decision_is_no_longer_than_any_other() -> None:
    """`Stage.book` clamps to 31 days; `Engine._decided` books as it comes."""
    r, s = Route("p", "a"), Route("q", "b")
    pool = Pool((r, s), {}, 1)
    e = Engine(PlainBook(), lambda: 0.0, lambda: pool, RetryPolicy(), NoChance(), asked=frozenset({"request_failed"}))
    attempt = inline(e.begin(Episode(), Request((user_message("go"),)), r), lambda _h, _e: None)
    assert attempt is not None
    rest = Rest(Scope.of(ScopeKind.MODEL, r), 1e12, "a plugin's mistake")
    outcome = inline(
        e.failed(attempt, Fault(FaultKind.STATUS, "x", status=429)), lambda _h, _e: ("x", Retry((s,), effects=(rest,)))
    )
    assert isinstance(outcome, Switch)
    found = e.book.ledger.resting(r, now=0.0)
    assert found is not None
    assert found.until <= 31 * 86_400.0


async def test_a_wait_ends_when_the_user_chooses_another_model() -> None:
    script = ScriptedProvider({name: Say(f"from {name}") for name in "ABC"})
    async with rig(script, ("A", "B", "C"), plugins=((NAME, PoolFailover()),), retry=RetryPolicy()) as r:
        start = r.agent.view().now
        for name in "ABC":
            r.book.enter(Rest(Scope.of(ScopeKind.MODEL, Route(name.lower(), name)), start + 40.0, "rate_limit"))
        await r.agent.prompt("go")
        await r.until(start + 5.0)
        r.book.enter(Wake(Scope.of(ScopeKind.MODEL, Route("c", "C"))))
        await r.agent.select("c/C")
        await r.agent.settled()
        assert r.calls == [("C", start + 5.0)]


async def test_a_rest_beyond_the_cap_is_not_waited_out() -> None:
    script = ScriptedProvider({"A": Say("from A")})
    async with rig(script, ("A",), plugins=((NAME, PoolFailover()),), retry=RetryPolicy()) as r:
        r.book.enter(Rest(Scope.of(ScopeKind.MODEL, Route("a", "A")), r.agent.view().now + 61.0, "quota_exhausted"))
        await r.agent.prompt("go")
        await r.agent.settled()
        assert r.asked == []
        assert "a/A: not tried: quota_exhausted" in (r.agent.final_error or "")
