"""Laws that must hold for any bytes whatever. Each takes an input and raises if it breaks the law."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from pi_fallback.providers.sse import SseDecoder, SseEvent
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    Fault,
    Message,
    Reply,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolResultMessage,
    thawed,
    user_message,
)
from tests.fuzz.sse_reference import events_in
from tests.pairs import PAIRS, Pair

Law = Callable[[bytes], None]

HEAD = 4
"""So many bytes of an input say how the rest of it is cut and which limits hold; the rest is the stream."""


def any_chunking_gives_the_same_events(data: bytes) -> None:
    """Any chunking of a stream gives the same events, which are those that the standard has."""
    stream = data[HEAD:]
    limit = data[3] if len(data) > HEAD and data[3] else 1 << 30
    whole = _decoded([stream], limit)
    for chunks in chunkings(data):
        assert _decoded(chunks, limit) == whole, chunks
    if not whole[1]:
        assert whole[0] == events_in(stream)


def any_stream_is_one_answer_or_one_fault(pair: Pair) -> Law:
    """Return the law of a dialect: whatever comes, in any chunking, is the same answer or fault, and can be sent on."""
    call = pair.call()

    def law(data: bytes) -> None:
        deltas, end = pair.fold(call, data[HEAD:])
        for chunks in chunkings(data):
            other_deltas, other = pair.fold(call, *chunks)
            assert _outcome(other) == _outcome(end), chunks
            if isinstance(end, Reply):
                assert shown(other_deltas) == shown(deltas), chunks
        if isinstance(end, Reply):
            _check(end.message)
            if pair.name != "openai-responses":  # whose last word may mend what was shown
                was_shown, meant = shown(deltas), _meant(end.message)
                # A call that a host tells twice is shown twice and is one.
                calls = [sum(kind is ToolCallDelta for kind, _, _ in told.values()) for told in (was_shown, meant)]
                assert was_shown == meant or calls[0] > calls[1] > 0
            for other in PAIRS:  # another model, so that no signature goes back, which the provider would not know
                wrong = other.wire.violations(other.asked(other.call(*_continued(end.message), name="small")))
                assert wrong == (), (other.name, wrong, end.message)

    return law


LAWS: Mapping[str, Law] = {
    "sse": any_chunking_gives_the_same_events,
    **{pair.name: any_stream_is_one_answer_or_one_fault(pair) for pair in PAIRS},
}


def chunkings(data: bytes) -> Sequence[Sequence[bytes]]:
    """Return the stream of `data` in pieces of one size, and cut at two places."""
    head, stream = data[:HEAD].ljust(HEAD, b"\0"), data[HEAD:]
    step = 1 + head[0] % 64
    cuts = sorted(min(place, len(stream)) for place in (head[1], head[1] + head[2]))
    return (
        [stream[at : at + step] for at in range(0, len(stream), step)],
        [stream[start:end] for start, end in pairwise((0, *cuts, len(stream)))],
    )


def shown(deltas: Sequence[Delta]) -> Mapping[int, tuple[type[Delta], str, str]]:
    """Return what `deltas` come to: for each block its kind, its name and its text."""
    blocks: dict[int, tuple[type[Delta], str, str]] = {}
    for delta in deltas:
        is_call = isinstance(delta, ToolCallDelta)
        name, text = (delta.id + delta.name, delta.arguments) if is_call else ("", delta.text)
        kind, old_name, old_text = blocks.get(delta.index, (type(delta), "", ""))
        assert kind is type(delta), "a block changed its kind"
        blocks[delta.index] = (kind, old_name + name, old_text + text)
    return {index: block for index, block in blocks.items() if block[1] or block[2]}


def _meant(message: AssistantMessage) -> Mapping[int, tuple[type[Delta], str, str]]:
    """Return what deltas come to that were all of `message`, with the arguments of calls as they were shown."""
    blocks: dict[int, tuple[type[Delta], str, str]] = {}
    for index, block in enumerate(message.content):
        match block:
            case Text(text=text):
                blocks[index] = (TextDelta, "", text)
            case Thinking(text=text):
                blocks[index] = (ThinkingDelta, "", text)
            case ToolCall():
                blocks[index] = (ToolCallDelta, block.id + block.name, _Arguments(thawed(block.arguments)))
    return {index: block for index, block in blocks.items() if block[1] or block[2]}


class _Arguments(str):
    """Arguments that equal any JSON text of them, and no text at all if there are none."""

    def __new__(cls, value: object) -> "_Arguments":
        return super().__new__(cls, json.dumps(value))

    def __eq__(self, other: object) -> bool:
        text = str(other).strip()
        return json.loads(self) == (json.loads(text) if text else {})

    __hash__ = str.__hash__


def _decoded(chunks: Sequence[bytes], limit: int) -> tuple[list[SseEvent], bool]:
    decoder = SseDecoder(line_bytes=limit, event_bytes=limit)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.finish()
    return events, decoder.is_over


def _outcome(end: Reply | Fault) -> object:
    return end.message if isinstance(end, Reply) else end.kind


def _check(message: AssistantMessage) -> None:
    ids = [call.id for call in message.tool_calls]
    assert message.content
    assert len(set(ids)) == len(ids)
    assert all(ids)
    for block in message.content:
        match block:
            case Text(text=text) | Thinking(text=text):
                text.encode()
            case ToolCall():
                json.dumps([block.id, block.name, thawed(block.arguments)], allow_nan=False).encode()
        (block.signature or "").encode()


def _continued(message: AssistantMessage) -> list[Message]:
    """Return a conversation that goes on after `message`."""
    results = [ToolResultMessage(call.id, call.name, (Text("done"),)) for call in message.tool_calls]
    return [user_message("hi"), message, *results, user_message("go on")]
