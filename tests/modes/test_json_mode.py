"""JSON mode: a header, then every event as a line, until the agent is settled."""

import pytest

from pi_fallback.modes.json_mode import run_json
from pi_fallback.testing import Fail, Pieces, Say, ScriptedProvider, fail
from tests.conftest import Backend
from tests.modes.streams import Written, wall
from tests.rigs import rig

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def test_the_whole_story_of_a_failover_is_told() -> None:
    cut = Pieces(["half"], then=Fail(fail("cut off", status=418).fault))
    out = Written()
    async with rig(ScriptedProvider({"A": cut, "B": Say("whole \u2028 answer")}), ["A", "B"]) as r:
        assert await run_json(r.agent, "hello", out=out, wall=wall) == 0
    events = out.events
    assert events[0] == {"type": "session", "id": "unwritten", "timestamp": "2026-09-21T14:13:20.250Z", "cwd": "/"}
    types = [event["type"] for event in events if event["type"] not in {"message_update", "timer", "status", "notice"}]
    user, answer = ["message_start", "message_end"], ["message_start", "message_end"]
    assert types == [
        "session",
        *("agent_start", "turn_start", *user, "message_start", "message_withdrawn"),
        *("message_start", "message_end", "agent_end"),  # the failed answer
        *("model_select", "agent_start", "turn_start", *user, *answer, "turn_end", "agent_end"),
        "agent_settled",
    ]
    first, second = out.of("agent_end")
    assert (first["stopReason"], first["willRetry"], first["recoverable"]) == ("error", False, True)
    assert "cut off" in first["errorMessage"]
    assert second["stopReason"] == "stop"
    assert events[-1] == {"type": "agent_settled", "stopReason": "stop"}
    assert out.of("message_end")[-1]["message"]["content"] == [{"type": "text", "text": "whole \u2028 answer"}]


async def test_a_failure_is_told_by_the_exit_code_too() -> None:
    out = Written()
    async with rig(ScriptedProvider({"A": fail("bad key", status=401)}), ["A"]) as r:
        assert await run_json(r.agent, "hello", out=out, wall=wall) == 1
    assert "bad key" in out.of("gave_up")[0]["message"]


async def test_when_nobody_reads_any_more_the_run_is_aborted() -> None:
    out = Written(closes_after=100)
    async with rig(ScriptedProvider({"A": Pieces(["a"] * 1000, every_s=1.0)}), ["A"]) as r:
        assert await run_json(r.agent, "hello", out=out, wall=wall) == 1
        await r.agent.settled()
