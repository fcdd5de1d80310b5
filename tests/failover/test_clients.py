"""Real clients over real sockets: whatever the first route does, the answer comes whole, from where it may."""

import pytest
import time_machine

from pi_fallback.failover import Failover, NoRouteLeft, RetryPolicy, Route
from pi_fallback.testing import (
    Cut,
    CutBeforeHeaders,
    Empty200,
    ErrorEvent,
    HangBeforeHeaders,
    Html,
    Ok,
    Raw,
    RunningFaultServer,
    Script,
    Stall,
    Status,
    Step,
)
from tests.failover.sdks import CLIENTS, KEY

A, B = Route("one", "big"), Route("two", "mid")
TEXT = "It is whole, in several pieces, and from one route alone."
BOTH = pytest.mark.parametrize("client", CLIENTS)


def made(*routes: Route) -> Failover:
    return Failover(routes or (A, B), retry=RetryPolicy(enabled=False))


def models(server: RunningFaultServer) -> list[str]:
    return [request.model for request in server.requests]


HERE_ONCE_MORE, ELSEWHERE = ["big", "big"], ["big", "mid"]
FAULTS: dict[str, tuple[Step, list[str]]] = {
    "RF1 a rate limit": (Status(429, {"retry-after": "30"}), ELSEWHERE),
    "RF1 a rate limit without a delay": (Status(429), ELSEWHERE),
    "RF5 no such model": (Status(404), ELSEWHERE),
    "RF5 a status that nobody knows": (Status(599), HERE_ONCE_MORE),
    "a bad key": (Status(401), ELSEWHERE),
    "no credit": (Status(402), ELSEWHERE),
    "overloaded": (
        Status(529, body={"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
        ELSEWHERE,
    ),
    "a stumble": (Status(500), HERE_ONCE_MORE),
    "a page for an error": (Status(502, body="<h1>Bad gateway</h1>"), HERE_ONCE_MORE),
    "cut in the middle": (Cut(2, "fin"), HERE_ONCE_MORE),
    "reset in the middle": (Cut(2, "rst"), HERE_ONCE_MORE),
    "RS1 a clean end without a finish reason": (Cut(2, "clean"), HERE_ONCE_MORE),
    "RS1 delimited by the end of the connection": (Cut(2, "close"), HERE_ONCE_MORE),
    "gone before the head": (CutBeforeHeaders("fin"), HERE_ONCE_MORE),
    "reset before the head": (CutBeforeHeaders("rst"), HERE_ONCE_MORE),
    "no HTTP": (Raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), ELSEWHERE),
    "a head that never comes": (HangBeforeHeaders(), ELSEWHERE),
    "a stall in the middle": (Stall(2), ELSEWHERE),
    "an error in the stream": (ErrorEvent(1), ELSEWHERE),
    "an empty 200": (Empty200(), HERE_ONCE_MORE),
    "a captive portal": (Html(), HERE_ONCE_MORE),
}


@BOTH
@pytest.mark.parametrize("name", FAULTS)
def test_the_answer_is_whole_whatever_the_first_attempt_did(
    name: str, client: str, fault_server: RunningFaultServer
) -> None:
    fault, expected = FAULTS[name]
    fault_server.play("big", [fault, Ok(TEXT)])
    fault_server.play("mid", Ok(TEXT))
    assert CLIENTS[client](made(), fault_server.origin) == TEXT
    if (client, name) == ("google-genai", "a captive portal"):
        expected = ELSEWHERE  # the one SDK that says so, where the others see an empty stream
    # RF10: the SDKs repeat nothing themselves, so each attempt is one request.
    assert models(fault_server) == expected
    assert fault_server.violations == ()


TOO_LONG = {
    "RF4 by its code": Status(
        400,
        body={
            "type": "error",
            "error": {"type": "invalid_request_error", "code": "context_length_exceeded", "message": "too long"},
        },
    ),
    "RF5 a body that is too large": Status(413),
}


@BOTH
@pytest.mark.parametrize("name", TOO_LONG)
def test_a_context_that_is_too_long_burns_no_accounts(name: str, client: str, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", TOO_LONG[name])
    with pytest.raises(NoRouteLeft, match="context_overflow"):
        CLIENTS[client](made(A, Route("one", "big", "backup-1")), fault_server.origin)
    assert models(fault_server) == ["big"]


@BOTH
def test_rf6_with_everything_down_the_error_names_each_route(client: str, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", Status(429, {"retry-after": "90"}))
    fault_server.play("mid", Status(401))
    with pytest.raises(NoRouteLeft) as caught:
        CLIENTS[client](made(), fault_server.origin)
    assert [report.route for report in caught.value.reports] == [A, B]
    assert caught.value.again_in_s == pytest.approx(60.0, abs=31.0)  # a busy machine takes its time
    names = {"AuthenticationError", "ClientError", "HTTPStatusError", "HTTPError"}
    assert type(caught.value.__cause__).__name__ in names
    assert KEY not in str(caught.value)


@BOTH
def test_rf6_nobody_there_is_an_error_too(client: str, fault_server: RunningFaultServer) -> None:
    with pytest.raises(NoRouteLeft, match="network"):
        CLIENTS[client](made(), "http://127.0.0.1:1")


@BOTH
def test_rf13_a_dead_connection_is_repeated_once_over_a_fresh_one(
    client: str, fault_server: RunningFaultServer
) -> None:
    fault_server.play("big", Script([Ok("first"), CutBeforeHeaders("fin"), Ok("again")]))
    failover = made()
    for expected in ("first", "again"):
        assert CLIENTS[client](failover, fault_server.origin) == expected
    assert models(fault_server) == ["big", "big", "big"]
    assert fault_server.requests[1].connection != fault_server.requests[2].connection


DELAYS = {
    "seconds": ({"retry-after": "8"}, 8.0),
    "milliseconds": ({"retry-after-ms": "1500", "retry-after": "8"}, 1.5),
    "an HTTP date": ({"retry-after": "Mon, 01 Jan 2035 00:00:30 GMT"}, 30.0),
    "a date that is past": ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
    "huge": ({"retry-after": "9" * 30}, 31 * 86_400.0),
    "negative": ({"retry-after": "-5"}, 20.0),
    "junk": ({"retry-after": "soon"}, 20.0),
    "none": ({}, 20.0),
}


@pytest.mark.parametrize("name", DELAYS)
def test_rf1_the_rest_is_as_long_as_the_server_says_within_bounds(name: str, fault_server: RunningFaultServer) -> None:
    headers, seconds = DELAYS[name]
    fault_server.play("big", Status(429, headers))
    fault_server.play("mid", Ok(TEXT))
    moment = 1000.0
    failover = Failover([A, B], now=lambda: moment)
    with time_machine.travel("2035-01-01T00:00:00Z", tick=False):
        assert CLIENTS["openai"](failover, fault_server.origin) == TEXT
    rest = failover.ledger.resting(A, now=moment)
    assert (0.0 if rest is None else rest.until - moment) == seconds


def test_rf9_a_wall_clock_that_jumps_moves_no_rest(fault_server: RunningFaultServer) -> None:
    fault_server.play("big", Status(429, {"retry-after": "3600"}))
    fault_server.play("mid", Ok(TEXT))
    failover = made()
    CLIENTS["openai"](failover, fault_server.origin)
    with time_machine.travel("2099-01-01T00:00:00Z"):
        CLIENTS["openai"](failover, fault_server.origin)
    assert models(fault_server) == ["big", "mid", "mid"]
