"""The scripted provider, in virtual time."""

from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from pi_fallback.testing import CallTool, Fail, Hang, Move, Pieces, Say, ScriptedProvider, Wait, fail
from pi_fallback_hookspecs import (
    Call,
    Fault,
    FaultKind,
    Model,
    ModelRef,
    Phase,
    Reply,
    Request,
    Route,
    StopReason,
    StreamEvent,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    user_message,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_backend: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return virtual_backend


def a_call(model: str = "big", text: str = "hi") -> Call:
    return Call(Route("acme", model), Model(ModelRef("acme", model)), Request((user_message(text),)))


async def answer(provider: ScriptedProvider, call: Call | None = None) -> list[StreamEvent]:
    return [event async for event in provider.stream(call or a_call())]


def scripted(*moves: Move) -> ScriptedProvider:
    return ScriptedProvider({"big": moves})


async def test_it_says_a_whole_answer() -> None:
    thinking, text, end = await answer(scripted(Say("hello", thinking="hm")))
    assert (thinking, text) == (ThinkingDelta("hm", 0), TextDelta("hello", 1))
    assert isinstance(end, Reply)
    assert end.message.content == (Thinking("hm"), Text("hello"))
    assert (end.message.stop_reason, end.message.producer.provider) == (StopReason.STOP, "acme")


@pytest.mark.parametrize("move", [CallTool("read", {"path": "a.py"}), Say(calls=[CallTool("read", {"path": "a.py"})])])
async def test_it_calls_a_tool(move: Move) -> None:
    delta, end = await answer(scripted(move))
    assert delta == ToolCallDelta(0, "call-1", "read", '{"path": "a.py"}')
    assert isinstance(end, Reply)
    assert end.message.tool_calls == (ToolCall("call-1", "read", {"path": "a.py"}),)
    assert end.message.stop_reason == StopReason.TOOL_USE


async def test_tool_calls_have_ids_of_their_own() -> None:
    provider = scripted(Say(calls=[CallTool("a"), CallTool("b")]), CallTool("c"))
    events = [*await answer(provider), *await answer(provider)]
    assert [event.id for event in events if isinstance(event, ToolCallDelta)] == ["call-1", "call-2", "call-3"]


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (fail(status=429, retry_after_s=8), Fault(FaultKind.STATUS, "scripted failure", 429, retry_after_s=8)),
        (fail("gone"), Fault(FaultKind.BROKEN, "gone")),
        (fail(kind=FaultKind.EMPTY, phase=Phase.DONE), Fault(FaultKind.EMPTY, "scripted failure", phase=Phase.DONE)),
    ],
)
async def test_a_failure_is_the_fault_it_names(made: Fail, fault: Fault) -> None:
    assert made.fault == fault
    assert await answer(scripted(made)) == [fault]


async def test_pieces_come_in_their_time() -> None:
    start = anyio.current_time()
    stream = scripted(Pieces(["a", "b"], every_s=10)).stream(a_call())
    moments = [anyio.current_time() - start async for _ in stream]
    assert moments == pytest.approx([10, 20, 20], abs=0.01)


async def test_pieces_make_one_answer() -> None:
    *deltas, end = await answer(scripted(Pieces(["he", "llo"])))
    assert deltas == [TextDelta("he"), TextDelta("llo")]
    assert isinstance(end, Reply)
    assert end.message.text == "hello"


@pytest.mark.parametrize(("texts", "phase"), [(["half"], Phase.TEXT), ([], Phase.PRE)])
async def test_a_failure_in_the_middle_says_how_far_it_came(texts: list[str], phase: Phase) -> None:
    *deltas, end = await answer(scripted(Pieces(texts, then=fail())))
    assert (deltas, isinstance(end, Fault) and end.phase) == ([TextDelta(text) for text in texts], phase)


@pytest.mark.parametrize("move", [Hang(), Pieces(["a"], then=Hang()), Pieces([], then=Hang())])
async def test_a_hang_lasts_until_it_is_cancelled(move: Move) -> None:
    with anyio.move_on_after(86_400) as day:
        await answer(scripted(move))
    assert day.cancelled_caught


async def test_a_wait_comes_before_its_move() -> None:
    start = anyio.current_time()
    assert await answer(scripted(Wait(5, Wait(60, fail("late"))))) == [fail("late").fault]
    assert anyio.current_time() - start == pytest.approx(65, abs=0.01)


async def test_moves_are_made_one_a_call_and_the_last_again_and_again() -> None:
    provider = ScriptedProvider({"big": [fail(), Say("x")], "mid": Say("y")})
    ends = [(await answer(provider, a_call(model)))[-1] for model in ("big", "mid", "big", "big")]
    assert [isinstance(end, Reply) for end in ends] == [False, True, True, True]


async def test_a_function_chooses_from_what_was_asked() -> None:
    provider = ScriptedProvider({"big": lambda call: Say(str(len(call.request.messages)))})
    assert (await answer(provider))[0] == TextDelta("1")


async def test_a_model_without_moves_is_not_found() -> None:
    (end,) = await answer(ScriptedProvider(), a_call("other"))
    assert isinstance(end, Fault)
    assert end.status == 404


async def test_the_calls_are_kept_with_their_moments() -> None:
    provider = ScriptedProvider({"big": Wait(3, Say("x")), "mid": Say("y")})
    calls = [a_call("big"), a_call("mid"), a_call("big", "again")]
    start = anyio.current_time()
    for call in calls:
        await answer(provider, call)
    assert [called.call for called in provider.calls] == calls
    assert [called.at - start for called in provider.calls] == pytest.approx([0, 3, 3], abs=0.01)
    assert [called.call for called in provider.calls_for("mid")] == [calls[1]]


@pytest.mark.parametrize(
    ("given", "served"),
    [((), ["big", "mid"]), ((Model(ModelRef("acme", "big"), context_window=10),), ["big"])],
)
def test_the_provider_serves_its_models_without_a_key(given: tuple[Model, ...], served: list[str]) -> None:
    moves: Mapping[str, Move] = {"big": Say("x"), "mid": Say("y")}
    provider = ScriptedProvider(moves).provider("acme", *given)
    assert [str(model.ref) for model in provider.models] == [f"acme/{model}" for model in served]
    assert (provider.needs_key, provider.stream is not None) == (False, True)
