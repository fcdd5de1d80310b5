"""Anthropic's own SDK as a client of the fault server, and its request types as the judge of ours."""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, cast

import anthropic
import httpx2
import pydantic
import pytest
from anthropic import Anthropic
from anthropic.types import (
    Base64ImageSourceParam,
    ImageBlockParam,
    Message,
    MessageParam,
    RawMessageStreamEvent,
    RedactedThinkingBlock,
    RedactedThinkingBlockParam,
    TextBlock,
    TextBlockParam,
    ThinkingBlock,
    ThinkingBlockParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlock,
    ToolUseBlockParam,
)
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming

from pi_fallback.providers.anthropic_render import rendered
from pi_fallback.testing import Cut, ErrorEvent, Ok, RunningFaultServer, Status, ToolCallScript, running_fault_server
from pi_fallback.testing.anthropic_blocks import minted
from pi_fallback.testing.anthropic_rules import violations
from pi_fallback.testing.steps import Step
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Producer,
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
from tests.providers.chat import a_call

SCHEMA: dict[str, object] = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOLS: list[ToolParam] = [{"name": "read", "description": "Reads a file.", "input_schema": SCHEMA}]
UNANSWERED: ToolUseBlockParam = {"type": "tool_use", "id": "c1", "name": "read", "input": {}}
HI: list[MessageParam] = [{"role": "user", "content": "hi"}]
USAGE = Usage(input=4, output=9, cache_read=6, cache_write=3, reasoning=2)
SAYING = Ok("Grüße, world", thinking="Hm. Yes.", usage=USAGE, chunk=3)
CALLING = Ok("I look.", [ToolCallScript("read", {"path": "a.py"}), ToolCallScript("read", id="mine")], "Hm.")


@contextmanager
def client_of(*steps: Step) -> Generator[tuple[Anthropic, RunningFaultServer]]:
    """A client of the SDK that checks all it gets, without its retries, and a server that plays `steps` for it."""
    with (
        running_fault_server({"m": steps}) as server,
        Anthropic(
            api_key="k-1", base_url=f"{server.origin}/anthropic", max_retries=0, _strict_response_validation=True
        ) as client,
    ):
        yield client, server


def asked(client: Anthropic, *, stream: bool, messages: Iterable[MessageParam] = HI, **more: Any) -> Message:
    """Ask for a message; return it as the SDK puts it together."""
    request: dict[str, Any] = {"model": "m", "max_tokens": 4096, "messages": messages, "tools": TOOLS, **more}
    if not stream:
        return cast("Message", client.messages.create(**request))
    with client.messages.stream(**request) as events:
        return events.get_final_message()


@pytest.mark.parametrize("stream", [True, False])
def test_the_sdk_reads_an_answer(stream: bool) -> None:
    with client_of(SAYING) as (client, server):
        message = asked(client, stream=stream)
        assert server.violations == ()
        assert server.requests[0].key == "k-1"
    thinking, text = message.content
    assert isinstance(thinking, ThinkingBlock)
    assert isinstance(text, TextBlock)
    assert (thinking.thinking, thinking.signature) == ("Hm. Yes.", minted("Hm. Yes.", 1))
    assert text.text == "Grüße, world"
    assert (message.id, message.stop_reason) == ("msg_1", "end_turn")
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (4, 6, 3)
    assert usage.output_tokens == 9
    assert usage.output_tokens_details
    assert usage.output_tokens_details.thinking_tokens == 2


def test_the_sdk_knows_every_event_of_a_stream() -> None:
    kind = pydantic.TypeAdapter[RawMessageStreamEvent](RawMessageStreamEvent)
    with client_of(CALLING) as (client, _server):
        events = list(client.messages.create(model="m", max_tokens=10, messages=HI, stream=True))
    for event in events:
        assert kind.validate_python(event.to_dict()).type == event.type
    assert [event.type for event in events if not event.type.startswith("content")] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


@pytest.mark.parametrize("stream", [True, False])
def test_the_sdk_reads_tool_calls(stream: bool) -> None:
    with client_of(CALLING) as (client, _server):
        message = asked(client, stream=stream)
    calls = [block for block in message.content if isinstance(block, ToolUseBlock)]
    assert [(call.id, call.name, call.input) for call in calls] == [
        ("toolu_1_0", "read", {"path": "a.py"}),
        ("mine", "read", {}),
    ]
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("redacted", [True, False])
@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024}])
def test_what_the_sdk_sends_back_is_taken_with_its_signatures(
    stream: bool, redacted: bool, thinking: dict[str, object]
) -> None:
    with client_of(replace(CALLING, redacted=redacted), Ok("done")) as (client, server):
        message = asked(client, stream=stream, thinking=thinking, system="Be brief.")
        assert isinstance(message.content[0], RedactedThinkingBlock if redacted else ThinkingBlock)
        source: Base64ImageSourceParam = {"type": "base64", "media_type": "image/png", "data": "aGk="}
        results: list[ToolResultBlockParam] = [
            {
                "type": "tool_result",
                "tool_use_id": block.id,
                "content": [{"type": "text", "text": "x"}, {"type": "image", "source": source}],
            }
            for block in message.content
            if isinstance(block, ToolUseBlock)
        ]
        messages: list[MessageParam] = [*HI, message.to_param(), {"role": "user", "content": results}]
        assert asked(client, stream=stream, messages=messages, thinking=thinking).stop_reason == "end_turn"
        assert server.violations == ()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_the_sdk_raises_its_own_error_for_a_status(
    status: int, kind: type[anthropic.APIStatusError], stream: bool
) -> None:
    with (
        client_of(Status(status, {"retry-after": "7", "request-id": "req_7"})) as (client, _server),
        pytest.raises(kind) as raised,
    ):
        asked(client, stream=stream)
    error = raised.value
    assert (error.status_code, error.request_id) == (status, "req_7")
    assert error.response.headers["retry-after"] == "7"
    assert cast("Any", error.body)["error"]["message"].endswith("(scripted)")


def test_the_sdk_raises_what_an_event_says() -> None:
    with client_of(ErrorEvent(1)) as (client, _server), pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        asked(client, stream=True)


@pytest.mark.parametrize(("how", "kind"), [("rst", httpx2.ReadError), ("fin", httpx2.RemoteProtocolError)])
def test_the_sdk_raises_when_a_stream_is_cut_off(how: Literal["rst", "fin"], kind: type[Exception]) -> None:
    with client_of(Cut(2, how)) as (client, _server), pytest.raises(kind):
        asked(client, stream=True)


def test_the_sdk_takes_a_stream_that_ends_early_for_an_answer_without_a_reason() -> None:
    with client_of(Cut(2, "clean")) as (client, _server):
        assert asked(client, stream=True).stop_reason is None  # which is why we ask for the last event


def test_the_sdk_is_told_what_is_wrong_with_its_request() -> None:
    with (
        client_of(SAYING) as (client, _server),
        pytest.raises(anthropic.BadRequestError, match="immediately after: c1"),
    ):
        asked(client, stream=False, messages=[*HI, {"role": "assistant", "content": [UNANSWERED]}, *HI])


def test_the_sdk_is_told_of_a_model_that_is_not_there() -> None:
    with client_of(SAYING) as (client, _server), pytest.raises(anthropic.NotFoundError, match="other"):
        client.messages.create(model="other", max_tokens=10, messages=HI)


def test_the_sdk_lists_models() -> None:
    with client_of(SAYING) as (client, _server):
        (model,) = client.models.list()
    assert (model.id, model.type, model.lifecycle) == ("m", "model", "active")


OWN = Producer("acme", "big/one", "anthropic-messages")
PICTURE = Image("aGk=", "image/png")
HISTORY = (
    user_message("look", [PICTURE]),
    AssistantMessage(
        (
            Thinking("hm", minted("hm", 1)),
            Thinking("", minted("", 1), redacted=True),
            Text("I look."),
            ToolCall("a", "read", frozen_object({"path": "a.py", "lines": [1, 2]})),
            ToolCall("b|c", "read"),
        ),
        StopReason.TOOL_USE,
        OWN,
    ),
    ToolResultMessage("a", "read", (Text("text"), PICTURE)),
    ToolResultMessage("b|c", "read", (Text("it broke"),), is_error=True),
)
PARAMS: Mapping[str, object] = {
    "text": TextBlockParam,
    "image": ImageBlockParam,
    "thinking": ThinkingBlockParam,
    "redacted_thinking": RedactedThinkingBlockParam,
    "tool_use": ToolUseBlockParam,
    "tool_result": ToolResultBlockParam,
}


def judged(kind: object, value: object) -> None:
    """Validate `value` as the SDK types it, with no field that it does not know.

    What the SDK types as iterable is validated when it is looked at. In a body, it also takes the blocks of an answer,
    which may have any field: so blocks are judged once more, each as what it says that it is.
    """
    forbid = pydantic.ConfigDict(extra="forbid")
    judge = pydantic.create_model("Judge", value=(cast("Any", kind), ...), __config__=forbid)
    look_through(cast("Any", judge.model_validate({"value": value})).value)


def look_through(value: object) -> None:
    if isinstance(value, Mapping):
        look_through([*cast("Mapping[str, object]", value).values()])
    elif isinstance(value, Iterable) and not isinstance(value, str | pydantic.BaseModel):
        for item in cast("Iterable[object]", value):
            look_through(item)


def blocks_in(body: Mapping[str, Any]) -> Generator[Mapping[str, Any]]:
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    for block in [*body["system"], *(block for message in messages for block in message["content"])]:
        yield block
        if block["type"] == "tool_result":
            yield from block["content"]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize(
    ("thinking", "compat"),
    [
        (None, {}),
        ("xhigh", {"supportsEagerToolInputStreaming": True}),
        ("off", {"thinkingOff": "between_tools"}),
        ("off", {"thinkingOff": "disabled"}),
        ("high", {"thinking": "budget"}),
    ],
)
def test_what_we_send_is_what_the_sdk_types(streams: bool, thinking: str | None, compat: dict[str, object]) -> None:
    tools = (ToolSpec("read", "Reads a file.", frozen_object(SCHEMA)),)
    call = a_call(
        "",
        *HISTORY,
        system="Be brief.",
        tools=tools,
        thinking=thinking,
        compat={"supportsStreaming": streams, **compat},
    )
    body = json.loads(rendered(call))
    judged(MessageCreateParamsStreaming if streams else MessageCreateParamsNonStreaming, body)
    for block in blocks_in(body):
        judged(PARAMS[block["type"]], block)
    for tool in body["tools"]:
        judged(ToolParam, tool)
    assert violations(body) == ()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (TextBlockParam, {"type": "text", "text": "x", "x": 1}),
        (ThinkingBlockParam, {"type": "thinking", "thinking": "x"}),
        (ToolParam, {"name": "read"}),
        (MessageCreateParamsStreaming, {"model": "m", "max_tokens": 1, "stream": True}),
        (MessageCreateParamsStreaming, {"model": "m", "max_tokens": 1, "stream": True, "messages": [], "x": 1}),
        (
            MessageCreateParamsStreaming,
            {"model": "m", "max_tokens": 1, "stream": True, "messages": [{"role": "robot", "content": "x"}]},
        ),
    ],
)
def test_the_judge_is_strict(kind: object, value: object) -> None:
    with pytest.raises(pydantic.ValidationError):
        judged(kind, value)
