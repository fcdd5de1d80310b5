"""Rendering for `google-generative-ai`: contents, signatures, results, tools and thinking."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pi_fallback.providers.google_render import NO_SIGNATURE, rendered
from pi_fallback.providers.google_traits import thinking_config, traits_of
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Model,
    ModelRef,
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

OWN = Producer("acme", "big/one", "google-generative-ai")
OTHER = Producer("other", "small", "anthropic-messages")
PICTURE = Image("aGk=", "image/png")
ASK = user_message("hi")
OLD = {"requiresThoughtSignatures": False, "supportsToolCallIds": False, "supportsImagesInToolResults": False}


def body_of(*messages: Message, prefix: str = "", prefill: bool = True, **options: Any) -> dict[str, Any]:
    call = a_call("", *messages, **{"reasoning": False, **options})
    call = replace(call, request=replace(call.request, prefix=prefix), model=replace(call.model, prefill=prefill))
    return json.loads(rendered(call))


def contents_of(*messages: Message, **options: Any) -> list[dict[str, Any]]:
    return body_of(*messages, **options)["contents"]


def answer(*content: Text | Thinking | ToolCall, stop: StopReason = StopReason.STOP, by: Producer = OWN):
    return AssistantMessage(content, stop, by)


def result(call_id: str, *content: Text | Image, name: str = "read", is_error: bool = False) -> ToolResultMessage:
    return ToolResultMessage(call_id, name, content or (Text("done"),), is_error)


def calling(name: str = "read", call_id: str = "c1", signature: str = "", **args: object) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": args, "id": call_id}}
    return {**part, "thoughtSignature": signature} if signature else part


def responding(said: str = "done", call_id: str = "c1", kind: str = "output", name: str = "read") -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {kind: said}, "id": call_id}}


def test_a_request_has_what_it_needs_and_nothing_more() -> None:
    assert body_of(ASK) == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_system_tools_and_limits_stand_where_the_api_has_them() -> None:
    schema = frozen_object({"type": "object", "properties": {"path": {"type": "string", "enum": ["a", "b"]}}})
    body = body_of(system="Be brief.", tools=(ToolSpec("read", "Reads a file.", schema),), max_tokens=9)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    parameters = {"type": "object", "properties": {"path": {"type": "string", "enum": ["a", "b"]}}}
    declaration = {"name": "read", "description": "Reads a file.", "parametersJsonSchema": parameters}
    assert body["tools"] == [{"functionDeclarations": [declaration]}]
    assert body["generationConfig"] == {"maxOutputTokens": 9}


def test_code_assist_gets_the_request_in_an_envelope() -> None:
    body = body_of(system="x", compat={"codeAssist": True, "project": "p-1"})
    assert (body["model"], body["project"]) == ("big/one", "p-1")
    assert set(body["request"]) == {"contents", "systemInstruction"}
    assert "project" not in body_of(compat={"codeAssist": True})


@pytest.mark.parametrize(
    ("model", "compat", "wanted", "expected"),
    [
        ("gemini-3.8-flash", {}, None, {"includeThoughts": True}),
        ("gemini-3.8-flash", {}, "off", {"thinkingLevel": "LOW"}),
        ("gemini-3.8-flash", {}, "minimal", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3.8-flash", {}, "medium", {"includeThoughts": True, "thinkingLevel": "MEDIUM"}),
        ("gemini-3.8-flash", {}, "xhigh", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-3.8-flash", {}, "somehow", {"includeThoughts": True}),
        ("gemini-3-flash", {"thinkingLevels": ["minimal", "low"]}, "off", {"thinkingLevel": "MINIMAL"}),
        (
            "gemini-3-pro",
            {"thinkingLevels": ["HIGH", "LOW"]},
            "medium",
            {"includeThoughts": True, "thinkingLevel": "HIGH"},
        ),
        (
            "gemini-4-argon",
            {"thinkingLevels": ["LOW", "XHIGH"]},
            "xhigh",
            {"includeThoughts": True, "thinkingLevel": "XHIGH"},
        ),
        ("gemini-3-pro", {"thinkingLevels": "HIGH"}, "low", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-flash-latest", {}, "low", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-2.5-flash", {}, None, {"includeThoughts": True}),
        ("gemini-2.5-flash", {}, "off", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {}, "off", {"thinkingBudget": 128}),
        ("gemini-2.5-pro", {}, "low", {"includeThoughts": True, "thinkingBudget": 2048}),
        ("gemini-2.5-pro", {}, "xhigh", {"includeThoughts": True, "thinkingBudget": 24576}),
        ("somebody's", {"thinkingFormat": "budget"}, "high", {"includeThoughts": True, "thinkingBudget": 24576}),
        ("gemini-2.5-pro", {"thinkingFormat": "openai"}, "off", {"thinkingBudget": 128}),
        ("gemini-2.5-pro", {"thinkingFormat": "level"}, "high", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
    ],
)
def test_thinking_is_asked_for_as_the_model_has_it(
    model: str, compat: Mapping[str, object], wanted: str | None, expected: Mapping[str, object]
) -> None:
    traits = traits_of(Model(ModelRef("google", model), compat=compat))
    assert thinking_config(wanted, traits) == expected


@pytest.mark.parametrize(("reasoning", "there"), [(True, True), (False, False)])
def test_only_a_model_that_reasons_is_told_how(reasoning: bool, there: bool) -> None:
    assert ("generationConfig" in body_of(thinking="low", reasoning=reasoning)) is there


def test_calls_and_results_are_paired_in_one_content_each() -> None:
    calls = (ToolCall("c1", "read", frozen_object({"path": "ä.py", "lines": [1, 2]}), "QQ=="), ToolCall("c2", "ls"))
    contents = contents_of(
        ASK, answer(Text("I look."), *calls), result("c1"), result("c2", name="ls", is_error=True), ASK
    )
    assert contents[1:3] == [
        {
            "role": "model",
            "parts": [
                {"text": "I look."},
                calling(signature="QQ==", path="ä.py", lines=[1, 2]),
                calling("ls", "c2"),
            ],
        },
        {"role": "user", "parts": [responding(), responding(call_id="c2", kind="error", name="ls")]},
    ]
    assert contents[3] == {"role": "user", "parts": [{"text": "hi"}]}


def test_own_signatures_go_back_where_they_stood_and_own_signed_thoughts_with_them() -> None:
    said = answer(Thinking("hm", "QQ=="), Thinking("unsigned"), Text("yes", "Qg=="), Text("", "Qw=="), Text(""))
    assert contents_of(ASK, said, ASK)[1]["parts"] == [
        {"text": "hm", "thought": True, "thoughtSignature": "QQ=="},
        {"text": "yes", "thoughtSignature": "Qg=="},
        {"text": "", "thoughtSignature": "Qw=="},
    ]


def test_what_others_signed_or_thought_does_not_go_back() -> None:
    said = answer(
        Thinking("hm", "QQ=="),
        Thinking("", "x", redacted=True),
        Text("yes", "Qg=="),
        Text("", "Qw=="),
        Text("mine", "RA==", producer=OWN),
        by=OTHER,
    )
    parts = [{"text": "yes"}, {"text": "mine", "thoughtSignature": "RA=="}]
    assert contents_of(ASK, said, answer(Thinking("hm"), by=OTHER), ASK)[1] == {"role": "model", "parts": parts}
    assert len(contents_of(ASK, answer(Thinking("hm", "QQ=="), by=OTHER), ASK)) == 2


A, B = ToolCall("a", "read", signature="QQ=="), ToolCall("b", "read", signature="Qg==")


@pytest.mark.parametrize(
    ("messages", "signatures"),
    [
        # The first call of each step of the current turn has one, whoever made it.
        ([ASK, answer(A, B, by=OTHER), result("a"), result("b")], [NO_SIGNATURE, None]),
        ([ASK, answer(A, by=OTHER), result("a"), answer(B, by=OTHER), result("b")], [NO_SIGNATURE, NO_SIGNATURE]),
        ([ASK, answer(A, by=OTHER), result("a"), answer(B), result("b")], [NO_SIGNATURE, "Qg=="]),
        ([ASK, answer(A, B), result("a"), result("b")], ["QQ==", "Qg=="]),
        ([ASK, answer(replace(A, signature=None)), result("a")], [NO_SIGNATURE]),
        # Of turns that are over, nobody asks.
        ([ASK, answer(A, by=OTHER), result("a"), ASK], [None]),
        ([ASK, answer(A, by=OTHER), result("a"), ASK, answer(B, by=OTHER), result("b")], [None, NO_SIGNATURE]),
        ([ASK, answer(A), result("a"), ASK], ["QQ=="]),
    ],
    ids=range(8),
)
def test_a_call_of_the_current_turn_bears_a_signature_or_what_stands_for_one(
    messages: list[Message], signatures: list[str | None]
) -> None:
    parts = [part for content in contents_of(*messages) for part in content["parts"] if "functionCall" in part]
    assert [part.get("thoughtSignature") for part in parts] == signatures


def test_a_model_that_demands_no_signature_gets_none_made_up() -> None:
    contents = contents_of(ASK, answer(A, by=OTHER), result("a"), compat=OLD)
    assert "thoughtSignature" not in contents[1]["parts"][0]


@pytest.mark.parametrize(("model", "expected"), [("gemini-2.5-pro", False), ("gemini-3-pro", True), ("gemma-9", True)])
def test_the_generation_decides_where_compat_does_not(model: str, expected: bool) -> None:
    traits = traits_of(Model(ModelRef("google", model)))
    assert (traits.needs_signatures, traits.takes_call_ids, traits.takes_result_images) == (expected,) * 3


def test_answers_in_a_row_are_one_content() -> None:
    contents = contents_of(ASK, answer(Text("one")), answer(Text("two"), A), result("a"))
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert contents[1]["parts"] == [{"text": "one"}, {"text": "two"}, calling(call_id="a", signature="QQ==")]


def test_images_stand_inline_and_in_results_where_the_model_takes_them_there() -> None:
    data = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    calls = (ToolCall("c1", "read"), ToolCall("c2", "read"))
    messages = (
        user_message("look", [PICTURE]),
        answer(*calls),
        result("c1", Text("one"), PICTURE),
        result("c2", PICTURE),
    )
    new = contents_of(*messages)
    assert new[0]["parts"] == [{"text": "look"}, data]
    assert len(new) == 3
    responses = [part["functionResponse"] for part in new[2]["parts"]]
    assert [response["parts"] for response in responses] == [[data], [data]]
    assert [response["response"]["output"] for response in responses] == ["one\n(an image)", "(an image)"]
    old = contents_of(*messages, compat=OLD)
    assert [part["functionResponse"]["response"]["output"] for part in old[2]["parts"]] == [
        "one\n(an image, see below)",
        "(an image, see below)",
    ]
    assert old[3] == {"role": "user", "parts": [{"text": "Images of the tool results above:"}, data, data]}


@pytest.mark.parametrize("compat", [{}, OLD])
def test_a_model_without_eyes_is_told_of_images(compat: Mapping[str, object]) -> None:
    contents = contents_of(
        user_message("look", [PICTURE]),
        answer(ToolCall("c1", "read")),
        result("c1", PICTURE),
        inputs=frozenset({"text"}),
        compat=compat,
    )
    assert len(contents) == 3
    assert "inlineData" not in json.dumps(contents)
    assert json.dumps(contents).count("left out") == 2


@pytest.mark.parametrize(
    ("ours", "kept"),
    [("call_1", True), ("a" * 64, True), ("a" * 65, False), ("a|b", False), ("ä", False), ("", False)],
)
def test_an_odd_id_has_a_stand_in_for_call_and_result_alike(ours: str, kept: bool) -> None:
    contents = contents_of(ASK, answer(ToolCall(ours, "read")), result(ours))
    call_id = contents[1]["parts"][0]["functionCall"]["id"]
    assert call_id == contents[2]["parts"][0]["functionResponse"]["id"]
    assert (call_id == ours) is kept
    assert call_id.isascii()


def test_a_model_that_knows_no_ids_gets_none() -> None:
    contents = contents_of(ASK, answer(ToolCall("c1", "read")), result("c1"), compat=OLD)
    assert '"id"' not in json.dumps(contents)


def test_no_content_is_empty() -> None:
    empty = ToolResultMessage("c1", "read", ())
    contents = contents_of(user_message(""), answer(ToolCall("c1", "read")), empty)
    assert contents[0]["parts"] == [{"text": "(nothing)"}]
    assert contents[2]["parts"] == [responding("(no output)")]


@pytest.mark.parametrize(("prefill", "there"), [(True, True), (False, False)])
def test_the_beginning_of_an_answer_goes_to_models_that_go_on_from_it(prefill: bool, there: bool) -> None:
    contents = contents_of(ASK, prefix="Once upon", prefill=prefill)
    beginning = {"role": "model", "parts": [{"text": "Once upon"}]}
    assert contents[1:] == ([beginning] if there else [])


def test_a_lone_surrogate_does_not_stop_a_request() -> None:
    assert contents_of(user_message("a\ud800b"))[0]["parts"] == [{"text": "a?b"}]
