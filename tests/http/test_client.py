"""The client, over real sockets."""

import gzip
from collections.abc import AsyncIterator

import anyio
import pytest

from pi_fallback.http import Http, WireError
from pi_fallback_hookspecs import FaultKind, Key
from tests.http.wire import Peer, Received, Script, answering, chunked, head, serving, whole

pytestmark = pytest.mark.anyio

UNREACHABLE = (FaultKind.CONNECT, FaultKind.CONNECT_TIMEOUT)  # a resolver may also take its time
SECRET = "sk-canary/0123+456=789"


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http(wall=lambda: 1_700_000_000.0) as client:
        yield client


async def body_of(http: Http, url: str, *, key: Key | None = None, head_s: float = 5.0, **headers: str) -> bytes:
    async with http.post(url, body=b"{}", headers=headers, key=key, head_s=head_s) as response:
        return b"".join([chunk async for chunk in response.chunks()])


async def fault_of(http: Http, url: str, *, key: Key | None = None, head_s: float = 5.0, **headers: str):
    with pytest.raises(WireError) as caught:
        await body_of(http, url, key=key, head_s=head_s, **headers)
    return caught.value.fault


async def test_the_key_goes_into_one_header_and_identity_is_asked_for(http: Http) -> None:
    seen: list[Received] = []
    async with serving(answering(whole(b"hello"), to=seen)) as server:
        got = await body_of(
            http, server.url, key=Key(SECRET, server.origin), **{"X-Title": "a test", "Accept-Encoding": "br"}
        )
    assert got == b"hello"
    (request,) = seen
    assert request.line == "POST /v1/chat/completions HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["x-title"] == "a test"


async def test_rk4_a_key_of_another_origin_is_refused_before_anything_is_sent(http: Http) -> None:
    async with serving(answering(whole(b""))) as server:
        fault = await fault_of(http, server.url, key=Key(SECRET, "https://api.example.com:443"))
        assert server.connections == 0
    assert fault.kind is FaultKind.KEY
    assert "api.example.com" in fault.text
    assert SECRET not in fault.text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://93.184.216.34/v1",
        "http://api.example.com/v1",
        "http://169.254.169.254/latest",
        "https://user:word@example.com/v1",
        "https://example.com\\@127.0.0.1/v1",
        "//example.com/v1",
        "nonsense",
        "",
        "http://127.0.0.1:99999/",
    ],
)
async def test_rk15_addresses_that_are_neither_encrypted_nor_this_machine_are_refused(http: Http, url: str) -> None:
    fault = await fault_of(http, url)
    assert fault.kind is FaultKind.OTHER
    assert fault.text.startswith("Nothing was sent")


@pytest.mark.parametrize("host", ["192.168.1.7", "10.0.0.1", "gpu-box", "gpu.local", "[fd00::1]"])
@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "a-secret-of-the-user"}])
async def test_rk15_a_private_network_gets_no_key_in_clear(http: Http, host: str, headers: dict[str, str]) -> None:
    key = None if headers else Key(SECRET, f"http://{host}:80")
    fault = await fault_of(http, f"http://{host}/v1", key=key, **headers)
    assert fault.kind is FaultKind.OTHER
    assert "no key is sent" in fault.text


@pytest.mark.parametrize("secret", ["", "sk a", "sk-a\r\nx-evil: 1", "sk-a\n", "sk-ä", "sk-\x00a", "sk\t"])
async def test_rk12_a_key_that_could_become_another_header_is_refused(http: Http, secret: str) -> None:
    async with serving(answering(whole(b""))) as server:
        fault = await fault_of(http, server.url, key=Key(secret, server.origin))
        assert server.connections == 0
    assert fault.kind is FaultKind.KEY
    assert not secret or secret not in fault.text


@pytest.mark.parametrize(
    "headers",
    [{"x-a": "1\r\nx-b: 2"}, {"x-a": "é"}, {"x a": "1"}, {"": "1"}, {"x-a:": "1"}, {"x-a\n": "1"}, {"x-a": " 1"}],
)
async def test_rk12_headers_that_could_become_others_are_refused(http: Http, headers: dict[str, str]) -> None:
    async with serving(answering(whole(b""))) as server:
        fault = await fault_of(http, server.url, **headers)
        assert server.connections == 0
    assert fault.kind is FaultKind.OTHER


async def hang(peer: Peer) -> None:
    await peer.request()
    await peer.closed()


async def drip(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        await peer.send(b"x-%d: 1\r\n" % number)
        await anyio.sleep(0.02)


async def reset_in_body(peer: Peer) -> None:
    await peer.request()
    await peer.send(head("200 OK", "content-length: 100"), b"half")
    await anyio.sleep(0.05)  # unread bytes are lost with a reset
    await peer.reset()


async def close_at_once(peer: Peer) -> None:
    await peer.request()


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (hang, FaultKind.HEAD_TIMEOUT),
        (drip, FaultKind.HEAD_TIMEOUT),
        (close_at_once, FaultKind.BROKEN),
        (reset_in_body, FaultKind.BROKEN),
        (answering(b"HTTP/1.1 200 OK\r\ncontent-le"), FaultKind.BROKEN),
        (answering(head("200 OK", "content-length: 100"), b"half"), FaultKind.BROKEN),
        (answering(head("200 OK", "transfer-encoding: chunked"), b"5\r\nhel"), FaultKind.BROKEN),
        (answering(head("200 OK", "transfer-encoding: chunked"), b"zzz\r\nhello\r\n"), FaultKind.MALFORMED),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), FaultKind.MALFORMED),
        (answering(b"<html>login</html>\r\n\r\n"), FaultKind.MALFORMED),
        (answering(head("200 OK", *(f"x-{n}: 1" for n in range(300)))), FaultKind.TOO_LARGE),
        (answering(head("200 OK", *(f"x-{n}: 1" for n in range(20_000)))), FaultKind.TOO_LARGE),
        (answering(head("200 OK", "x-a: " + "a" * 80_000)), FaultKind.TOO_LARGE),
    ],
    ids=lambda value: None,
)
async def test_what_breaks_on_the_wire_becomes_a_fault(http: Http, script: Script, kind: FaultKind) -> None:
    async with serving(script) as server:
        fault = await fault_of(http, server.url, head_s=0.3 if kind is FaultKind.HEAD_TIMEOUT else 5.0)
    assert fault.kind is kind
    assert fault.text


async def test_a_refused_connection_is_a_connect_fault_with_the_systems_words(http: Http) -> None:
    async with serving(hang) as server:
        pass
    fault = await fault_of(http, server.url)
    assert fault.kind is FaultKind.CONNECT
    assert "refused" in fault.text.lower()


async def test_a_name_that_does_not_resolve_is_a_connect_fault(http: Http) -> None:
    fault = await fault_of(http, "https://nothing.invalid/v1", head_s=2.0)
    assert fault.kind in UNREACHABLE


async def test_tls_to_a_server_without_it_is_a_connect_fault(http: Http) -> None:
    async def plain(peer: Peer) -> None:
        await peer.stream.receive()
        await peer.send(whole(b"This is no TLS."))

    async with serving(plain) as server:
        fault = await fault_of(http, server.url.replace("http:", "https:"))
    assert fault.kind is FaultKind.CONNECT


async def test_connections_are_used_again(http: Http) -> None:
    async def twice(peer: Peer) -> None:
        for _ in range(2):
            await peer.request()
            await peer.send(head("200 OK", "transfer-encoding: chunked"), chunked(b"hello"))

    async with serving(twice) as server:
        assert [await body_of(http, server.url) for _ in range(2)] == [b"hello", b"hello"]
        assert server.connections == 1


@pytest.mark.parametrize("ending", ["fin", "rst"])
async def test_rf13_a_pooled_connection_that_dies_before_any_byte_is_stale(http: Http, ending: str) -> None:
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(b"hello"))
        await peer.request()  # it closes only now: a connection closed before is not even taken from the pool
        if ending == "rst":
            await peer.reset()

    async with serving(once, answering(whole(b"again"))) as server:
        assert await body_of(http, server.url) == b"hello"
        assert (await fault_of(http, server.url)).kind is FaultKind.STALE
        assert await body_of(http, server.url) == b"again"


@pytest.mark.parametrize("ending", ["fin", "rst"])
@pytest.mark.parametrize(
    "said", [b"H", b"HTTP/1.1 200 OK\r\ncontent-", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["byte", "half", "interim"]
)
@pytest.mark.parametrize("used_before", [True, False], ids=["reused", "fresh"])
async def test_rf13_a_connection_that_dies_inside_the_head_is_broken(
    http: Http, ending: str, said: bytes, used_before: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if used_before:
            await peer.send(whole(b"hello"))
            await peer.request()
        await peer.send(said)
        await anyio.sleep(0.05)  # unread bytes are lost with a reset
        if ending == "rst":
            await peer.reset()

    async with serving(script) as server:
        if used_before:
            assert await body_of(http, server.url) == b"hello"
        assert (await fault_of(http, server.url)).kind is FaultKind.BROKEN
        assert server.connections == 1


@pytest.mark.parametrize("ending", ["fin", "rst"])
async def test_rf13_a_fresh_connection_is_never_stale(http: Http, ending: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if ending == "rst":
            await peer.reset()

    async with serving(answering(whole(b"hello")), script) as server:
        assert await body_of(http, server.url) == b"hello"
        assert (await fault_of(http, server.url)).kind is FaultKind.BROKEN


async def test_rf13_parallel_requests_hear_their_own_answers_only(http: Http) -> None:
    spoke = anyio.Event()

    def script(says: bytes) -> Script:
        async def run(peer: Peer) -> None:
            await peer.request()
            await peer.send(whole(b"hello"))
            await peer.request()
            if says:
                await peer.send(says)
                spoke.set()
            await spoke.wait()

        return run

    kinds: list[FaultKind] = []

    async def fail() -> None:
        kinds.append((await fault_of(http, server.url)).kind)

    async with serving(script(b"HTTP/1.1 "), script(b"")) as server:
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(body_of, http, server.url)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(fail)
        assert server.connections == 2
    assert sorted(kinds) == [FaultKind.BROKEN, FaultKind.STALE]


async def test_a_connection_that_was_closed_while_idle_is_not_used(http: Http) -> None:
    async with serving(answering(whole(b"hello")), answering(whole(b"again"))) as server:
        assert await body_of(http, server.url) == b"hello"
        await anyio.wait_all_tasks_blocked()
        assert await body_of(http, server.url) == b"again"
        assert server.connections == 2


async def test_a_pooled_connection_that_breaks_inside_an_answer_is_broken_not_stale(http: Http) -> None:
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(b"hello"))
        await peer.request()
        await peer.send(head("200 OK", "content-length: 100"), b"half")

    async with serving(once) as server:
        await body_of(http, server.url)
        assert (await fault_of(http, server.url)).kind is FaultKind.BROKEN


async def test_leaving_the_block_early_closes_the_socket(http: Http) -> None:
    gone = anyio.Event()

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK"), b"first")
        await peer.closed()
        gone.set()

    async with serving(endless) as server:
        async with http.post(server.url, body=b"{}") as response:
            assert await anext(response.chunks()) == b"first"
        with anyio.fail_after(0.2):
            await gone.wait()


async def test_cookies_are_neither_kept_nor_sent(http: Http) -> None:
    seen: list[Received] = []
    script = answering(whole(b"hello", "200 OK", "set-cookie: session=1; path=/", "connection: close"), to=seen)
    async with serving(script) as server:
        await body_of(http, server.url)
        await body_of(http, server.url)
    assert ["cookie" in request.headers for request in seen] == [False, False]


async def test_rk3_loopback_is_never_proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(answering(whole(b"hello"))) as server, Http(wall=lambda: 0.0) as http:
        assert await body_of(http, server.url) == b"hello"


@pytest.mark.parametrize(("trust_env", "proxied"), [(True, 1), (False, 0)])
async def test_rk3_a_proxy_of_the_environment_is_used_unless_that_is_off(
    monkeypatch: pytest.MonkeyPatch, trust_env: bool, proxied: int
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(answering(whole(b"no", "502 Bad Gateway"))) as proxy:
        monkeypatch.setenv("https_proxy", proxy.origin)
        async with Http(wall=lambda: 0.0, trust_env=trust_env) as http:
            fault = await fault_of(http, "https://nothing.invalid/v1", head_s=2.0)
    assert proxy.connections == proxied
    assert fault.kind in UNREACHABLE


async def test_rk5_a_fault_of_the_wire_does_not_quote_the_key(http: Http) -> None:
    async with serving(answering(f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode())) as server:
        fault = await fault_of(http, server.url, key=Key(SECRET, server.origin))
    assert fault.kind is FaultKind.MALFORMED
    assert SECRET not in fault.text


async def test_an_error_text_ends_at_the_limit_and_holds_no_half_of_a_key(http: Http) -> None:
    body = b"x" * (64 * 1024 - 5) + SECRET.encode() + b"y" * 4 * 1024 * 1024
    async with (
        serving(answering(whole(body, "500 Oops"))) as server,
        http.post(server.url, body=b"{}", key=Key(SECRET, server.origin)) as response,
    ):
        text = await response.error_text()
    assert text == "x" * (64 * 1024 - 5) + "***yy"


async def test_an_encoded_error_is_not_read(http: Http) -> None:
    body = gzip.compress(b"x" * 1_000_000)
    async with (
        serving(answering(whole(body, "500 Oops", "content-encoding: gzip"))) as server,
        http.post(server.url, body=b"{}") as response,
    ):
        assert response.is_encoded
        assert await response.error_text() == ""


async def test_a_fault_bears_the_headers_of_interest_and_no_others(http: Http) -> None:
    fields = [
        "Retry-After: 7",
        "X-RateLimit-Remaining: 0",
        "anthropic-ratelimit-reset: soon",
        f"X-Request-Id: {SECRET}",
        "Set-Cookie: a=b",
    ]
    async with serving(answering(head("200 OK", *fields, "content-length: 9"), b"half")) as server:
        fault = await fault_of(http, server.url, key=Key(SECRET, server.origin))
    assert fault.kind is FaultKind.BROKEN
    assert fault.retry_after_s == 7.0
    assert fault.headers == {
        "retry-after": "7",
        "x-ratelimit-remaining": "0",
        "anthropic-ratelimit-reset": "soon",
        "x-request-id": "***",
    }
