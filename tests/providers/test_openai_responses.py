"""The dialect `openai-responses`, over real sockets."""

import json
from contextlib import aclosing
from dataclasses import replace

import anyio
import pytest

from pi_fallback.http import Http
from pi_fallback.providers.dialects import dialects
from pi_fallback.providers.openai_responses import OPENAI_RESPONSES
from pi_fallback.providers.streaming import stream_of
from pi_fallback.testing import FaultServer, Ok, ToolCallScript
from pi_fallback_hookspecs import (
    FaultKind,
    Key,
    Message,
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
    ToolResultMessage,
    ToolSpec,
    Usage,
    user_message,
)
from tests.http.wire import Peer, Received, Script, answering, chunked, head, serving, whole
from tests.providers.chat import SECRET, STREAM, a_call
from tests.providers.responses import (
    Event,
    added,
    argued,
    completed,
    done,
    event,
    fault_of,
    function_call,
    incomplete,
    message,
    reasoning,
    reply_to,
    response,
    run,
    said,
    sse,
    streaming,
    thought,
)

pytestmark = pytest.mark.anyio

USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
}


async def test_an_answer_streams_and_ends_in_one_reply() -> None:
    items = (reasoning("Hm."), message("Hello, world"), function_call('{"path": "a.py"}'))
    events = await run(
        streaming(
            event("created", response=response(status="in_progress")),
            added(reasoning()),
            thought("Hm."),
            done(items[0]),
            added(message(""), 1),
            said("Hello", 1),
            said(", world", 1),
            done(items[1], 1),
            added(function_call(""), 2),
            argued('{"path"', 2),
            argued(': "a.py"}', 2),
            done(items[2], 2),
            completed(*items, usage=USAGE),
        )
    )
    assert events[:-1] == [
        ThinkingDelta("Hm.", 0),
        TextDelta("Hello", 1),
        TextDelta(", world", 1),
        ToolCallDelta(2, "call_1", "read"),
        ToolCallDelta(2, arguments='{"path"'),
        ToolCallDelta(2, arguments=': "a.py"}'),
    ]
    assert isinstance(events[-1], Reply)
    answer = events[-1].message
    thinking, text, call = answer.content
    assert isinstance(thinking, Thinking)
    assert isinstance(text, Text)
    assert isinstance(call, ToolCall)
    assert (thinking.text, text.text) == ("Hm.", "Hello, world")
    assert (call.id, call.name, dict(call.arguments)) == ("call_1", "read", {"path": "a.py"})
    assert answer.stop_reason is StopReason.TOOL_USE
    assert answer.usage == Usage(input=40, output=20, cache_read=60, reasoning=5)
    assert answer.producer == Producer("acme", "big/one", "openai-responses")
    assert answer.response_id == "resp_1"


WHOLE = message("héllo wörld")
ANSWER = sse(said("héllo "), said("wörld"), completed(WHOLE))


@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        ANSWER.replace(b"\n", b"\r\n"),
        ANSWER.replace(b"\n", b"\r"),
        ANSWER.replace(b"data: ", b"data:"),
        b"\xef\xbb\xbf" + ANSWER,
        b": PROCESSING\n\n" + ANSWER.replace(b"\n\n", b"\n\n: ping\n\n"),
        b"event: keepalive\ndata: still here\n\n" + ANSWER,
        b'event: keepalive\ndata: {"type": "keepalive", "sequence_number": 3}\n\n' + ANSWER,
        ANSWER.replace(b'"type": "response.', b'"kind": "response.'),  # the name of the event says it
        b"\n".join(line for line in ANSWER.split(b"\n") if not line.startswith(b"event")),
        ANSWER.rstrip(b"\n"),
        ANSWER + b"data: [DONE]\n\n",
        ANSWER + b"data: nonsense\n\n",
        sse(said("héllo "), said("wörld"), completed()),
        sse(completed(WHOLE)),
        json.dumps(response(WHOLE), indent=1).encode(),
        json.dumps({"status": "completed", "output": [WHOLE]}).encode(),
    ],
    ids=range(17),
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
    answer = (await reply_to(script)).message
    assert (answer.text, answer.stop_reason) == ("héllo wörld", StopReason.STOP)


CALL, HALF_CALL, BARE_CALL = added(function_call("")), function_call('{"a": '), function_call("")


@pytest.mark.parametrize(
    ("events", "kind", "phase", "code"),
    [
        # RS1: a clean end without the terminal event.
        ([said("half")], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([said("half"), done(message("half"))], FaultKind.INCOMPLETE, Phase.TEXT, None),
        ([event("created", response=response(status="in_progress"))], FaultKind.INCOMPLETE, Phase.PRE, None),
        ([said("x"), CALL, argued('{"a')], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([said("x"), "[DONE]"], FaultKind.INCOMPLETE, Phase.TEXT, None),
        # RS2, RS10: an end that says nothing, or failure.
        ([completed()], FaultKind.EMPTY, Phase.PRE, None),
        ([completed(message(" \n"))], FaultKind.EMPTY, Phase.TEXT, None),
        ([completed(reasoning("Hm."))], FaultKind.EMPTY, Phase.TEXT, None),
        ([completed({"type": "web_search_call", "id": "ws"})], FaultKind.EMPTY, Phase.PRE, None),
        ([incomplete("max_output_tokens")], FaultKind.EMPTY, Phase.PRE, None),
        ([said("x"), incomplete("content_filter", message("x"))], FaultKind.FINISH, Phase.TEXT, "content_filter"),
        ([incomplete("something new")], FaultKind.FINISH, Phase.PRE, "something new"),
        ([incomplete(None)], FaultKind.FINISH, Phase.PRE, "incomplete"),
        ([event("done", response=response(status="cancelled"))], FaultKind.FINISH, Phase.PRE, "cancelled"),
        # RT2: half a tool call.
        ([incomplete("max_output_tokens", HALF_CALL)], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([incomplete("max_output_tokens", BARE_CALL)], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([CALL, argued('{"a": '), completed()], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([CALL, argued('{"a": 1}'), completed(HALF_CALL)], FaultKind.INCOMPLETE, Phase.TOOL_ARGS, None),
        ([completed(function_call("[1]"))], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([completed(function_call("{}", name=""))], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        # RS3: an error object.
        ([{"type": "error", "code": "over", "message": "no"}], FaultKind.ERROR_EVENT, Phase.PRE, "over"),
        ([{"type": "error", "error": {"code": "over", "message": "no"}}], FaultKind.ERROR_EVENT, Phase.PRE, "over"),
        ([said("x"), {"type": "error"}], FaultKind.ERROR_EVENT, Phase.TEXT, None),
        (
            [
                said("x"),
                event("failed", response=response(status="failed", error={"code": "server_error", "message": "no"})),
            ],
            FaultKind.ERROR_EVENT,
            Phase.TEXT,
            "server_error",
        ),
        ([event("failed", response=response(status="failed"))], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([event("completed", response=response(status="failed"))], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([event("failed")], FaultKind.ERROR_EVENT, Phase.PRE, None),
        ([{"error": {"message": "no", "code": "over"}}], FaultKind.ERROR_EVENT, Phase.PRE, "over"),
        ([{"detail": "no"}], FaultKind.ERROR_EVENT, Phase.PRE, None),
        (['[{"error": {"message": "no"}}]'], FaultKind.ERROR_EVENT, Phase.PRE, None),
        # RS7: nonsense.
        (["null"], FaultKind.MALFORMED, Phase.PRE, None),
        (["[]"], FaultKind.MALFORMED, Phase.PRE, None),
        (["NaN"], FaultKind.MALFORMED, Phase.PRE, None),
        ([said("x"), '{"type": '], FaultKind.MALFORMED, Phase.TEXT, None),
        (["[" * 200_000], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": ' + "9" * 6_000 + "}"], FaultKind.MALFORMED, Phase.PRE, None),
        (['{"id": "\\ud800"}'], FaultKind.MALFORMED, Phase.PRE, None),
        ([{"type": 7}], FaultKind.MALFORMED, Phase.PRE, None),
        ([event("output_text.delta", 0, delta=7)], FaultKind.MALFORMED, Phase.PRE, None),
        ([event("output_text.delta", 0)], FaultKind.MALFORMED, Phase.PRE, None),
        ([event("reasoning_text.delta", 0, delta={})], FaultKind.MALFORMED, Phase.PRE, None),
        ([CALL, event("function_call_arguments.delta", 0, delta=[])], FaultKind.MALFORMED, Phase.TOOL_ARGS, None),
        ([completed(function_call(7))], FaultKind.MALFORMED, Phase.PRE, None),
    ],
    ids=lambda value: None,
)
async def test_what_is_wrong_in_a_stream_is_one_fault(
    events: list[Event | str], kind: FaultKind, phase: Phase, code: str | None
) -> None:
    fault = await fault_of(streaming(*events))
    assert (fault.kind, fault.phase, fault.code) == (kind, phase, code), fault.text
    assert fault.text


JSON = "content-type: application/json"


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (answering(whole(b"")), FaultKind.EMPTY, "no body"),
        (answering(head("204 No Content")), FaultKind.EMPTY, "204"),
        (answering(whole(b"<html><h1>Log in to the hotel</h1></html>")), FaultKind.MALFORMED, "hotel"),
        (answering(whole(b'{"ok": true}', "200 OK", JSON)), FaultKind.MALFORMED, "openai-responses"),
        (answering(whole(b'{"output": [', "200 OK", JSON)), FaultKind.MALFORMED, "JSON"),
        (answering(whole(b'{"error": {"message": "spent"}}', "200 OK", JSON)), FaultKind.ERROR_EVENT, "spent"),
        (
            answering(
                whole(json.dumps(response(status="failed", error={"message": "spent"})).encode(), "200 OK", JSON)
            ),
            FaultKind.ERROR_EVENT,
            "spent",
        ),
        (answering(whole(json.dumps(response(status="queued")).encode(), "200 OK", JSON)), FaultKind.FINISH, "queued"),
        (answering(whole(json.dumps({"output": [WHOLE]}).encode(), "200 OK", JSON)), FaultKind.INCOMPLETE, "ended"),
        (answering(whole(ANSWER)[: 100 - len(ANSWER)]), FaultKind.BROKEN, "closed"),
        (answering(head("200 OK", *STREAM), b"nonsense\r\n"), FaultKind.MALFORMED, "chunk"),
        (answering(whole(b"event: error\ndata: it burns\n\n")), FaultKind.ERROR_EVENT, "it burns"),
    ],
    ids=lambda value: None,
)
async def test_rs10_a_body_that_is_no_answer_is_a_fault(script: Script, kind: FaultKind, words: str) -> None:
    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (kind, Phase.PRE), fault.text
    assert words in fault.text


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            400,
            b'{"detail": "Unsupported parameter: max_output_tokens"}',
            ("Unsupported parameter: max_output_tokens", None, None),
        ),
        (
            429,
            b'{"error": {"type": "usage_limit_reached", "message": "The usage limit has been reached"}}',
            ("The usage limit has been reached", "usage_limit_reached", None),
        ),
        (
            404,
            b'{"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}',
            ("The API deployment does not exist.", None, "DeploymentNotFound"),
        ),
    ],
)
async def test_what_the_hosts_of_this_dialect_refuse_is_a_fault(
    status: int, body: bytes, expected: tuple[str, str | None, str | None]
) -> None:
    fault = await fault_of(answering(whole(body, f"{status} Oops", JSON)))
    assert (fault.kind, fault.status) == (FaultKind.STATUS, status)
    assert (fault.text, fault.type, fault.code) == expected


async def test_an_error_event_may_bear_its_status_beside_it() -> None:
    fault = await fault_of(streaming({"type": "error", "error": {"message": "no", "type": "t"}, "status": 429}))
    assert (fault.kind, fault.text, fault.type, fault.status) == (FaultKind.ERROR_EVENT, "no", "t", 429)


async def test_rk5_no_fault_quotes_the_key() -> None:
    error = {"message": f"Incorrect API key: {SECRET}", "code": SECRET}
    for script in (streaming({"type": "error", **error}), streaming(incomplete(SECRET)), streaming({"error": error})):
        assert SECRET not in repr(await fault_of(script, key=True))


@pytest.mark.parametrize(
    ("auth", "header", "value"), [("", "authorization", f"Bearer {SECRET}"), ("api-key", "api-key", SECRET)]
)
@pytest.mark.parametrize("base", ["/v1", "/v1/", "/backend-api/codex", "/openai/v1"])
async def test_the_request_is_what_the_dialect_asks_for(base: str, auth: str, header: str, value: str) -> None:
    seen: list[Received] = []
    async with serving(answering(whole(ANSWER), to=seen)) as server, Http(wall=lambda: 0.0) as http:
        own = {"ChatGPT-Account-Id": "a1"}
        call = a_call(f"{server.origin}{base}", key=Key(SECRET, server.origin), headers=own)
        async with aclosing(dialects(http)["openai-responses"](replace(call, auth=auth))) as events:
            assert isinstance([item async for item in events][-1], Reply)
    (request,) = seen
    assert request.line == f"POST {base.rstrip('/')}/responses HTTP/1.1"
    assert (request.headers[header], request.headers["chatgpt-account-id"]) == (value, "a1")
    assert json.loads(request.body)["model"] == "big/one"


@pytest.mark.parametrize("streams", [True, False])
async def test_reasoning_goes_back_to_the_account_that_it_came_from_and_the_api_takes_it(streams: bool) -> None:
    tools = (ToolSpec("read", "Reads a file.", {"type": "object"}),)
    steps = [
        Ok("I look.", [ToolCallScript("read"), ToolCallScript("read")], "Hm."),
        Ok("Done.", thinking="So.", redacted=True),
        Ok("Bye."),
    ]
    messages: list[Message] = [user_message("hi")]
    async with FaultServer(steps) as server, Http(wall=lambda: 0.0) as http:
        for credential in ("primary", "primary", "backup-1"):
            compat = {"supportsStreaming": streams}
            call = a_call(server.base_url, *messages, tools=tools, thinking="low", compat=compat, max_tokens=99)
            call = replace(call, route=call.route._replace(credential=credential))
            async with aclosing(stream_of(http, OPENAI_RESPONSES)(call)) as events:
                *_, last = [item async for item in events]
            assert isinstance(last, Reply), last
            calls = last.message.tool_calls
            results = [ToolResultMessage(call.id, call.name, (Text("text"),)) for call in calls]
            messages += [last.message, *(results or [user_message("and?")])]
        assert server.violations == ()
        sent = [[item["type"] for item in (request.body or {})["input"]] for request in server.requests]
    answered = ["message", "function_call", "function_call", "function_call_output", "function_call_output"]
    assert sent == [
        ["message"],
        ["message", "reasoning", *answered],
        ["message", *answered, "message", "message"],
    ]


@pytest.mark.parametrize("ending", ["open", "reset"])
async def test_after_the_last_event_nothing_can_spoil_the_answer(ending: str) -> None:
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


async def test_after_the_last_event_the_connection_serves_the_next_call() -> None:
    async def two(peer: Peer) -> None:
        for _ in range(2):
            await peer.request()
            await peer.send(head("200 OK", *STREAM), chunked(ANSWER))

    async with serving(two) as server, Http(wall=lambda: 0.0) as http:
        for _ in range(2):
            async with aclosing(stream_of(http, OPENAI_RESPONSES)(a_call(f"{server.origin}/v1"))) as events:
                assert isinstance([item async for item in events][-1], Reply)
        assert server.connections == 1


async def test_rs8_tool_arguments_without_end_are_cut_at_their_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"), sse(CALL, argued('{"a": "')))
        piece = sse(argued("x" * 1_000_000))
        while True:
            await peer.send(piece)

    fault = await fault_of(script)
    assert (fault.kind, fault.phase) == (FaultKind.TOO_LARGE, Phase.TOOL_ARGS)
