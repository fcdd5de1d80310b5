"""Whole conversations in `google-generative-ai`, with a server that refuses what Gemini refuses."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from pi_fallback.http import Http
from pi_fallback.providers.google_generative import GOOGLE_GENERATIVE_AI
from pi_fallback.providers.streaming import stream_of
from pi_fallback.testing import Cut, ErrorEvent, FaultServer, Malformed, Ok, Status, ToolCallScript
from pi_fallback.testing.steps import Step
from pi_fallback_hookspecs import (
    AssistantMessage,
    Fault,
    FaultKind,
    Image,
    Message,
    ModelRef,
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
    user_message,
)
from tests.providers.chat import a_call

pytestmark = pytest.mark.anyio

PICTURE = Image("aGk=", "image/png")
OTHER = Producer("other", "small", "anthropic-messages")
TOOLS = (ToolSpec("read", "Reads a file.", {"type": "object", "properties": {}}),)
READS = (ToolCallScript("read", {"path": "a"}), ToolCallScript("read", {"path": "b"}))


async def ask(
    server: FaultServer,
    http: Http,
    *messages: Message,
    model: str = "gemini-3.8-flash",
    base: str = "/v1",
    compat: Mapping[str, object] | None = None,
    **options: Any,
) -> AssistantMessage | Fault:
    call = a_call(f"{server.origin}{base}", *messages, compat=compat, tools=TOOLS, thinking="low", **options)
    call = replace(call, model=replace(call.model, ref=ModelRef("acme", model)))
    async with aclosing(stream_of(http, GOOGLE_GENERATIVE_AI)(call)) as events:
        last = [event async for event in events][-1]
    return last.message if isinstance(last, Reply) else last if isinstance(last, Fault) else pytest.fail("no end")


def results_of(answer: AssistantMessage | Fault) -> list[Message]:
    assert isinstance(answer, AssistantMessage)
    return [
        ToolResultMessage(call.id, call.name, (Text("text"), PICTURE), is_error=at > 0)
        for at, call in enumerate(answer.tool_calls)
    ]


@pytest.mark.parametrize(
    ("model", "base", "compat"),
    [
        ("gemini-3.8-flash", "/v1beta", {}),
        ("gemini-3.8-flash", "/v1", {"supportsStreaming": False}),
        ("gemini-2.5-pro", "/v1beta", {}),
        ("gemini-3.8-flash", "", {"codeAssist": True, "project": "p"}),
        ("gemini-3.8-flash", "", {"codeAssist": True, "supportsStreaming": False}),
        ("gemini-3.8-flash", "/v1/publishers/google", {}),
        ("somebody's/odd:model", "/v1", {}),
    ],
)
async def test_a_conversation_with_tools_goes_on_with_the_signatures_that_it_was_given(
    model: str, base: str, compat: dict[str, object]
) -> None:
    calling = Ok("I look.", READS, thinking="Hm.", usage=Usage(input=3, output=9, cache_read=4, reasoning=2))
    script = [calling, calling, Ok("Done.", thinking="So."), Ok("Bye.")]
    async with FaultServer({model: script}) as server, Http(wall=lambda: 0.0) as http:
        history: list[Message] = [user_message("look", [PICTURE])]
        for said in ("I look.", "I look.", "Done.", "Bye."):
            answer = await ask(server, http, *history, model=model, base=base, compat=compat)
            assert server.violations == ()
            assert isinstance(answer, AssistantMessage), answer
            assert answer.text == said
            history += [answer, *(results_of(answer) or [user_message("and?")])]
        first, *_ = (message for message in history if isinstance(message, AssistantMessage))
        assert first.usage == calling.usage
        assert [type(block) for block in first.content] == [Thinking, Text, ToolCall, ToolCall]
        assert [call.arguments for call in first.tool_calls] == [{"path": "a"}, {"path": "b"}]
        assert (
            len(
                {call.id for message in history if isinstance(message, AssistantMessage) for call in message.tool_calls}
            )
            == 4
        )


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-2.5-flash"])
@pytest.mark.parametrize("inputs", [frozenset({"text", "image"}), frozenset({"text"})])
async def test_a_history_of_another_model_is_taken_and_each_thing_is_sent_once(
    model: str, inputs: frozenset[str]
) -> None:
    calls = (ToolCall("toolu|01", "read", {"path": "x"}, "foreign"), ToolCall("toolu|02", "read"))
    history: list[Message] = [
        user_message("first question", [PICTURE]),
        AssistantMessage((Thinking("secret", "foreign"), Text("half"),), StopReason.ERROR, OTHER),
        AssistantMessage(
            (Thinking("secret", "foreign"), Thinking("", "x", redacted=True), Text("I look."), *calls),
            StopReason.TOOL_USE,
            OTHER,
        ),
        ToolResultMessage("toolu|01", "read", (Text("result one"), PICTURE)),
        ToolResultMessage("toolu|02", "read", (Text("result two"),), is_error=True),
    ]  # fmt: skip
    async with FaultServer({model: [Ok("Done.", READS), Ok()]}) as server, Http(wall=lambda: 0.0) as http:
        answer = await ask(server, http, *history, model=model, inputs=inputs)
        assert isinstance(answer, AssistantMessage), answer
        await ask(server, http, *history, answer, *results_of(answer), model=model, inputs=inputs)
        assert server.violations == ()
        for request in server.requests:
            sent = request.raw.decode()
            assert [sent.count(once) for once in ("first question", "result one", "result two")] == [1, 1, 1]
            assert [sent.count(never) for never in ("secret", "foreign", "half")] == [0, 0, 0]
            assert sent.count('"aGk="') == (len(inputs) - 1) * (2 if request.number == 1 else 4)


@pytest.mark.parametrize(
    ("step", "kind", "phase", "code"),
    [
        (Status(429), FaultKind.STATUS, Phase.PRE, "429"),
        (Status(503), FaultKind.STATUS, Phase.PRE, "503"),
        (ErrorEvent(after=0), FaultKind.ERROR_EVENT, Phase.PRE, "503"),
        (ErrorEvent(after=1), FaultKind.ERROR_EVENT, Phase.TEXT, "503"),
        (Cut(after=1, how="clean"), FaultKind.INCOMPLETE, Phase.TEXT, None),
        (Cut(after=1, how="fin"), FaultKind.BROKEN, Phase.TEXT, None),
        (Cut(after=1, how="rst"), FaultKind.BROKEN, Phase.TEXT, None),
        (Cut(after=9, how="close"), FaultKind.INCOMPLETE, Phase.TEXT, None),
        (Cut(after=9, how="clean", of=Ok(tools=READS)), FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        (Malformed(after=1, raw=b'data: {"candidates": [\r\n\r\n'), FaultKind.MALFORMED, Phase.TEXT, None),
        (Ok(tools=[ToolCallScript("read", '{"half": ')]), FaultKind.MALFORMED, Phase.PRE, None),
        (Ok(finish=""), FaultKind.INCOMPLETE, Phase.TEXT, None),
        (Ok(finish="PROHIBITED_CONTENT"), FaultKind.FINISH, Phase.TEXT, "PROHIBITED_CONTENT"),
        (Ok(thinking="Hm."), FaultKind.EMPTY, Phase.TEXT, None),
        (Ok(thinking="Hm.", redacted=True), FaultKind.EMPTY, Phase.PRE, None),
    ],
)
async def test_what_fails_on_the_wire_is_one_fault(step: Step, kind: FaultKind, phase: Phase, code: str | None) -> None:
    async with FaultServer({"gemini-3.8-flash": step}) as server, Http(wall=lambda: 0.0) as http:
        fault = await ask(server, http, user_message("hi"))
        assert server.violations == ()
    assert isinstance(fault, Fault), fault
    assert (fault.kind, fault.phase, fault.code) == (kind, phase, code), fault.text


async def test_an_answer_that_reached_its_limit_says_so() -> None:
    script = {"gemini-3.8-flash": Ok("Once upon", finish="MAX_TOKENS")}
    async with FaultServer(script) as server, Http(wall=lambda: 0.0) as http:
        answer = await ask(server, http, user_message("hi"), max_tokens=2)
    assert isinstance(answer, AssistantMessage), answer
    assert (answer.stop_reason, answer.text) == (StopReason.LENGTH, "Once upon")
