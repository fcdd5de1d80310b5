"""Folding pieces of `generateContent`: signatures, calls, usage, and that no input crashes it."""

import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.http import WireError
from pi_fallback.providers.google_fold import PartialAnswer
from pi_fallback.providers.google_usage import usage_in
from pi_fallback.providers.sse import SseDecoder, SseEvent
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    Phase,
    Producer,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from tests.providers.chat import sse
from tests.providers.gemini import END, call, called, piece, said, thought

PRODUCER = Producer("acme", "big", "google-generative-ai")
SIGNED = {"thoughtSignature": "QQ=="}
AGAIN = {"thoughtSignature": "Qg=="}


def folded(*pieces: object, finish: str = "STOP", taken: tuple[str, ...] = ()) -> tuple[list[Delta], PartialAnswer]:
    answer = PartialAnswer(PRODUCER, taken=taken)
    deltas: list[Delta] = []
    for item in (*pieces, piece(finish=finish)):
        deltas += answer.take(SseEvent("", json.dumps(item).encode()))
    return deltas, answer


def content_of(*pieces: object) -> tuple[Text | Thinking | ToolCall, ...]:
    return folded(*pieces)[1].message().content


@pytest.mark.parametrize(
    ("pieces", "content"),
    [
        ([said("a"), said("b", **SIGNED)], (Text("ab", "QQ=="),)),
        ([said("a"), said("", **SIGNED)], (Text("a", "QQ=="),)),
        ([said("a"), piece(SIGNED)], (Text("a", "QQ=="),)),
        ([said("a", **SIGNED), said("b", **AGAIN)], (Text("a", "QQ=="), Text("b", "Qg=="))),
        ([said("a", **SIGNED), said("b")], (Text("a", "QQ=="), Text("b"))),
        ([thought("h"), thought("m", **SIGNED), said("a")], (Thinking("hm", "QQ=="), Text("a"))),
        ([thought("hm"), said("a", **SIGNED)], (Thinking("hm"), Text("a", "QQ=="))),
        (
            [called(args={}, call_id="c", **SIGNED), said("", **AGAIN)],
            (ToolCall("c", "read", {}, "QQ=="), Text("", "Qg==")),
        ),
        ([said("a"), called(args={}, call_id="c"), said("b")], (Text("a"), ToolCall("c", "read"), Text("b"))),
    ],
    ids=range(9),
)
def test_a_signature_stands_on_the_block_that_it_came_with_and_never_two_on_one(
    pieces: list[object], content: tuple[object, ...]
) -> None:
    assert content_of(*pieces) == content


READ, EDIT = ToolCall("a", "read", {"p": 1}), ToolCall("b", "edit", {"p": 2})


@pytest.mark.parametrize(
    "pieces",
    [
        [called("read", {"p": 1}, "a"), called("edit", {"p": 2}, "b")],
        [piece(call("read", {"p": 1}, "a"), call("edit", {"p": 2}, "b"))],
        [called("read", '{"p": 1}', "a"), called("edit", {"p": 2}, "b")],  # arguments as text
        [
            {"candidates": [*piece()["candidates"], {"index": 1}]},
            called("read", {"p": 1}, "a"),
            called("edit", {"p": 2}, "b"),
        ],
    ],
    ids=range(4),
)
def test_rt6_two_calls_come_out_whole(pieces: list[object]) -> None:
    deltas, answer = folded(*pieces)
    assert answer.message().content == (READ, EDIT)
    assert answer.phase is Phase.TOOL_ARGS
    assert [(delta.index, delta.id, delta.name) for delta in deltas if isinstance(delta, ToolCallDelta)] == [
        (0, "a", "read"),
        (1, "b", "edit"),
    ]


@pytest.mark.parametrize(
    ("pieces", "taken", "ids"),
    [
        ([called(args={}), called(args={})], (), ["call_1", "call_2"]),
        ([called(args={}, call_id="x"), called(args={"p": 1}, call_id="x")], (), ["x", "call_2"]),
        ([called(args={}, call_id="x"), called(args={}, call_id="x")], (), ["x"]),
        ([called(args={}, call_id="x")], ("x",), ["call_2"]),
        ([called(args={}, call_id="x")], ("y",), ["x"]),
    ],
)
def test_rt6_every_call_has_an_id_that_the_conversation_has_not_seen(
    pieces: list[object], taken: tuple[str, ...], ids: list[str]
) -> None:
    _, answer = folded(*pieces, taken=taken)
    assert [one.id for one in answer.message().tool_calls] == ids


def test_a_call_without_any_arguments_has_none() -> None:
    assert content_of(called("now", call_id="c")) == (ToolCall("c", "now", {}),)


def test_whole_calls_before_the_token_limit_are_kept() -> None:
    message = folded(called("read", {"p": 1}, "a"), finish="MAX_TOKENS")[1].message()
    assert (message.stop_reason, message.content) == (StopReason.LENGTH, (READ,))


def test_a_second_candidate_is_not_read() -> None:
    assert content_of({"candidates": [{"index": 1, "content": {"parts": [{"text": "no"}]}}]}, said("yes")) == (
        Text("yes"),
    )


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, Usage()),
        (None, Usage()),
        ("many", Usage()),
        ({"promptTokenCount": 10, "candidatesTokenCount": 3}, Usage(input=10, output=3)),
        ({"promptTokenCount": 10, "cachedContentTokenCount": 4}, Usage(input=6, cache_read=4)),
        ({"promptTokenCount": 10, "cachedContentTokenCount": 40}, Usage(cache_read=10)),
        ({"candidatesTokenCount": 3, "thoughtsTokenCount": 4}, Usage(output=7, reasoning=4)),
        ({"promptTokenCount": 10, "toolUsePromptTokenCount": 5}, Usage(input=15)),
        ({"promptTokenCount": -1, "candidatesTokenCount": "3", "thoughtsTokenCount": None}, Usage()),
    ],
)
def test_usage_counts_thoughts_as_output_and_the_cache_apart(usage: object, expected: Usage) -> None:
    assert usage_in(usage) == expected


def test_the_last_count_of_tokens_is_the_one_that_holds() -> None:
    pieces = [piece({"text": "x"}, usageMetadata={"candidatesTokenCount": count}) for count in (1, 2)]
    assert folded(*pieces)[1].message().usage == Usage(output=2)


def folded_bytes(chunks: list[bytes]) -> tuple[list[Delta], AssistantMessage]:
    decoder, answer = SseDecoder(), PartialAnswer(PRODUCER)
    events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.finish()
    return [delta for event in events for delta in answer.take(event)], answer.message()


RECORDED = sse(
    thought("Hm, "),
    thought("ja."),
    said("Grüße "),
    said("🦊", **SIGNED),
    piece(call("read", {"path": "ä.py"}, "c1", **AGAIN), call("ls", {}, "c2")),
    piece({"text": ""}, finish="STOP", usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 5}),
).replace(b"\n", b"\r\n")


@given(st.lists(st.integers(0, len(RECORDED))))
def test_any_cuts_of_a_recorded_stream_give_the_same_answer(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(RECORDED)]
    chunks = [RECORDED[start:end] for start, end in pairwise(places)]
    deltas, message = folded_bytes(chunks)
    assert (deltas, message) == folded_bytes([RECORDED])
    shown = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    thoughts = "".join(delta.text for delta in deltas if isinstance(delta, ThinkingDelta))
    assert (shown, thoughts) == (message.text, "Hm, ja.")
    assert message.stop_reason is StopReason.TOOL_USE


NAMES = [
    "candidates",
    "content",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "name",
    "args",
    "id",
    "partialArgs",
    "finishReason",
    "finishMessage",
    "index",
    "promptFeedback",
    "blockReason",
    "usageMetadata",
    "promptTokenCount",
    "response",
    "responseId",
    "error",
    "errors",
    "message",
    "status",
    "code",
    "details",
    "retryDelay",
    "violations",
    "quotaId",
    "reason",
    "metadata",
    "quotaResetDelay",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 600)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "x", "STOP", "MAX_TOKENS", "SAFETY", "{}", "{", "429", "34s", "1h2m3s"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)
PARTS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES[3:7], VALUES)) | st.builds(
    lambda function: {"functionCall": function}, st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES[7:11], VALUES))
)
PIECES = VALUES | st.builds(lambda parts, finish: piece(*parts, finish=finish), st.lists(PARTS, max_size=3), LEAVES)


@given(st.lists(PIECES | st.builds(lambda inner: {"response": inner}, PIECES) | st.just(END), max_size=6))
def test_rs7_whatever_comes_is_an_answer_or_a_fault(pieces: list[object]) -> None:
    answer = PartialAnswer(PRODUCER)
    with suppress(WireError):
        for item in pieces:
            answer.take(SseEvent("", json.dumps(item).encode()))
        message = answer.message()
        assert message.content
        assert len({one.id for one in message.tool_calls}) == len(message.tool_calls)


@given(st.binary(max_size=60), st.sampled_from(["", "error", "ping"]))
def test_rs7_bytes_that_are_no_json_are_a_fault_or_nothing(data: bytes, name: str) -> None:
    with suppress(WireError):
        event = SseEvent(name, data.decode("utf-8", "replace").encode())
        assert list(PartialAnswer(PRODUCER).take(event)) == []
