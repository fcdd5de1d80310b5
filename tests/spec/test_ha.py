"""High availability, case by case: groups, accounts, cooldowns, the ladder. In virtual time; tests/e2e has sockets.

The fixture: group g holds A, B (which rests 60 s) and C; provider a has three accounts, b and c have one each.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from pi_fallback.config.ha import HaFile
from pi_fallback.config.ha_policy import HaPolicy
from pi_fallback.config.schema import ProgressSettings, RetryPolicy
from pi_fallback.core.groups import steps_after
from pi_fallback.core.ha_report import AccountRow
from pi_fallback.core.rehearsal import FAULTS
from pi_fallback.plugins.ha import NAME, HighAvailability
from pi_fallback.plugins.pool import NAME as POOL
from pi_fallback.plugins.pool import PoolFailover
from pi_fallback.runtime import feed
from pi_fallback.testing import CallTool, Move, Pieces, Say, ScriptedProvider, Wait, fail
from pi_fallback.testing.moves import Fail
from pi_fallback_hookspecs import (
    AgentEnd,
    AssistantMessage,
    Call,
    Effect,
    FaultKind,
    Phase,
    Price,
    Rest,
    Route,
    Scope,
    ScopeKind,
    StopReason,
    SwitchRoute,
    Tool,
    ToolContext,
    Usage,
    View,
    hookimpl,
)
from tests import rigs
from tests.conftest import Backend
from tests.rigs import Rig

pytestmark = pytest.mark.anyio

K0, K1, K2 = (Route("a", "A", label) for label in ("primary", "backup-1", "backup-2"))
B, C = Route("b", "B"), Route("c", "C")
ALL = (K0, K1, K2, B, C)
ENTRY_A = Scope(ScopeKind.MODEL, "a", "A")
GROUP = {"g": {"entries": [{"id": "a/A"}, {"id": "b/B", "cooldownMs": 60_000}, {"id": "c/C"}]}}
F0: Mapping[str, Any] = {"groups": GROUP, "defaultGroup": "g", "defaultCooldownMs": 3_600_000}
OFF = ProgressSettings(enabled=False)
LIMIT = fail("Rate limit", status=429)
OVERLOADED = fail("overloaded_error", status=529)
RESET = fail("ECONNRESET", kind=FaultKind.BROKEN)
REFUSED = fail("ECONNREFUSED", kind=FaultKind.CONNECT)


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def account(scope: Route) -> Scope:
    return Scope(ScopeKind.CREDENTIAL, scope.provider, "", scope.credential)


def by_account(**moves: Move | Sequence[Move]) -> Callable[[Call], Move]:
    """What each account of A answers, best first: `k0`, `k1`, `k2`; one that is not named answers well."""
    left = {name: list(move) if isinstance(move, Sequence) else [move] for name, move in moves.items()}

    def answer(call: Call) -> Move:
        name = {"primary": "k0", "backup-1": "k1", "backup-2": "k2"}[call.route.credential]
        script = left.get(name, [Say(f"from {name}")])
        return script.pop(0) if len(script) > 1 else script[0]

    return answer


@asynccontextmanager
async def ha(
    script: Mapping[str, Any],
    *,
    errors: Mapping[str, Any] | None = None,
    order: Sequence[Route] = ALL,
    current: str = "A",
    group: str | None = None,
    others: Sequence[tuple[str, object]] = (),
    **more: Any,
) -> AsyncGenerator[Rig, None]:
    """An agent with the fixture's ha.json; `errors` is its errorHandling, `more` goes over the rest of the file."""
    rig_more = {key: more.pop(key) for key in ("tools", "prices", "progress") if key in more}
    plugin = HighAvailability(HaFile.model_validate({**F0, **more, "errorHandling": errors or {}}).policy(), group)
    moves = {name: script.get(name, Say(f"from {name}")) for name in {route.model for route in order}}
    models = list(dict.fromkeys(route.model for route in order))
    async with rigs.rig(
        ScriptedProvider(moves),
        models,
        current=current,
        order=order,
        plugins=((NAME, plugin), *others),
        behind=((POOL, PoolFailover(lambda: plugin.group is None)),),
        waits_out=plugin.waits_out,
        progress=rig_more.pop("progress", OFF),
        retry=RetryPolicy(),
        own_providers=True,
        version=lambda: plugin.version,
        instead=plugin.mocked,
        **rig_more,
    ) as r:
        yield r


async def answered(r: Rig, prompt: str = "go") -> str:
    await r.agent.prompt(prompt)
    await r.agent.settled()
    last = r.agent.messages[-1]
    assert isinstance(last, AssistantMessage)
    return last.text


def asked(r: Rig) -> list[Route]:
    return [called.call.route for called in r.script.calls]


def rests(r: Rig) -> dict[Scope, float]:
    """What rests, and for how long from the first request on."""
    return {scope: rest.until - r.calls[0][1] for scope, rest in r.book.ledger.rests.items()}


def notices(r: Rig) -> list[str]:
    return [item.text for item in r.of(feed.Noticed) if isinstance(item, feed.Noticed)]


def switches(r: Rig) -> list[str]:
    return [item.reason for item in r.of(feed.RouteSwitched) if isinstance(item, feed.RouteSwitched)]


def closing(r: Rig) -> str:
    (gave_up,) = r.of(feed.GaveUp)
    assert isinstance(gave_up, feed.GaveUp)
    return gave_up.text


# Accounts and entries


async def test_t01_a_rate_limit_rests_the_account_and_the_next_one_gets_the_same_request() -> None:
    async with ha({"A": by_account(k0=LIMIT)}) as r:
        assert await answered(r) == "from k1"
        assert asked(r) == [K0, K1]
        assert rests(r) == {account(K0): 3600.0}
        assert r.call(0).call.request == r.call(1).call.request
        assert r.said() == ["go"]


async def test_t02_an_account_that_fails_soon_after_is_left_too() -> None:
    late = by_account(k0=LIMIT, k1=[Say(calls=[CallTool("wait")]), LIMIT])
    async with ha({"A": late}, tools={"wait": waiting_tool(0.2)}) as r:
        assert await answered(r) == "from k2"
        assert asked(r) == [K0, K1, K1, K2]
        assert rests(r) == {account(K0): 3600.0, account(K1): 3600.2}


def waiting_tool(for_s: float) -> Tool:
    async def run(_context: ToolContext, _arguments: Mapping[str, object]) -> str:
        await anyio.sleep(for_s)
        return "waited"

    return Tool("wait", "wait", {"type": "object", "properties": {}}, run)


async def test_t03_after_the_last_account_the_entry_rests_and_the_next_one_takes_over() -> None:
    async with ha({"A": LIMIT}) as r:
        assert await answered(r) == "from B"
        assert asked(r) == [K0, K1, K2, B]
        assert rests(r) == {account(K0): 3600.0, account(K1): 3600.0, account(K2): 3600.0, ENTRY_A: 3600.0}
        assert switches(r)[-1] == "rate_limit: a/A is left, to be tried again in 1 h"


async def test_the_entry_wakes_with_the_first_of_its_accounts() -> None:
    hints = by_account(
        k0=fail(status=429, retry_after_s=90.0), k1=fail(status=429, retry_after_s=30.0), k2=fail(status=402)
    )
    async with ha({"A": hints}) as r:
        await answered(r)
        assert rests(r)[ENTRY_A] == 30.0
        await anyio.sleep(31.0)
        assert await answered(r, "again") == "from B"  # its key is still there for B, and k1 fails again
        assert asked(r)[4:] == [K1, B]


async def test_t05_capacity_with_next_provider_leaves_the_entry_at_once() -> None:
    async with ha({"A": OVERLOADED}, errors={"capacityErrorAction": "next_provider"}) as r:
        assert await answered(r) == "from B"
        assert asked(r) == [K0, B]
        assert rests(r) == {ENTRY_A: 3600.0}


async def test_t05b_capacity_by_default_tries_each_account_and_rests_the_entry_after_the_last() -> None:
    async with ha({"A": by_account(k0=OVERLOADED, k1=OVERLOADED, k2=OVERLOADED)}) as r:
        assert await answered(r) == "from B"
        assert asked(r) == [K0, K1, K2, B]
        assert rests(r) == {ENTRY_A: 3600.0}
    async with ha({"A": by_account(k0=OVERLOADED)}) as r:
        assert await answered(r) == "from k1"
        assert rests(r) == {}


async def test_t06_stop_is_the_end_with_one_error_and_nothing_rests() -> None:
    async with ha({"A": OVERLOADED}, errors={"capacityErrorAction": "stop"}) as r:
        await answered(r)
        assert asked(r) == [K0]
        assert rests(r) == {}
        assert "Stopped by ha: capacityErrorAction is stop." in closing(r)
        assert notices(r) == []


async def test_t15_a_network_error_may_lead_to_another_account_and_nothing_rests() -> None:
    async with ha({"A": by_account(k0=RESET)}, errors={"networkErrorAction": "next_key_then_provider"}) as r:
        assert await answered(r) == "from k1"
        assert asked(r) == [K0, K1]
        assert rests(r) == {}


async def test_t23_a_refused_key_is_left_alone_until_something_changes_and_does_not_rest() -> None:
    async with ha({"A": by_account(k0=fail(status=401, code="invalid_api_key"))}) as r:
        assert await answered(r) == "from k1"
        assert rests(r) == {}
        assert await answered(r, "and?") == "from k1"
        assert asked(r) == [K0, K1, K1]
        assert r.agent.view().refusals[K0] == "its key was refused"
        await r.agent.command("/ha-clear")
        assert await answered(r, "once more") == "from k1"
        assert asked(r)[3:] == [K0, K1]


async def test_t28_an_entry_with_a_cooldown_of_its_own_rests_that_long() -> None:
    async with ha({"B": LIMIT}, current="B") as r:
        assert await answered(r) == "from C"
        assert asked(r) == [B, C]
        assert rests(r) == {account(B): 60.0, Scope(ScopeKind.MODEL, "b", "B"): 60.0}


async def test_t29_a_rest_blocks_until_its_very_end() -> None:
    async with ha({"B": [LIMIT, Say("B again")]}, current="B") as r:
        await answered(r)
        start = r.calls[0][1]
        await r.until(start + 59.999)
        assert not r.agent.view().usable(B)
        await r.until(start + 60.0)
        assert r.agent.view().usable(B)


async def test_t30_a_model_outside_the_group_rests_and_the_scan_begins_at_the_top() -> None:
    z = Route("z", "Z")
    async with ha({"Z": LIMIT}, order=(*ALL, z), current="Z") as r:
        assert await answered(r) == "from A"
        assert asked(r) == [z, K0]
        assert rests(r) == {account(z): 3600.0, Scope(ScopeKind.MODEL, "z", "Z"): 3600.0}


async def test_t31_alone_in_its_group_a_route_does_not_stand_in_for_itself() -> None:
    async with ha({"A": LIMIT}, groups={"g": {"entries": [{"id": "a/A"}]}}, order=(K0, B)) as r:
        await answered(r)
        assert asked(r) == [K0]
        assert "no entry of the group may be used; the first is a/A, in 1 h" in closing(r)


async def test_t32_an_empty_group_stops_without_a_fault() -> None:
    async with ha({"A": LIMIT}, groups={"g": {"entries": []}}, order=(K0,)) as r:
        await answered(r)
        assert asked(r) == [K0]
        assert "a/A: rate_limit" in closing(r)


async def test_t33_the_entry_of_just_this_model_counts_before_the_one_of_its_provider() -> None:
    other = Route("a", "other")
    entries = [{"id": "a"}, {"id": "a/A"}, {"id": "b"}]
    file = HaFile.model_validate({"groups": {"g": {"entries": entries}}})
    group = file.policy().groups["g"]
    assert (group.index_of(K0), group.index_of(other), group.index_of(B)) == (1, 0, 2)
    async with ha({"A": OVERLOADED}, groups={"g": {"entries": entries}}, order=(K0, B)) as r:
        assert await answered(r) == "from B"


def test_t34_an_entry_of_a_provider_stands_for_its_first_model_that_may_be_used() -> None:
    m2, m9 = Route("b", "m2"), Route("b", "m9")
    policy = HaFile.model_validate({"groups": {"g": {"entries": [{"id": "a/A"}, {"id": "b"}]}}}).policy()
    view = View(now=0.0, current=K0, order=(K0, m2, m9), refusals={m2: "no auth"}, visited=frozenset({K0}))
    assert [routes for _, routes in steps_after(policy.groups["g"], K0, view)] == [(m9,)]


def test_t35_an_entry_is_split_at_its_first_slash() -> None:
    file = HaFile.model_validate({"groups": {"g": {"entries": [{"id": "openrouter/x/y"}]}}})
    (entry,) = file.policy().groups["g"].entries
    assert (entry.provider, entry.model) == ("openrouter", "x/y")


async def test_t37_an_entry_without_an_account_is_passed_over_and_that_is_said() -> None:
    async with ha({"A": LIMIT}, order=(K0, C)) as r:
        assert await answered(r) == "from C"
        assert switches(r)[-1].endswith("passed over b/B (no usable account for b)")


# Waits and repeats


async def test_t07_retry_waits_as_long_as_the_file_says_and_repeats_on_the_same_route() -> None:
    async with ha({"A": [LIMIT, Say("well")]}, errors={"quotaErrorAction": "retry", "retryTimeoutMs": 8000}) as r:
        assert await answered(r) == "well"
        assert asked(r) == [K0, K0]
        assert r.calls[1][1] - r.calls[0][1] == 8.0
        assert rests(r) == {}
        assert r.said() == ["go"]


async def test_t10_escape_ends_the_wait() -> None:
    async with ha({"A": LIMIT}, errors={"quotaErrorAction": "retry", "retryTimeoutMs": 8000}) as r:
        await r.agent.prompt("go")
        await anyio.sleep(3.0)
        await r.agent.abort()
        await r.agent.settled()
        await anyio.sleep(60.0)
        assert asked(r) == [K0]
        assert notices(r) == ["The wait is cancelled."]


async def test_t11_a_wait_of_nothing_is_a_repeat_at_once() -> None:
    async with ha({"A": [LIMIT, Say("well")]}, errors={"quotaErrorAction": "retry", "retryTimeoutMs": 0}) as r:
        assert await answered(r) == "well"
        assert r.calls[1][1] == r.calls[0][1]


async def test_t12_a_cooldown_of_nothing_bars_a_route_for_this_turn_only() -> None:
    async with ha({"A": by_account(k0=[LIMIT, Say("k0 again")])}, defaultCooldownMs=0) as r:
        assert await answered(r) == "from k1"
        assert asked(r) == [K0, K1]
        assert r.agent.view().usable(K0)
        assert await answered(r, "and?") == "k0 again"


async def test_t13_a_connection_that_broke_is_repeated_after_its_wait() -> None:
    async with ha({"A": [RESET, Say("well")]}, errors={"networkErrorAction": "retry"}) as r:
        assert await answered(r) == "well"
        assert asked(r) == [K0, K0]
        assert r.calls[1][1] - r.calls[0][1] == 1.0
        assert rests(r) == {}


async def test_t13b_a_network_that_stays_down_is_asked_as_often_as_the_file_says() -> None:
    async with ha({"A": REFUSED}, errors={"networkErrorAction": "retry", "networkRetryDelayMs": 250}) as r:
        await answered(r)
        assert [at - r.calls[0][1] for _, at in r.calls] == [0.0, 0.25, 0.5, 0.75]
        assert set(asked(r)) == {K0}
        assert rests(r) == {}
        assert "maxRetriesPerTurn" in closing(r)


async def test_without_a_network_action_a_blip_is_repeated_once_then_the_next_entry_takes_over() -> None:
    async with ha({"A": RESET}) as r:
        assert await answered(r) == "from B"
        assert asked(r) == [K0, K0, B]
        assert r.calls[-1][1] == r.calls[0][1]
        assert rests(r) == {}


async def test_a_stall_is_not_repeated() -> None:
    async with ha({"A": fail(kind=FaultKind.QUIET_TIMEOUT)}) as r:
        assert await answered(r) == "from B"
        assert asked(r) == [K0, B]


async def test_with_the_whole_network_down_the_last_route_is_tried_again_after_waits() -> None:
    async with ha(dict.fromkeys("ABC", REFUSED), order=(K0, B, C)) as r:
        await answered(r)
        assert asked(r) == [K0, K0, B, B, C, C]  # as many as the turn has: three routes and three repeats
        assert "6 attempts have failed" in closing(r)


async def test_an_unknown_model_leads_to_the_next_entry_and_rests() -> None:
    async with ha({"A": fail(status=404, code="model_not_found")}) as r:
        assert await answered(r) == "from B"
        assert rests(r) == {ENTRY_A: 3600.0}


async def test_what_is_no_class_of_high_availability_is_left_to_the_quiet_timer() -> None:
    async with ha({"A": fail("no", status=400)}, progress=ProgressSettings()) as r:
        assert await answered(r) == "from B"
        assert r.calls[-1][1] - r.calls[0][1] == 20.0


async def test_t42_text_that_was_shown_before_a_failure_is_not_part_of_the_answer() -> None:
    half = Pieces(["half "] * 40, 0.01, Fail(fail(status=429, phase=Phase.TEXT).fault))
    async with ha({"A": by_account(k0=half)}) as r:
        assert await answered(r) == "from k1"
        assert len(r.of(feed.Withdrawn)) == 1
        assert [type(message).__name__ for message in r.agent.messages] == ["UserMessage", "AssistantMessage"]


async def test_t43_what_the_user_aborted_is_no_failure() -> None:
    async with ha({"A": Wait(10.0, LIMIT)}) as r:
        await r.agent.prompt("go")
        await anyio.sleep(1.0)
        await r.agent.abort()
        await anyio.sleep(60.0)
        assert asked(r) == [K0]
        assert r.agent.stop_reason is StopReason.ABORTED
        assert r.book.ledger.rests == {}


# Coming back


@pytest.mark.parametrize("comes_back", [True, False])
async def test_t38_once_the_cooldown_is_over_a_user_turn_goes_back_to_the_preferred_route(comes_back: bool) -> None:
    only = (K0, B, C)
    script = {"A": [LIMIT, Say("A again")], "B": LIMIT}
    async with ha(script, order=only, returnToPreferred=comes_back) as r:
        assert await answered(r) == "from C"
        await anyio.sleep(3601.0)
        assert await answered(r, "and?") == ("A again" if comes_back else "from C")
        assert asked(r) == [K0, B, C, K0 if comes_back else C]
        assert r.said() == ["go", "and?"]


async def test_before_the_cooldown_is_over_it_stays() -> None:
    async with ha({"A": [LIMIT, Say("A again")]}, order=(K0, B, C)) as r:
        await answered(r)
        await anyio.sleep(3599.0)
        assert await answered(r, "and?") == "from B"


async def test_a_return_that_would_lose_too_much_of_a_prompt_cache_waits_until_the_cache_is_cold() -> None:
    big = Say("from B", usage=Usage(input=10, cache_read=200_000))
    price = {"A": Price(input=3.0)}  # 200,000 tokens at 3 dollars a million: 60 cents
    hint = fail(status=429, retry_after_s=30.0)
    async with ha({"A": [hint, Say("A again")], "B": big}, order=(K0, B, C), prices=price) as r:
        await answered(r)
        await anyio.sleep(60.0)
        assert await answered(r, "and?") == "from B"
        assert notices(r)[-1].startswith("stays on b/B: going back to a/A would lose a prompt cache worth $0.60")
        assert await answered(r, "and then?") == "from B"
        assert len(notices(r)) == 1  # it is said once
        await anyio.sleep(301.0)
        assert await answered(r, "now?") == "A again"
        assert switches(r)[-1].startswith("back to the preferred route: it is over its rest")


async def test_a_model_that_the_user_chose_is_the_preferred_one() -> None:
    async with ha({"B": [LIMIT, Say("B again")]}) as r:
        await r.agent.select("b/B")
        assert await answered(r) == "from C"
        await anyio.sleep(61.0)
        assert await answered(r, "and?") == "B again"
        assert K0 not in asked(r)


async def test_after_a_failure_without_a_rest_the_return_waits_for_five_minutes() -> None:
    async with ha({"A": [RESET, RESET, Say("A again")]}, order=(K0, B, C)) as r:
        assert await answered(r) == "from B"
        assert await answered(r, "and?") == "from B"
        await anyio.sleep(301.0)
        assert await answered(r, "now?") == "A again"


# Nothing left


async def test_with_nothing_left_one_error_names_the_earliest_recovery() -> None:
    limits = {name: fail(status=429, retry_after_s=wait) for name, wait in (("A", 300.0), ("B", 120.0), ("C", 600.0))}
    async with ha(limits, order=(K0, B, C)) as r:
        await answered(r)
        assert asked(r) == [K0, B, C]
        assert "the first is b/B, in 2 min" in closing(r)
        await anyio.sleep(1000.0)
        assert len(r.calls) == 3


async def test_with_wait_the_agent_sleeps_until_the_first_route_wakes_and_goes_on_by_itself() -> None:
    waits = {"A": 300.0, "B": 120.0, "C": 600.0}
    limits = {name: [fail(status=429, retry_after_s=wait), Say(f"{name} again")] for name, wait in waits.items()}
    async with ha(limits, order=(K0, B, C), whenExhausted="wait") as r:
        assert await answered(r) == "B again"
        assert [at - r.calls[0][1] for _, at in r.calls] == [0, 0, 0, 120.0]
        assert r.said() == ["go"]
        shown = [item for item in r.of(feed.TimerChanged) if isinstance(item, feed.TimerChanged) and item.at]
        assert [(item.plugin, item.label) for item in shown] == [(NAME, "first route may be tried again")]
        assert r.of(feed.GaveUp) == []


async def test_a_prompt_that_finds_every_route_at_rest_is_waited_for_too() -> None:
    async with ha({}, order=(K0,), whenExhausted="wait") as r:
        r.book.enter(Rest(account(K0), 900.0, "quota_exhausted"))
        assert await answered(r) == "from A"
        assert r.calls == [("A", 900.0)]
        assert r.said() == ["go"]
        assert r.of(feed.GaveUp) == []


@pytest.mark.parametrize("exhausted", ["wait", None])
async def test_a_prompt_that_will_be_answered_when_a_route_wakes_is_told_of_the_wait_alone(
    exhausted: str | None,
) -> None:
    async with ha({}, order=(K0, B), whenExhausted=exhausted or "stop", progress=ProgressSettings()) as r:
        if exhausted is None:
            await alone(r)  # the pool waits for a minute at most
        for prompt in ("go", "and?"):
            start = anyio.current_time()
            for route in (K0, B):
                r.book.enter(Rest(account(route), start + 45.0, "quota_exhausted"))
            await r.agent.prompt(prompt)
            await r.until(start + 1.0)
            scheduled = r.of(feed.RetryScheduled)[-1]
            assert isinstance(scheduled, feed.RetryScheduled)
            assert (scheduled.route, scheduled.at) == (K0, start + 45.0)
            await r.agent.settled()
            assert r.calls[-1] == ("A", start + 45.0)
        assert notices(r) == []
        assert r.of(feed.GaveUp) == []
        assert [m.error for m in r.agent.messages if isinstance(m, AssistantMessage)] == [None, None]


@pytest.mark.parametrize("act", ["/ha-clear", "/ha-activate b primary"])
async def test_a_wait_for_what_rests_ends_when_the_user_wakes_it(act: str) -> None:
    async with ha({}, order=(K0, B), whenExhausted="wait") as r:
        known(r)
        for route in (K0, B):
            r.book.enter(Rest(account(route), 900.0, "quota_exhausted"))
        await r.agent.prompt("go")
        await r.until(10.0)
        await r.agent.command(act)
        await r.agent.settled()
        assert [at for _, at in r.calls] == [10.0]


@pytest.mark.parametrize(("act", "repeated_at"), [("/ha-clear b", 8.0), ("/ha-clear a", 3.0), ("/ha-clear", 3.0)])
async def test_the_wait_before_a_repeat_ends_with_a_rest_of_its_own_route_alone(act: str, repeated_at: float) -> None:
    errors = {"quotaErrorAction": "retry", "retryTimeoutMs": 8000}
    async with ha({"A": [LIMIT, Say("well")]}, order=(K0, B), errors=errors) as r:
        known(r)
        await r.agent.prompt("go")
        await r.until(2.0)
        for route in (K0, B):  # another agent has seen both fail
            r.book.enter(Rest(account(route), 6.0, "quota_exhausted"))
        await r.until(3.0)
        await r.agent.command(act)
        await r.agent.settled()
        assert r.calls == [("A", 0.0), ("A", repeated_at)]


async def test_escape_ends_the_wait_of_a_prompt_that_found_all_at_rest() -> None:
    async with ha({}, order=(K0,), whenExhausted="wait", progress=ProgressSettings()) as r:
        r.book.enter(Rest(account(K0), 900.0, "quota_exhausted"))
        await r.agent.prompt("go")
        await r.until(10.0)
        await r.agent.abort()
        await anyio.sleep(2000.0)
        assert (r.calls, notices(r), r.of(feed.GaveUp)) == ([], ["The wait is cancelled."], [])


async def test_a_wait_that_another_agent_makes_longer_goes_on() -> None:
    limit = fail(status=429, retry_after_s=300.0)
    async with ha({"A": [limit, Say("A again")]}, order=(K0,), whenExhausted="wait") as r:
        await r.agent.prompt("go")
        await anyio.sleep(10.0)
        start = r.calls[0][1]
        r.book.enter(Rest(account(K0), start + 500.0, "quota_exhausted"))
        await r.agent.settled()
        assert r.calls[-1][1] == start + 500.0


async def test_escape_ends_the_waiting_for_a_route() -> None:
    async with ha({"A": fail(status=429, retry_after_s=300.0)}, order=(K0,), whenExhausted="wait") as r:
        await r.agent.prompt("go")
        await anyio.sleep(10.0)
        await r.agent.abort()
        await r.agent.settled()
        await anyio.sleep(1000.0)
        assert asked(r) == [K0]
        assert notices(r) == ["The wait is cancelled."]


async def test_a_wait_longer_than_allowed_is_not_begun() -> None:
    async with ha(
        {"A": fail(status=429, retry_after_s=300.0)}, order=(K0,), whenExhausted="wait", maxWaitMs=200_000
    ) as r:
        await answered(r)
        assert "longer than maxWaitMs" in closing(r)


async def test_a_prompt_whose_rest_grows_again_and_again_waits_no_longer_than_allowed_in_all() -> None:
    async with ha({}, order=(K0,), whenExhausted="wait", maxWaitMs=200_000) as r:
        r.book.enter(Rest(account(K0), 90.0, "quota_exhausted"))
        await r.agent.prompt("go")
        for until in (180.0, 270.0):  # another agent makes it longer, shortly before its end
            await r.until(until - 91.0)
            r.book.enter(Rest(account(K0), until, "quota_exhausted"))
        await r.agent.settled()
        assert anyio.current_time() == 180.0
        assert r.calls == []
        assert "a/A: not tried: " in closing(r)


async def test_clearing_the_rests_ends_the_waiting_at_once() -> None:
    limit = fail(status=429, retry_after_s=300.0)
    async with ha({"A": [limit, Say("A again")]}, order=(K0,), whenExhausted="wait") as r:
        await r.agent.prompt("go")
        await anyio.sleep(10.0)
        await r.agent.command("/ha-clear")
        await r.agent.settled()
        assert r.calls[-1][1] - r.calls[0][1] == 10.0
        assert r.agent.messages[-1].text == "A again"


async def test_an_episode_that_lasts_too_long_is_ended() -> None:
    async with ha({"A": Wait(40.0, LIMIT)}, errors={"maxEpisodeMs": 60_000}) as r:
        await answered(r)
        assert asked(r) == [K0, K1, K2]
        assert "which is maxEpisodeMs" in closing(r)


# Commands


async def test_ha_use_makes_another_group_the_active_one() -> None:
    groups = {**GROUP, "small": {"entries": [{"id": "c/C"}, {"id": "b/B"}]}}
    async with ha({"C": OVERLOADED}, groups=groups) as r:
        assert await answered(r) == "from A"
        await r.agent.command("/ha-use small")
        assert r.agent.route == C
        assert await answered(r, "and?") == "from B"
        assert asked(r) == [K0, C, B]
        assert K1 not in r.agent.view().order
        await r.agent.command("/ha-use nope")
        assert notices(r)[-1] == "There is no group 'nope'. The groups are g, small."


async def test_a_group_may_be_asked_for_at_the_start() -> None:
    groups = {**GROUP, "small": {"entries": [{"id": "a/A"}, {"id": "c/C"}]}}
    async with ha({"A": OVERLOADED}, groups=groups, group="small", order=(K0, B, C)) as r:
        assert await answered(r) == "from C"


async def test_ha_activate_goes_on_with_that_account_and_wakes_it() -> None:
    async with ha({"A": by_account(k0=[LIMIT, Say("k0 again")])}) as r:
        known(r)
        await answered(r)
        await r.agent.command("/ha-activate a primary")
        assert r.agent.route == K0
        assert await answered(r, "and?") == "k0 again"
        await r.agent.command("/ha-activate a backup-9")
        assert "There are: a primary, a backup-1, a backup-2, b primary, c primary." in notices(r)[-1]


def known(r: Rig) -> HighAvailability:
    """Tell the plugin of the accounts, as the program does at its start."""
    (plugin,) = (impl.plugin.plugin for impl in r.agent.parts.dispatcher.registry.impls("order_routes"))
    assert isinstance(plugin, HighAvailability)
    plugin.accounts = [AccountRow(route.provider, route.credential, "api_key", "ha.json") for route in ALL]
    return plugin


async def test_ha_status_names_groups_accounts_and_who_rests_until_when_and_why() -> None:
    async with ha({"A": by_account(k0=LIMIT)}) as r:
        known(r)
        await answered(r)
        await r.agent.command("/ha-status")
        assert notices(r)[-1].splitlines() == [
            "Group g: active, default",
            "  → 1. a/A: ready",
            "    2. b/B (cooldown 60 s): ready",
            "    3. c/C: ready",
            "",
            "Accounts",
            "    a primary (api_key, ha.json): rests, again in 1 h (rate_limit)",
            "  → a backup-1 (api_key, ha.json): ready",
            "    a backup-2 (api_key, ha.json): ready",
            "    b primary (api_key, ha.json): ready",
            "    c primary (api_key, ha.json): ready",
        ]


async def test_the_report_fits_a_terminal_of_eighty_columns() -> None:
    long = Route("sonnet-4-5-20250929", "Sonnet-4-5-20250929", "work-account@example.com")
    groups = {"g": {"entries": [{"id": str(long.ref), "cooldownMs": 1_800_000}]}}
    async with ha({long.model: fail(status=429)}, groups=groups, order=(long,), current=long.model) as r:
        plugin = known(r)
        plugin.accounts = [AccountRow(long.provider, long.credential, "api_key", "ha.json", None)]
        await answered(r)
        r.book.enter(Rest(Scope(ScopeKind.PROVIDER, "b"), anyio.current_time() + 60.0, "server_error"))
        await r.agent.command("/ha")
        lines = notices(r)[-1].splitlines()
        assert all(len(line) <= 77 for line in lines), lines
        assert lines[1:3] == [
            f"  → 1. {long.ref} (cooldown 30 min):",
            "        rests, again in 30 min (rate_limit)",
        ]
        assert "At rest beside these" in lines
        assert "    b: rests, again in 60 s (server_error)" in lines


async def test_ha_clear_ends_the_rests_of_one_account_or_all() -> None:
    async with ha({"A": by_account(k0=LIMIT, k1=LIMIT)}) as r:
        known(r)
        await answered(r)
        await r.agent.command("/ha-clear a backup-1")
        assert set(rests(r)) == {account(K0)}
        await r.agent.command("/ha-clear")
        assert rests(r) == {}
        assert notices(r) == ["1 rest ended.", "1 rest ended."]


@pytest.mark.parametrize("kind", FAULTS)
async def test_ha_mock_error_plays_a_failure_of_that_kind_without_a_request(kind: str) -> None:
    async with ha({}) as r:
        await r.agent.command(f"/ha-mock-error {kind}")
        await answered(r)
        (withdrawn,) = r.of(feed.Withdrawn)
        assert isinstance(withdrawn, feed.Withdrawn)
        assert withdrawn.failure.kind.value == kind
        assert withdrawn.failure.route == K0
        assert len(r.calls) == (0 if kind == "context_overflow" else 1)  # no entry has a larger context


async def test_a_rest_that_another_agent_booked_moves_the_session_to_the_next_account_of_its_model() -> None:
    spare = Route("b", "B", "backup-1")
    async with ha({}, order=(K0, B, spare)) as r:
        await r.agent.select("b/B")
        r.book.enter(Rest(account(B), 3600.0, "quota_exhausted"))
        assert await answered(r) == "from B"
        assert asked(r) == [spare]


async def test_the_first_group_counts_at_once_and_so_does_the_end_of_the_last_one() -> None:
    async with ha({"A": by_account(k0=[LIMIT, Say("k0"), LIMIT], k1=[Say("k1"), LIMIT, LIMIT], k2=LIMIT)}) as r:
        plugin = known(r)
        file = plugin.policy
        plugin.follow(HaPolicy())
        assert await answered(r) == "k1"  # by the rules of the pool
        assert rests(r) == {account(K0): 20.0}
        assert deciders(r) == {POOL}
        plugin.follow(file)
        assert await answered(r, "and?") == "from B"  # by those of the file
        assert rests(r)[account(K1)] == 3600.0
        assert deciders(r) == {POOL, NAME}


def deciders(r: Rig) -> set[str]:
    return {routing.by for routing in r.routings} - {""}


async def test_beside_a_group_the_pool_has_no_say() -> None:
    async with ha({"A": fail("no", status=400)}) as r:
        await answered(r)
        assert asked(r) == [K0]
        assert deciders(r) == set()


# After a stop


async def test_after_a_stop_there_is_one_closing_error_and_nothing_beside_it() -> None:
    async with ha(dict.fromkeys("ABC", LIMIT), order=(K0, B, C), progress=ProgressSettings()) as r:
        await answered(r)
        assert "no entry of the group may be used" in closing(r)
        assert notices(r) == []


@pytest.mark.parametrize(("exhausted", "waits_s"), [("stop", None), ("wait", 45.0)])
async def test_rf6_a_prompt_that_finds_all_at_rest_ends_at_once_or_waits_as_the_file_says(
    exhausted: str, waits_s: float | None
) -> None:
    async with ha({}, order=(K0,), whenExhausted=exhausted) as r:
        start = anyio.current_time()
        for _ in range(3):
            r.book.enter(Rest(account(K0), anyio.current_time() + 45.0, "rate_limit"))
            began = anyio.current_time()
            await answered(r)
            assert anyio.current_time() - began == (waits_s or 0.0)
        assert len(r.calls) == (0 if waits_s is None else 3)
        if waits_s is None:
            assert anyio.current_time() == start
            assert all("a/A: not tried: " in text for text in gave_up(r))
            assert len(gave_up(r)) == 3


def gave_up(r: Rig) -> list[str]:
    return [item.text for item in r.of(feed.GaveUp) if isinstance(item, feed.GaveUp)]


# Without a group


async def alone(r: Rig) -> HighAvailability:
    """Let the pool decide: the file has no group."""
    plugin = known(r)
    plugin.follow(HaPolicy())
    await r.agent.new_session()
    return plugin


@pytest.mark.parametrize("ended_by", ["time", "/ha-clear", "/ha-clear a"])
async def test_without_a_group_the_work_goes_back_to_the_model_that_the_user_chose(ended_by: str) -> None:
    async with ha({"A": [LIMIT, Say("A again")]}, order=(K0, B, C)) as r:
        await alone(r)
        assert await answered(r) == "from B"
        assert await answered(r, "and?") == "from B"
        if ended_by == "time":
            await anyio.sleep(21.0)
        else:
            await r.agent.command(ended_by)
        assert await answered(r, "now?") == "A again"
        assert switches(r)[-1] == (
            "back to the preferred route: it is over its rest, and returning costs no prompt cache"
        )
        assert await answered(r, "and then?") == "A again"
        assert asked(r) == [K0, B, B, K0, K0]


@pytest.mark.parametrize("new", ["/model", "/cycle-model b/B"])
async def test_without_a_group_what_the_user_chose_since_is_where_the_work_goes_back_to(new: str) -> None:
    script = {"A": LIMIT, "B": [Say("from B"), LIMIT, Say("B again")], "C": Say("from C")}
    async with ha(script, order=(K0, B, C), progress=ProgressSettings()) as r:
        await alone(r)
        if new == "/model":
            await r.agent.select("b/B")
            await answered(r)
        else:
            await r.agent.command(new)
            await r.agent.settled()
        assert await answered(r, "and?") == "from C"
        await anyio.sleep(21.0)
        assert await answered(r, "now?") == "B again"
        assert await answered(r, "and then?") == "B again"  # A is well again too


@pytest.mark.parametrize("stay", ["/model", "/ha-activate b primary"])
async def test_who_chooses_the_model_that_took_over_stays_there(stay: str) -> None:
    async with ha({"A": [LIMIT, Say("A again")]}, order=(K0, B)) as r:
        await alone(r)
        assert await answered(r) == "from B"
        switched = len(switches(r))
        if stay == "/model":
            await r.agent.select("b/B")
        else:
            await r.agent.command(stay)
        await anyio.sleep(21.0)
        assert await answered(r, "and?") == "from B"
        assert len(switches(r)) == switched


class Cheaper:
    """Goes on with another model after the first answer: nothing has failed."""

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Effect | None:
        return SwitchRoute((B,), "cheaper") if event.view.current == K0 else None


async def test_without_a_group_the_work_stays_where_another_plugin_took_it_while_nothing_failed() -> None:
    async with ha({}, order=(K0, B), others=(("cheaper", Cheaper()),)) as r:
        await alone(r)
        assert await answered(r) == "from A"
        assert await answered(r, "and?") == "from B"
        assert switches(r) == ["cheaper"]


async def test_without_a_group_the_work_goes_home_after_a_rest_that_another_agent_booked() -> None:
    async with ha({}, order=(K0, B)) as r:
        await alone(r)
        r.book.enter(Rest(account(K0), anyio.current_time() + 45.0, "rate_limit"))
        assert await answered(r) == "from B"
        await anyio.sleep(46.0)
        assert await answered(r, "and?") == "from A"


async def test_without_a_group_a_return_weighs_the_prompt_cache_too() -> None:
    big = Say("from B", usage=Usage(input=10, cache_read=200_000))
    async with ha({"A": [LIMIT, Say("A again")], "B": big}, order=(K0, B), prices={"A": Price(input=3.0)}) as r:
        await alone(r)
        await answered(r)
        await anyio.sleep(21.0)
        assert await answered(r, "and?") == "from B"
        assert "would lose a prompt cache worth $0.60" in notices(r)[-1]


@pytest.mark.parametrize("other", [K1, B])
async def test_without_a_group_a_refused_key_is_gone_back_to_once_it_may_be_another_one(other: Route) -> None:
    refused = fail("bad key", status=401)
    a = by_account(k0=[refused, Say("k0 again")])
    async with ha({"A": a}, order=(K0, other)) as r:
        plugin = await alone(r)
        await answered(r)
        await anyio.sleep(1000.0)
        await answered(r, "and?")
        assert asked(r) == [K0, other, other]
        plugin.try_again([("a", "primary")])  # as after /login, or after an edit of auth.json
        assert await answered(r, "now?") == "k0 again"


@pytest.mark.parametrize("new_session", [False, True])
async def test_a_key_that_was_refused_once_does_not_bar_the_way_home_for_ever(new_session: bool) -> None:
    refused = fail("bad key", status=401)
    works = [] if new_session else [Say("A works")]
    async with ha({"A": [refused, *works, LIMIT, Say("A again")]}, order=(K0, B)) as r:
        await alone(r)
        assert await answered(r) == "from B"
        if new_session:
            await r.agent.new_session()
        else:
            await r.agent.select("a/A")
            assert await answered(r, "and?") == "A works"
        assert await answered(r, "more") == "from B"
        await anyio.sleep(21.0)
        assert await answered(r, "now?") == "A again"


async def test_without_a_group_a_model_that_is_unknown_is_left_for_five_minutes() -> None:
    async with ha({"A": [fail("no such model", status=404), Say("A again")]}, order=(K0, B)) as r:
        await alone(r)
        assert await answered(r) == "from B"
        assert await answered(r, "and?") == "from B"
        await anyio.sleep(301.0)
        assert await answered(r, "now?") == "A again"
