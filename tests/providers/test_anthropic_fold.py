"""Folding events: blocks of every kind, however hosts send them, and that no input crashes it."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.http import WireError
from pi_fallback.providers.anthropic_fold import PartialMessage
from pi_fallback.providers.anthropic_usage import usage_in
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
from tests.providers.claude import (
    PING,
    STOP,
    Event,
    argued,
    begun,
    called,
    closed,
    ended,
    message,
    said,
    signed,
    sse,
    started,
    thought,
)

PRODUCER = Producer("acme", "big", "anthropic-messages")


def folded(*events: Event, reason: str = "tool_use", taken: tuple[str, ...] = ()) -> tuple[list[Delta], PartialMessage]:
    answer = PartialMessage(PRODUCER, taken=taken)
    deltas: list[Delta] = []
    for event in (*events, ended(reason), STOP):
        deltas += answer.take(SseEvent("", json.dumps(event).encode()))
    return deltas, answer


READ, EDIT = ToolCall("a", "read", {"p": 1}), ToolCall("b", "edit", {"p": 2})


@pytest.mark.parametrize(
    "events",
    [
        [
            called(0, "read", "a"),
            argued("", 0),
            argued('{"p":', 0),
            argued("1}", 0),
            closed(0),
            called(1, "edit", "b"),
            argued('{"p":2}', 1),
            closed(1),
        ],
        # both begin before their arguments come
        [called(0, "read", "a"), called(1, "edit", "b"), argued('{"p":2', 1), argued('{"p":1}', 0), argued("}", 1)],
        # whole in the first event, in JSON or as text, with empty pieces or none
        [called(0, "read", "a", {"p": 1}), argued("", 0), closed(0), called(1, "edit", "b", '{"p": 2}')],
        # whole in the first event, and once more in pieces
        [called(0, "read", "a", {"p": 1}), argued('{"p":1}', 0), called(1, "edit", "b"), argued('{"p":2}', 1)],
        # every block at index 0
        [called(0, "read", "a"), argued('{"p":1}', 0), called(0, "edit", "b"), argued('{"p":2}', 0)],
        # a piece that is no text
        [called(0, "read", "a"), argued({"p": 1}, 0), called(1, "edit", "b"), argued({"p": 2}, 1)],
    ],
    ids=range(6),
)
def test_rt6_two_calls_come_out_whole_however_they_are_sent(events: list[Event]) -> None:
    deltas, answer = folded(*events)
    assert answer.message().content == (READ, EDIT)
    assert answer.phase is Phase.TOOL_ARGS
    shown = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    for index, call in enumerate((READ, EDIT)):
        own = [delta for delta in shown if delta.index == index]
        assert (own[0].id, own[0].name) == (call.id, call.name)
        assert json.loads("".join(delta.arguments for delta in own)) == dict(call.arguments)


@pytest.mark.parametrize(
    ("ids", "taken", "expected"),
    [
        (["x", "y"], (), ["x", "y"]),
        (["x", "x"], (), ["x", "call_2"]),
        (["", ""], (), ["call_1", "call_2"]),
        (["x"], ("x",), ["call_2"]),
    ],
)
def test_rt6_every_call_has_an_id_that_the_conversation_has_not_seen(
    ids: list[str], taken: tuple[str, ...], expected: list[str]
) -> None:
    _, answer = folded(*(called(at, f"t{at}", call_id) for at, call_id in enumerate(ids)), taken=taken)
    assert [call.id for call in answer.message().tool_calls] == expected


def test_a_call_without_any_input_has_none() -> None:
    _, answer = folded(called(0, "now", "a"), argued("", 0), closed(0))
    assert answer.message().content == (ToolCall("a", "now", {}),)


@pytest.mark.parametrize("reason", ["end_turn", "tool_use", "pause_turn"])
def test_whoever_calls_tools_stops_to_use_them(reason: str) -> None:
    _, answer = folded(called(), closed(), reason=reason)
    assert answer.message().stop_reason is StopReason.TOOL_USE


def test_whole_calls_before_the_token_limit_are_kept() -> None:
    _, answer = folded(called(0, "read", "a"), argued('{"p":1}'), closed(), reason="max_tokens")
    assert (answer.message().stop_reason, answer.message().content) == (StopReason.LENGTH, (READ,))


def test_thoughts_keep_their_borders_their_signatures_and_their_secrets() -> None:
    deltas, answer = folded(
        begun(0, "thinking"),
        thought("one", 0),
        signed("s1", 0),
        closed(0),
        begun(1, "thinking"),  # shown to nobody, and signed all the same
        thought("", 1),
        signed("s2", 1),
        closed(1),
        begun(2, "redacted_thinking", data="secret"),
        closed(2),
        begun(3, "thinking", thinking="two", signature="s3"),
        closed(3),
        begun(4),
        said("a", 4),
        closed(4),
        begun(5),
        said("b", 5),
        closed(5),
        reason="end_turn",
    )
    assert answer.message().content == (
        Thinking("one", "s1"),
        Thinking("", "s2"),
        Thinking("", "secret", redacted=True),
        Thinking("two", "s3"),
        Text("a"),
        Text("b"),
    )
    assert deltas == [ThinkingDelta("one", 0), ThinkingDelta("two", 3), TextDelta("a", 4), TextDelta("b", 5)]


def test_blocks_of_tools_that_the_provider_runs_are_passed_over() -> None:
    _, answer = folded(
        begun(0),
        said("I search."),
        closed(0),
        begun(1, "server_tool_use", id="srv_1", name="web_search", input={}),
        argued('{"query":', 1),
        argued('"x"}', 1),
        closed(1),
        begun(2, "web_search_tool_result", tool_use_id="srv_1", content=[]),
        closed(2),
        begun(3),
        said("Found.", 3),
        closed(3),
        reason="end_turn",
    )
    assert answer.message().content == (Text("I search."), Text("Found."))


def test_a_whole_answer_is_the_same_as_a_streamed_one() -> None:
    blocks: list[Event] = [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "Yes."},
        {"type": "tool_use", "id": "a", "name": "read", "input": {"p": 1}},
        {"type": "tool_use", "id": "b", "name": "now", "input": {}},
    ]
    answer = PartialMessage(PRODUCER)
    usage = {"input_tokens": 3, "output_tokens": 4}
    deltas = answer.take(SseEvent("", json.dumps(message(*blocks, reason="tool_use", usage=usage)).encode()))
    assert answer.is_ending
    assert answer.message() == AssistantMessage(
        (Thinking("Hm", "s"), Thinking("", "d", redacted=True), Text("Yes."), READ, ToolCall("b", "now", {})),
        StopReason.TOOL_USE,
        PRODUCER,
        Usage(input=3, output=4),
        response_id="msg_1",
    )
    assert [type(delta) for delta in deltas] == [ThinkingDelta, TextDelta, *[ToolCallDelta] * 3]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ({}, None, Usage()),
        (None, "many", Usage()),
        ({"input_tokens": 10, "output_tokens": 1}, {"output_tokens": 3}, Usage(input=10, output=3)),
        ({"input_tokens": 0}, {"input_tokens": 10, "output_tokens": 3}, Usage(input=10, output=3)),
        ({"input_tokens": 10}, {"input_tokens": 0, "output_tokens": 3}, Usage(input=10, output=3)),
        (
            {"input_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 3},
            {"input_tokens": None, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}},
            Usage(input=1, output=9, cache_read=2, cache_write=3, reasoning=5),
        ),
        ({"input_tokens": -1, "output_tokens": "3"}, {"output_tokens_details": 7}, Usage()),
    ],
)
def test_usage_counts_up_over_the_events(first: object, last: object, expected: Usage) -> None:
    assert usage_in(last, usage_in(first, Usage())) == expected


RECORDED = sse(
    started(input_tokens=9),
    begun(0, "thinking"),
    PING,
    thought("Hm — ", 0),
    thought("yes.", 0),
    signed("EqQBCg", 0),
    closed(0),
    begun(1),
    said("Héllo ", 1),
    said("𝄞 wörld", 1),
    closed(1),
    called(2, "read", "toolu_1"),
    argued("", 2),
    argued('{"path": ', 2),
    argued('"ä.py"}', 2),
    closed(2),
    ended("tool_use", {"output_tokens": 7}),
    STOP,
)


def joined(deltas: list[Delta]) -> dict[int, str]:
    """Return what the deltas of each block say together."""
    said_of: dict[int, str] = {}
    for delta in deltas:
        piece = delta.arguments if isinstance(delta, ToolCallDelta) else delta.text
        said_of[delta.index] = said_of.get(delta.index, "") + piece
    return said_of


@given(st.lists(st.integers(0, len(RECORDED)), max_size=40))
def test_rs6_any_chunking_of_a_stream_gives_the_same_deltas_and_message(cuts: list[int]) -> None:
    def fold(*chunks: bytes) -> tuple[dict[int, str], AssistantMessage]:
        decoder, answer = SseDecoder(), PartialMessage(PRODUCER)
        events = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.finish()
        return joined([delta for event in events for delta in answer.take(event)]), answer.message()

    places = [0, *sorted(cuts), len(RECORDED)]
    cut = fold(*(RECORDED[a:b] for a, b in pairwise(places)))
    assert cut == fold(RECORDED)
    assert cut[0] == {0: "Hm — yes.", 1: "Héllo 𝄞 wörld", 2: '{"path": "ä.py"}'}


_NAMES = """
    type message content_block delta index content text thinking signature data id name input partial_json usage
    stop_reason stop_details error errors detail details code explanation category input_tokens output_tokens
"""
_KINDS = """
    message_start content_block_start content_block_delta content_block_stop message_delta message_stop message ping
    error text thinking redacted_thinking tool_use text_delta thinking_delta signature_delta input_json_delta other
"""
NAMES, KINDS = _NAMES.split(), _KINDS.split()
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 600)
    | st.floats(allow_nan=False)
    | st.sampled_from([*KINDS, "", "x", "end_turn", "tool_use", "max_tokens", "{}", "{", '{"a": 1}'])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)
BLOCKS = st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional=dict.fromkeys(NAMES[6:14], VALUES))


def events_of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional={"index": st.integers(0, 2), **fields})


EVENTS = (
    VALUES
    | events_of("content_block_start", content_block=BLOCKS)
    | events_of("content_block_delta", delta=BLOCKS)
    | events_of("message", content=st.lists(BLOCKS, max_size=3), stop_reason=LEAVES)
    | events_of("message_delta", delta=VALUES, usage=VALUES)
    | st.sampled_from([STOP, ended(), ended("tool_use"), closed(), called(), argued("{}"), said("x"), thought("x")])
)


@given(st.lists(EVENTS, max_size=8))
def test_rs7_whatever_comes_is_an_answer_or_a_fault(events: list[object]) -> None:
    answer = PartialMessage(PRODUCER)
    with suppress(WireError):
        for item in events:
            answer.take(SseEvent("", json.dumps(item).encode()))
        whole = answer.message()
        assert whole.content
        assert len({call.id for call in whole.tool_calls}) == len(whole.tool_calls)


@given(st.binary(max_size=60), st.sampled_from(["", "error", "ping", "message_stop"]))
def test_rs7_bytes_that_are_no_json_are_a_fault_or_nothing(data: bytes, name: str) -> None:
    with suppress(WireError):
        event = SseEvent(name, data.decode("utf-8", "replace").encode())
        assert list(PartialMessage(PRODUCER).take(event)) == []
