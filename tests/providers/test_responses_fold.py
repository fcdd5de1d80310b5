"""Folding the events of a response: what hosts make of them, the last word, and that no input crashes it."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.http import WireError
from pi_fallback.providers.body import Body
from pi_fallback.providers.responses_fold import PartialResponse
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    FaultKind,
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
from tests.providers.responses import (
    Event,
    added,
    argued,
    completed,
    done,
    event,
    function_call,
    incomplete,
    message,
    reasoning,
    response,
    said,
    sse,
    thought,
)

PRODUCER = Producer("acme", "big", "openai-responses")


def folded(*events: Event, taken: tuple[str, ...] = ()) -> tuple[list[Delta], AssistantMessage]:
    answer = PartialResponse(PRODUCER, taken=taken)
    deltas: list[Delta] = []
    for item in events:
        deltas += answer.take(SseEvent(str(item.get("type", "")), json.dumps(item).encode()))
    return deltas, answer.message()


def shown(message: AssistantMessage) -> list[object]:
    """Return the content without signatures."""
    return [
        block.text if not isinstance(block, ToolCall) else (block.id, block.name, dict(block.arguments))
        for block in message.content
    ]


WHOLE = (
    reasoning("Look.", "Then read."),
    message("Hello, world", phase="commentary"),
    function_call('{"p":1}'),
    function_call('{"p":2}', "call_2", "edit", "fc_2"),
)
STREAMED = (
    event("created", response=response(status="in_progress")),
    event("in_progress", response=response(status="in_progress")),
    added(reasoning(secret=None)),
    event("reasoning_summary_part.added", 0, summary_index=0, part={"type": "summary_text", "text": ""}),
    thought("Lo"),
    thought("ok."),
    event("reasoning_summary_text.done", 0, summary_index=0, text="Look."),
    thought("Then read.", part=1),
    done(WHOLE[0]),
    added(message(""), 1),
    event("content_part.added", 1, content_index=0, part={"type": "output_text", "text": ""}),
    said("Hello", 1),
    said(", world", 1),
    event("output_text.done", 1, content_index=0, text="Hello, world"),
    event("content_part.done", 1, content_index=0, part={"type": "output_text", "text": "Hello, world"}),
    done(WHOLE[1], 1),
    added(function_call(""), 2),
    argued('{"p"', 2),
    argued(":1}", 2),
    event("function_call_arguments.done", 2, arguments='{"p":1}'),
    done(WHOLE[2], 2),
    added(function_call("", "call_2", "edit", "fc_2"), 3),
    argued('{"p":2}', 3),
    done(WHOLE[3], 3),
)
SHOWN = ["Look.\n\nThen read.", "Hello, world", ("call_1", "read", {"p": 1}), ("call_2", "edit", {"p": 2})]

SAID, CALL, BARE = message("I write."), function_call({"p": 1}), function_call("")


def without(*kinds: str) -> list[Event]:
    return [item for item in STREAMED if str(item["type"]).removeprefix("response.") not in kinds]


def at_index_0(*events: Event) -> list[Event]:
    return [{**item, "output_index": 0} if "output_index" in item else item for item in events]


INTERLEAVED = [
    added(function_call(""), 2),
    added(function_call("", "call_2", "edit", "fc_2"), 3),
    argued('{"p":2}', 3),
    argued('{"p":1}', 2),
    done(WHOLE[3], 3),
    done(WHOLE[2], 2),
]


@pytest.mark.parametrize(
    "events",
    [
        [*STREAMED, completed(*WHOLE)],
        [*STREAMED, completed()],  # Codex
        [*without("output_item.done"), completed(*WHOLE)],
        [*without("output_item.done"), completed()],
        [*without("output_item.added"), completed(*WHOLE)],
        [*without("function_call_arguments.delta"), completed(*WHOLE)],
        [*without("function_call_arguments.delta", "function_call_arguments.done"), completed()],
        [*without("output_text.delta", "reasoning_summary_text.delta"), completed()],
        [done(item, index) for index, item in enumerate(WHOLE)] + [completed()],
        [completed(*WHOLE)],
        [response(*WHOLE)],
        [*at_index_0(*STREAMED), completed(*WHOLE)],
        [*at_index_0(*STREAMED), completed()],
        [*STREAMED[:16], *INTERLEAVED, completed()],
        [*STREAMED, event("done", response=response(*WHOLE))],
        [*STREAMED, event("done", response=response(*WHOLE, status="in_progress"))],
        [*STREAMED, completed(*WHOLE), event("failed", response=response(status="failed"))],
        [*STREAMED, {"type": "codex.rate_limits", "primary": {}}, event("new.thing", 9, delta=7), completed(*WHOLE)],
        [*STREAMED, completed({"type": "web_search_call", "id": "ws_1"}, *WHOLE)],
    ],
    ids=range(19),
)
def test_rs6_however_a_response_is_told_it_is_the_same_message(events: list[Event]) -> None:
    _, message = folded(*events)
    assert shown(message) == SHOWN
    assert message.stop_reason is StopReason.TOOL_USE


def test_pieces_become_deltas_as_they_come() -> None:
    deltas, _ = folded(*STREAMED, completed(*WHOLE))
    assert deltas == [
        ThinkingDelta("Lo", 0),
        ThinkingDelta("ok.", 0),
        ThinkingDelta("\n\nThen read.", 0),
        TextDelta("Hello", 1),
        TextDelta(", world", 1),
        ToolCallDelta(2, "call_1", "read"),
        ToolCallDelta(2, arguments='{"p"'),
        ToolCallDelta(2, arguments=":1}"),
        ToolCallDelta(3, "call_2", "edit"),
        ToolCallDelta(3, arguments='{"p":2}'),
    ]


@pytest.mark.parametrize("events", [[completed(*WHOLE)], [response(*WHOLE)]])
def test_what_was_not_streamed_is_shown_at_the_end(events: list[Event]) -> None:
    deltas, _ = folded(*events)
    assert deltas == [
        ThinkingDelta("Look.\n\nThen read.", 0),
        TextDelta("Hello, world", 1),
        ToolCallDelta(2, "call_1", "read", '{"p":1}'),
        ToolCallDelta(3, "call_2", "edit", '{"p":2}'),
    ]


def test_the_rest_of_what_was_streamed_is_shown_at_the_end() -> None:
    deltas, message_ = folded(said("Hel"), completed(message("Hello")))
    assert deltas == [TextDelta("Hel"), TextDelta("lo")]
    assert message_.text == "Hello"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([said("Hallo"), completed(message("Hello"))], ["Hello"]),
        ([said("one"), said("two", 1), completed(message("two"))], ["two"]),
        ([added(function_call("")), argued('{"p":9}'), completed(message("No call."))], ["No call."]),
        (
            [said("one"), said("two", 1), said("!", 0), completed(message("one!"), message("two"))],
            ["one!", "two"],
        ),
    ],
)
def test_the_last_word_holds_against_the_pieces(events: list[Event], expected: list[str]) -> None:
    _, message = folded(*events)
    assert shown(message) == expected


@pytest.mark.parametrize(
    "events",
    [
        [added(SAID), done(SAID), added(BARE, 1), done(CALL, 1), completed(SAID)],
        [added(SAID), done(SAID), added(BARE, 1), done(CALL, 1), completed(CALL)],
        [added(SAID), said("I write."), added(BARE, 1), argued('{"p": 1}', 1), completed(SAID)],
        [added(SAID), done(SAID), added(BARE, 1), argued('{"p": 1}', 1), completed(SAID)],
        [done(SAID), done(CALL), completed(SAID)],
    ],
    ids=range(5),
)
def test_an_item_that_the_last_word_lacks_is_kept(events: list[Event]) -> None:
    deltas, answer = folded(*events)
    assert [block.text for block in answer.content if isinstance(block, Text)] == ["I write."]
    assert [(call.name, dict(call.arguments)) for call in answer.tool_calls] == [("read", {"p": 1})]
    assert len({delta.index for delta in deltas}) == 2


@pytest.mark.parametrize("end", [completed(), completed(SAID, CALL)])
def test_an_item_that_is_done_twice_is_one(end: Event) -> None:
    _, answer = folded(added(SAID), *[done(SAID)] * 2, added(BARE, 1), *[done(CALL, 1)] * 2, end)
    assert [block.text for block in answer.content if isinstance(block, Text)] == ["I write."]
    assert len(answer.tool_calls) == 1


def test_mixed_up_pieces_without_a_last_word_are_a_fault() -> None:
    with pytest.raises(WireError) as caught:
        folded(said("one"), said("two", 1), said("!", 0), completed())
    assert caught.value.fault.kind is FaultKind.MALFORMED


def test_two_messages_are_two_blocks_and_a_refusal_is_text() -> None:
    refusal: Event = {"type": "message", "id": "m2", "content": [{"type": "refusal", "refusal": "No."}]}
    deltas, answer = folded(
        said("I look."), event("refusal.delta", 1, content_index=0, delta="No."), completed(message("I look."), refusal)
    )
    assert deltas == [TextDelta("I look.", 0), TextDelta("No.", 1)]
    assert [block.text for block in answer.content if isinstance(block, Text)] == ["I look.", "No."]


def test_raw_reasoning_is_thinking_too() -> None:
    item: Event = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    deltas, answer = folded(
        event("reasoning_text.delta", 0, content_index=0, delta="Hm."), said("x", 1), completed(item, message("x"))
    )
    assert deltas[0] == ThinkingDelta("Hm.")
    assert answer.content[0] == Thinking("Hm.")


def test_signatures_are_kept_with_the_account_that_they_open_for() -> None:
    _, answer = folded(*STREAMED, completed(*WHOLE))
    signatures = [json.loads(block.signature or "") for block in answer.content]
    assert signatures == [
        {"credential": "primary", "item": WHOLE[0]},
        {"id": "msg_1", "phase": "commentary"},
        {"id": "fc_1"},
        {"id": "fc_2"},
    ]


@pytest.mark.parametrize(
    ("streamed", "last", "expected"),
    [
        (reasoning("Hm.", secret=None), reasoning("Hm.", secret="late"), "late"),  # Azure
        (reasoning("Hm.", secret="early"), reasoning("Hm.", secret="late"), "late"),
        (reasoning("Hm.", secret=None), None, None),
        (reasoning("Hm.", secret="x", item_id=""), None, None),
    ],
)
def test_encrypted_reasoning_is_taken_from_the_last_word(
    streamed: Event, last: Event | None, expected: str | None
) -> None:
    end = completed() if last is None else completed(last, message("x"))
    _, answer = folded(done(streamed), said("x", 1), end)
    signature = answer.content[0].signature
    assert (signature and json.loads(signature)["item"]["encrypted_content"]) == expected


def test_a_thought_without_summary_is_redacted() -> None:
    _, answer = folded(added(reasoning(secret="par")), done(reasoning()), said("x", 1), completed())
    thinking = answer.content[0]
    assert isinstance(thinking, Thinking)
    assert (thinking.text, thinking.redacted) == ("", True)
    assert json.loads(thinking.signature or "")["item"]["encrypted_content"] == "gAAA"


@pytest.mark.parametrize(
    ("call_ids", "taken", "ids"),
    [
        (("a", "b"), (), ["a", "b"]),
        (("a", "a"), (), ["a", "call_2"]),
        (("", ""), (), ["fc_1", "call_2"]),
        (("a", "b"), ("a",), ["call_2", "b"]),
    ],
)
def test_rt6_every_call_has_an_id_that_the_conversation_has_not_seen(
    call_ids: tuple[str, ...], taken: tuple[str, ...], ids: list[str]
) -> None:
    calls = [function_call({"p": number}, call_id) for number, call_id in enumerate(call_ids)]
    deltas, answer = folded(*(done(call, at) for at, call in enumerate(calls)), completed(*calls), taken=taken)
    assert [call.id for call in answer.tool_calls] == ids
    assert [delta.id for delta in deltas if isinstance(delta, ToolCallDelta)] == ids


def test_arguments_may_come_as_an_object() -> None:
    _, answer = folded(completed(function_call({"p": 1})))
    assert answer.tool_calls[0].arguments == {"p": 1}


def test_whole_calls_before_the_token_limit_are_kept() -> None:
    _, answer = folded(incomplete("max_output_tokens", function_call('{"p":1}')))
    assert (answer.stop_reason, shown(answer)) == (StopReason.LENGTH, [("call_1", "read", {"p": 1})])


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage()),
        ("many", Usage()),
        ({"input_tokens": 10, "output_tokens": 3}, Usage(input=10, output=3)),
        (
            {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 5},
                "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(input=1, output=7, cache_read=4, cache_write=5, reasoning=2),
        ),
        ({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 40}}, Usage(cache_read=10)),
        ({"input_tokens": -1, "output_tokens": "3", "input_tokens_details": 7}, Usage()),
    ],
)
def test_usage_is_read_as_hosts_count_it(usage: object, expected: Usage) -> None:
    _, answer = folded(said("x"), completed(message("x"), usage=usage))
    assert answer.usage == expected


RECORDED = sse(*STREAMED, completed(*WHOLE, usage={"input_tokens": 3, "output_tokens": 2}))


@given(st.lists(st.integers(0, len(RECORDED)), max_size=8).map(sorted))
def test_rs6_any_cut_of_the_bytes_gives_the_same_answer(cuts: list[int]) -> None:
    answer, body = PartialResponse(PRODUCER), Body()
    deltas: list[Delta] = []
    for start, end in zip([0, *cuts], [*cuts, len(RECORDED)], strict=True):
        for item in body.feed(RECORDED[start:end]):
            deltas += answer.take(item)
    assert (deltas, answer.message()) == folded(
        *STREAMED, completed(*WHOLE, usage={"input_tokens": 3, "output_tokens": 2})
    )


NAMES = ["type", "output_index", "delta", "item", "response", "output", "content", "summary", "text", "id", "call_id"]
OTHER_NAMES = ["name", "arguments", "status", "error", "code", "message", "usage", "encrypted_content", "refusal"]
KINDS = ["output_text.delta", "reasoning_summary_text.delta", "function_call_arguments.delta", "created", "failed"]
ENDS = ["function_call_arguments.done", "output_item.added", "output_item.done", "completed", "incomplete"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "x", "message", "reasoning", "function_call", "completed", "incomplete", "{}", "{", "error"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES + OTHER_NAMES), inner, max_size=5)
    ),
)
ITEMS = st.builds(message, st.text(max_size=3)) | st.builds(reasoning, st.text(max_size=3)) | st.builds(function_call)
EVENTS = (
    VALUES
    | st.builds(
        event, st.sampled_from(KINDS + ENDS), st.integers(0, 2), delta=LEAVES, item=VALUES | ITEMS, response=VALUES
    )
    | st.builds(said, st.text(max_size=3), st.integers(0, 2))
    | st.builds(argued, st.sampled_from(["{", "}", '"a":1']), st.integers(0, 2))
    | st.builds(added, ITEMS, st.integers(0, 2))
    | st.builds(done, ITEMS, st.integers(0, 2))
    | st.lists(ITEMS, max_size=2).map(lambda items: completed(*items))
)


@given(st.lists(EVENTS, max_size=8))
def test_rs7_whatever_comes_is_an_answer_or_a_fault(events: list[object]) -> None:
    answer = PartialResponse(PRODUCER)
    with suppress(WireError):
        for item in events:
            answer.take(SseEvent("", json.dumps(item).encode()))
        message = answer.message()
        assert message.content
        assert len({call.id for call in message.tool_calls}) == len(message.tool_calls)
    assert answer.phase in (Phase.PRE, Phase.TEXT, Phase.TOOL_ARGS)


@given(st.binary(max_size=60), st.sampled_from(["", "error", "ping", "response.output_text.delta"]))
def test_rs7_bytes_that_are_no_json_are_a_fault_or_nothing(data: bytes, name: str) -> None:
    with suppress(WireError):
        assert PartialResponse(PRODUCER).take(SseEvent(name, data.decode("utf-8", "replace").encode())) == ()
