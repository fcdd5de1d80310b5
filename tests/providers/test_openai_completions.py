"""The dialect `openai-completions`, over real sockets."""

import gzip
import json
from contextlib import aclosing
from dataclasses import replace

import anyio
import pytest

from pi_fallback.http import Http
from pi_fallback.providers.dialects import dialects
from pi_fallback.providers.openai_completions import OPENAI_COMPLETIONS
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import (
    Call,
    Fault,
    FaultKind,
    Key,
    Phase,
    Producer,
    Reply,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from tests.http.wire import Peer, Received, Script, answering, chunked, head, serving, whole
from tests.providers.chat import (
    SECRET,
    STREAM,
    a_call,
    called,
    chunk,
    fault_of,
    reply_to,
    run,
    said,
    sse,
    streaming,
)

pytestmark = pytest.mark.anyio

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


async def test_an_answer_streams_and_ends_in_one_reply() -> None:
    events = await run(
        streaming(
            chunk({"role": "assistant", "content": ""}),
            chunk({"reasoning_content": "Hm. "}),
            chunk({"reasoning": "Yes."}),
            said("Hello"),
            said(", world"),
            called("", call_id="c1", name="read"),
            called('{"path"'),
            called(': "a.py"}'),
            chunk(finish="tool_calls"),
            {"id": "r1", "choices": [], "usage": USAGE},
            "[DONE]",
        )
    )
    assert events[:-1] == [
        ThinkingDelta("Hm. ", 0),
        ThinkingDelta("Yes.", 0),
        TextDelta("Hello", 1),
        TextDelta(", world", 1),
        ToolCallDelta(2, "c1", "read"),
        ToolCallDelta(2, arguments='{"path"'),
        ToolCallDelta(2, arguments=': "a.py"}'),
    ]
    assert isinstance(events[-1], Reply)
    message = events[-1].message
    assert message.content == (Thinking("Hm. Yes."), Text("Hello, world"), ToolCall("c1", "read", {"path": "a.py"}))
    assert message.stop_reason is StopReason.TOOL_USE
    assert message.usage == Usage(input=40, output=20, cache_read=60, reasoning=5)
    assert message.producer == Producer("acme", "big/one", "openai-completions")
    assert message.response_id == "r1"


ANSWER = sse(said("héllo "), said("wörld"), chunk(finish="stop"), "[DONE]")


@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        ANSWER.replace(b"\n", b"\r\n"),
        ANSWER.replace(b"\n", b"\r"),
        ANSWER.replace(b"data: ", b"data:"),
        b"\xef\xbb\xbf" + ANSWER,
        b"\n\n" + ANSWER,
        b": OPENROUTER PROCESSING\n\n" + ANSWER.replace(b"\n\n", b"\n\n: ping\n\n"),
        ANSWER.replace(b"data: ", b"id: 7\nevent: message\nretry: 1\ndata: "),
        b"event: ping\ndata: still here\n\n" + ANSWER,
        ANSWER.rstrip(b"\n"),
        ANSWER.replace(b", ", b",\ndata: "),
        sse({"choices": [], "prompt_filter_results": []}) + ANSWER,
        sse(said("héllo "), said("wörld"), chunk(finish="stop")),
        sse(said("héllo "), said("wörld"), "[DONE]"),
        sse(said("héllo "), chunk({"content": "wörld"}, "stop"), "[DONE]"),
        sse(said("héllo "), chunk({"content": "wörld"}, "eos"), {"choices": [], "usage": None}),
        sse({"choices": [{"message": {"content": "héllo wörld"}, "finish_reason": "stop"}]}),
        sse(chunk({"content": [{"type": "text", "text": "héllo "}, {"type": "reference"}, "wörld"]}, "stop")),
        json.dumps({"choices": [{"message": {"content": "héllo wörld"}, "finish_reason": "stop"}]}, indent=1).encode(),
    ],
    ids=range(19),
)
@pytest.mark.parametrize("cut", ["whole", "bytes", "by close"])
async def test_rs2_rs6_what_hosts_make_of_the_format_gives_the_same_answer(body: bytes, cut: str) -> None:
    match cut:
        case "whole":
            script = answering(whole(body))
        case "bytes":
            pieces = (body[i : i + 1] for i in range(len(body)))
            script = answering(head("200 OK", *STREAM), chunked(*pieces))
        case _:
            script = answering(head("200 OK", "connection: close"), body)
    message = (await reply_to(script)).message
    assert message.text == "héllo wörld"
    assert message.stop_reason is StopReason.STOP


LONE_HALF = json.dumps(said("\ud83d"))


@pytest.mark.parametrize(
    ("events", "kind", "phase", "code"),
    [
        # RS1: a clean end without the terminal event.
        ([said("half")], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([chunk({"role": "assistant"})], FaultKind.INCOMPLETE, Phase.PRE, None),
        ([said("x"), called('{"a', name="t")], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        # RS2, RS10: an end that says nothing, or failure.
        (["[DONE]"], FaultKind.EMPTY, Phase.PRE, None),
        ([chunk(finish="stop"), "[DONE]"], FaultKind.EMPTY, Phase.PRE, None),
        ([said(" \n"), chunk(finish="stop")], FaultKind.EMPTY, Phase.TEXT, None),
        ([chunk({"reasoning": "Hm."}), chunk(finish="stop")], FaultKind.EMPTY, Phase.TEXT, None),
        ([chunk(finish="length")], FaultKind.EMPTY, Phase.PRE, None),
        ([said("x"), chunk(finish="content_filter")], FaultKind.FINISH, Phase.TEXT, "content_filter"),
        ([chunk(finish="network_error")], FaultKind.FINISH, Phase.PRE, "network_error"),
        (
            [said("x"), chunk(finish="insufficient_system_resource"), "[DONE]"],
            FaultKind.FINISH,
            Phase.TEXT,
            "insufficient_system_resource",
        ),
        ([said("x"), chunk(finish="something new")], FaultKind.FINISH, Phase.TEXT, "something new"),
        # RT2: half a tool call.
        ([called('{"a": ', name="t"), chunk(finish="length")], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called("", name="t"), chunk(finish="length")], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called("", name="t"), "[DONE]"], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called('{"a": ', name="t"), chunk(finish="tool_calls")], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called("[1]", name="t"), chunk(finish="tool_calls")], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([called('{"a": 1e999}', name="t"), chunk(finish="tool_calls")], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([called('{"a": NaN}', name="t"), chunk(finish="tool_calls")], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([called("{}"), chunk(finish="tool_calls")], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([said("x"), chunk(finish="tool_calls")], FaultKind.MALFORMED, Phase.TEXT, None),
        # RS3: an error object.
        ([{"error": {"message": "no", "code": "over"}}], FaultKind.ERROR_EVENT, Phase.PRE, "over"),
        ([said("x"), {"error": "no"}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        (
            [chunk({"content": ""}, "error", error={"message": "no", "code": 502})],
            FaultKind.ERROR_EVENT,
            Phase.PRE,
            "502",
        ),
        ([said("x"), chunk(finish="error")], FaultKind.ERROR_EVENT, Phase.TEXT, "error"),
        ([{"object": "error", "message": "no", "code": 400}], FaultKind.ERROR_EVENT, Phase.PRE, "400"),
        ([{"detail": "no"}], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([[{"error": {"message": "no"}}]], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([{"error": True}], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([said("x"), chunk(finish="stop"), {"error": "late"}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        # RS7: nonsense.
        (["null"], FaultKind.MALFORMED, Phase.PRE, None),
        (["[]"], FaultKind.MALFORMED, Phase.PRE, None),
        (["7"], FaultKind.MALFORMED, Phase.PRE, None),
        (['"text"'], FaultKind.MALFORMED, Phase.PRE, None),
        (["NaN"], FaultKind.MALFORMED, Phase.PRE, None),
        ([said("x"), '{"choices": ['], FaultKind.MALFORMED, Phase.TEXT, None),
        (["[" * 200_000], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"a":' * 200_000], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": ' + "9" * 6_000 + "}"], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": "\\ud800"}'], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": "\\udc00"}'], FaultKind.MALFORMED, Phase.PRE, None),
        ([said("x"), LONE_HALF, chunk(finish="stop")], FaultKind.MALFORMED, Phase.TEXT, None),
        ([said("x"), LONE_HALF, said("y"), chunk(finish="stop"), "[DONE]"], FaultKind.MALFORMED, Phase.TEXT, None),
        (['{"id": "\x00"}'], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"choices": 7}], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"choices": {"0": {}}}], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"choices": [None]}], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"choices": [{"delta": "text"}]}], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"content": 7})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"content": [7]})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"content": {"a": 1}})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"content": [{"type": "text", "text": 7}]})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"reasoning": {"a": 1}})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"tool_calls": {"a": 1}})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"tool_calls": ["x"]})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"tool_calls": [{"function": {"name": 7}}]})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"tool_calls": [{"function": {"name": "a", "arguments": 7}}]})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk({"tool_calls": [{"id": 7}]})], FaultKind.MALFORMED, Phase.PRE, None),
        ([chunk(finish=7)], FaultKind.MALFORMED, Phase.PRE, None),
    ],
    ids=lambda value: None,
)
async def test_what_is_wrong_in_a_stream_is_one_fault(
    events: list[object], kind: FaultKind, phase: Phase, code: str | None
) -> None:
    fault = await fault_of(streaming(*events))
    assert (fault.kind, fault.phase, fault.code) == (kind, phase, code), fault.text
    assert fault.text


@pytest.mark.parametrize(
    "pieces",
    [
        [said("a\ud83d"), said("\ude00b")],
        [said("a\ud83d"), "{}", said("\ude00b")],
        [said("a"), LONE_HALF, said("\ude00"), said("b")],
    ],
)
async def test_rs7_a_character_in_two_events_is_one_character(pieces: list[object]) -> None:
    events = await run(streaming(*pieces, chunk(finish="stop"), "[DONE]"))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "a\U0001f600b"
    assert isinstance(events[-1], Reply)
    assert events[-1].message.text == "a\U0001f600b"


async def test_rs7_tool_arguments_are_joined_too() -> None:
    pieces = [called('{"a": "\ud83d', name="t"), called('\ude00"}'), chunk(finish="tool_calls")]
    (call,) = (await reply_to(streaming(*pieces))).message.tool_calls
    assert call.arguments == {"a": "\U0001f600"}


async def test_rs3_an_error_object_bears_the_providers_words_its_status_and_its_wait() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    error = {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED", "details": details}
    fault = await fault_of(streaming({"error": error}))
    assert (fault.text, fault.status, fault.code) == ("Quota exceeded", 429, "429")
    assert (fault.type, fault.retry_after_s) == ("RESOURCE_EXHAUSTED", 34.5)


JSON = "content-type: application/json"


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (answering(whole(b"")), FaultKind.EMPTY, "no body"),
        (answering(whole(b" \n\n")), FaultKind.EMPTY, "no body"),
        (answering(head("204 No Content")), FaultKind.EMPTY, "204"),
        (answering(whole(b"<html><h1>Log in to the hotel</h1></html>")), FaultKind.MALFORMED, "hotel"),
        (answering(whole(b"upstream is asleep")), FaultKind.MALFORMED, "upstream is asleep"),
        (answering(whole(b": ping\n\n")), FaultKind.MALFORMED, "no event stream"),
        (answering(whole(b'{"ok": true}', "200 OK", JSON)), FaultKind.MALFORMED, "no whole answer"),
        (answering(whole(b'{"choices": [', "200 OK", JSON)), FaultKind.MALFORMED, "JSON"),
        (answering(whole(b'{"error": {"message": "spent"}}', "200 OK", JSON)), FaultKind.ERROR_EVENT, "spent"),
        (answering(whole(b'[{"error": {"message": "spent"}}]', "200 OK", JSON)), FaultKind.ERROR_EVENT, "spent"),
        (answering(whole(gzip.compress(ANSWER), "200 OK", "content-encoding: gzip")), FaultKind.MALFORMED, "identity"),
        (answering(whole(ANSWER)[: 100 - len(ANSWER)]), FaultKind.BROKEN, "closed"),
        (answering(head("200 OK", *STREAM), b"5\r\ndata:"), FaultKind.BROKEN, "closed"),
        (answering(head("200 OK", *STREAM), b"nonsense\r\n"), FaultKind.MALFORMED, "chunk"),
        (answering(whole(b"event: error\ndata: it burns\n\n")), FaultKind.ERROR_EVENT, "it burns"),
        (answering(whole(b'event: error\ndata: {"code": 1}\n\n')), FaultKind.ERROR_EVENT, "code"),
        (answering(whole(b"data: " + b"x" * 9_000_000)), FaultKind.TOO_LARGE, "too large"),
    ],
    ids=lambda value: None,
)
async def test_rs10_a_body_that_is_no_answer_is_a_fault(script: Script, kind: FaultKind, words: str) -> None:
    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (kind, Phase.PRE), fault.text
    assert words in fault.text


async def test_a_body_that_ends_inside_an_event_is_as_incomplete_as_one_that_ends_between_two() -> None:
    answer = sse(said("Hello"), said("world"))
    for cut in (answer[:-20], sse(said("Hello"))):
        fields = ("content-type: text/event-stream", "connection: close")
        fault = await fault_of(answering(head("200 OK", *fields), cut))
        assert (fault.kind, fault.phase) == (FaultKind.INCOMPLETE, Phase.TEXT)


async def test_a_defect_in_a_stream_is_a_fault_and_its_place_stands_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def body(call: Call) -> bytes:
        raise ZeroDivisionError(call.route)

    async with Http(wall=lambda: 0.0) as http:
        with caplog.at_level("DEBUG", "pi_fallback.providers"):
            (fault,) = [event async for event in stream_of(http, replace(OPENAI_COMPLETIONS, body=body))(a_call())]
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.text) == (FaultKind.OTHER, "ZeroDivisionError in openai-completions.")
    assert caplog.records[-1].exc_info


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            401,
            b'{"error": {"message": "bad key", "type": "auth", "code": "invalid_api_key"}}',
            ("bad key", "auth", "invalid_api_key"),
        ),
        (
            429,
            b'[{"error": {"message": "slow", "status": "RESOURCE_EXHAUSTED", "code": 429}}]',
            ("slow", "RESOURCE_EXHAUSTED", "429"),
        ),
        (500, b'{"error": "it burns"}', ("it burns", None, None)),
        (500, b'{"error": "Conflict", "message": "it burns", "code": ""}', ("it burns", None, None)),
        (
            422,
            b'{"detail": [{"loc": ["a"], "msg": "too long"}, {"msg": "too wide"}]}',
            ("too long; too wide", None, None),
        ),
        (404, b'{"detail": "no such model"}', ("no such model", None, None)),
        (400, b'{"errors": [{"message": "one"}]}', ("one", None, None)),
        (400, b'{"errors": ["one"]}', ("one", None, None)),
        (400, b'{"object": "error", "message": "one", "type": "t", "code": 40}', ("one", "t", "40")),
        (
            502,
            b'{"error": {"message": "Provider error", "metadata": {"raw": "host is full"}}}',
            ("Provider error: host is full", None, None),
        ),
        (400, b'{"error": {"code": "x", "surprise": 1}}', ('{"error": {"code": "x", "surprise": 1}}', None, "x")),
        (502, b"<html><head><title>502 Bad\n Gateway</title></head></html>", ("502 Bad Gateway", None, None)),
        (503, b"<html></html>", ("a web page", None, None)),
        (503, b"  try later \n", ("try later", None, None)),
        (503, b"", ("HTTP 503", None, None)),
        (500, b"[" * 100_000, ("[" * 65_536, None, None)),
        (500, b"\xff", ("\ufffd", None, None)),
        (500, b'{"error": null}', ('{"error": null}', None, None)),
    ],
    ids=range(18),
)
async def test_a_status_is_a_fault_with_what_the_body_says(
    status: int, body: bytes, expected: tuple[str, str | None, str | None]
) -> None:
    fault = await fault_of(answering(whole(body, f"{status} Oops", "retry-after: 12")))
    assert (fault.kind, fault.status, fault.phase) == (FaultKind.STATUS, status, Phase.PRE)
    assert (fault.text, fault.type, fault.code) == expected
    assert fault.retry_after_s == 12.0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_rk1_a_redirect_is_refused_and_the_key_stays(status: int) -> None:
    seen: list[Received] = []
    async with serving(answering(whole(ANSWER), to=seen)) as other:
        fault = await fault_of(answering(head(f"{status} Moved", f"location: {other.url}")), key=True)
    assert (fault.kind, fault.status) == (FaultKind.REDIRECT, status)
    assert other.origin in fault.text
    assert seen == []
    assert other.connections == 0


async def test_rk5_no_fault_quotes_the_key() -> None:
    error = {"message": f"Incorrect API key: {SECRET}", "code": SECRET, "type": SECRET}
    body = json.dumps({"error": error}).encode()
    for script in (
        answering(whole(body, "401 No", f"x-request-id: {SECRET}")),
        streaming({"error": error}),
        streaming(chunk(finish=SECRET)),
        answering(whole(b"Oops " + SECRET.encode(), "500 No")),
        answering(whole(b"Oops " + SECRET.encode())),
        answering(head("302 Found", f"location: https://evil.example/?k={SECRET}")),
        answering(f"HTTP/1.1 200 {SECRET}\r\n{SECRET}\r\n\r\n".encode()),
    ):
        fault = await fault_of(script, key=True)
        assert SECRET not in repr(fault)


async def test_the_request_is_what_the_dialect_asks_for() -> None:
    seen: list[Received] = []
    async with serving(answering(whole(ANSWER), to=seen)) as server, Http(wall=lambda: 0.0) as http:
        call = a_call(f"{server.origin}/v1", key=Key(SECRET, server.origin), headers={"X-Title": "t"})
        async with aclosing(dialects(http)["openai-completions"](call)) as events:
            assert isinstance([event async for event in events][-1], Reply)
    (request,) = seen
    assert request.line == "POST /v1/chat/completions HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["x-title"] == "t"
    assert json.loads(request.body)["model"] == "big/one"


async def test_after_done_the_connection_serves_the_next_call() -> None:
    async def three(peer: Peer) -> None:
        for _ in range(3):
            await peer.request()
            await peer.send(head("200 OK", *STREAM), chunked(ANSWER))

    async with serving(three) as server, Http(wall=lambda: 0.0) as http:
        for _ in range(3):
            async with aclosing(stream_of(http, OPENAI_COMPLETIONS)(a_call(f"{server.origin}/v1"))) as events:
                async for event in events:
                    if isinstance(event, Reply):
                        break  # as a driver does
        assert server.connections == 1


@pytest.mark.parametrize("ending", ["open", "reset"])
async def test_after_the_finish_reason_nothing_can_spoil_the_answer(ending: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK", *STREAM), b"%x\r\n%s\r\n" % (len(ANSWER), ANSWER))
        if ending == "reset":
            await anyio.sleep(0.05)  # unread bytes are lost with a reset
            await peer.reset()
        else:
            await peer.closed()

    with anyio.fail_after(2.0):
        assert (await reply_to(script)).message.text == "héllo wörld"


async def test_usage_that_comes_after_a_while_is_still_waited_for() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"), sse(said("x"), chunk(finish="stop")))
        await anyio.sleep(0.1)
        await peer.send(sse({"choices": [], "usage": USAGE}, "[DONE]"))

    assert (await reply_to(script)).message.usage.output == 20


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_leaving_a_stream_closes_its_socket_at_once(how: str) -> None:
    gone = anyio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"), sse(said("first")))
        await peer.closed()
        gone.set()

    async with serving(script) as server, Http(wall=lambda: 0.0) as http:
        stream = stream_of(http, OPENAI_COMPLETIONS)(a_call(f"{server.origin}/v1"))
        assert await anext(stream) == TextDelta("first")
        if how == "close":
            await stream.aclose()
        else:
            with anyio.move_on_after(0.05) as scope:
                await anext(stream)
            assert scope.cancelled_caught
            await stream.aclose()
        with anyio.fail_after(0.2):
            await gone.wait()


async def test_rs4_a_head_that_drips_in_misses_its_one_deadline() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await peer.send(b"x-a: 1\r\n")
            await anyio.sleep(0.02)

    fault = await fault_of(script, head_s=0.2)
    assert fault.kind is FaultKind.HEAD_TIMEOUT


async def test_rs8_an_answer_without_end_is_cut_at_its_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"))
        piece = sse(said("x" * 1_000_000))
        while True:
            await peer.send(piece)

    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (FaultKind.TOO_LARGE, Phase.TEXT)


async def test_rs8_tool_arguments_without_end_are_cut_at_their_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"), sse(called('{"a": "', name="t")))
        piece = sse(called("x" * 1_000_000))
        while True:
            await peer.send(piece)

    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (FaultKind.TOO_LARGE, Phase.TOOL_ARGS)


async def test_a_bad_address_is_a_fault_too() -> None:
    async with Http(wall=lambda: 0.0) as http:
        for base_url in ("", "file:///etc", "http://api.example.com/v1", "https://" + "a" * 300):
            (event,) = [event async for event in stream_of(http, OPENAI_COMPLETIONS)(a_call(base_url))]
            assert isinstance(event, Fault)
