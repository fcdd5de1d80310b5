"""RS8: each limit holds, to the byte: what is as large as it may be is taken, and what is larger is one clear fault."""

import json
from collections.abc import Callable, Sequence
from contextlib import aclosing

import anyio
import pytest

from pi_fallback.http import Http, WireError, limits
from pi_fallback.providers.openai_completions import OPENAI_COMPLETIONS
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import FaultKind, Reply
from tests.http.wire import Peer, answering, chunked, head, serving, whole
from tests.providers.chat import STREAM, a_call, called, chunk, fault_of, reply_to, said, sse

pytestmark = pytest.mark.anyio

DONE = sse(chunk(finish="stop"))
CALLED = sse(chunk(finish="tool_calls"))
STREAMED = head("200 OK", "connection: close")


def pieces_of(text: str, size: int = limits.MIB) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def headers(count: int) -> bytes:
    return head("200 OK", *(f"x-{number}: a" for number in range(count))) + sse(said("x")) + DONE


def head_bytes(size: int) -> bytes:
    few = limits.HEAD_BYTES // 8
    sizes = [few] * 7 + [size - 7 * few]
    return head("200 OK", *(f"x-{at}: {'a' * (size - 7)}" for at, size in enumerate(sizes))) + sse(said("x")) + DONE


def line_bytes(size: int) -> bytes:
    return STREAMED + b": " + b"x" * (size - 2) + b"\n" + sse(said("x")) + DONE


def event_bytes(size: int) -> bytes:
    """Return an event of many lines, each with a line break that counts."""
    text = json.dumps(chunk({"content": "x"}, "stop"))
    half = size // 2
    lines = [text + " " * (half - len(text) - 1), " " * (size - half - 1)]
    return STREAMED + "".join(f"data: {line}\n" for line in lines).encode() + b"\n"


def json_bytes(size: int) -> bytes:
    text = json.dumps({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})
    return whole(text.encode() + b" " * (size - len(text)))


def event_nodes(count: int) -> bytes:
    value = {"x": [{} for _ in range(count - 5)], "y": "a" * limits.MIB, **chunk({"content": "x"}, "stop")}
    text = json.dumps(value)
    assert text.count("{") + text.count("[") == count
    return STREAMED + sse(text)


def answer_chars(count: int) -> bytes:
    text = "x" * (count - limits.BLOCK_CHARS)
    return STREAMED + sse(*(said(piece) for piece in pieces_of(text))) + DONE


def blocks(count: int) -> bytes:
    """Return blocks of one letter each."""
    pieces = [chunk({"content": "x"}) if number % 2 else chunk({"reasoning": "x"}) for number in range(count)]
    return STREAMED + sse(*pieces) + DONE


def argument_chars(count: int) -> bytes:
    """Return arguments of two calls."""
    text = '{"a": "' + "x" * (count // 2 - 9) + '"}'
    first = [called(piece, call_id="a", name="t") for piece in pieces_of(text)]
    rest = text + " " * (count - 2 * len(text))
    second = [called(piece, index=1, call_id="b", name="t") for piece in pieces_of(rest)]
    return STREAMED + sse(*first, *second) + CALLED


def tool_calls(count: int) -> bytes:
    return STREAMED + sse(*(called("{}", index=at, call_id=f"c{at}", name="t") for at in range(count))) + CALLED


SIZES: Sequence[tuple[str, int, Callable[[int], bytes]]] = (
    ("HEADERS", limits.HEADERS, headers),
    ("HEAD_BYTES", limits.HEAD_BYTES, head_bytes),
    ("LINE_BYTES", limits.LINE_BYTES, line_bytes),
    ("EVENT_BYTES", limits.EVENT_BYTES, event_bytes),
    ("EVENT_BYTES", limits.EVENT_BYTES, json_bytes),
    ("EVENT_NODES", limits.EVENT_NODES, event_nodes),
    ("ANSWER_CHARS", limits.ANSWER_CHARS, answer_chars),
    ("BLOCK_CHARS", limits.ANSWER_CHARS // (limits.BLOCK_CHARS + 1), blocks),
    ("ARGUMENT_CHARS", limits.ARGUMENT_CHARS, argument_chars),
    ("TOOL_CALLS", limits.TOOL_CALLS, tool_calls),
)


@pytest.mark.parametrize(
    ("size", "answer"), [case[1:] for case in SIZES], ids=[f"{name}-{answer.__name__}" for name, _, answer in SIZES]
)
async def test_rs8_what_is_as_large_as_it_may_be_is_taken_and_nothing_larger(
    size: int, answer: Callable[[int], bytes]
) -> None:
    assert (await reply_to(answering(answer(size)))).message.content
    assert (await fault_of(answering(answer(size + 1)))).kind is FaultKind.TOO_LARGE


@pytest.mark.parametrize("more", [0, 1, limits.MIB])
async def test_rs8_error_text_is_cut_at_its_limit(more: int) -> None:
    fault = await fault_of(answering(whole(b"x" * (limits.ERROR_TEXT + more), "500 No")))
    assert (fault.kind, len(fault.text)) == (FaultKind.STATUS, limits.ERROR_TEXT)


async def test_rs8_a_small_text_is_read_up_to_its_limit() -> None:
    async with (
        Http(wall=lambda: 0.0) as http,
        serving(answering(whole(b"x" * limits.TEXT_BYTES))) as server,
        http.post(server.url, body=b"{}") as response,
    ):
        assert len(await response.text()) == limits.TEXT_BYTES
    async with Http(wall=lambda: 0.0) as http, serving(answering(whole(b"x" * (limits.TEXT_BYTES + 1)))) as server:
        with pytest.raises(WireError) as failed:
            async with http.post(server.url, body=b"{}") as response:
                await response.text()
        assert failed.value.fault.kind is FaultKind.TOO_LARGE


@pytest.mark.parametrize(("asked", "waited"), [(1.0, 1.0), (limits.RETRY_AFTER_S + 1, limits.RETRY_AFTER_S)])
async def test_rf1_a_wait_is_cut_at_its_limit(asked: float, waited: float) -> None:
    fault = await fault_of(answering(whole(b"", "429 No", f"retry-after: {asked:.0f}")))
    assert fault.retry_after_s == waited


@pytest.mark.parametrize(("idle_s", "connections"), [(limits.IDLE_S, 1), (0.0, 2)])
async def test_an_idle_connection_is_kept_for_its_time(idle_s: float, connections: int) -> None:
    async def serve(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(head("200 OK", *STREAM), chunked(sse(said("x")) + DONE))

    async with serving(serve) as server, Http(wall=lambda: 0.0, idle_s=idle_s) as http:
        for _ in range(2):
            async with aclosing(stream_of(http, OPENAI_COMPLETIONS)(a_call(server.origin))) as events:
                assert isinstance([event async for event in events][-1], Reply)
        assert server.connections == connections


async def test_rs4_connect_s_ends_a_handshake_that_never_ends() -> None:
    async def silent(peer: Peer) -> None:
        await peer.closed()

    async with serving(silent) as server, Http(wall=lambda: 0.0) as http:
        with pytest.raises(WireError) as caught, anyio.fail_after(5.0):
            async with http.post(server.origin.replace("http:", "https:"), body=b"{}", connect_s=0.2):
                pass
    assert caught.value.fault.kind is FaultKind.CONNECT_TIMEOUT
