"""The dialect `anthropic-messages`, over real sockets."""

import json
from contextlib import aclosing
from dataclasses import replace

import anyio
import pytest

from pi_fallback.http import Http
from pi_fallback.providers.anthropic_messages import ANTHROPIC_MESSAGES
from pi_fallback.providers.dialects import dialects
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import (
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
from tests.providers.chat import SECRET, STREAM, a_call
from tests.providers.claude import (
    PING,
    STOP,
    Event,
    argued,
    begun,
    called,
    closed,
    delta,
    ended,
    fault_of,
    message,
    reply_to,
    run,
    said,
    signed,
    sse,
    started,
    streaming,
    thought,
)

pytestmark = pytest.mark.anyio


async def test_an_answer_streams_and_ends_in_one_reply() -> None:
    events = await run(
        streaming(
            started(input_tokens=40, cache_read_input_tokens=60, cache_creation_input_tokens=7, output_tokens=1),
            begun(0, "thinking"),
            PING,
            thought("Hm. "),
            thought("Yes."),
            signed("sig"),
            closed(),
            begun(1),
            said("Hello", 1),
            said(", world", 1),
            closed(1),
            called(2, "read", "toolu_1"),
            argued("", 2),
            argued('{"path"', 2),
            argued(': "a.py"}', 2),
            closed(2),
            ended("tool_use", {"output_tokens": 20, "output_tokens_details": {"thinking_tokens": 5}}),
            STOP,
        )
    )
    assert events[:-1] == [
        ThinkingDelta("Hm. ", 0),
        ThinkingDelta("Yes.", 0),
        TextDelta("Hello", 1),
        TextDelta(", world", 1),
        ToolCallDelta(2, "toolu_1", "read"),
        ToolCallDelta(2, arguments='{"path"'),
        ToolCallDelta(2, arguments=': "a.py"}'),
    ]
    assert isinstance(events[-1], Reply)
    reply = events[-1].message
    call = ToolCall("toolu_1", "read", {"path": "a.py"})
    assert reply.content == (Thinking("Hm. Yes.", "sig"), Text("Hello, world"), call)
    assert reply.stop_reason is StopReason.TOOL_USE
    assert reply.usage == Usage(input=40, output=20, cache_read=60, cache_write=7, reasoning=5)
    assert reply.producer == Producer("acme", "big/one", "anthropic-messages")
    assert reply.response_id == "msg_1"


ANSWER = sse(started(), begun(), PING, said("héllo "), said("wörld"), closed(), ended(), STOP)
TEXT: Event = {"type": "text", "text": "héllo wörld"}


@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        ANSWER.replace(b"\n", b"\r\n"),
        ANSWER.replace(b"\n", b"\r"),
        ANSWER.replace(b"data: ", b"data:"),
        b"\xef\xbb\xbf" + ANSWER,
        b"\n\n" + ANSWER,
        b": connected\n\n" + ANSWER.replace(b"\n\n", b"\n\n: still here\n\n"),
        ANSWER.replace(b"event: ", b"id: 7\nretry: 1\nevent: "),
        ANSWER.rstrip(b"\n"),
        ANSWER.replace(b", ", b",\ndata: "),
        b"".join(line + b"\n" for line in ANSWER.split(b"\n") if not line.startswith(b"event")),  # no names
        ANSWER.replace(b'"type": "message_stop"', b'"done": true'),  # a name only
        ANSWER.replace(b"event: content_block_delta", b"event: message"),
        sse({"type": "server_news", "message": "hello"}) + ANSWER,
        b"event: ping\ndata: still here\n\n" + ANSWER,
        ANSWER + b"data: [DONE]\n\n",
        sse(said("héllo "), said("wörld"), ended(), STOP),
        sse(begun(text="héllo "), said("wörld"), closed(), ended("stop_sequence"), STOP),
        sse(begun(text="héllo wörld"), STOP),
        sse(begun(text="héllo wörld"), ended(None), STOP),
        sse(begun(), said("héllo "), delta("citations_delta", citation={}), said("wörld"), ended("pause_turn"), STOP),
        json.dumps(message(TEXT), indent=1).encode(),
    ],
    ids=range(22),
)
@pytest.mark.parametrize("cut", ["whole", "bytes", "by close"])
async def test_rs6_what_hosts_make_of_the_format_gives_the_same_answer(body: bytes, cut: str) -> None:
    match cut:
        case "whole":
            script = answering(whole(body))
        case "bytes":
            pieces = (body[i : i + 1] for i in range(len(body)))
            script = answering(head("200 OK", *STREAM), chunked(*pieces))
        case _:
            script = answering(head("200 OK", "connection: close"), body)
    reply = (await reply_to(script)).message
    assert reply.text == "héllo wörld"
    assert reply.stop_reason is StopReason.STOP


def error(kind: str, text: str = "no") -> Event:
    return {"type": "error", "error": {"type": kind, "message": text}}


REFUSAL = {"type": "refusal", "category": "cyber", "explanation": "This could do harm."}


@pytest.mark.parametrize(
    ("events", "kind", "phase", "code"),
    [
        # RS1: a clean end without the terminal event.
        ([started(), begun(), said("half")], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([started()], FaultKind.INCOMPLETE, Phase.PRE, None),
        ([started(), begun(), said("x"), closed()], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([started(), begun(), said("x"), closed(), ended()], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([said("x"), called(1), argued('{"a', 1)], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([said("x"), "[DONE]"], FaultKind.INCOMPLETE, Phase.TEXT, None),
        # RS2, RS10: an end that says nothing, or failure.
        ([STOP], FaultKind.EMPTY, Phase.PRE, None),
        ([started(), ended(), STOP], FaultKind.EMPTY, Phase.PRE, None),
        ([begun(), said(" \n"), closed(), ended(), STOP], FaultKind.EMPTY, Phase.TEXT, None),
        ([begun(0, "thinking"), thought("Hm."), closed(), ended(), STOP], FaultKind.EMPTY, Phase.TEXT, None),
        ([started(), ended("max_tokens"), STOP], FaultKind.EMPTY, Phase.PRE, None),
        ([said("x"), ended("refusal", stop_details=REFUSAL), STOP], FaultKind.FINISH, Phase.TEXT, "refusal"),
        ([ended("refusal", stop_details=None), STOP], FaultKind.FINISH, Phase.PRE, "refusal"),
        (
            [said("x"), ended("model_context_window_exceeded"), STOP],
            FaultKind.FINISH,
            Phase.TEXT,
            "model_context_window_exceeded",
        ),
        ([said("x"), ended("something new"), STOP], FaultKind.FINISH, Phase.TEXT, "something new"),
        # RT2: half a tool call.
        (
            [called(), argued('{"a": '), closed(), ended("max_tokens"), STOP],
            FaultKind.INCOMPLETE,
            Phase.TOOL_ARGS,
            None,
        ),
        ([called(), closed(), ended("max_tokens"), STOP], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called(), closed(), STOP], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called(), argued('{"a": '), closed(), ended("tool_use"), STOP], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called(), argued("[1]"), closed(), ended("tool_use"), STOP], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([called(name=""), closed(), ended("tool_use"), STOP], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([argued("{}"), ended("tool_use"), STOP], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([said("x"), ended("tool_use"), STOP], FaultKind.MALFORMED, Phase.TEXT, None),
        # RS3: an error object.
        ([error("overloaded_error")], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([said("x"), error("api_error")], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        ([said("x"), ended(), error("api_error")], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        ([said("x"), {"type": "error", "message": "no"}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        ([{"type": "error"}], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([{"error": {"message": "no", "code": "over"}}], FaultKind.ERROR_EVENT, Phase.PRE, "over"),
        ([{"message": "no", "code": 400}], FaultKind.ERROR_EVENT, Phase.PRE, "400"),
        (['[{"error": "no"}]'], FaultKind.ERROR_EVENT, Phase.PRE, None),
        # RS7: nonsense.
        (["null"], FaultKind.MALFORMED, Phase.PRE, None),
        (["[]"], FaultKind.MALFORMED, Phase.PRE, None),
        (["7"], FaultKind.MALFORMED, Phase.PRE, None),
        (["NaN"], FaultKind.MALFORMED, Phase.PRE, None),
        ([said("x"), '{"type": "content_'], FaultKind.MALFORMED, Phase.TEXT, None),
        (["[" * 200_000], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"a":' * 200_000], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"type": "ping", "id": ' + "9" * 6_000 + "}"], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"type": "content_block_start", "index": 0}], FaultKind.MALFORMED, Phase.PRE, None),
        ([begun(text=7)], FaultKind.MALFORMED, Phase.PRE, None),
        ([begun(0, "redacted_thinking", data=7)], FaultKind.MALFORMED, Phase.PRE, None),
        ([called(name=7)], FaultKind.MALFORMED, Phase.PRE, None),
        ([called(call_id=7)], FaultKind.MALFORMED, Phase.PRE, None),
        ([called(given=[1])], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([{"type": "content_block_delta", "index": 0, "delta": "text"}], FaultKind.MALFORMED, Phase.PRE, None),
        ([said(7)], FaultKind.MALFORMED, Phase.PRE, None),
        ([thought({})], FaultKind.MALFORMED, Phase.PRE, None),
        ([signed(7)], FaultKind.MALFORMED, Phase.PRE, None),
        ([called(), argued(7)], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([ended(7)], FaultKind.MALFORMED, Phase.PRE, None),
    ],
    ids=lambda value: None,
)
async def test_what_is_wrong_in_a_stream_is_one_fault(
    events: list[Event | str], kind: FaultKind, phase: Phase, code: str | None
) -> None:
    fault = await fault_of(streaming(*events))
    assert (fault.kind, fault.phase, fault.code) == (kind, phase, code), fault.text
    assert fault.text


async def test_rs3_an_error_event_bears_the_providers_type_and_words() -> None:
    fault = await fault_of(streaming(started(), begun(), said("x"), error("overloaded_error", "Overloaded")))
    assert (fault.text, fault.type) == ("Overloaded", "overloaded_error")


async def test_a_refusal_says_why() -> None:
    fault = await fault_of(streaming(started(), ended("refusal", stop_details=REFUSAL)))
    assert (fault.code, fault.type) == ("refusal", "cyber")
    assert "could do harm" in fault.text


JSON = "content-type: application/json"


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (answering(whole(b"")), FaultKind.EMPTY, "no body"),
        (answering(whole(b"<html><h1>Log in to the hotel</h1></html>")), FaultKind.MALFORMED, "hotel"),
        (answering(whole(b": ping\n\n")), FaultKind.MALFORMED, "no event stream"),
        (answering(whole(sse(PING))), FaultKind.INCOMPLETE, "message_stop"),
        (answering(whole(b'{"ok": true}', "200 OK", JSON)), FaultKind.MALFORMED, "anthropic-messages"),
        (answering(whole(json.dumps(message(TEXT, reason=None)).encode())), FaultKind.MALFORMED, "no whole answer"),
        (answering(whole(b'{"type": "message", "content": "x"}')), FaultKind.MALFORMED, "content"),
        (answering(whole(json.dumps(error("api_error", "spent")).encode())), FaultKind.ERROR_EVENT, "spent"),
        (answering(whole(ANSWER)[: 60 - len(ANSWER)]), FaultKind.BROKEN, "closed"),
        (answering(head("200 OK", *STREAM), b"5\r\ndata:"), FaultKind.BROKEN, "closed"),
        (answering(whole(b"event: error\ndata: it burns\n\n")), FaultKind.ERROR_EVENT, "it burns"),
        (answering(whole(b'event: error\ndata: {"code": 1}\n\n')), FaultKind.ERROR_EVENT, "code"),
    ],
    ids=lambda value: None,
)
async def test_rs10_a_body_that_is_no_answer_is_a_fault(script: Script, kind: FaultKind, words: str) -> None:
    fault = await fault_of(script)
    assert fault.kind is kind, fault.text
    assert words in fault.text


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (429, "rate_limit_error"),
        (529, "overloaded_error"),
    ],
)
async def test_a_status_is_a_fault_with_what_the_body_says(status: int, kind: str) -> None:
    body = json.dumps({**error(kind, "too much"), "request_id": "req_1"}).encode()
    fault = await fault_of(answering(whole(body, f"{status} Oops", "retry-after: 12", "request-id: req_1")))
    assert (fault.kind, fault.status, fault.type) == (FaultKind.STATUS, status, kind)
    assert (fault.text, fault.retry_after_s) == ("too much", 12.0)
    assert fault.headers["request-id"] == "req_1"


async def test_rk5_no_fault_quotes_the_key() -> None:
    for script in (
        answering(whole(json.dumps(error("authentication_error", f"bad x-api-key {SECRET}")).encode(), "401 No")),
        streaming(error(SECRET, SECRET)),
        streaming(ended(SECRET, stop_details={"category": SECRET, "explanation": SECRET})),
    ):
        assert SECRET not in repr(await fault_of(script, key=True))


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/", "/anthropic", "/anthropic/v1"])
@pytest.mark.parametrize(("auth", "header"), [("", "x-api-key"), ("bearer", "authorization")])
async def test_the_request_is_what_the_dialect_asks_for(base: str, auth: str, header: str) -> None:
    seen: list[Received] = []
    async with serving(answering(whole(ANSWER), to=seen)) as server, Http(wall=lambda: 0.0) as http:
        call = a_call(f"{server.origin}{base}", key=Key(SECRET, server.origin), headers={"X-Title": "t"})
        async with aclosing(dialects(http)["anthropic-messages"](replace(call, auth=auth))) as events:
            assert isinstance([item async for item in events][-1], Reply)
    (request,) = seen
    prefix = base.rstrip("/").removesuffix("/v1")
    assert request.line == f"POST {prefix}/v1/messages HTTP/1.1"
    assert request.headers[header] == (f"Bearer {SECRET}" if auth else SECRET)
    assert len({"x-api-key", "authorization"} & request.headers.keys()) == 1
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.headers["x-title"] == "t"
    assert json.loads(request.body)["model"] == "big/one"


async def test_a_provider_may_want_another_version() -> None:
    seen: list[Received] = []
    async with serving(answering(whole(ANSWER), to=seen)) as server, Http(wall=lambda: 0.0) as http:
        call = a_call(server.origin, headers={"Anthropic-Version": "2026-10-21"})
        async with aclosing(stream_of(http, ANTHROPIC_MESSAGES)(call)) as events:
            assert isinstance([item async for item in events][-1], Reply)
    assert seen[0].headers["anthropic-version"] == "2026-10-21"


async def test_after_the_last_event_the_connection_serves_the_next_call() -> None:
    async def three(peer: Peer) -> None:
        for _ in range(3):
            await peer.request()
            await peer.send(head("200 OK", *STREAM), chunked(ANSWER))

    async with serving(three) as server, Http(wall=lambda: 0.0) as http:
        for _ in range(3):
            async with aclosing(stream_of(http, ANTHROPIC_MESSAGES)(a_call(server.origin))) as events:
                async for event in events:
                    if isinstance(event, Reply):
                        break  # as a driver does
        assert server.connections == 1


@pytest.mark.parametrize("ending", ["open", "reset", "nonsense"])
async def test_after_the_last_event_nothing_can_spoil_the_answer(ending: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK", *STREAM), b"%x\r\n%s\r\n" % (len(ANSWER), ANSWER))
        match ending:
            case "reset":
                await anyio.sleep(0.05)  # unread bytes are lost with a reset
                await peer.reset()
            case "nonsense":
                await peer.send(chunked(sse("nonsense", error("api_error"))))
            case _:
                await peer.closed()

    with anyio.fail_after(2.0):
        assert (await reply_to(script)).message.text == "héllo wörld"


async def test_leaving_a_stream_closes_its_socket_at_once() -> None:
    gone = anyio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"), sse(begun(), said("first")))
        await peer.closed()
        gone.set()

    async with serving(script) as server, Http(wall=lambda: 0.0) as http:
        stream = stream_of(http, ANTHROPIC_MESSAGES)(a_call(server.origin))
        assert await anext(stream) == TextDelta("first")
        await stream.aclose()
        with anyio.fail_after(0.2):
            await gone.wait()


@pytest.mark.parametrize("endless", [said("x" * 1_000_000), thought("x" * 1_000_000), signed("x" * 1_000_000)])
async def test_rs8_an_answer_without_end_is_cut_at_its_limit(endless: Event) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"))
        piece = sse(endless)
        while True:
            await peer.send(piece)

    assert (await fault_of(script)).kind is FaultKind.TOO_LARGE
