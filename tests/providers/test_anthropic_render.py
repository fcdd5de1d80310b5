"""Rendering a request for `anthropic-messages`: what a strict API takes, whatever the history."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.providers.anthropic_render import rendered
from pi_fallback.testing.anthropic_blocks import minted
from pi_fallback.testing.anthropic_rules import violations
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
    UserMessage,
    frozen_object,
    user_message,
)
from tests.providers.chat import a_call

OWN = Producer("acme", "big/one", "anthropic-messages")
OTHER = Producer("other", "small", "anthropic-messages")
PICTURE = Image("aGk=", "image/png")
BUDGET = {"thinking": "budget"}
CACHED = {"cache_control": {"type": "ephemeral"}}
TOOL = ToolSpec("read", "Reads a file.", frozen_object({"type": "object", "properties": {"path": {"type": "string"}}}))


def body_of(*messages: Message, prefix: str = "", prefill: bool = True, **options: Any) -> dict[str, Any]:
    """Return the body; the model has no more than 16,384 tokens, and is told nothing of the cache unless asked."""
    options["compat"] = {"supportsCacheControl": False, **options.get("compat", {})}
    call = a_call("", *messages, **options)
    request, model = replace(call.request, prefix=prefix), replace(call.model, prefill=prefill)
    body = json.loads(rendered(replace(call, request=request, model=model)))
    assert violations(body) == ()
    return body


def answer(*content: Text | Thinking | ToolCall, stop: StopReason = StopReason.STOP, by: Producer = OWN):
    return AssistantMessage(content, stop, by)


def result(call_id: str, *content: Text | Image, is_error: bool = False) -> ToolResultMessage:
    return ToolResultMessage(call_id, "read", content or (Text("done"),), is_error)


def thinking(text: str, number: int = 1) -> Thinking:
    return Thinking(text, minted(text, number))


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


ASK = user_message("hi")
A, B = ToolCall("a", "read"), ToolCall("b", "read")


def test_a_request_has_what_it_needs_and_nothing_more() -> None:
    assert body_of(ASK, reasoning=False) == {
        "model": "big/one",
        "max_tokens": 16_384,
        "messages": [{"role": "user", "content": [said("hi")]}],
        "stream": True,
    }


ADAPTIVE = {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"thinking": ADAPTIVE}),
        ({"thinking": "off"}, {"thinking": ADAPTIVE, "output_config": {"effort": "low"}}),
        ({"thinking": "minimal"}, {"thinking": ADAPTIVE, "output_config": {"effort": "low"}}),
        ({"thinking": "medium"}, {"thinking": ADAPTIVE, "output_config": {"effort": "medium"}}),
        ({"thinking": "xhigh"}, {"thinking": ADAPTIVE, "output_config": {"effort": "xhigh"}}),
        (
            {"thinking": "xhigh", "compat": {"supportsXhighEffort": False}},
            {"thinking": ADAPTIVE, "output_config": {"effort": "high"}},
        ),
        ({"thinking": "high", "compat": {"supportsReasoningEffort": False}}, {"thinking": ADAPTIVE}),
        ({"thinking": "off", "compat": {"thinkingOff": "disabled"}}, {"thinking": {"type": "disabled"}}),
        ({"thinking": "off", "compat": {"thinkingOff": "between_tools"}}, {"thinking": {"type": "between_tools"}}),
        (
            {"compat": {"thinkingBlockBinding": "drop_block"}},
            {"thinking": {**ADAPTIVE, "block_binding": {"prefix_mismatch_behavior": "drop_block"}}},
        ),
        ({"thinking": "high", "reasoning": False}, {}),
        ({"thinking": "high", "compat": {"thinking": "none"}}, {}),
        ({"thinking": "high", "prefix": "It is"}, {}),
        ({"compat": BUDGET}, {}),
        ({"thinking": "off", "compat": BUDGET}, {}),
        ({"thinking": "high", "compat": BUDGET, "reasoning": False}, {}),
        ({"thinking": "low", "compat": BUDGET}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (
            {"thinking": "xhigh", "compat": BUDGET},
            {"thinking": {"type": "enabled", "budget_tokens": 15_360}},  # the answer needs some too
        ),
        ({"thinking": "high", "compat": BUDGET, "max_tokens": 2000}, {"max_tokens": 2000}),
        ({"max_tokens": 9}, {"max_tokens": 9, "thinking": ADAPTIVE}),
        ({"reasoning": False, "compat": {"supportsStreaming": False}}, {"stream": False}),
    ],
)
def test_options_go_as_the_model_takes_them(options: Mapping[str, Any], expected: Mapping[str, object]) -> None:
    body = body_of(**options)
    usual = {"model": "big/one", "max_tokens": 16_384, "stream": True}
    assert {name: value for name, value in body.items() if name != "messages"} == {**usual, **expected}


def test_system_and_tools_are_rendered() -> None:
    body = body_of(system="Be brief.", tools=(TOOL,))
    assert body["system"] == "Be brief."
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    assert body["tools"] == [{"name": "read", "description": "Reads a file.", "input_schema": schema}]
    assert "system" not in body_of(system=" \n")


def test_long_arguments_come_as_they_are_written_where_that_is_known() -> None:
    body = body_of(tools=(TOOL,), compat={"supportsEagerToolInputStreaming": True})
    assert body["tools"][0]["eager_input_streaming"] is True


def test_the_cache_is_told_of_the_system_prompt_the_last_tool_and_the_last_words_of_the_user() -> None:
    other = replace(TOOL, name="edit")
    body = body_of(ASK, answer(A), result("a"), system="s", tools=(TOOL, other), compat={"supportsCacheControl": True})
    assert body["system"] == [{**said("s"), **CACHED}]
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, {"type": "ephemeral"}]
    assert json.dumps(body["messages"]).count("cache_control") == 1
    assert body["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}


def test_the_results_of_one_answer_are_one_message_and_come_before_other_words() -> None:
    body = body_of(ASK, answer(Text("I look."), A, B), result("a"), result("b", is_error=True), user_message("faster"))
    done = {"type": "tool_result", "content": [said("done")]}
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                said("I look."),
                {"type": "tool_use", "id": "a", "name": "read", "input": {}},
                {"type": "tool_use", "id": "b", "name": "read", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {**done, "tool_use_id": "a"},
                {**done, "tool_use_id": "b", "is_error": True},
                said("faster"),
            ],
        },
    ]


def test_thoughts_go_back_to_their_own_model_as_they_came() -> None:
    secret = Thinking("", minted("", 2), redacted=True)
    body = body_of(ASK, answer(thinking("hm"), secret, thinking(""), Text("yes"), thinking("over")), ASK)
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": minted("hm", 1)},
        {"type": "redacted_thinking", "data": minted("", 2)},
        {"type": "thinking", "thinking": "", "signature": minted("", 1)},
        said("yes"),  # a thought that leads to nothing is refused
    ]


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (answer(thinking("hm"), Text("yes"), by=OTHER), {}),
        (answer(replace(thinking("hm"), producer=OTHER), Text("yes")), {}),
        (answer(thinking("hm"), Text("yes")), {"thinking": "off", "compat": {"thinkingOff": "disabled"}}),
        (answer(thinking("hm"), Text("yes")), {"compat": BUDGET}),
        (answer(thinking("hm"), Text("yes")), {"prefix": "No"}),
    ],
)
def test_thoughts_of_others_and_thoughts_that_are_not_asked_for_are_dropped(
    message: AssistantMessage, options: Mapping[str, Any]
) -> None:
    assert body_of(ASK, message, ASK, **options)["messages"][1]["content"] == [said("yes")]


def test_hosts_that_sign_no_thoughts_get_them_back_unsigned() -> None:
    body = json.loads(rendered(a_call("", ASK, answer(Thinking("hm"), Text("yes")), ASK, compat={"thinking": "none"})))
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": ""}


@pytest.mark.parametrize(
    ("turn", "thinks"),
    [
        ([ASK], True),
        ([ASK, answer(Text("x"), by=OTHER), ASK], True),
        ([ASK, answer(thinking("hm"), A), result("a")], True),
        ([ASK, answer(thinking("hm"), A), result("a"), answer(B, by=OTHER), result("b")], True),
        ([ASK, answer(A), result("a")], False),
        ([ASK, answer(thinking("hm"), A, by=OTHER), result("a")], False),
        ([ASK, answer(A, by=OTHER), result("a"), answer(thinking("hm"), B), result("b")], False),
        ([ASK, answer(A), result("a"), user_message("faster"), user_message("now")], False),
        ([ASK, answer(thinking("hm"), A), result("a"), answer(Text(" ")), answer(B), result("b")], True),
        ([ASK, answer(A), result("a"), answer(Text("x")), ASK], True),
    ],
)
def test_a_budget_is_not_given_in_a_turn_that_began_without_a_thought_of_its_own(
    turn: list[Message], thinks: bool
) -> None:
    assert ("thinking" in body_of(*turn, thinking="high", compat=BUDGET)) is thinks
    assert "thinking" in body_of(*turn, thinking="high")  # which an adaptive model does not mind


def test_images_of_the_user_and_of_tools_stand_where_they_belong() -> None:
    body = body_of(user_message("look", [PICTURE]), answer(A), result("a", Text("one"), PICTURE))
    part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    assert body["messages"][0]["content"] == [said("look"), part]
    assert body["messages"][2]["content"][0]["content"] == [said("one"), part]


def test_an_error_with_a_picture_is_no_error_to_the_api() -> None:
    body = body_of(ASK, answer(A), result("a", Text("it broke"), PICTURE, is_error=True))
    assert "is_error" not in body["messages"][2]["content"][0]


def test_a_model_without_eyes_and_an_api_without_the_format_are_told_of_images() -> None:
    odd = Image("aGk=", "image/tiff")
    blind = body_of(user_message("look", [PICTURE]), answer(A), result("a", PICTURE), inputs=frozenset({"text"}))
    assert json.dumps(blind).count("left out") == 2
    assert "image/tiff" in body_of(user_message("look", [odd]))["messages"][0]["content"][1]["text"]


def test_words_that_say_nothing_are_left_out() -> None:
    body = body_of(ASK, answer(Text(" \n"), A), result("a", Text("")), answer(Text("")), answer(Thinking("hm")), ASK)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][0]["type"] == "tool_use"
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": [said("(no output)")]},
        said("hi"),
    ]


@pytest.mark.parametrize(
    ("prefix", "prefill", "last"),
    [
        ("It is ", True, ("assistant", "It is")),
        (" \n", True, ("user", "hi")),
        ("", True, ("user", "hi")),
        ("It is", False, ("user", "hi")),
    ],
)
def test_the_beginning_of_the_answer_goes_to_models_that_take_one(
    prefix: str, prefill: bool, last: tuple[str, str]
) -> None:
    message = body_of(prefix=prefix, prefill=prefill)["messages"][-1]
    assert (message["role"], message["content"][0]["text"]) == last


def test_an_answer_is_followed_by_a_question_even_if_nobody_asked() -> None:
    body = body_of(ASK, answer(Text("one")), answer(Text("two ")))
    assert [(message["role"], message["content"][0]["text"]) for message in body["messages"]] == [
        ("user", "hi"),
        ("assistant", "one"),
        ("user", "Continue."),
        ("assistant", "two "),
        ("user", "Continue."),
    ]


@pytest.mark.parametrize(
    ("ours", "kept"),
    [("call_1", True), ("a" * 64, True), ("a" * 65, False), ("a|b", False), ("ä", False), ("", False)],
)
def test_an_id_that_the_api_refuses_has_a_stand_in_for_call_and_result_alike(ours: str, kept: bool) -> None:
    body = body_of(ASK, answer(ToolCall(ours, "read")), result(ours))
    wire_id = body["messages"][1]["content"][0]["id"]
    assert (wire_id == ours) is kept
    assert wire_id == body["messages"][2]["content"][0]["tool_use_id"]
    assert re.fullmatch("[A-Za-z0-9_-]{1,64}", wire_id)


def test_a_lone_surrogate_does_not_stop_a_request() -> None:
    assert body_of(user_message("a\ud800b"))["messages"][0]["content"][0]["text"] == "a?b"


TEXTS = st.sampled_from(["", " \n", "hm", "yes ", "ä"])


def call_of(call_id: str) -> ToolCall:
    return ToolCall(call_id, "read", frozen_object({"p": 1}))


def answer_of(content: list[Text | Thinking | ToolCall], stop: StopReason, by: Producer) -> AssistantMessage:
    calls: set[str] = set()
    once = [
        block for block in content if not isinstance(block, ToolCall) or not (block.id in calls or calls.add(block.id))
    ]
    return AssistantMessage(tuple(once), stop, by)


def result_of(call_id: str, content: tuple[Text | Image, ...], is_error: bool) -> ToolResultMessage:
    return ToolResultMessage(call_id, "read", content, is_error)


CALLS = st.sampled_from(["a", "b", "c|d", "ä"]).map(call_of)
SECRET = Thinking("", minted("", 3), redacted=True)
BLOCKS: st.SearchStrategy[Text | Thinking | ToolCall] = st.one_of(
    TEXTS.map(Text), CALLS, st.builds(thinking, TEXTS), st.just(SECRET)
)
ANSWERS = st.builds(answer_of, st.lists(BLOCKS, max_size=4), st.sampled_from(StopReason), st.sampled_from([OWN, OTHER]))
PARTS: st.SearchStrategy[Text | Image] = st.one_of(TEXTS.map(Text), st.just(PICTURE))
CONTENT: st.SearchStrategy[tuple[Text | Image, ...]] = st.lists(PARTS, max_size=2).map(tuple)
RESULTS = st.builds(result_of, st.sampled_from(["a", "b", "c|d", "ä", "z"]), CONTENT, st.booleans())
HISTORIES: st.SearchStrategy[list[Message]] = st.lists(
    st.one_of(CONTENT.map(UserMessage), ANSWERS, RESULTS), max_size=10
)
COMPAT: dict[str, st.SearchStrategy[object]] = {
    "thinking": st.sampled_from(["adaptive", "budget", "none"]),
    "thinkingOff": st.sampled_from(["disabled", "between_tools"]),
    "supportsCacheControl": st.booleans(),
    "supportsEagerToolInputStreaming": st.booleans(),
    "supportsStreaming": st.booleans(),
}
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "thinking": st.sampled_from([None, "off", "low", "xhigh"]),
        "reasoning": st.booleans(),
        "system": TEXTS,
        "inputs": st.sampled_from([frozenset({"text"}), frozenset({"text", "image"})]),
        "tools": st.sampled_from([(), (TOOL,)]),
        "max_tokens": st.sampled_from([None, 10, 4000]),
        "compat": st.fixed_dictionaries({}, optional=COMPAT),
        "prefix": TEXTS,
        "prefill": st.booleans(),
    }
)


@given(HISTORIES, st.booleans(), OPTIONS)
def test_rt5_a_strict_api_takes_any_history_with_any_options(
    messages: list[Message], asks_last: bool, options: dict[str, Any]
) -> None:
    history = [*messages, ASK] if asks_last else [ASK, *messages]
    body_of(*history, **options)  # which looks for violations


def flat(body: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [(message["role"], block) for message in body["messages"] for block in message["content"]]


@given(HISTORIES, ANSWERS, st.integers(0, 3))
def test_what_stands_before_an_answer_stays_as_it_was_when_it_was_given(
    messages: list[Message], given_to_it: AssistantMessage, later: int
) -> None:
    """Newer models refuse their own thoughts if anything before them has changed."""
    calls = [call for message in messages if isinstance(message, AssistantMessage) for call in message.tool_calls]
    before = [ASK, *messages, *(result(call.id) for call in calls)]
    content = (*given_to_it.content, Text("so it is"))
    own = replace(given_to_it, content=content, stop_reason=StopReason.STOP, producer=OWN)
    after = [*before, own, *[ASK] * later]
    asked = flat(body_of(*before))
    assert flat(body_of(*after))[: len(asked)] == asked
