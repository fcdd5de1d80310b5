"""Folding chunks: the ways in which hosts send tool calls and usage, and that no input crashes it."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.http import WireError
from pi_fallback.providers.openai_fold import PartialAnswer
from pi_fallback.providers.openai_usage import usage_in
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import Delta, Phase, Producer, StopReason, ToolCall, ToolCallDelta, Usage
from tests.providers.chat import called, chunk, said

PRODUCER = Producer("acme", "big", "openai-completions")


def folded(
    *chunks: object, finish: str = "tool_calls", taken: tuple[str, ...] = ()
) -> tuple[list[Delta], PartialAnswer]:
    answer = PartialAnswer(PRODUCER, taken=taken)
    deltas: list[Delta] = []
    for item in (*chunks, chunk(finish=finish)):
        deltas += answer.take(SseEvent("", json.dumps(item).encode()))
    return deltas, answer


def both(*pieces: dict[str, object]) -> dict[str, object]:
    """Return the tool call pieces of several chunks in one chunk."""
    return chunk({"tool_calls": [call for piece in pieces for call in piece["choices"][0]["delta"]["tool_calls"]]})


READ, EDIT = ToolCall("a", "read", {"p": 1}), ToolCall("b", "edit", {"p": 2})


@pytest.mark.parametrize(
    "chunks",
    [
        [
            called("", call_id="a", name="read"),
            called('{"p":'),
            called("1}"),
            called("", index=1, call_id="b", name="edit"),
            called('{"p":2}', index=1),
        ],
        [  # interleaved
            both(called(None, call_id="a", name="read"), called(None, index=1, call_id="b", name="edit")),
            called('{"p":2', index=1),
            called('{"p":1}'),
            called("}", index=1),
        ],
        [both(called('{"p":1}', call_id="a", name="read"), called('{"p":2}', index=1, call_id="b", name="edit"))],
        # whole calls, each at index 0
        [called('{"p":1}', call_id="a", name="read"), called('{"p":2}', call_id="b", name="edit")],
        # no index
        [
            called('{"p":', index=None, call_id="a", name="read"),
            called("1}", index=None),
            called('{"p":', index=None, call_id="b", name="edit"),
            called("2}", index=None, call_id="b"),
        ],
        # id and name in each piece
        [
            called('{"p":', call_id="a", name="read"),
            called("1}", call_id="a", name="read"),
            called('{"p":', index=1, call_id="b", name="edit"),
            called("2}", index=1, call_id="b", name="edit"),
        ],
        # arguments before the name, and the name on its own
        [called('{"p":', call_id="a"), called("1}", name="read"), called('{"p":2}', index=5, call_id="b", name="edit")],
        # arguments as an object
        [
            chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "read", "arguments": {"p": 1}}}]}),
            chunk({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "edit", "arguments": {"p": 2}}}]}),
        ],
    ],
    ids=range(8),
)
def test_rt6_two_calls_come_out_whole_however_they_are_sent(chunks: list[object]) -> None:
    deltas, answer = folded(*chunks)
    assert answer.message().content == (READ, EDIT)
    assert answer.phase is Phase.TOOL_ARGS
    shown = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    for index, call in enumerate((READ, EDIT)):
        own = [delta for delta in shown if delta.index == index]
        assert (own[0].id, own[0].name) == (call.id, call.name)
        assert [(delta.id, delta.name) for delta in own[1:]] == [("", "")] * (len(own) - 1)
        assert json.loads("".join(delta.arguments for delta in own)) == dict(call.arguments)


@pytest.mark.parametrize(
    ("chunks", "taken", "ids"),
    [
        ([called("{}", name="t"), called("{}", name="t")], (), ["call_1", "call_2"]),
        ([called("{}", call_id="", name="t")], (), ["call_1"]),
        ([called("{}", call_id="x", name="t"), called("{}", index=1, call_id="x", name="u")], (), ["x", "call_2"]),
        ([called("{}", call_id="x", name="t")], ("x",), ["call_2"]),
        ([called("{}", call_id="x", name="t")], ("x", "call_3"), ["call_4"]),
        ([called("{}", call_id="x", name="t")], ("y",), ["x"]),
    ],
)
def test_rt6_every_call_has_an_id_that_the_conversation_has_not_seen(
    chunks: list[object], taken: tuple[str, ...], ids: list[str]
) -> None:
    _, answer = folded(*chunks, taken=taken)
    assert [call.id for call in answer.message().tool_calls] == ids


def test_rt6_calls_of_a_whole_answer_are_as_many_as_it_has_whatever_their_ids() -> None:
    calls = [{"id": "a", "function": {"name": "read", "arguments": text}} for text in ("{}", '{"p": 1}')]
    for more in ({}, {"index": 0}):
        answer = PartialAnswer(PRODUCER)
        all_calls = [call | more for call in calls]
        whole = {"choices": [{"message": {"tool_calls": all_calls}, "finish_reason": "tool_calls"}]}
        answer.take(SseEvent("", json.dumps(whole).encode()))
        assert [tool.id for tool in answer.message().tool_calls] == ["a", "call_2"]


@pytest.mark.parametrize(
    "chunks",
    [
        [called('{"p":', call_id="a", name="read"), called("1}", name="read"), called("", name="read")],
        [called('{"p":1}', index=None, name="read"), called("", index=None, name="read")],
        # one id under two indexes (mudler/LocalAI#9722): whole again, without arguments, or the rest
        [called('{"p":1}', call_id="a", name="read"), called('{"p": 1}', index=1, call_id="a", name="read")],
        [called('{"p":1}', call_id="a", name="read"), called("", index=1, call_id="a", name="read")],
        [
            called('{"p":1}', call_id="a", name="read"),
            called("", index=1, call_id="a", name="read"),
            called('{"p":', index=1),
            called("1}", index=1),
        ],
        [called('{"p":', call_id="a", name="read"), called("1}", index=1, call_id="a")],
    ],
    ids=range(6),
)
def test_a_call_that_is_told_twice_is_one(chunks: list[object]) -> None:
    _, answer = folded(*chunks)
    (call,) = answer.message().tool_calls
    assert (call.name, dict(call.arguments)) == ("read", {"p": 1})


@pytest.mark.parametrize(
    "chunks",
    [
        [called("", name="date"), called("", name="uptime")],
        [called("{}", name="date"), called("", name="uptime")],
        [called("", index=None, name="date"), called("", index=None, name="uptime")],
        [called("", call_id="a", name="date"), called("", call_id="a", name="uptime")],  # one id and index for all
        [called("", call_id="a", name="date"), called("", index=1, call_id="a", name="uptime")],
    ],
    ids=range(5),
)
def test_two_names_without_arguments_are_two_calls(chunks: list[object]) -> None:
    _, answer = folded(*chunks)
    assert [(call.name, dict(call.arguments)) for call in answer.message().tool_calls] == [("date", {}), ("uptime", {})]


@pytest.mark.parametrize("index", [0, None])
def test_a_name_alone_after_a_whole_call_begins_one_if_arguments_follow(index: int | None) -> None:
    pieces = [('{"p":1}', "read"), ("", "read"), ('{"p":', None), ("2}", None), ("", "read")]
    _, answer = folded(*(called(arguments, index=index, name=name) for arguments, name in pieces))
    calls = answer.message().tool_calls
    assert [(call.id, call.name, dict(call.arguments)) for call in calls] == [
        ("call_1", "read", {"p": 1}),
        ("call_2", "read", {"p": 2}),
    ]


def test_the_shape_before_tools_is_a_call_too() -> None:
    _, answer = folded(
        chunk({"function_call": {"name": "read", "arguments": '{"p":'}}),
        chunk({"function_call": {"arguments": "1}"}}),
        finish="function_call",
    )
    assert answer.message().content == (ToolCall("call_1", "read", {"p": 1}),)


def test_a_call_without_any_arguments_has_none() -> None:
    _, answer = folded(called("", name="now"))
    assert answer.message().content == (ToolCall("call_1", "now", {}),)


@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
def test_whoever_calls_tools_stops_to_use_them(finish: str) -> None:
    _, answer = folded(called("{}", name="now"), finish=finish)
    assert answer.message().stop_reason is StopReason.TOOL_USE


def test_whole_calls_before_the_token_limit_are_kept() -> None:
    _, answer = folded(called('{"p":1}', call_id="a", name="read"), finish="length")
    message = answer.message()
    assert (message.stop_reason, message.content) == (StopReason.LENGTH, (READ,))


def test_a_second_choice_and_what_follows_done_are_not_read() -> None:
    answer = PartialAnswer(PRODUCER)
    answer.take(SseEvent("", json.dumps({"choices": [{"index": 1, "delta": {"content": "no"}}]}).encode()))
    answer.take(SseEvent("", json.dumps(said("yes")).encode()))
    answer.take(SseEvent("", b" [DONE] "))
    assert answer.take(SseEvent("", b"nonsense")) == ()
    assert answer.message().text == "yes"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, Usage()),
        (None, Usage()),
        ("many", Usage()),
        ({"prompt_tokens": 10, "completion_tokens": 3}, Usage(input=10, output=3)),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(input=6, cache_read=4)),
        ({"prompt_tokens": 10, "prompt_cache_hit_tokens": 4}, Usage(input=6, cache_read=4)),
        ({"prompt_tokens": 10, "cached_tokens": 4}, Usage(input=6, cache_read=4)),
        (
            {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 5}},
            Usage(input=1, cache_read=4, cache_write=5),
        ),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 40}}, Usage(cache_read=10)),
        ({"prompt_tokens": -1, "completion_tokens": "3", "prompt_tokens_details": 7}, Usage()),
    ],
)
def test_usage_is_read_as_hosts_count_it(usage: object, expected: Usage) -> None:
    assert usage_in(usage) == expected


NAMES = [
    "choices",
    "delta",
    "message",
    "content",
    "reasoning",
    "reasoning_content",
    "refusal",
    "tool_calls",
    "function_call",
    "function",
    "index",
    "id",
    "name",
    "arguments",
    "finish_reason",
    "usage",
    "error",
    "errors",
    "detail",
    "details",
    "code",
    "type",
    "text",
    "metadata",
    "raw",
    "prompt_tokens",
    "retryDelay",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 600)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "x", "stop", "length", "tool_calls", "error", "thinking", "{}", "{", "429", "34s"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)
DELTAS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES[3:9], VALUES))
CHUNKS = (
    VALUES | st.builds(chunk, DELTAS, LEAVES) | st.builds(lambda calls: chunk({"tool_calls": calls}), st.lists(VALUES))
)


@given(st.lists(CHUNKS, max_size=6))
def test_rs7_whatever_comes_is_an_answer_or_a_fault(chunks: list[object]) -> None:
    answer = PartialAnswer(PRODUCER)
    with suppress(WireError):
        for item in chunks:
            answer.take(SseEvent("", json.dumps(item).encode()))
        message = answer.message()
        assert message.content
        assert len({call.id for call in message.tool_calls}) == len(message.tool_calls)


@given(st.binary(max_size=60), st.sampled_from(["", "error", "ping"]))
def test_rs7_bytes_that_are_no_json_are_a_fault_or_nothing(data: bytes, name: str) -> None:
    with suppress(WireError):
        event = SseEvent(name, data.decode("utf-8", "replace").encode())
        assert PartialAnswer(PRODUCER).take(event) == ()
