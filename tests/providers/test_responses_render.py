"""Rendering a request for `openai-responses`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pi_fallback.providers.responses_render import rendered
from pi_fallback.providers.responses_signatures import item_signature, reasoning_signature
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
from tests.providers.responses import Event, function_call, message, reasoning

OWN = Producer("acme", "big/one", "openai-responses")
OTHER = Producer("acme", "big/one", "openai-completions")
PICTURE = Image("aGk=", "image/png")
ASK = user_message("hi")


def body_of(*messages: Message, credential: str = "primary", **options: Any) -> dict[str, Any]:
    call = a_call("", *messages, **options)
    return json.loads(rendered(replace(call, route=call.route._replace(credential=credential))))


def answer(*content: Text | Thinking | ToolCall, by: Producer = OWN) -> AssistantMessage:
    return AssistantMessage(content, StopReason.STOP, by)


def result(call_id: str, *content: Text | Image) -> ToolResultMessage:
    return ToolResultMessage(call_id, "read", content or (Text("done"),))


def test_a_request_has_what_it_needs_and_nothing_more() -> None:
    assert body_of(ASK, reasoning=False) == {
        "model": "big/one",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "stream": True,
        "store": False,
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_tokens": 900}, {"max_output_tokens": 900}),
        ({"max_tokens": 9}, {"max_output_tokens": 16}),
        ({"max_tokens": 900, "compat": {"supportsMaxOutputTokens": False}}, {}),
        ({"compat": {"supportsStreaming": False}}, {"stream": False}),
        ({"system": "Be brief."}, {"instructions": "Be brief."}),
        ({"compat": {"requiresInstructions": True}}, {"instructions": "You are a helpful assistant."}),
        ({"system": "Be brief.", "compat": {"requiresInstructions": True}}, {"instructions": "Be brief."}),
        ({"reasoning": True}, {"include": ["reasoning.encrypted_content"]}),
        ({"thinking": "low"}, {}),
    ],
)
def test_options_go_where_the_host_takes_them(options: Mapping[str, Any], expected: Mapping[str, object]) -> None:
    usual = body_of(ASK, reasoning=False)
    given: dict[str, Any] = {"reasoning": False, **options}
    assert body_of(ASK, **given) == {**usual, **expected}


MAP = {"off": "none", "xhigh": "xhigh", "minimal": None}


@pytest.mark.parametrize(
    ("thinking", "compat", "effort"),
    [
        (None, {}, None),
        ("off", {}, None),
        ("minimal", {}, "minimal"),
        ("high", {}, "high"),
        ("xhigh", {}, "high"),
        ("off", {"reasoningEffortMap": MAP}, "none"),
        ("xhigh", {"reasoningEffortMap": MAP}, "xhigh"),
        ("minimal", {"reasoningEffortMap": MAP}, None),
        ("low", {"reasoningEffortMap": MAP}, "low"),
        ("low", {"supportsReasoningEffort": False}, None),
    ],
)
def test_a_level_of_thinking_is_an_effort_that_the_model_knows(
    thinking: str | None, compat: Mapping[str, object], effort: str | None
) -> None:
    body = body_of(ASK, thinking=thinking, compat=compat)
    assert body.get("reasoning") == (None if effort is None else {"effort": effort, "summary": "auto"})


def test_a_host_without_instructions_is_told_by_a_developer() -> None:
    body = body_of(ASK, system="Be brief.", compat={"supportsInstructions": False})
    assert "instructions" not in body
    assert body["input"][0] == {"type": "message", "role": "developer", "content": "Be brief."}


def test_tools_are_flat_and_not_strict() -> None:
    schema = frozen_object({"type": "object", "properties": {"path": {"type": "string", "enum": ["a", "b"]}}})
    body = body_of(ASK, tools=(ToolSpec("read", "Reads a file.", schema),))
    parameters = {"type": "object", "properties": {"path": {"type": "string", "enum": ["a", "b"]}}}
    assert body["tools"] == [
        {
            "type": "function",
            "name": "read",
            "description": "Reads a file.",
            "parameters": parameters,
            "strict": False,
        }
    ]


SAID, CALLED = message("I look."), function_call('{"p":1}', "c1")
THOUGHT, FIRST = Thinking("Hm.", reasoning_signature(reasoning("Hm."), "primary")), reasoning("Hm.")
TEXT = Text("I look.", item_signature(SAID))
CALL = ToolCall("c1", "read", frozen_object({"p": 1}), item_signature(CALLED))
BARE_TEXT = {"type": "message", "role": "assistant", "content": "I look."}
BARE_CALL = {key: value for key, value in CALLED.items() if key != "id"}
DONE = {"type": "function_call_output", "call_id": "c1", "output": "done"}


def by(producer: Producer, *blocks: Text | Thinking | ToolCall) -> list[Text | Thinking | ToolCall]:
    return [replace(block, producer=producer) for block in blocks]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([THOUGHT, TEXT, CALL], [FIRST, SAID, CALLED, DONE]),
        ([THOUGHT, CALL], [FIRST, CALLED, DONE]),
        ([TEXT, THOUGHT, CALL], [SAID, FIRST, CALLED, DONE]),
        ([THOUGHT, THOUGHT, CALL], [FIRST, FIRST, CALLED, DONE]),
        # Without reasoning nothing has an id that could ask for it.
        ([TEXT, CALL], [BARE_TEXT, BARE_CALL, DONE]),
        ([Thinking("Hm."), TEXT, CALL], [BARE_TEXT, BARE_CALL, DONE]),
        ([Thinking("Hm.", "junk"), TEXT], [BARE_TEXT]),
        # Reasoning without what followed it stays here.
        ([THOUGHT], []),
        ([TEXT, THOUGHT], [BARE_TEXT]),
        ([THOUGHT, Text("")], []),
        ([THOUGHT, *by(OTHER, TEXT, CALL)], [BARE_TEXT, BARE_CALL, DONE]),
        ([THOUGHT, *by(OTHER, TEXT), CALL], [BARE_TEXT, BARE_CALL, DONE]),
        # What another one thought stays here too, and ids of its making.
        (by(OTHER, THOUGHT, TEXT, CALL), [BARE_TEXT, BARE_CALL, DONE]),
        ([*by(OTHER, THOUGHT, TEXT), THOUGHT, CALL], [BARE_TEXT, FIRST, CALLED, DONE]),
    ],
    ids=range(14),
)
def test_own_reasoning_goes_back_in_place_with_what_followed_it(
    content: list[Text | Thinking | ToolCall], expected: list[Event]
) -> None:
    results = [result("c1")] if any(isinstance(block, ToolCall) for block in content) else []
    assert body_of(ASK, answer(*content), *results)["input"][1:] == expected


def test_reasoning_does_not_go_to_another_account() -> None:
    messages = (ASK, answer(THOUGHT, TEXT, CALL), result("c1"))
    assert body_of(*messages, credential="backup-1")["input"][1:] == [BARE_TEXT, BARE_CALL, DONE]


@pytest.mark.parametrize("item_id", ["", "msg_" + "x" * 61, "msg 1", "msg_ä", "item_1"])
def test_an_item_id_that_the_api_refuses_is_left_out(item_id: str) -> None:
    text = Text("I look.", item_signature(message("I look.", item_id)))
    assert body_of(ASK, answer(THOUGHT, text))["input"][1:] == [FIRST, BARE_TEXT]


@pytest.mark.parametrize(
    ("phase", "expected"), [("commentary", "commentary"), ("final_answer", "final_answer"), ("?", None)]
)
def test_the_phase_of_a_message_goes_back(phase: str, expected: str | None) -> None:
    text = Text("I look.", item_signature(message("I look.", phase=phase)))
    for content in ([THOUGHT, text], [text]):
        assert body_of(ASK, answer(*content))["input"][-1].get("phase") == expected


def test_images_of_users_and_tools_are_data_urls() -> None:
    body = body_of(
        user_message("look", [PICTURE]), answer(CALL), result("c1", Text("one"), PICTURE, Text("")), user_message("so?")
    )
    part = {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"}
    asked, _, told, _ = body["input"]
    assert asked["content"] == [{"type": "input_text", "text": "look"}, part]
    assert told["output"] == [{"type": "input_text", "text": "one"}, part]


def test_a_model_without_eyes_is_told_of_images() -> None:
    body = body_of(user_message("look", [PICTURE]), answer(CALL), result("c1", PICTURE), inputs=frozenset({"text"}))
    assert "input_image" not in json.dumps(body)
    assert json.dumps(body).count("left out") == 2


@pytest.mark.parametrize(("content", "output"), [((Text(""),), "(no output)"), ((Text("a"), Text("b")), "a\nb")])
def test_what_a_tool_said_is_text(content: tuple[Text, ...], output: str) -> None:
    assert body_of(ASK, answer(CALL), result("c1", *content))["input"][-1]["output"] == output


@pytest.mark.parametrize(
    ("ours", "kept"), [("call_1", True), ("a" * 40, True), ("a" * 41, False), ("a|b", False), ("ä", False), ("", False)]
)
def test_an_id_that_hosts_refuse_has_a_stand_in_for_call_and_result_alike(ours: str, kept: bool) -> None:
    _, call, told = body_of(ASK, answer(ToolCall(ours, "read")), result(ours))["input"]
    assert (call["call_id"] == ours) is kept
    assert call["call_id"] == told["call_id"]
    assert 0 < len(call["call_id"].encode()) <= 40


def test_a_lone_surrogate_does_not_stop_a_request() -> None:
    assert body_of(user_message("a\ud800b"))["input"][0]["content"][0]["text"] == "a?b"
