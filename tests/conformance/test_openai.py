"""OpenAI's own SDK as a client of the fault server, and its request types as the judge of ours."""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import openai
import pydantic
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionToolParam
from openai.types.chat.chat_completion import Choice
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import Response, ResponseStreamEvent, ToolParam
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from pi_fallback.providers import openai_render, responses_render
from pi_fallback.providers.responses_signatures import item_signature, reasoning_signature
from pi_fallback.testing import (
    Cut,
    ErrorEvent,
    Ok,
    Status,
    ToolCallScript,
    running_fault_server,
)
from pi_fallback.testing.steps import Step
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Image,
    Message,
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
from tests.providers.responses import function_call, message, reasoning

SCHEMA: dict[str, object] = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOL: ToolParam = {"type": "function", "name": "read", "description": "d", "parameters": SCHEMA, "strict": False}
CHAT_TOOL: ChatCompletionToolParam = {"type": "function", "function": {"name": "read", "parameters": SCHEMA}}
USAGE = Usage(input=4, output=9, cache_read=6, reasoning=2)
SAYING = Ok("Grüße, world", thinking="Hm. Yes.", usage=USAGE, chunk=3)
CALLING = Ok("I look.", [ToolCallScript("read", {"path": "a.py"}), ToolCallScript("read", "{}", id="mine")], "Hm.")


@contextmanager
def client_of(*steps: Step) -> Generator[OpenAI]:
    """A client of the SDK that checks all it gets, without its retries, and a server that plays `steps` for it."""
    with (
        running_fault_server({"m": steps}) as server,
        OpenAI(api_key="k-1", base_url=server.base_url, max_retries=0, _strict_response_validation=True) as client,
    ):
        yield client
        assert server.violations == ()
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer k-1"}


def responded(client: OpenAI, stream: bool, **more: Any) -> tuple[Response, list[ResponseStreamEvent]]:
    """Ask for a response; return it as the SDK puts it together, and its events if it is a stream."""
    asked: dict[str, Any] = {"model": "m", "input": "hi", "store": False, **more}
    answer: Any = client.responses.create(**asked, stream=stream)
    events: list[ResponseStreamEvent] = list(answer) if stream else []
    return cast("Any", events[-1]).response if stream else answer, events


@pytest.mark.parametrize("stream", [True, False])
def test_responses_the_sdk_reads_text_thinking_and_usage(stream: bool) -> None:
    with client_of(SAYING) as client:
        response, events = responded(client, stream)
    assert response.status == "completed"
    assert response.output_text == "Grüße, world"
    thought = response.output[0]
    assert thought.type == "reasoning"
    assert [part.text for part in thought.summary] == ["Hm. Yes."]
    assert thought.encrypted_content
    usage = response.usage
    assert usage
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens) == (10, 6)
    assert (usage.output_tokens, usage.output_tokens_details.reasoning_tokens, usage.total_tokens) == (9, 2, 19)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert not stream or deltas == ["Grü", "ße,", " wo", "rld"]


def test_responses_the_sdk_puts_a_stream_together() -> None:
    with client_of(CALLING) as client, client.responses.stream(model="m", input="hi") as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call", "function_call"]


@pytest.mark.parametrize("stream", [True, False])
def test_responses_a_conversation_that_the_sdk_keeps_is_taken_back_with_its_reasoning(stream: bool) -> None:
    more: dict[str, Any] = {
        "tools": [TOOL],
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "instructions": "Be brief.",
        "max_output_tokens": 100,
    }
    with client_of(CALLING, Ok("done", thinking="So.", redacted=True), Ok("bye")) as client:
        kept: list[Any] = [{"role": "user", "content": "hi"}]
        answer, _ = responded(client, stream, input=kept, **more)
        calls = [item for item in answer.output if item.type == "function_call"]
        assert [(call.call_id, call.name, json.loads(call.arguments)) for call in calls] == [
            ("call_1_0", "read", {"path": "a.py"}),
            ("mine", "read", {}),
        ]
        kept += [item.to_dict() for item in answer.output]
        picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}
        kept += [{"type": "function_call_output", "call_id": call.call_id, "output": [picture]} for call in calls]
        answer, _ = responded(client, stream, input=kept, **more)
        assert answer.output_text == "done"
        kept += [item.to_dict() for item in answer.output]
        kept += [{"role": "user", "content": [{"type": "input_text", "text": "so?"}, picture]}]
        answer, _ = responded(client, stream, input=kept, **more)
        assert answer.output_text == "bye"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_responses_the_sdk_reads_an_answer_that_is_not_complete(reason: str, stream: bool) -> None:
    with client_of(Ok(finish=reason)) as client:
        response, _ = responded(client, stream)
    assert response.status == "incomplete"
    assert response.incomplete_details
    assert response.incomplete_details.reason == reason


def test_responses_the_sdk_reads_a_failed_one() -> None:
    with client_of(Ok(finish="failed")) as client:
        response, events = responded(client, stream=True)
    assert events[-1].type == "response.failed"
    assert response.error
    assert response.error.code == "server_error"


@pytest.mark.parametrize("stream", [True, False])
def test_chat_the_sdk_reads_text_thinking_and_usage(stream: bool) -> None:
    asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with client_of(SAYING) as client:
        if stream:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        create: Any = client.chat.completions.create
        answer = create(**asked)
        chunks: list[ChatCompletionChunk] = list(answer) if stream else []
    whole: ChatCompletion | None = None if stream else answer
    choices = whole.choices if whole else [choice for chunk in chunks for choice in chunk.choices]
    deltas = [choice.message if isinstance(choice, Choice) else choice.delta for choice in choices]
    finish, usage = choices[-1].finish_reason, (whole or chunks[-1]).usage
    assert "".join(delta.content or "" for delta in deltas) == "Grüße, world"
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas) == "Hm. Yes."
    assert finish == "stop"
    assert usage
    assert usage.prompt_tokens_details
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens) == (10, 6, 9)


def test_chat_a_conversation_that_the_sdk_keeps_is_taken_back() -> None:
    kept: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    with client_of(CALLING, Ok("done")) as client:
        with client.chat.completions.stream(model="m", messages=kept, tools=[CHAT_TOOL]) as stream:
            answer = stream.get_final_completion().choices[0]
        calls = answer.message.tool_calls or []
        assert answer.finish_reason == "tool_calls"
        assert [(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls] == [
            ("call_1_0", "read", {"path": "a.py"}),
            ("mine", "read", {}),
        ]
        kept += [answer.message.to_dict()]
        kept += [{"role": "tool", "tool_call_id": call.id, "content": "text"} for call in calls]
        last = client.chat.completions.create(model="m", messages=kept, tools=[CHAT_TOOL])
        assert last.choices[0].message.content == "done"


def chat(client: OpenAI, stream: bool) -> object:
    answer: Any = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=stream)
    return list(answer) if stream else answer


def respond(client: OpenAI, stream: bool) -> object:
    answer: Any = client.responses.create(model="m", input="hi", store=False, stream=stream)
    return list(answer) if stream else answer


Asking = Callable[[OpenAI, bool], object]
BOTH = pytest.mark.parametrize("ask", [chat, respond])


@BOTH
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_a_status_is_the_sdks_own_error(
    ask: Asking, stream: bool, code: int, error: type[openai.APIStatusError]
) -> None:
    with client_of(Status(code, {"retry-after": "7"})) as client:
        with pytest.raises(error) as caught:
            ask(client, stream)
        assert caught.value.status_code == code
        assert caught.value.response.headers["retry-after"] == "7"
        assert "(scripted)" in caught.value.message
        assert caught.value.type


@BOTH
def test_an_error_in_a_stream_is_the_sdks_own_error(ask: Asking) -> None:
    with client_of(ErrorEvent(1, {"message": "spent", "code": "insufficient_quota"})) as client:
        with pytest.raises(openai.APIError) as caught:
            ask(client, True)
        assert (caught.value.message, caught.value.code) == ("spent", "insufficient_quota")


@BOTH
def test_a_broken_connection_is_the_sdks_own_error(ask: Asking) -> None:
    with client_of(Cut(1, "rst")) as client, pytest.raises(openai.APIConnectionError):
        ask(client, True)


def test_the_sdk_lists_the_models() -> None:
    with client_of(Ok()) as client:
        assert [model.id for model in client.models.list()] == ["m"]


def test_what_the_api_refuses_the_sdk_reads_as_a_bad_request() -> None:
    with running_fault_server({"m": Ok()}) as server:
        client = OpenAI(api_key="k-1", base_url=server.base_url, max_retries=0)
        with client, pytest.raises(openai.BadRequestError, match="No tool call found"):
            client.responses.create(
                model="m", input=[{"type": "function_call_output", "call_id": "c1", "output": "x"}], store=False
            )


def judged(kind: type, body: Mapping[str, Any]) -> None:
    """Validate `body` by a type of the SDK, strangers among its fields refused at any depth."""
    forbid = pydantic.ConfigDict(extra="forbid")
    judge = pydantic.create_model("Judge", body=(kind, ...), __config__=forbid)
    _looked_through(cast("Any", judge.model_validate({"body": body})).body)


def _looked_through(value: object) -> None:
    """Look at every item: what the SDK types as iterable is validated only when it is looked at."""
    if isinstance(value, Mapping):
        _looked_through([*cast("Mapping[str, object]", value).values()])
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for item in cast("Iterable[object]", value):
            _looked_through(item)


TOOLS = (ToolSpec("read", "Reads a file.", frozen_object(SCHEMA)),)
PICTURE = Image("AA==", "image/png")


def call_for(dialect: str, *, streams: bool) -> Call:
    """A call with all that a request can hold, most of it written by the model that is asked."""
    own = Producer("acme", "big/one", dialect)
    thought = Thinking("Hm.", reasoning_signature(reasoning("Hm."), "primary"))
    said = Text("I look.", item_signature(message("", phase="commentary")))
    calls = (
        ToolCall("c1", "read", frozen_object({"path": "a.py"}), item_signature(function_call())),
        ToolCall("c2", "read", signature=item_signature(function_call(item_id="fc_2"))),
    )
    results = (ToolResultMessage("c1", "read", (Text("one"), PICTURE)), ToolResultMessage("c2", "read", ()))
    messages: list[Message] = [
        user_message("look", [PICTURE]),
        AssistantMessage((thought, said, *calls), StopReason.TOOL_USE, own),
        *results,
        AssistantMessage((Thinking("So."), Text("Done.")), StopReason.STOP, replace(own, model="other")),
        user_message("and?"),
    ]
    compat = {"supportsStreaming": streams, "maxTokensField": "max_completion_tokens"}
    return a_call("", *messages, system="Be brief.", tools=TOOLS, max_tokens=100, thinking="low", compat=compat)


@pytest.mark.parametrize(
    ("streams", "kind"), [(True, ResponseCreateParamsStreaming), (False, ResponseCreateParamsNonStreaming)]
)
def test_what_we_ask_of_responses_is_of_the_sdks_type(streams: bool, kind: type) -> None:
    body = json.loads(responses_render.rendered(call_for("openai-responses", streams=streams)))
    kinds = [item["type"] for item in body["input"]]
    assert kinds[1:6] == ["reasoning", "message", "function_call", "function_call", "function_call_output"]
    judged(kind, body)


@pytest.mark.parametrize(
    ("streams", "kind"), [(True, CompletionCreateParamsStreaming), (False, CompletionCreateParamsNonStreaming)]
)
def test_what_we_ask_of_chat_completions_is_of_the_sdks_type(streams: bool, kind: type) -> None:
    body = json.loads(openai_render.rendered(call_for("openai-completions", streams=streams)))
    assert len(body["messages"]) == 8
    judged(kind, body)


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": 7}]}]},
        {"input": [{**message("x"), "content": [{"type": "output_text", "text": "x"}]}]},
        {"tools": [{"type": "function", "function": {"name": "read"}}]},
    ],
)
def test_the_judge_is_awake(change: Mapping[str, Any]) -> None:
    body = json.loads(responses_render.rendered(call_for("openai-responses", streams=True)))
    with pytest.raises(pydantic.ValidationError):
        judged(ResponseCreateParamsStreaming, {**body, **change})
