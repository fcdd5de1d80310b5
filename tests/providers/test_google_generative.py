"""The dialect `google-generative-ai`, over real sockets."""

import gzip
import json
from contextlib import aclosing
from dataclasses import replace

import anyio
import pytest

from pi_fallback.http import Http
from pi_fallback.providers.dialects import dialects
from pi_fallback.providers.google_generative import GOOGLE_GENERATIVE_AI
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import (
    Fault,
    FaultKind,
    Key,
    ModelRef,
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
from tests.providers.chat import SECRET, STREAM, a_call, sse
from tests.providers.gemini import END, call, called, fault_of, piece, reply_to, run, said, streaming, thought

pytestmark = pytest.mark.anyio

USAGE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 60,
    "candidatesTokenCount": 15,
    "thoughtsTokenCount": 5,
    "totalTokenCount": 120,
}


async def test_an_answer_streams_and_ends_in_one_reply() -> None:
    events = await run(
        streaming(
            thought("Hm. "),
            thought("Yes."),
            said("Hello"),
            said(", world"),
            piece(call("read", {"path": "a.py"}, "c1", thoughtSignature="c2ln"), call("ls", {}, "c2")),
            piece({"text": ""}, finish="STOP", usageMetadata=USAGE),
        )
    )
    assert events[:-1] == [
        ThinkingDelta("Hm. ", 0),
        ThinkingDelta("Yes.", 0),
        TextDelta("Hello", 1),
        TextDelta(", world", 1),
        ToolCallDelta(2, "c1", "read", '{"path": "a.py"}'),
        ToolCallDelta(3, "c2", "ls", "{}"),
    ]
    assert isinstance(events[-1], Reply)
    message = events[-1].message
    assert message.content == (
        Thinking("Hm. Yes."),
        Text("Hello, world"),
        ToolCall("c1", "read", {"path": "a.py"}, "c2ln"),
        ToolCall("c2", "ls", {}),
    )
    assert message.stop_reason is StopReason.TOOL_USE
    assert message.usage == Usage(input=40, output=20, cache_read=60, reasoning=5)
    assert message.producer == Producer("acme", "big/one", "google-generative-ai")
    assert message.response_id == "r1"


PIECES = [said("héllo "), said("wörld"), END]
ANSWER = sse(*PIECES)
WRAPPED = [{"response": one, "traceId": "t"} for one in PIECES]


@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        ANSWER.replace(b"\n", b"\r\n"),
        ANSWER.replace(b"\n", b"\r"),
        ANSWER.replace(b"data: ", b"data:"),
        b"\xef\xbb\xbf" + ANSWER,
        b"\n\n" + ANSWER,
        b": waiting\n\n" + ANSWER.replace(b"\n\n", b"\n\n: ping\n\n"),
        ANSWER.replace(b"data: ", b"id: 7\nevent: message\nretry: 1\ndata: "),
        b"event: ping\ndata: still here\n\n" + ANSWER,
        ANSWER.rstrip(b"\n"),
        ANSWER.replace(b", ", b",\ndata: "),
        sse({"usageMetadata": {"promptTokenCount": 3}}, {}, {"candidates": []}) + ANSWER,
        sse(said("héllo "), piece({"text": "wörld"}, finish="STOP")),
        sse(said("héllo ", thoughtSignature="c2ln"), said("wörld"), END),
        sse(said("héllo "), piece({"executableCode": {}}, {"text": "wörld"}, finish="STOP"), "[DONE]"),
        sse(piece({"text": "héllo wörld"}, finish="FINISH_REASON_UNSPECIFIED"), END),
        sse(*WRAPPED),
        json.dumps(piece({"text": "héllo wörld"}, finish="STOP"), indent=1).encode(),
        json.dumps({"response": piece({"text": "héllo wörld"}, finish="STOP")}).encode(),
        json.dumps(PIECES, indent=1).encode(),
    ],
    ids=range(20),
)
@pytest.mark.parametrize("cut", ["whole", "bytes", "by close"])
async def test_rs2_rs6_what_hosts_make_of_the_format_gives_the_same_answer(body: bytes, cut: str) -> None:
    match cut:
        case "whole":
            script = answering(whole(body))
        case "bytes":
            script = answering(head("200 OK", *STREAM), chunked(*(body[i : i + 1] for i in range(len(body)))))
        case _:
            script = answering(head("200 OK", "connection: close"), body)
    message = (await reply_to(script)).message
    assert message.text == "héllo wörld"
    assert message.stop_reason is StopReason.STOP


FAILING = [
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
    "MODEL_ARMOR",
    "CONTINUATION",
    "SOMETHING_NEW",
]


@pytest.mark.parametrize(
    ("events", "kind", "phase", "code"),
    [
        # RS1: a clean end without the terminal event.
        ([said("half")], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([piece({"text": ""})], FaultKind.INCOMPLETE, Phase.PRE, None),
        ([said("half"), "[DONE]"], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([piece({"text": "x"}, finish="FINISH_REASON_UNSPECIFIED")], FaultKind.INCOMPLETE, Phase.TEXT, None),
        # RT3: a whole call, but no end.
        ([called()], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        # RS2, RS10: an end that says nothing, or failure.
        ([END], FaultKind.EMPTY, Phase.PRE, None),
        ([said(" \n"), END], FaultKind.EMPTY, Phase.TEXT, None),
        ([thought("Hm."), END], FaultKind.EMPTY, Phase.TEXT, None),
        ([thought("Hm."), said("", thoughtSignature="c2ln"), END], FaultKind.EMPTY, Phase.TEXT, None),
        ([piece(finish="MAX_TOKENS")], FaultKind.EMPTY, Phase.PRE, None),
        *(([said("x"), piece(finish=reason)], FaultKind.FINISH, Phase.TEXT, reason) for reason in FAILING),
        ([{"promptFeedback": {"blockReason": "SAFETY"}}], FaultKind.FINISH, Phase.PRE, "SAFETY"),
        ([{"candidates": [], "promptFeedback": {"blockReason": "OTHER"}}], FaultKind.FINISH, Phase.PRE, "OTHER"),
        # RT2: a call that may be cut, and one in pieces that nobody asked for.
        ([called(args=None), piece(finish="MAX_TOKENS")], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([called(args='{"a": '), END], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([piece({"functionCall": {"name": "t", "willContinue": True}}), END], FaultKind.MALFORMED, Phase.PRE, None),
        ([piece({"functionCall": {"partialArgs": [{"x": 1}]}}), END], FaultKind.MALFORMED, Phase.PRE, None),
        ([called(name="", args={}), END], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        # RS3: an error object.
        ([{"error": {"message": "no", "code": 503}}], FaultKind.ERROR_EVENT, Phase.PRE, "503"),
        ([said("x"), {"error": {"message": "no", "status": "INTERNAL"}}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        ([said("x"), [{"error": {"message": "no", "code": 500}}]], FaultKind.ERROR_EVENT, Phase.TEXT, "500"),
        ([said("x"), {"response": {}, "error": {"message": "no"}}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        ([said("x"), {"response": {"error": {"message": "no"}}}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        ([said("x"), END, {"error": "late"}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        ([{"error": True}], FaultKind.ERROR_EVENT, Phase.PRE, None),
        # RS7: nonsense.
        (["null"], FaultKind.MALFORMED, Phase.PRE, None),
        (["[]"], FaultKind.MALFORMED, Phase.PRE, None),
        (["[1]"], FaultKind.MALFORMED, Phase.PRE, None),
        (["7"], FaultKind.MALFORMED, Phase.PRE, None),
        (['"text"'], FaultKind.MALFORMED, Phase.PRE, None),
        (["NaN"], FaultKind.MALFORMED, Phase.PRE, None),
        ([said("x"), '{"candidates": ['], FaultKind.MALFORMED, Phase.TEXT, None),
        (["[" * 200_000], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": ' + "9" * 6_000 + "}"], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": "\\ud800"}'], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": "\x00"}'], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"candidates": 7}], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"candidates": {"0": {}}}], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"candidates": [None]}], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"candidates": [{"content": "text"}]}], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"candidates": [{"content": {"parts": "text"}}]}], FaultKind.MALFORMED, Phase.PRE, None),
        ([piece("text")], FaultKind.MALFORMED, Phase.PRE, None),
        ([piece({"text": 7})], FaultKind.MALFORMED, Phase.PRE, None),
        ([piece({"text": "x", "thoughtSignature": 7})], FaultKind.MALFORMED, Phase.PRE, None),
        ([piece({"functionCall": "read"})], FaultKind.MALFORMED, Phase.PRE, None),
        ([called(args=[1])], FaultKind.MALFORMED, Phase.PRE, None),
        ([piece({"functionCall": {"name": 7}})], FaultKind.MALFORMED, Phase.PRE, None),
        ([piece({"functionCall": {"name": "a", "id": 7}})], FaultKind.MALFORMED, Phase.PRE, None),
        (
            [
                called(args={"a": 1}),
                '{"candidates": [{"content": {"parts": [{"functionCall": {"name": "t", "args": {"a": 1e999}}}]}}]}',
                END,
            ],
            FaultKind.MALFORMED,
            Phase.TOOL_ARGS,
            None,
        ),
        ([piece(finish=7)], FaultKind.MALFORMED, Phase.PRE, None),
    ],
    ids=lambda value: None,
)
async def test_what_is_wrong_in_a_stream_is_one_fault(
    events: list[object], kind: FaultKind, phase: Phase, code: str | None
) -> None:
    fault = await fault_of(streaming(*events))
    assert (fault.kind, fault.phase, fault.code) == (kind, phase, code), fault.text
    assert fault.text


@pytest.mark.parametrize("nested", ['{"a":' * 200_000, '[{"a":' * 200_000])
async def test_rs7_deep_nesting_is_refused(nested: str) -> None:
    fault = await fault_of(streaming(nested))
    assert fault.kind in (FaultKind.MALFORMED, FaultKind.TOO_LARGE)


async def test_a_refusal_bears_the_words_that_come_with_it() -> None:
    end = {"candidates": [{"finishReason": "RECITATION", "finishMessage": "It is a poem of somebody."}]}
    assert "It is a poem of somebody." in (await fault_of(streaming(end))).text
    block = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not that."}}
    assert "Not that." in (await fault_of(streaming(block))).text


DETAILS = [
    {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://example.com"}]},
    {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": "RequestsPerDay-FreeTier", "quotaValue": "250"}, {"quotaId": "TokensPerMinute"}],
    },
    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
]
RESET = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "QUOTA_EXHAUSTED",
    "domain": "cloudcode-pa.googleapis.com",
    "metadata": {"quotaResetDelay": "1h2m3.5s"},
}


@pytest.mark.parametrize(
    ("details", "code", "retry_after_s", "words"),
    [
        (DETAILS, "429", 34.5, "Spent. (RequestsPerDay-FreeTier, TokensPerMinute)"),
        ([RESET], "QUOTA_EXHAUSTED", 3723.5, "Spent."),
        ([RESET, *DETAILS[2:]], "QUOTA_EXHAUSTED", 34.5, "Spent."),
        ([{"retryDelay": "soon"}, {"retryDelay": "-1s"}, {"retryDelay": 7}, 7, None], "429", None, "Spent."),
        ({"retryDelay": "1s"}, "429", None, "Spent."),
        ([{"violations": [{"quotaId": 7}, 7]}, {"violations": 7, "reason": 7, "metadata": 7}], "429", None, "Spent."),
    ],
)
@pytest.mark.parametrize("where", ["status", "stream", "array"])
async def test_rf1_rs3_an_error_bears_its_reason_its_quotas_and_its_wait(
    details: object, code: str, retry_after_s: float | None, words: str, where: str
) -> None:
    error = {"error": {"code": 429, "message": "Spent.", "status": "RESOURCE_EXHAUSTED", "details": details}}
    match where:
        case "status":
            script = answering(whole(json.dumps(error).encode(), "429 Too Many Requests"))
        case "stream":
            script = streaming(error)
        case _:
            script = answering(whole(json.dumps([error]).encode()))
    fault = await fault_of(script)
    assert (fault.text, fault.status, fault.code) == (words, 429, code)
    assert (fault.type, fault.retry_after_s) == ("RESOURCE_EXHAUSTED", retry_after_s)


async def test_rf2_a_bad_key_is_told_by_its_reason_though_its_status_is_400() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    error = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [info]}
    fault = await fault_of(answering(whole(json.dumps({"error": error}).encode(), "400 Bad Request")))
    assert (fault.kind, fault.status, fault.code) == (FaultKind.STATUS, 400, "API_KEY_INVALID")


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
        (answering(whole(b'{"ok": true}', "200 OK", JSON)), FaultKind.MALFORMED, "google-generative-ai"),
        (answering(whole(b'{"candidates": [', "200 OK", JSON)), FaultKind.MALFORMED, "JSON"),
        (answering(whole(json.dumps([said("x")]).encode()[:-1], "200 OK", JSON)), FaultKind.MALFORMED, "JSON"),
        (answering(whole(b'{"error": {"message": "spent"}}', "200 OK", JSON)), FaultKind.ERROR_EVENT, "spent"),
        (answering(whole(b'[{"error": {"message": "spent"}}]', "200 OK", JSON)), FaultKind.ERROR_EVENT, "spent"),
        (answering(whole(gzip.compress(ANSWER), "200 OK", "content-encoding: gzip")), FaultKind.MALFORMED, "identity"),
        (answering(whole(ANSWER)[: 100 - len(ANSWER)]), FaultKind.BROKEN, "closed"),
        (answering(head("200 OK", *STREAM), b"5\r\ndata:"), FaultKind.BROKEN, "closed"),
        (answering(head("200 OK", *STREAM), b"nonsense\r\n"), FaultKind.MALFORMED, "chunk"),
        (answering(whole(b"event: error\ndata: it burns\n\n")), FaultKind.ERROR_EVENT, "it burns"),
        (answering(whole(b'event: error\ndata: {"code": 1}\n\n')), FaultKind.ERROR_EVENT, "code"),
    ],
    ids=lambda value: None,
)
async def test_rs10_a_body_that_is_no_answer_is_a_fault(script: Script, kind: FaultKind, words: str) -> None:
    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (kind, Phase.PRE), fault.text
    assert words in fault.text


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_rs1_a_connection_that_breaks_in_the_middle_is_a_fault(how: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK", *STREAM), chunked(sse(said("half")))[:-5])
        if how == "rst":
            await anyio.sleep(0.05)  # unread bytes are lost with a reset
            await peer.reset()

    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (FaultKind.BROKEN, Phase.TEXT)


async def test_rs8_an_answer_without_end_is_cut_at_its_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"))
        event = sse(said("x" * 1_000_000))
        while True:
            await peer.send(event)

    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (FaultKind.TOO_LARGE, Phase.TEXT)


async def test_rs8_tool_calls_without_end_are_cut_at_their_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"))
        event = sse(called(args={"a": "x" * 900_000}))
        while True:
            await peer.send(event)

    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (FaultKind.TOO_LARGE, Phase.TOOL_ARGS)


async def test_rk5_no_fault_quotes_the_key() -> None:
    info = {"reason": SECRET}
    error = {"message": f"API key not valid: {SECRET}", "status": SECRET, "details": [info]}
    body = json.dumps({"error": error}).encode()
    for script in (
        answering(whole(body, "400 No")),
        streaming({"error": error}),
        streaming(piece(finish=SECRET)),
        streaming({"promptFeedback": {"blockReason": SECRET}}),
    ):
        assert SECRET not in repr(await fault_of(script, key=True))


CODE_ASSIST = {"codeAssist": True, "project": "p-1"}


@pytest.mark.parametrize(
    ("base", "model", "compat", "line"),
    [
        ("/v1beta", "gemini-3.8-flash", {}, "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"),
        ("/v1/", "m", {}, "/v1/models/m:streamGenerateContent?alt=sse"),
        ("", "m", {}, "/v1beta/models/m:streamGenerateContent?alt=sse"),
        ("/v1/publishers/google", "m", {}, "/v1/publishers/google/models/m:streamGenerateContent?alt=sse"),
        ("/v1beta", "m", {"supportsStreaming": False}, "/v1beta/models/m:generateContent"),
        ("", "m", CODE_ASSIST, "/v1internal:streamGenerateContent?alt=sse"),
        ("", "m", {**CODE_ASSIST, "supportsStreaming": False}, "/v1internal:generateContent"),
        # RK12: whatever the id holds, it is one segment of the path.
        (
            "/v1beta",
            "a/../b?c#d:e%f g",
            {},
            "/v1beta/models/a%2F..%2Fb%3Fc%23d%3Ae%25f%20g:streamGenerateContent?alt=sse",
        ),
    ],
)
async def test_rk6_rk12_the_address_names_the_model_and_never_the_key(
    base: str, model: str, compat: dict[str, object], line: str
) -> None:
    seen: list[Received] = []
    async with serving(answering(whole(ANSWER), to=seen)) as server, Http(wall=lambda: 0.0) as http:
        asked = a_call(
            f"{server.origin}{base}", key=Key(SECRET, server.origin), headers={"X-Title": "t"}, compat=compat
        )
        asked = replace(asked, model=replace(asked.model, ref=ModelRef("acme", model)))
        async with aclosing(dialects(http)["google-generative-ai"](asked)) as events:
            assert isinstance([event async for event in events][-1], Reply)
    (request,) = seen
    assert request.line == f"POST {line} HTTP/1.1"
    assert request.headers["x-goog-api-key"] == SECRET
    assert "authorization" not in request.headers
    assert request.headers["x-title"] == "t"
    assert "contents" in json.loads(request.body).get("request", json.loads(request.body))


async def test_a_provider_of_bearer_tokens_gets_one() -> None:
    seen: list[Received] = []
    async with serving(answering(whole(sse(*WRAPPED)), to=seen)) as server, Http(wall=lambda: 0.0) as http:
        asked = replace(a_call(server.origin, key=Key(SECRET, server.origin), compat=CODE_ASSIST), auth="bearer")
        events = [event async for event in stream_of(http, GOOGLE_GENERATIVE_AI)(asked)]
    assert isinstance(events[-1], Reply)
    assert seen[0].headers["authorization"] == f"Bearer {SECRET}"
    assert "x-goog-api-key" not in seen[0].headers


async def test_after_the_finish_reason_a_reset_cannot_spoil_the_answer() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK", *STREAM), b"%x\r\n%s\r\n" % (len(ANSWER), ANSWER))
        await anyio.sleep(0.05)  # unread bytes are lost with a reset
        await peer.reset()

    assert (await reply_to(script)).message.text == "héllo wörld"


async def test_after_an_answer_the_connection_serves_the_next_call() -> None:
    async def three(peer: Peer) -> None:
        for _ in range(3):
            await peer.request()
            await peer.send(head("200 OK", *STREAM), chunked(ANSWER))

    async with serving(three) as server, Http(wall=lambda: 0.0) as http:
        for _ in range(3):
            async with aclosing(stream_of(http, GOOGLE_GENERATIVE_AI)(a_call(f"{server.origin}/v1beta"))) as events:
                async for event in events:
                    if isinstance(event, Reply):
                        break  # as a driver does
        assert server.connections == 1


async def test_a_bad_address_is_a_fault_too() -> None:
    async with Http(wall=lambda: 0.0) as http:
        for base_url in ("", "file:///etc", "http://api.example.com/v1", "https://" + "a" * 300, "http://[bad"):
            (event,) = [event async for event in stream_of(http, GOOGLE_GENERATIVE_AI)(a_call(base_url))]
            assert isinstance(event, Fault)
