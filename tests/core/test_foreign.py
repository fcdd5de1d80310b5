"""Foreign exceptions are read for what they tell, and what is no failed call is left alone."""

import asyncio
import concurrent.futures
import errno
import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import httpx2
import pytest
import requests
import trio
import urllib3.exceptions
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.foreign import TEXT_MAX, fault_of
from pi_fallback_hookspecs import Fault, FaultKind, Phase

REQUEST = httpx2.Request("POST", "https://models.test/v1")


def waits(headers: Mapping[str, str]) -> float | None:
    return float(headers["retry-after"]) if "retry-after" in headers else None


def read(error: BaseException, phase: Phase = Phase.PRE, before: BaseException | None = None) -> Fault | None:
    return fault_of(error, waits=waits, phase=phase, before=before)


def found(error: BaseException, phase: Phase = Phase.PRE) -> Fault:
    fault = read(error, phase)
    assert fault is not None
    return fault


def caused(outer: BaseException, *inner: BaseException) -> BaseException:
    """`outer from inner[0] from …`."""
    link = outer
    for cause in inner:
        link.__cause__ = cause
        link = cause
    return outer


def named(name: str, *bases: type[Exception], **attributes: object) -> Exception:
    """An exception of a client that is not installed here: its class name and attributes are what counts."""
    return type(name, bases or (Exception,), attributes)(f"{name} it was")


def answer(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    return httpx2.Response(status, json=body, headers=headers, request=REQUEST)


def of_httpx(response: httpx2.Response) -> Exception:
    with pytest.raises(httpx2.HTTPStatusError) as caught:
        response.raise_for_status()
    return caught.value


def of_requests(status: int, body: bytes, headers: Mapping[str, str]) -> Exception:
    response = requests.Response()
    response.status_code, response._content = status, body  # as `requests` itself fills it in
    response.headers.update(headers)
    return requests.HTTPError("bad", response=response)


SPENT = {"error": {"message": "You are out of credit.", "code": "insufficient_quota", "type": "quota"}}
GOOGLE = {
    "error": {
        "code": 429,
        "message": "Resource has been exhausted",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}],
    }
}

STATUSES: Mapping[str, tuple[Callable[[], Exception], Fault]] = {
    "httpx with a body that was read": (
        lambda: of_httpx(answer(429, SPENT, {"Retry-After": "8", "X-Request-Id": "r1", "Set-Cookie": "secret"})),
        Fault(
            FaultKind.STATUS,
            "You are out of credit.",
            429,
            "insufficient_quota",
            "quota",
            8.0,
            {"retry-after": "8", "x-request-id": "r1"},
        ),
    ),
    "requests": (
        lambda: of_requests(503, json.dumps({"detail": "down"}).encode(), {"retry-after": "2"}),
        Fault(FaultKind.STATUS, "down", 503, None, None, 2.0, {"retry-after": "2"}),
    ),
    "requests with a page": (
        lambda: of_requests(502, b"<h1>Bad gateway</h1>", {}),
        Fault(FaultKind.STATUS, "bad", 502),
    ),
    "aiohttp: the status and headers of the exception itself": (
        lambda: named("ClientResponseError", status=429, headers={"Retry-After": "3"}),
        Fault(FaultKind.STATUS, "ClientResponseError it was", 429, None, None, 3.0, {"retry-after": "3"}),
    ),
    "urllib: a numeric code": (
        lambda: named("HTTPError", OSError, code=404, headers={}),
        Fault(FaultKind.STATUS, "HTTPError it was", 404),
    ),
    "google-genai: numeric code, words as status, a delay in the details": (
        lambda: named("ClientError", code=429, status="RESOURCE_EXHAUSTED", details=GOOGLE, response=answer(429)),
        Fault(FaultKind.STATUS, "Resource has been exhausted", 429, "429", "RESOURCE_EXHAUSTED", 34.5),
    ),
    "botocore: a response that is a mapping": (
        lambda: named(
            "ThrottlingException",
            response={
                "Error": {"Code": "ThrottlingException", "Message": "Too many"},
                "ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": "1"}},
            },
        ),
        Fault(FaultKind.STATUS, "Too many", 429, "ThrottlingException", None, 1.0, {"retry-after": "1"}),
    ),
    "a redirect that was not followed": (
        lambda: named("Odd", status_code=307),
        Fault(FaultKind.REDIRECT, "Odd it was", 307),
    ),
}


@pytest.mark.parametrize("name", STATUSES)
def test_a_status_is_found_where_each_client_keeps_it(name: str) -> None:
    make, expected = STATUSES[name]
    fault = found(make())
    headers = {key: value for key, value in fault.headers.items() if key in expected.headers}
    assert (fault.kind, fault.text, fault.status, fault.code, fault.type, fault.retry_after_s, headers) == (
        expected.kind,
        expected.text,
        expected.status,
        expected.code,
        expected.type,
        expected.retry_after_s,
        expected.headers,
    )
    assert "set-cookie" not in fault.headers


F = FaultKind
LOST = "Server disconnected without sending a response."
TRANSPORT: Mapping[str, tuple[Callable[[], BaseException], FaultKind]] = {
    "httpx connect timeout": (lambda: httpx2.ConnectTimeout("slow"), F.CONNECT_TIMEOUT),
    "httpx read timeout": (lambda: httpx2.ReadTimeout("slow"), F.FIRST_CONTENT_TIMEOUT),
    "httpx refused": (lambda: httpx2.ConnectError("refused"), F.CONNECT),
    "httpx reset": (lambda: httpx2.ReadError("reset"), F.BROKEN),
    "httpx dead connection": (lambda: httpx2.RemoteProtocolError(LOST), F.STALE),
    "httpx cut body": (lambda: httpx2.RemoteProtocolError("peer closed connection without …"), F.BROKEN),
    "httpx no HTTP": (lambda: httpx2.RemoteProtocolError("illegal status line"), F.MALFORMED),
    "requests timeout": (lambda: requests.ReadTimeout(), F.FIRST_CONTENT_TIMEOUT),
    "requests cut": (lambda: requests.exceptions.ChunkedEncodingError(), F.BROKEN),
    "requests no JSON": (lambda: requests.exceptions.JSONDecodeError("no", "doc", 0), F.MALFORMED),
    "requests of any kind": (lambda: requests.RequestException(), F.OTHER),
    "urllib3": (lambda: urllib3.exceptions.ProtocolError("gone"), F.BROKEN),
    "aiohttp refused": (lambda: named("ClientConnectorError", OSError), F.CONNECT),
    "aiohttp dead connection": (lambda: named("ServerDisconnectedError"), F.STALE),
    "aiohttp timeout": (lambda: named("SocketTimeoutError", TimeoutError), F.FIRST_CONTENT_TIMEOUT),
    "botocore refused": (lambda: named("EndpointConnectionError"), F.CONNECT),
    "botocore without credentials": (lambda: named("NoCredentialsError"), F.KEY),
    "a client's own timeout": (lambda: TimeoutError(), F.FIRST_CONTENT_TIMEOUT),
    "an event that is no JSON": (lambda: json.JSONDecodeError("no", "doc", 0), F.MALFORMED),
    "a subclass of somebody's": (lambda: named("OurTimeout", httpx2.ReadTimeout), F.FIRST_CONTENT_TIMEOUT),
}


@pytest.mark.parametrize("name", TRANSPORT)
def test_what_happened_to_the_connection_is_in_the_name_of_a_class(name: str) -> None:
    make, kind = TRANSPORT[name]
    assert found(make()).kind is kind


LATER = {
    "read timeout": (httpx2.ReadTimeout("slow"), F.QUIET_TIMEOUT),
    "dead connection": (httpx2.RemoteProtocolError(LOST), F.BROKEN),
    "broken TLS": (httpx2.ConnectError("bad record"), F.BROKEN),
    "reset": (httpx2.ReadError("reset"), F.BROKEN),
}


@pytest.mark.parametrize("name", LATER)
def test_after_content_the_same_name_tells_another_thing(name: str) -> None:
    error, kind = LATER[name]
    fault = found(error, Phase.TEXT)
    assert (fault.kind, fault.phase) == (kind, Phase.TEXT)


CHAINS: Mapping[str, tuple[BaseException, FaultKind]] = {
    "the SDK says little, its cause more": (
        caused(named("APITimeoutError"), httpx2.ConnectTimeout("slow"), TimeoutError()),
        F.CONNECT_TIMEOUT,
    ),
    "a refused connection": (
        caused(named("APIConnectionError"), httpx2.ConnectError("x"), ConnectionRefusedError(errno.ECONNREFUSED, "no")),
        F.CONNECT,
    ),
    "a framework's own error": (caused(named("LLMFailed"), of_httpx(answer(500))), F.STATUS),
    "several addresses were tried": (
        caused(named("APIConnectionError"), ExceptionGroup("all", [ConnectionRefusedError()])),
        F.CONNECT,
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_cause_tells_what_its_wrapper_does_not(name: str) -> None:
    error, kind = CHAINS[name]
    assert found(error).kind is kind


def test_the_words_of_the_root_are_added_where_the_wrapper_has_none() -> None:
    error = caused(named("APIConnectionError"), httpx2.ConnectError("[Errno 111] Connection refused"))
    assert found(error).text == "APIConnectionError it was: [Errno 111] Connection refused"


def test_an_error_object_in_a_good_answer_is_an_error_event() -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    fault = found(named("APIError", status_code=200, body=body))
    assert (fault.kind, fault.type, fault.text, fault.status) == (F.ERROR_EVENT, "overloaded_error", "Overloaded", None)


def test_a_finish_reason_for_which_the_sdk_raises_is_one() -> None:
    fault = found(named("ContentFilterFinishReasonError"))
    assert (fault.kind, fault.code) == (F.FINISH, "content_filter")


NO_FAILURES: Mapping[str, Callable[[], BaseException]] = {
    "a mistake": lambda: TypeError("unsupported operand"),
    "a missing file": lambda: FileNotFoundError(errno.ENOENT, "no such file"),
    "Ctrl-C": KeyboardInterrupt,
    "the end of the program": lambda: SystemExit(500),
    "a generator that is closed": GeneratorExit,
    "asyncio's cancellation": asyncio.CancelledError,
    "a future's cancellation": concurrent.futures.CancelledError,
    "a group with a mistake in it": lambda: ExceptionGroup("two", [TimeoutError(), KeyError("x")]),
    "a group with cancellation in it": lambda: BaseExceptionGroup("two", [TimeoutError(), KeyboardInterrupt()]),
    "a code that is no status": lambda: named("Odd", code=7),
    "a status that is true": lambda: named("Odd", status=True),
    "a good status": lambda: named("Odd", status_code=200),
    "a row that is not there": lambda: named("NotInOurTable", code=404),
    "a job that stands at a number": lambda: named("JobFailed", status=500),
    "what the caller's own server is to answer": lambda: named(
        "HTTPException", status_code=404, __module__="starlette.exceptions"
    ),
    "a reader of the caller's own that is gone": lambda: BrokenPipeError(errno.EPIPE, "Broken pipe"),
    "a socket of the caller's own": lambda: ConnectionResetError(),
    "a server of the caller's own that is gone": lambda: ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    "aiohttp's server, whose reader is gone": lambda: named("ClientConnectionResetError", ConnectionResetError),
    "a stream of the caller's own": anyio.BrokenResourceError,
    "a file of the caller's own": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    "a wrapper around one of them": lambda: caused(named("PrinterGone"), BrokenPipeError()),
    "a group of them": lambda: ExceptionGroup("two", [httpx2.ReadTimeout("a"), BrokenPipeError()]),
}


@pytest.mark.parametrize("name", NO_FAILURES)
def test_what_is_no_failed_call_is_none(name: str) -> None:
    assert read(NO_FAILURES[name]()) is None


def raised_in(error: Exception, *modules: str) -> Exception:
    """`error`, raised by code of the last of `modules`, which the ones before it have called."""

    def work() -> None:
        raise error

    error.__traceback__ = None
    for module in reversed(modules):
        names: dict[str, Any] = {"__name__": module, "inner": None if module == modules[-1] else work, "error": error}
        exec("def work():\n    if inner is None:\n        raise error\n    inner()", names)
        work = names["work"]
    try:
        work()
    except Exception as caught:
        return caught
    raise AssertionError


BAD_BYTES = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
RAISED: Mapping[str, tuple[Exception, tuple[str, ...], FaultKind | None]] = {
    "a bare HTTP client": (ConnectionResetError(), ("app", "http.client", "socket", "ssl"), F.BROKEN),
    "an SDK that decodes a stream": (BAD_BYTES, ("app", "openai._streaming", "codecs"), F.MALFORMED),
    "a name that begins like a client's": (BAD_BYTES, ("openai_story.app", "codecs"), None),
    "the caller's own code, called by a client": (BrokenPipeError(), ("openai._streaming", "app"), None),
}


@pytest.mark.parametrize("name", RAISED)
def test_what_python_raises_in_a_client_is_the_clients(name: str) -> None:
    error, modules, kind = RAISED[name]
    fault = read(raised_in(error, *modules))
    assert (fault and fault.kind) is kind


def test_whoever_says_that_the_call_failed_is_believed() -> None:
    fault = fault_of(BrokenPipeError(), waits=waits, told=True)
    assert fault is not None
    assert fault.kind is F.BROKEN


def test_groups_in_groups_are_read_to_the_bottom() -> None:
    error: Exception = httpx2.ReadTimeout("slow")
    for _ in range(5000):
        error = ExceptionGroup[Exception]("g", [error])
    assert found(error).kind is F.FIRST_CONTENT_TIMEOUT


def test_trios_cancellation_is_none() -> None:
    caught: list[BaseException] = []

    async def cancelled() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.sleep(1)
            except BaseException as error:
                caught.append(error)
                raise

    trio.run(cancelled)
    assert read(caught[0]) is None


def test_a_group_of_failed_calls_is_one() -> None:
    assert (
        found(ExceptionGroup("both", [httpx2.ReadTimeout("a"), httpx2.ReadError("b")])).kind is F.FIRST_CONTENT_TIMEOUT
    )


def while_handling(handled: BaseException, error: BaseException) -> BaseException:
    """`error`, raised in the `except` block of `handled`."""
    error.__context__ = handled
    return error


def test_a_mistake_in_the_handling_of_a_failure_is_a_mistake() -> None:
    assert read(while_handling(httpx2.ReadTimeout("slow"), TypeError("in the except block"))) is None


def test_what_was_handled_before_the_call_is_another_story() -> None:
    before = of_httpx(answer(401))
    error = while_handling(before, httpx2.ReadTimeout("slow"))
    fault, mixed = read(error, before=before), read(error)
    assert fault is not None
    assert mixed is not None
    assert (fault.status, mixed.status) == (None, 401)


class Hostile(Exception):
    """Everything about it raises."""

    @property
    def response(self) -> Any:
        raise RuntimeError

    status_code = 500

    @property
    def body(self) -> Any:
        raise RecursionError

    @property
    def headers(self) -> Any:
        raise KeyError

    def __str__(self) -> str:
        raise ValueError


def test_an_exception_whose_attributes_raise_is_read_all_the_same() -> None:
    fault = found(Hostile())
    assert (fault.status, fault.text) == (500, "Hostile")


def test_a_chain_that_bites_its_tail_ends() -> None:
    error = httpx2.ReadTimeout("slow")
    error.__context__ = other = ValueError("x")
    other.__context__ = error
    assert found(error).kind is F.FIRST_CONTENT_TIMEOUT


def test_long_words_are_cut() -> None:
    assert len(found(httpx2.ReadTimeout("x" * 10 * TEXT_MAX)).text) == TEXT_MAX


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "details"]), inner)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["status_code", "status", "code", "body", "details", "response", "headers"]), JUNK)
)
def test_no_attributes_make_reading_raise(attributes: dict[str, object]) -> None:
    fault = read(named("APIError", **attributes))
    assert fault is not None
    assert isinstance(fault.text, str)
