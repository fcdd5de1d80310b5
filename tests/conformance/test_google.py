"""Google's own SDK as a client of the fault server, and its request types as the judge of ours."""

import base64
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pydantic
import pytest
from google import genai
from google.genai import errors, types

from pi_fallback.providers.google_render import rendered
from pi_fallback.testing import (
    Cut,
    ErrorEvent,
    Ok,
    RunningFaultServer,
    Status,
    ToolCallScript,
    running_fault_server,
)
from pi_fallback.testing.google_turns import minted
from pi_fallback.testing.steps import Playable
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
    user_message,
)
from tests.providers.chat import a_call

TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="read",
            description="Reads a file.",
            parameters_json_schema={"type": "object", "properties": {"path": {"type": "string"}}},
        )
    ]
)


@contextmanager
def client_of(*steps: Playable, version: str = "v1") -> Generator[tuple[genai.Client, RunningFaultServer]]:
    """A client of the SDK, without its retries, and the server that it talks to."""
    with running_fault_server({"m": [*steps]}) as server:
        options = types.HttpOptions(
            base_url=server.origin, api_version=version, retry_options=types.HttpRetryOptions(attempts=1)
        )
        with genai.Client(api_key="k-1", http_options=options) as client:
            yield client, server


def asked(server: RunningFaultServer) -> Any:
    """Return the one request that came, which the server has found no fault with."""
    (request,) = server.requests
    assert request.violations == ()
    assert request.key == "k-1"
    return request


SAYING = Ok("Grüße, world", thinking="Hm. Yes.", usage=Usage(input=4, output=9, cache_read=6, reasoning=2))


def check_saying(responses: list[types.GenerateContentResponse]) -> None:
    parts = [part for response in responses for part in (response.parts or [])]
    assert "".join(part.text or "" for part in parts if not part.thought) == "Grüße, world"
    assert "".join(part.text or "" for part in parts if part.thought) == "Hm. Yes."
    assert base64.b64encode(parts[-1].thought_signature or b"").decode() == minted(1)
    last = responses[-1]
    assert last.candidates
    assert last.candidates[0].finish_reason is types.FinishReason.STOP
    usage = last.usage_metadata
    assert usage
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (10, 6)
    assert (usage.candidates_token_count, usage.thoughts_token_count, usage.total_token_count) == (7, 2, 19)
    assert last.response_id == "response-1"


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_the_sdk_reads_a_whole_answer(version: str) -> None:
    with client_of(SAYING, version=version) as (client, server):
        check_saying([client.models.generate_content(model="m", contents="hi")])
        assert asked(server).path == f"/{version}/models/m:generateContent"


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_the_sdk_reads_a_stream(version: str) -> None:
    with client_of(replace(SAYING, chunk=3), version=version) as (client, server):
        responses = list(client.models.generate_content_stream(model="m", contents="hi"))
        assert len(responses) == 8
        check_saying(responses)
        assert asked(server).path == f"/{version}/models/m:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("stream", [True, False])
def test_the_sdk_reads_tool_calls(stream: bool) -> None:
    tools = [ToolCallScript("read", {"path": "a.py"}), ToolCallScript("read", '{"path": "b.py"}', id="mine")]
    config = types.GenerateContentConfig(tools=[TOOL])
    with client_of(Ok(tools=tools)) as (client, server):
        ask = client.models.generate_content_stream if stream else client.models.generate_content
        answer: Any = ask(model="m", contents="hi", config=config)
        responses = list(answer) if stream else [answer]
        asked(server)
    calls = [call for response in responses for call in (response.function_calls or [])]
    assert [(call.id, call.name, call.args) for call in calls] == [
        ("call_1_0", "read", {"path": "a.py"}),
        ("mine", "read", {"path": "b.py"}),
    ]


def test_a_conversation_that_the_sdk_keeps_is_taken_with_its_signatures() -> None:
    calling = Ok(thinking="Hm.", tools=[ToolCallScript("read", {"path": "a.py"}), ToolCallScript("read", "{}")])
    config = types.GenerateContentConfig(
        tools=[TOOL],
        system_instruction="Be brief.",
        max_output_tokens=100,
        temperature=1.0,
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    with client_of(calling, calling, Ok("done", thinking="So."), Ok("bye")) as (client, server):
        chat = client.chats.create(model="m", config=config)
        answer = chat.send_message("hi")
        for _ in range(2):
            answer = chat.send_message(
                [
                    types.Part(
                        function_response=types.FunctionResponse(
                            id=call.id,
                            name=call.name,
                            response={"output": "text"},
                            parts=[types.FunctionResponsePart.from_bytes(data=b"\0", mime_type="image/png")],
                        )
                    )
                    for call in answer.function_calls or []
                ]
            )
        assert answer.text == "done"
        picture = types.Part.from_bytes(data=b"\0", mime_type="image/png")
        assert "".join(piece.text or "" for piece in chat.send_message_stream(["and this?", picture])) == "bye"
        assert server.violations == ()
        assert [len(request.body["contents"]) for request in server.requests if request.body] == [1, 3, 5, 7]


def test_the_sdk_lists_the_models() -> None:
    with client_of(Ok(), version="v1beta") as (client, _server):
        (model,) = client.models.list()
        assert (model.name, model.input_token_limit, model.output_token_limit) == ("models/m", 1_048_576, 65_536)
        assert "generateContent" in (model.supported_actions or [])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, errors.ClientError, "INVALID_ARGUMENT"),
        (401, errors.ClientError, "UNAUTHENTICATED"),
        (403, errors.ClientError, "PERMISSION_DENIED"),
        (404, errors.ClientError, "NOT_FOUND"),
        (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
        (500, errors.ServerError, "INTERNAL"),
        (503, errors.ServerError, "UNAVAILABLE"),
    ],
)
def test_the_sdk_raises_its_own_errors(status: int, kind: type[errors.APIError], words: str, stream: bool) -> None:
    with client_of(Status(status)) as (client, server):
        ask = client.models.generate_content_stream if stream else client.models.generate_content
        with pytest.raises(kind) as caught:
            list(ask(model="m", contents="hi"))
        assert (caught.value.code, caught.value.status) == (status, words)
        assert "scripted" in (caught.value.message or "")
        assert len(server.requests) == 1


def test_a_refusal_of_the_server_is_a_client_error_that_says_why() -> None:
    with client_of(Ok()) as (client, _server):
        with pytest.raises(errors.ClientError, match="empty text parameter"):
            client.models.generate_content(
                model="m", contents=[types.Content(role="user", parts=[types.Part(text="")])]
            )
        with pytest.raises(errors.ClientError, match="does not exist"):
            client.models.generate_content(model="other", contents="hi")


def test_an_error_in_the_middle_of_a_stream_reaches_a_client_of_the_sdk() -> None:
    with client_of(ErrorEvent(after=1)) as (client, _server):
        read: list[types.GenerateContentResponse] = []
        with pytest.raises(errors.ServerError, match="overloaded"):
            read.extend(client.models.generate_content_stream(model="m", contents="hi"))


def test_a_cut_answer_shows_no_finish_reason_and_the_sdk_does_not_mind() -> None:
    with client_of(Cut(after=2, how="clean")) as (client, _server):
        responses = list(client.models.generate_content_stream(model="m", contents="hi"))
        assert len(responses) == 2
        assert all(response.candidates and response.candidates[0].finish_reason is None for response in responses)


OWN = Producer("acme", "big/one", "google-generative-ai")
OTHER = Producer("other", "small", "openai-responses")
PICTURE = Image("aGk=", "image/png")
CALLS = (ToolCall("c1", "read", {"path": "a"}, "QQ=="), ToolCall("call|2", "ls", {"deep": [1, {"a": None}]}))
HISTORY = (
    user_message("look", [PICTURE]),
    AssistantMessage((Thinking("hm", "QQ=="), Text("I look.", "Qg=="), *CALLS), StopReason.TOOL_USE, OWN),
    ToolResultMessage("c1", "read", (Text("one"), PICTURE)),
    ToolResultMessage("call|2", "ls", (), is_error=True),
    AssistantMessage((Thinking("x", "y"), ToolCall("c3", "read")), StopReason.TOOL_USE, OTHER),
    ToolResultMessage("c3", "read", (Text("three"),)),
)


class Body(pydantic.BaseModel, extra="forbid", alias_generator=pydantic.alias_generators.to_camel):
    """The REST body, of the SDK's types, which refuse fields that they do not know."""

    contents: list[types.Content]
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    generation_config: types.GenerationConfig | None = None


class Envelope(pydantic.BaseModel, extra="forbid"):
    """What Cloud Code Assist takes. The SDK does not know it."""

    model: str
    project: str
    request: Body


@pytest.mark.parametrize("thinking", [None, "off", "minimal", "low", "medium", "high", "xhigh"])
@pytest.mark.parametrize(
    "compat",
    [
        {},
        {"thinkingFormat": "budget"},
        {"thinkingLevels": ["MINIMAL", "XHIGH"]},
        {"requiresThoughtSignatures": False, "supportsToolCallIds": False, "supportsImagesInToolResults": False},
    ],
)
def test_our_requests_are_of_the_types_of_the_sdk(thinking: str | None, compat: dict[str, object]) -> None:
    schema = {"type": "object", "properties": {"path": {"type": ["string", "null"]}}, "additionalProperties": False}
    call = a_call(
        "",
        *HISTORY,
        compat=compat,
        system="Be brief.",
        tools=(ToolSpec("read", "Reads.", schema), ToolSpec("ls", "Lists.", {"type": "object"})),
        max_tokens=9,
        thinking=thinking,
    )
    call = replace(call, request=replace(call.request, prefix="Well"), model=replace(call.model, prefill=True))
    body = Body.model_validate_json(rendered(call))
    assert [content.role for content in body.contents][-1] == "model"
    assert body.tools
    assert body.tools[0].function_declarations
    assert body.tools[0].function_declarations[0].parameters_json_schema == schema
    enveloped = replace(call, model=replace(call.model, compat={**compat, "codeAssist": True, "project": "p"}))
    assert Envelope.model_validate_json(rendered(enveloped)).request == body


def test_the_types_of_the_sdk_refuse_what_is_not_theirs() -> None:
    for wrong in ({"contents": [{"role": "user", "content": "hi"}]}, {"contents": [], "max_tokens": 1}):
        with pytest.raises(pydantic.ValidationError):
            Body.model_validate_json(json.dumps(wrong))
