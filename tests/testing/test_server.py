"""The fault server as a whole: whose script, what is logged, what is refused."""

import json
import socket
from typing import Any

import anyio
import httpx2
import pytest

from pi_fallback.testing import (
    Cut,
    CutBeforeHeaders,
    FaultServer,
    For,
    HangBeforeHeaders,
    Ok,
    Received,
    Script,
    Stall,
    Status,
    Step,
    running_fault_server,
)

from .clients import as_bytes, ask, connect, hear, said

pytestmark = pytest.mark.anyio


def client(server: FaultServer) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=server.base_url, trust_env=False, timeout=10)


async def post(to: httpx2.AsyncClient, model: str = "m", key: str = "", **more: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return await to.post("chat/completions", json=ask(model, **more), headers=headers)


async def test_the_most_specific_script_answers() -> None:
    scripts = {
        For("a", "k1"): Ok("model and key"),
        "a": Ok("model"),
        For(key="k2"): Ok("key"),
        For(): Ok("any"),
    }
    asked = [("a", "k1"), ("a", "k2"), ("a", ""), ("b", "k2"), ("b", "k1")]
    async with FaultServer(scripts) as server, client(server) as to:
        texts = [said((await post(to, model, key)).content) for model, key in asked]
    assert texts == ["model and key", "model", "model", "key", "any"]


@pytest.mark.parametrize(
    ("script", "codes"),
    [
        (Status(500), [500, 500, 500, 500]),
        ([Status(429), Status(503), Ok()], [429, 503, 200, 200]),
        (Script([Status(429), Ok()], repeat="all"), [429, 200, 429, 200]),
        ([Status(500), lambda request: Status(400 + request.number)], [500, 402, 403, 404]),
    ],
)
async def test_a_script_is_one_step_a_request(script: Any, codes: list[int]) -> None:
    async with FaultServer(script) as server, client(server) as to:
        assert [(await post(to)).status_code for _ in codes] == codes


async def test_each_script_counts_for_itself() -> None:
    async with FaultServer({"a": [Status(500), Ok()], "b": [Status(429), Ok()]}) as server, client(server) as to:
        codes = [(await post(to, model)).status_code for model in ("a", "b", "a", "b")]
    assert codes == [500, 429, 200, 200]


async def test_a_new_script_begins_at_its_first_step() -> None:
    async with FaultServer([Status(500), Ok()]) as server, client(server) as to:
        await post(to)
        server.play("m", [Status(404), Ok()])
        assert (await post(to)).status_code == 404


async def test_a_model_without_a_script_does_not_exist() -> None:
    async with FaultServer({"a": Ok()}) as server, client(server) as to:
        answer = await post(to, "b")
    assert (answer.status_code, server.requests[0].outcome) == (404, "refused")
    assert "`b`" in answer.json()["error"]["message"]


def test_a_script_has_steps() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        Script([])


async def test_the_models_are_those_with_a_script() -> None:
    scripts = {"a": Ok(), For("b", "k"): Ok(), For("a", "k"): Ok(), For(): Ok()}
    async with FaultServer(scripts) as server, client(server) as to:
        answer = await to.get("models")
    assert [model["id"] for model in answer.json()["data"]] == ["a", "b"]


async def test_a_path_that_nobody_serves_is_not_found() -> None:
    async with FaultServer(Ok()) as server, client(server) as to:
        assert (await to.get("nothing")).status_code == 404


async def test_any_base_path_will_do() -> None:
    async with FaultServer(Ok()) as server, client(server) as to:
        answer = await to.post(f"{server.origin}/openai/v1/chat/completions?x=1", json=ask())
    assert answer.status_code == 200


async def test_the_log_holds_what_was_asked() -> None:
    async with FaultServer({"a": Ok(), "b": Status(500)}) as server, client(server) as to:
        before = anyio.current_time()
        await post(to, "a", "sk-1")
        await post(to, "b", stream=False)
        first, second = server.requests
    assert (first.number, first.connection, first.method, first.path) == (1, 1, "POST", "/v1/chat/completions")
    assert (first.model, first.key, first.headers["authorization"]) == ("a", "sk-1", "Bearer sk-1")
    assert (first.body, first.messages) == (ask("a"), ask("a")["messages"])
    assert (first.step, first.outcome, first.closed_at) == (Ok(), "answered", None)
    assert before <= first.at <= second.at
    assert (second.connection, second.key) == (1, "")
    assert server.requests_for("b") == (second,)


async def test_a_function_sees_the_request_and_chooses() -> None:
    def echo(request: Received) -> Step:
        return Ok(request.messages[-1]["content"])

    async with FaultServer(echo) as server, client(server) as to:
        assert said((await post(to)).content) == "hi"


async def test_an_error_of_such_a_function_ends_the_test() -> None:
    def broken(request: Received) -> Step:
        raise LookupError(f"no answer for {request.model}")

    with pytest.raises(ExceptionGroup) as raised:  # the request and the server fail together
        async with FaultServer(broken) as server, client(server) as to:
            await post(to)
    assert raised.group_contains(LookupError, match="no answer for m")


async def test_an_error_of_the_body_arrives_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with FaultServer(Ok()):
            raise ZeroDivisionError


async def test_a_client_that_leaves_is_noted_at_once() -> None:
    async with FaultServer(Stall(1)) as server:
        with anyio.CancelScope() as asking:
            async with client(server) as to, to.stream("POST", "chat/completions", json=ask()) as answer:
                async for _ in answer.aiter_bytes():
                    left_at = anyio.current_time()
                    asking.cancel()
        await server.wait_until(lambda requests: requests[0].outcome == "left")
        closed_at = server.requests[0].closed_at
    assert closed_at is not None
    assert closed_at - left_at < 1


async def test_requests_can_be_waited_for() -> None:
    async with FaultServer(HangBeforeHeaders()) as server, client(server) as to, anyio.create_task_group() as tasks:
        tasks.start_soon(post, to, "a")
        tasks.start_soon(post, to, "b")
        await server.wait_for_requests(2)
        assert {request.model for request in server.requests} == {"a", "b"}
        tasks.cancel_scope.cancel()


async def test_a_wait_in_vain_says_what_was_seen() -> None:
    async with FaultServer(Ok()) as server, client(server) as to:
        await post(to)
        with pytest.raises(TimeoutError, match="m answered"):
            await server.wait_for_requests(2, timeout_s=0)


async def test_closing_the_server_ends_what_hangs() -> None:
    async with anyio.create_task_group() as tasks, FaultServer(HangBeforeHeaders()) as server:
        to = client(server)
        tasks.start_soon(expect_broken, to)
        await server.wait_for_requests(1)
    await to.aclose()


async def expect_broken(to: httpx2.AsyncClient) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        await post(to)


async def test_a_closed_server_refuses_connections_and_its_port_can_be_used_again() -> None:
    async with FaultServer(Ok()) as first:
        pass
    async with client(first) as to:
        with pytest.raises(httpx2.ConnectError):
            await post(to)
    async with FaultServer(Ok(), port=int(first.origin.rpartition(":")[2])) as again, client(again) as to:
        assert again.origin == first.origin
        assert (await post(to)).status_code == 200


async def test_a_client_sees_a_reset_a_broken_body_and_a_clean_end() -> None:
    scripts = {"rst": Cut(1, "rst"), "fin": Cut(1), "clean": Cut(1, "clean")}
    async with FaultServer(scripts) as server, client(server) as to:
        with pytest.raises(httpx2.ReadError):
            await post(to, "rst")
        with pytest.raises(httpx2.RemoteProtocolError):
            await post(to, "fin")
        assert said((await post(to, "clean")).content)


async def test_a_reset_never_disturbs_another_connection_of_the_same_process() -> None:
    # A socket that is closed while somebody waits for it leaves its number behind: the next one cannot be used.
    async with FaultServer({"rst": CutBeforeHeaders("rst"), "ok": Ok()}) as server:

        async def reset_and_ask_again() -> None:
            async with client(server) as to:
                for _ in range(12):
                    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
                        await post(to, "rst")
                    assert (await post(to, "ok")).status_code == 200

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(reset_and_ask_again)


async def test_a_paced_answer_comes_whole() -> None:
    async with FaultServer(Ok("abc", chunk=1, pace_s=0.001)) as server, client(server) as to:
        assert said((await post(to)).content) == "abc"


def test_requests_on_one_connection_are_answered_in_turn() -> None:
    with running_fault_server(Status(500, body="-")) as server, connect(server.origin) as sock:
        sock.sendall(as_bytes(ask("a")) + as_bytes(ask("b")))  # both at once
        assert hear(sock, b"-HTTP/1.1 500").end == "open"
        server.wait_for_requests(2)
        assert [(request.model, request.connection) for request in server.requests] == [("a", 1), ("b", 1)]


def test_a_connection_is_closed_when_the_client_wants_it_so() -> None:
    with running_fault_server(Ok()) as server, connect(server.origin) as sock:
        sock.sendall(as_bytes(ask()).replace(b"host:", b"connection: close\r\nhost:"))
        assert hear(sock).end == "fin"


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 nonsense\r\n\r\n", b"GET /\r\n\r\n"])
def test_what_is_no_http_is_told_so(sent: bytes) -> None:
    with running_fault_server(Ok()) as server:
        with connect(server.origin) as sock:
            sock.sendall(sent)
            answer = hear(sock)
        assert answer.head.startswith(b"HTTP/1.1 400")
        assert server.requests == ()


def test_a_connection_that_says_nothing_is_no_request() -> None:
    with running_fault_server(Ok()) as server:
        connect(server.origin).close()
        with connect(server.origin) as sock:
            sock.sendall(as_bytes(ask())[:-5])
            sock.shutdown(socket.SHUT_WR)
            assert hear(sock).head.startswith(b"HTTP/1.1 400")
        assert server.requests == ()


async def test_a_strict_server_refuses_what_the_real_one_would_and_keeps_the_step() -> None:
    async with FaultServer([Status(429), Ok()]) as server, client(server) as to:
        bad = await to.post("chat/completions", json={"model": "m", "messages": []})
        worse = await to.post("chat/completions", content=b"[1]")
        assert (bad.status_code, worse.status_code) == (400, 400)
        assert "messages" in bad.json()["error"]["message"]
        assert server.violations == ("'messages' must be a non-empty array of objects", "the body is not a JSON object")
        assert (await post(to)).status_code == 429


async def test_a_lenient_server_takes_anything_that_is_json() -> None:
    async with FaultServer(Ok(), strict=False) as server, client(server) as to:
        assert (await to.post("chat/completions", json={"model": "m"})).status_code == 200
        assert (await to.post("chat/completions", content=b"{")).status_code == 400


async def test_usage_is_sent_to_those_who_ask_for_it() -> None:
    async with FaultServer(Ok()) as server, client(server) as to:
        without = (await post(to)).text
        told = (await post(to, stream_options={"include_usage": True})).text
        whole = (await post(to, stream=False)).json()
    assert "usage" not in without
    last = json.loads(told.split("\n\n")[-3].removeprefix("data: "))
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    assert whole["usage"]["total_tokens"] == 15


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"anthropic-version": "2023-06-01"}, "first_id"),
        ({"x-goog-api-key": "k"}, "models"),
        ({"authorization": "Bearer k"}, "object"),
    ],
)
async def test_a_list_of_models_is_in_the_dialect_of_the_headers(headers: dict[str, str], field: str) -> None:
    async with FaultServer({"m": Ok()}) as server, client(server) as to:
        answer = await to.get("/models", headers=headers)
        assert field in answer.json()
