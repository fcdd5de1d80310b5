"""Messages as JSON: pi's names, and a way back."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.runtime.codec import message_from_json, message_to_json
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
    Usage,
    UserMessage,
    frozen_object,
)

# Lone surrogates as well; two that make a pair are one character to JSON.
ANY_TEXT = st.text(st.characters()).map(lambda text: json.loads(json.dumps(text)))
MAYBE_TEXT = st.none() | ANY_TEXT
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner), max_leaves=10)
TEXTS = st.builds(Text, ANY_TEXT, MAYBE_TEXT)
IMAGES = st.builds(Image, ANY_TEXT, ANY_TEXT)
SPOKEN = (
    TEXTS
    | st.builds(Thinking, ANY_TEXT, MAYBE_TEXT, st.booleans())
    | st.builds(
        ToolCall, ANY_TEXT, ANY_TEXT, st.dictionaries(ANY_TEXT, JSON, max_size=3).map(frozen_object), MAYBE_TEXT
    )
)
COUNTS = st.integers(0, 10**9)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(UserMessage, st.lists(TEXTS | IMAGES).map(tuple)),
    st.builds(
        AssistantMessage,
        st.lists(SPOKEN).map(tuple),
        st.sampled_from(StopReason),
        st.builds(Producer, ANY_TEXT, ANY_TEXT, ANY_TEXT),
        st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
        MAYBE_TEXT,
        MAYBE_TEXT,
    ),
    st.builds(ToolResultMessage, ANY_TEXT, ANY_TEXT, st.lists(TEXTS | IMAGES).map(tuple), st.booleans()),
)


@given(MESSAGES)
def test_a_message_comes_back_from_a_line_of_json_as_it_went(message: Message) -> None:
    line = json.dumps(message_to_json(message, timestamp_ms=1)).encode("ascii")
    assert message_from_json(json.loads(line)) == message


@given(JSON)
def test_what_is_not_a_message_is_a_value_error_and_nothing_else(data: object) -> None:
    with pytest.raises(ValueError):
        message_from_json(data)


def test_an_answer_has_the_names_and_values_of_pi() -> None:
    message = AssistantMessage(
        (Thinking("hm", "sig"), Text("hi"), ToolCall("c1", "read", frozen_object({"path": "a"}))),
        StopReason.TOOL_USE,
        Producer("acme", "big", "openai-completions"),
        Usage(10, 5, 3, 2, 1),
    )
    assert message_to_json(message, timestamp_ms=1700) == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "thinkingSignature": "sig"},
            {"type": "text", "text": "hi"},
            {"type": "toolCall", "id": "c1", "name": "read", "arguments": {"path": "a"}},
        ],
        "api": "openai-completions",
        "provider": "acme",
        "model": "big",
        "usage": {"input": 10, "output": 5, "cacheRead": 3, "cacheWrite": 2, "reasoning": 1, "totalTokens": 20},
        "stopReason": "toolUse",
        "timestamp": 1700,
    }


def test_a_tool_result_and_an_image_have_the_names_of_pi() -> None:
    message = ToolResultMessage("c1", "read", (Image("AA==", "image/png"),), is_error=True)
    assert message_to_json(message, timestamp_ms=7) == {
        "role": "toolResult",
        "toolCallId": "c1",
        "toolName": "read",
        "content": [{"type": "image", "data": "AA==", "mimeType": "image/png"}],
        "isError": True,
        "timestamp": 7,
    }


def test_a_prompt_may_be_a_plain_string_and_unknown_fields_are_ignored() -> None:
    assert message_from_json({"role": "user", "content": "hi", "mood": "good"}) == UserMessage((Text("hi"),))


ANSWER = {"role": "assistant", "content": [], "api": "a", "provider": "p", "model": "m", "stopReason": "stop"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "`message` is not an object"),
        ({}, "`role` is missing"),
        ({"role": "king"}, "`role` is not one that is known"),
        ({"role": "user", "content": 3}, "`content` is not a list"),
        ({"role": "user", "content": ["x"]}, "`content block` is not an object"),
        ({"role": "user", "content": [{"type": "toolCall"}]}, "a `type` that does not belong there"),
        ({"role": "user", "content": [{"type": "text"}]}, "`text` is missing"),
        ({**ANSWER, "stopReason": "tired"}, "`stopReason` is not one that is known"),
        ({**ANSWER, "usage": {"input": True}}, "`input` is not of type int"),
        ({**ANSWER, "content": [{"type": "toolCall", "arguments": []}]}, "`arguments` is not an object"),
        ({"role": "toolResult", "toolCallId": 3}, "`toolCallId` is not of type str"),
    ],
)
def test_a_broken_message_is_an_error_that_names_the_field(data: Mapping[str, object], told: str) -> None:
    with pytest.raises(ValueError) as raised:
        message_from_json(data)
    assert told in str(raised.value)
