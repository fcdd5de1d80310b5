"""Whole conversations in `anthropic-messages`, with a server that refuses what Anthropic refuses."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest

from pi_fallback.http import Http
from pi_fallback.providers.anthropic_messages import ANTHROPIC_MESSAGES
from pi_fallback.providers.streaming import stream_of
from pi_fallback.testing import (
    Cut,
    CutBeforeHeaders,
    Drip,
    Empty200,
    ErrorEvent,
    FaultServer,
    Html,
    Malformed,
    Ok,
    Status,
    ToolCallScript,
)
from pi_fallback.testing.steps import Step
from pi_fallback_hookspecs import (
    AssistantMessage,
    Fault,
    FaultKind,
    Image,
    Key,
    Message,
    Phase,
    Producer,
    Reply,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    ToolSpec,
    Usage,
    frozen_object,
    user_message,
)
from tests.providers.chat import SECRET, a_call

pytestmark = pytest.mark.anyio

PICTURE = Image("aGk=", "image/png")
OTHER = Producer("other", "small", "google-generative-ai")
TOOLS = (ToolSpec("read", "Reads a file.", frozen_object({"type": "object", "properties": {}})),)
READS = (ToolCallScript("read", {"path": "a"}), ToolCallScript("read"))


async def ask(
    server: FaultServer, http: Http, *messages: Message, compat: Mapping[str, object] | None = None, **options: Any
) -> AssistantMessage | Fault:
    key = Key(SECRET, server.origin)
    call = a_call(server.base_url, *messages, key=key, compat=compat, tools=TOOLS, system="Be brief.", **options)
    async with aclosing(stream_of(http, ANTHROPIC_MESSAGES)(call)) as events:
        last = [event async for event in events][-1]
    return last.message if isinstance(last, Reply) else last if isinstance(last, Fault) else pytest.fail("no end")


def results_of(answer: AssistantMessage | Fault) -> list[Message]:
    assert isinstance(answer, AssistantMessage), answer
    return [
        ToolResultMessage(call.id, call.name, (Text("text"), PICTURE), is_error=at > 0)
        for at, call in enumerate(answer.tool_calls)
    ]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("redacted", [True, False])
@pytest.mark.parametrize(
    ("thinking", "compat"),
    [
        (None, {}),
        ("high", {}),
        ("off", {}),
        ("off", {"thinkingOff": "between_tools"}),
        ("off", {"thinkingOff": "disabled"}),
        ("high", {"thinking": "budget"}),
        (None, {"thinking": "budget"}),
        ("high", {"thinking": "none"}),
    ],
)
async def test_a_conversation_with_tools_goes_on_with_the_signatures_that_it_was_given(
    thinking: str | None, compat: dict[str, object], redacted: bool, streams: bool
) -> None:
    usage = Usage(input=3, output=9, cache_read=4, cache_write=1, reasoning=2)
    calling = Ok("I look.", READS, thinking="Hm.", redacted=redacted, usage=usage)
    script = [calling, calling, Ok("Done.", thinking="So."), Ok("Bye.")]
    compat = {**compat, "supportsStreaming": streams}
    async with FaultServer(script) as server, Http(wall=lambda: 0.0) as http:
        history: list[Message] = [user_message("look", [PICTURE])]
        for said in ("I look.", "I look.", "Done.", "Bye."):
            answer = await ask(server, http, *history, thinking=thinking, compat=compat)
            assert server.violations == ()
            assert isinstance(answer, AssistantMessage), answer
            assert answer.text == said
            history += [answer, *(results_of(answer) or [user_message("and?")])]
        assert {request.key for request in server.requests} == {SECRET}
    answers = [message for message in history if isinstance(message, AssistantMessage)]
    assert answers[0].usage == usage
    assert [type(block) for block in answers[0].content] == [Thinking, Text, ToolCall, ToolCall]
    assert [call.arguments for call in answers[0].tool_calls] == [{"path": "a"}, {}]
    assert len({call.id for message in answers for call in message.tool_calls}) == 4


@pytest.mark.parametrize("thinking", ["adaptive", "budget"])
@pytest.mark.parametrize("inputs", [frozenset({"text", "image"}), frozenset({"text"})])
async def test_a_history_of_another_model_is_taken_and_each_thing_is_sent_once(
    inputs: frozenset[str], thinking: str
) -> None:
    calls = (ToolCall("fc|01", "read", {"path": "x"}, "foreign"), ToolCall("fc|02", "read"))
    history: list[Message] = [
        user_message("first question", [PICTURE]),
        AssistantMessage((Thinking("secret", "foreign"), Text("half")), StopReason.ERROR, OTHER),
        AssistantMessage(
            (Thinking("secret", "foreign"), Thinking("", "x", redacted=True), Text("I look."), *calls),
            StopReason.TOOL_USE,
            OTHER,
        ),
        ToolResultMessage("fc|01", "read", (Text("result one"), PICTURE)),
        ToolResultMessage("fc|02", "read", (Text("result two"),), is_error=True),
    ]
    options: dict[str, Any] = {"inputs": inputs, "thinking": "high", "compat": {"thinking": thinking}}
    async with FaultServer([Ok("Done.", READS, thinking="Hm."), Ok()]) as server, Http(wall=lambda: 0.0) as http:
        answer = await ask(server, http, *history, **options)
        assert isinstance(answer, AssistantMessage), answer
        await ask(server, http, *history, answer, *results_of(answer), **options)
        assert server.violations == ()
        for request in server.requests:
            sent = request.raw.decode()
            assert [sent.count(once) for once in ("first question", "result one", "result two")] == [1, 1, 1]
            assert [sent.count(never) for never in ("secret", "foreign", "half")] == [0, 0, 0]
            assert sent.count('"aGk="') == (len(inputs) - 1) * (2 if request.number == 1 else 4)


HALF = Ok("I think that", (ToolCallScript("read", {"path": "a" * 99}),), chunk=4)


@pytest.mark.parametrize(
    ("step", "kind", "phase"),
    [
        *((Cut(after, "fin"), FaultKind.BROKEN, phase) for after, phase in ((0, Phase.PRE), (2, Phase.TEXT))),
        *((Cut(after, "rst"), FaultKind.BROKEN, phase) for after, phase in ((0, Phase.PRE), (2, Phase.TEXT))),
        *((Cut(after, "clean"), FaultKind.INCOMPLETE, phase) for after, phase in ((0, Phase.PRE), (99, Phase.TEXT))),
        *((Cut(after, "close"), FaultKind.INCOMPLETE, phase) for after, phase in ((0, Phase.PRE), (99, Phase.TEXT))),
        (Cut(5, "fin", HALF), FaultKind.BROKEN, Phase.TOOL_ARGS),
        (Cut(5, "clean", HALF), FaultKind.INCOMPLETE, Phase.TOOL_ARGS),
        (Cut(99, "clean", HALF), FaultKind.INCOMPLETE, Phase.TOOL_ARGS),  # RT3: a whole call, no end
        (Ok(done=False), FaultKind.INCOMPLETE, Phase.TEXT),
        (Ok(tools=READS, done=False), FaultKind.INCOMPLETE, Phase.TOOL_ARGS),
        (Ok("", finish="end_turn"), FaultKind.EMPTY, Phase.PRE),
        (Ok(thinking="Hm."), FaultKind.EMPTY, Phase.TEXT),
        (Ok("No.", finish="refusal"), FaultKind.FINISH, Phase.TEXT),
        (Ok(tools=[ToolCallScript("read", '{"a": ')], finish="max_tokens"), FaultKind.INCOMPLETE, Phase.TOOL_ARGS),
        (ErrorEvent(0), FaultKind.ERROR_EVENT, Phase.PRE),
        (ErrorEvent(2), FaultKind.ERROR_EVENT, Phase.TEXT),
        (Malformed(1), FaultKind.MALFORMED, Phase.TEXT),
        (Malformed(1, b"data: null\n\n"), FaultKind.MALFORMED, Phase.TEXT),
        (Html(), FaultKind.MALFORMED, Phase.PRE),
        (Empty200(), FaultKind.EMPTY, Phase.PRE),
        (CutBeforeHeaders(), FaultKind.BROKEN, Phase.PRE),
        (Status(401), FaultKind.STATUS, Phase.PRE),
        (Status(529), FaultKind.STATUS, Phase.PRE),
    ],
    ids=repr,
)
async def test_rs1_rs3_rs7_rs10_what_breaks_is_a_fault_and_never_half_an_answer(
    step: Step, kind: FaultKind, phase: Phase
) -> None:
    async with FaultServer(step) as server, Http(wall=lambda: 0.0) as http:
        fault = await ask(server, http, user_message("hi"))
        assert server.violations == ()
    assert isinstance(fault, Fault), fault
    assert (fault.kind, fault.phase) == (kind, phase), fault.text


@pytest.mark.parametrize("step", [Cut(3, "clean"), ErrorEvent(3), Cut(3, "fin")])
async def test_rs1_rs3_a_half_json_is_no_answer_either(step: Step) -> None:
    async with FaultServer(step) as server, Http(wall=lambda: 0.0) as http:
        fault = await ask(server, http, user_message("hi"), compat={"supportsStreaming": False})
    assert isinstance(fault, Fault), fault


async def test_rs5_a_slow_answer_is_an_answer() -> None:
    async with FaultServer(Drip(0.001, 40, of=Ok("héllo"))) as server, Http(wall=lambda: 0.0) as http:
        answer = await ask(server, http, user_message("hi"))
    assert isinstance(answer, AssistantMessage), answer
    assert answer.text == "héllo"
