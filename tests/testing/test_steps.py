"""Each step on the wire, as a client sees it that hides nothing."""

import json
from collections.abc import Generator

import pytest

from pi_fallback.testing import (
    CommentsOnly,
    Cut,
    CutBeforeHeaders,
    Drip,
    Empty200,
    ErrorEvent,
    HangBeforeHeaders,
    Html,
    Malformed,
    Ok,
    Raw,
    Redirect,
    RunningFaultServer,
    Stall,
    Status,
    Step,
    ToolCallScript,
    running_fault_server,
)

from .clients import Heard, as_bytes, ask, connect, hear, said, unchunked

LAST_CHUNK = b"\r\n0\r\n\r\n"
DONE = b"data: [DONE]\n\n"
ABC = Ok("abcdef", chunk=2)


@pytest.fixture(params=["asyncio", "trio"])
def server(request: pytest.FixtureRequest) -> Generator[RunningFaultServer, None, None]:
    with running_fault_server(backend=request.param) as running:
        yield running


def heard(server: RunningFaultServer, step: Step, *, until: bytes | None = None, stream: bool = True) -> Heard:
    server.play("m", step)
    with connect(server.origin) as sock:
        sock.sendall(as_bytes(ask(stream=stream)))
        return hear(sock, until)


def test_an_answer_is_a_whole_chunked_stream(server: RunningFaultServer) -> None:
    head, body, _ = heard(server, ABC, until=LAST_CHUNK)
    events, ended = unchunked(body)
    assert head.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream")
    assert (said(events), events.endswith(DONE), ended) == ("abcdef", True, True)
    assert events.count(b'"content":"') == 1 + 3  # the opening and three pieces


@pytest.mark.parametrize(
    ("step", "text", "end"),
    [
        (Cut(0, "fin", ABC), "", "fin"),
        (Cut(2, "fin", ABC), "abcd", "fin"),
        (Cut(2, "rst", ABC), "abcd", "rst"),
        (Cut(99, "fin", ABC), "abcdef", "fin"),
    ],
)
def test_a_cut_breaks_the_chunked_body_off(server: RunningFaultServer, step: Cut, text: str, end: str) -> None:
    answer = heard(server, step)
    events, ended = unchunked(answer.body)
    assert (said(events), ended, answer.end) == (text, False, end)
    assert b'finish_reason":"stop' not in events


def test_a_clean_cut_ends_the_body_but_not_the_answer(server: RunningFaultServer) -> None:
    events, ended = unchunked(heard(server, Cut(2, "clean", ABC), until=LAST_CHUNK).body)
    assert (said(events), ended, DONE in events) == ("abcd", True, False)


def test_a_close_cut_sends_a_body_without_a_frame(server: RunningFaultServer) -> None:
    answer = heard(server, Cut(2, "close", ABC))
    assert b"transfer-encoding" not in answer.head
    assert b"content-length" not in answer.head
    assert (said(answer.body), answer.end) == ("abcd", "fin")


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_cut_before_headers_sends_not_one_byte(server: RunningFaultServer, how: str) -> None:
    step = CutBeforeHeaders("fin" if how == "fin" else "rst")
    assert heard(server, step) == (b"", b"", how)


@pytest.mark.parametrize(
    ("step", "until"),
    [
        (HangBeforeHeaders(), b""),
        (Raw(b"HTTP/1.1 200 OK\r\n", then="hang"), b"OK\r\n"),
        (Stall(2, ABC), b"cd"),
        (Stall(0, ABC), b"assistant"),
        (CommentsOnly(1, every_s=0.01, of=ABC), b": still here\n\n"),
        (Drip(every_s=60, size=5, of=ABC), b"\r\n\r\n"),
    ],
)
def test_what_hangs_does_so_until_the_client_leaves(server: RunningFaultServer, step: Step, until: bytes) -> None:
    server.play("m", step)
    with connect(server.origin) as sock:
        sock.sendall(as_bytes(ask()))
        assert hear(sock, until).end == "open"
        server.wait_for_requests(1)
    server.wait_until(lambda requests: requests[0].outcome != "open")
    (request,) = server.requests
    assert request.outcome == "left"
    assert request.closed_at is not None
    assert request.closed_at >= request.at


def test_comments_follow_the_content_and_say_nothing(server: RunningFaultServer) -> None:
    answer = heard(server, CommentsOnly(2, every_s=0.001, of=ABC), until=b": still here\n\n")
    assert said(unchunked(answer.body)[0]) == "abcd"


def test_an_error_event_ends_the_stream_properly(server: RunningFaultServer) -> None:
    events, ended = unchunked(heard(server, ErrorEvent(1, {"message": "busy"}, ABC), until=LAST_CHUNK).body)
    assert (said(events), ended) == ("ab", True)
    assert events.endswith(b'data: {"error":{"message":"busy"}}\n\n')


def test_a_malformed_event_stands_in_the_middle_of_the_answer(server: RunningFaultServer) -> None:
    events, _ = unchunked(heard(server, Malformed(1, b"data: {oops\n\n", ABC), until=LAST_CHUNK).body)
    before, after = events.split(b"data: {oops\n\n")
    assert (said(before), said(after), after.endswith(DONE)) == ("ab", "cdef", True)


@pytest.mark.parametrize("headers", [False, True])
def test_a_drip_is_the_whole_answer_in_the_end(server: RunningFaultServer, headers: bool) -> None:
    head, body, _ = heard(server, Drip(0.0, size=7, headers=headers, of=ABC), until=LAST_CHUNK)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said(unchunked(body)[0]) == "abcdef"


@pytest.mark.parametrize(
    ("step", "line", "body"),
    [
        (Status(429, {"Retry-After": "8"}, "slow down"), b"429 Too Many Requests", b"slow down"),
        (Status(529, body={"error": "x"}), b"529 Overloaded", b'{"error": "x"}'),
        (Status(799, body=b"\xff"), b"799 Unknown", b"\xff"),
        (Redirect("http://elsewhere/v1", 308), b"308 Permanent Redirect", b""),
        (Html("<p>hello"), b"200 OK", b"<p>hello"),
        (Empty200(), b"200 OK", b""),
    ],
)
def test_an_answer_without_a_stream_has_its_length(
    server: RunningFaultServer, step: Step, line: bytes, body: bytes
) -> None:
    answer = heard(server, step, until=b"\r\n\r\n" + body)
    assert answer.head.startswith(b"HTTP/1.1 " + line)
    assert f"content-length: {len(body)}".encode() in answer.head
    assert answer.body == body


def test_a_status_without_a_body_speaks_the_dialect(server: RunningFaultServer) -> None:
    error = json.loads(heard(server, Status(401), until=b"}}").body)["error"]
    assert error["type"] == "authentication_error"


def test_headers_of_a_status_are_sent(server: RunningFaultServer) -> None:
    head = heard(server, Status(429, {"Retry-After": "8"}), until=b"}}").head
    assert b"\r\nretry-after: 8\r\n" in head


def test_no_content_has_no_length(server: RunningFaultServer) -> None:
    assert b"content-length" not in heard(server, Status(204), until=b"\r\n\r\n").head


def test_a_redirect_says_where_to(server: RunningFaultServer) -> None:
    assert b"\r\nlocation: http://evil/\r\n" in heard(server, Redirect("http://evil/"), until=b"\r\n\r\n").head


def test_raw_bytes_are_all_there_is(server: RunningFaultServer) -> None:
    assert heard(server, Raw(b"SSH-2.0-nonsense\r\n")) == (b"SSH-2.0-nonsense\r\n", b"", "fin")


@pytest.mark.parametrize(
    ("step", "text", "proper"),
    [
        (Ok("abcdef"), '"content":"abcdef"', True),
        (ErrorEvent(0, {"message": "busy"}), '{"error":{"message":"busy"}}', True),
        (Cut(1, "clean"), '{"id":"chatcmpl-', True),
    ],
)
def test_an_answer_that_is_no_stream_fails_alike(
    server: RunningFaultServer, step: Step, text: str, proper: bool
) -> None:
    answer = heard(server, step, until=LAST_CHUNK, stream=False)
    data, ended = unchunked(answer.body)
    assert b"content-type: application/json" in answer.head
    assert text in data.decode()
    assert ended is proper


def test_tool_calls_come_in_pieces(server: RunningFaultServer) -> None:
    step = Ok(tools=[ToolCallScript("read", {"path": "a.py"}), ToolCallScript("ls", id="mine")], chunk=4)
    events, _ = unchunked(heard(server, step, until=LAST_CHUNK).body)
    calls: dict[int, dict[str, str]] = {}
    for event in events.split(b"\n\n"):
        for choice in json.loads(event[6:])["choices"] if event.startswith(b"data: {") else ():
            for piece in choice["delta"].get("tool_calls", ()):
                call = calls.setdefault(piece["index"], {"id": piece.get("id"), "arguments": ""})
                call["arguments"] += piece["function"]["arguments"]
    assert calls == {0: {"id": "call_1_0", "arguments": '{"path": "a.py"}'}, 1: {"id": "mine", "arguments": "{}"}}
    assert b'"finish_reason":"tool_calls"' in events
