"""Rendering a request for `openai-completions`."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pi_fallback.providers.openai_render import rendered
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Producer,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    ToolSpec,
    frozen_object,
    user_message,
)
from tests.providers.chat import a_call

OWN = Producer("acme", "big/one", "openai-completions")
OTHER = Producer("other", "small", "openai-completions")
PICTURE = Image("aGk=", "image/png")


def body_of(*messages: Message, **options: Any) -> dict[str, Any]:
    return json.loads(rendered(a_call("", *messages, **options)))


def answer(*content: Text | Thinking | ToolCall, stop: StopReason = StopReason.STOP, by: Producer = OWN):
    return AssistantMessage(content, stop, by)


def result(call_id: str, *content: Text | Image, name: str = "read") -> ToolResultMessage:
    return ToolResultMessage(call_id, name, content or (Text("done"),))


def test_a_request_has_what_it_needs_and_nothing_more() -> None:
    assert body_of(user_message("hi")) == {
        "model": "big/one",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"max_tokens": 9, "compat": {"maxTokensField": "max_completion_tokens"}}, {"max_completion_tokens": 9}),
        ({"thinking": "low"}, {"reasoning_effort": "low"}),
        ({"thinking": "xhigh"}, {"reasoning_effort": "high"}),
        ({"thinking": "off"}, {}),
        ({"thinking": "high", "reasoning": False}, {}),
        ({"thinking": "high", "compat": {"supportsReasoningEffort": False}}, {}),
    ],
)
def test_options_go_under_the_name_that_the_host_knows(
    options: Mapping[str, Any], expected: Mapping[str, object]
) -> None:
    body = body_of(**options)
    assert {name: value for name, value in body.items() if "tokens" in name or "effort" in name} == expected


def test_usage_is_not_asked_for_where_that_is_refused() -> None:
    assert "stream_options" not in body_of(compat={"supportsUsageInStreaming": False})
    whole = body_of(compat={"supportsStreaming": False})
    assert whole["stream"] is False
    assert "stream_options" not in whole


def test_system_and_tools_are_rendered() -> None:
    schema = frozen_object({"type": "object", "properties": {"path": {"type": "string", "enum": ["a", "b"]}}})
    body = body_of(system="Be brief.", tools=(ToolSpec("read", "Reads a file.", schema),))
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    parameters = {"type": "object", "properties": {"path": {"type": "string", "enum": ["a", "b"]}}}
    function = {"name": "read", "description": "Reads a file.", "parameters": parameters}
    assert body["tools"] == [{"type": "function", "function": function}]


def test_calls_and_results_are_paired_and_thinking_is_left_out() -> None:
    call = ToolCall("c1", "read", frozen_object({"path": "ä.py", "lines": [1, 2]}))
    body = body_of(
        user_message("hi"), answer(Thinking("hm"), Text("I look."), call), result("c1"), answer(Thinking("hm"))
    )
    function = {"name": "read", "arguments": '{"path":"ä.py","lines":[1,2]}'}
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]


@pytest.mark.parametrize("ours", ["c1", "call_0123456789", "ä", "A1b2C3d4E"])
def test_mistral_gets_ids_of_nine_characters_and_named_results(ours: str) -> None:
    compat = {"requiresMistralToolIds": True, "requiresToolResultName": True}
    body = body_of(user_message("hi"), answer(ToolCall(ours, "read")), result(ours), compat=compat)
    call, told = body["messages"][1]["tool_calls"][0], body["messages"][2]
    assert re.fullmatch("[A-Za-z0-9]{9}", call["id"])
    assert (told["tool_call_id"], told["name"]) == (call["id"], "read")
    assert ours != "A1b2C3d4E" or call["id"] == ours


@pytest.mark.parametrize(("by", "expected"), [(OWN, "hm"), (OTHER, "")])
def test_a_host_that_wants_its_thoughts_back_gets_its_own_only(by: Producer, expected: str) -> None:
    compat = {"requiresReasoningContentOnAssistantMessages": True}
    body = body_of(user_message("hi"), answer(Thinking("hm"), Text("yes"), by=by), compat=compat)
    assert body["messages"][1] == {"role": "assistant", "content": "yes", "reasoning_content": expected}


def test_images_of_the_user_are_data_urls_and_of_tools_follow_their_results() -> None:
    calls = (ToolCall("c1", "read"), ToolCall("c2", "read"))
    body = body_of(
        user_message("look", [PICTURE]), answer(*calls), result("c1", Text("one"), PICTURE), result("c2", PICTURE)
    )
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    user, _, first, second, images = body["messages"]
    assert user["content"] == [{"type": "text", "text": "look"}, part]
    assert (first["content"], second["content"]) == ("one\n(an image, see below)", "(an image, see below)")
    assert images["role"] == "user"
    assert images["content"][1:] == [part, part]


def test_a_model_without_eyes_is_told_of_images() -> None:
    body = body_of(
        user_message("look", [PICTURE]),
        answer(ToolCall("c1", "read")),
        result("c1", PICTURE),
        inputs=frozenset({"text"}),
    )
    assert len(body["messages"]) == 3
    assert "image_url" not in json.dumps(body)
    assert json.dumps(body).count("left out") == 2


@pytest.mark.parametrize(
    ("ours", "kept"),
    [
        ("call_1", True),
        ("a" * 40, True),
        ("a" * 41, False),
        ("a|b", False),
        ("ä", False),
        ("", False),
        ("\ud800", False),
    ],
)
def test_an_id_that_hosts_refuse_has_a_stand_in_for_call_and_result_alike(ours: str, kept: bool) -> None:
    body = body_of(user_message("hi"), answer(ToolCall(ours, "read")), result(ours))
    _, call, told = body["messages"]
    wire_id = call["tool_calls"][0]["id"]
    assert (wire_id == ours) is kept
    assert wire_id == told["tool_call_id"]
    assert wire_id.isascii()
    assert 0 < len(wire_id) <= 40


@pytest.mark.parametrize(
    ("prefill", "compat", "last"),
    [
        (True, {}, {"role": "assistant", "content": "One,"}),
        (True, {"requiresPrefixFlag": True}, {"role": "assistant", "content": "One,", "prefix": True}),
        (False, {}, {"role": "user", "content": "count"}),
    ],
)
def test_the_beginning_of_an_answer_goes_to_a_model_that_takes_it(
    prefill: bool, compat: dict[str, object], last: dict[str, object]
) -> None:
    call = a_call("http://127.0.0.1:9/v1", user_message("count"), compat=compat)
    model, request = replace(call.model, prefill=prefill), replace(call.request, prefix="One,")
    assert json.loads(rendered(replace(call, model=model, request=request)))["messages"][-1] == last


def test_a_lone_surrogate_does_not_stop_a_request() -> None:
    assert body_of(user_message("a\ud800b"))["messages"][0]["content"] == "a?b"
