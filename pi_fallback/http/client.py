"""The client: posts a body and hands back the response while it streams. It never judges and never repeats."""

import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple, Self
from urllib.request import getproxies, proxy_bypass

import anyio

from pi_fallback.http import limits
from pi_fallback.http.addresses import SECRET_HEADERS, check_address, check_headers, check_secret, is_loopback
from pi_fallback.http.attempt import Attempt
from pi_fallback.http.backend import httpx
from pi_fallback.http.hearing import HEARD, listen
from pi_fallback.http.response import Response, WireError
from pi_fallback_hookspecs import Fault, FaultKind, Key, Limits, origin_of

LIMITS = Limits()
BEARER = ("authorization", "Bearer ")  # the header that bears the key, and what stands before it

# The client inflates each read whole: 64 KiB of a gzip bomb would become 64 MiB in one piece.
_NOT_ENCODED = {"accept-encoding": "identity"}
_BASE_HEADERS = {
    "accept": "text/event-stream, application/json",
    "content-type": "application/json",
    "user-agent": "pi-fallback",
}


class Http:
    """The connections to all providers. `wall` is Unix time, for dates in `Retry-After`; one is kept `idle_s` idle.

    With `trust_env` the usual proxy variables are honoured; loopback is never proxied. A `transport`
    of the caller's takes the place of all connections.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float],
        trust_env: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
        idle_s: float = limits.IDLE_S,
    ) -> None:
        self._wall = wall
        self._idle_s = idle_s
        self._trust_env = trust_env
        self._given = transport
        self._transports: dict[tuple[str, str | None, bool], httpx.AsyncBaseTransport] = {}
        self._ways: dict[tuple[str, str], tuple[str, str | None]] = {}  # reading the variables takes 0.1 ms
        self._tls: ssl.SSLContext | None = None
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        key: Key | None = None,
        auth: tuple[str, str] = BEARER,
        connect_s: float = LIMITS.connect_s,
        head_s: float = LIMITS.head_s,
        fresh: bool = False,
    ) -> AbstractAsyncContextManager[Response]:
        """Post `body`; the block runs once the whole head has come, within `head_s` seconds (0: no limit).

        With `fresh` a new connection is opened for it, and closed after it.

        Raises:
            WireError: with the fault, also for what breaks inside the block, and for a `WireError` raised in
                it, completed. Nothing was sent if its kind is `key`.
        """
        return self._sent("POST", url, body, headers or {}, key, auth, connect_s, head_s, fresh=fresh)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        key: Key | None = None,
        auth: tuple[str, str] = BEARER,
        head_s: float = LIMITS.head_s,
    ) -> AbstractAsyncContextManager[Response]:
        """Get `url`, as `post` does.

        Raises:
            WireError: as for `post`.
        """
        return self._sent("GET", url, b"", headers or {}, key, auth, LIMITS.connect_s, head_s, fresh=False)

    @asynccontextmanager
    async def _sent(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        key: Key | None,
        auth: tuple[str, str],
        connect_s: float,
        head_s: float,
        *,
        fresh: bool,
    ) -> AsyncGenerator[Response, None]:
        request, secret = _request(method, url, body, headers, key, auth)
        attempt = Attempt()
        if self._given is not None:
            request.extensions["trace"] = attempt
        request.extensions["timeout"] = {"connect": connect_s or None, "read": None, "write": None, "pool": None}
        response: Response | None = None
        try:
            # One deadline for the head as a whole: the client's read timeout starts anew with each read.
            with anyio.move_on_after(head_s or None):
                transport = await self._transport_to(request.url, fresh=fresh)
                listening = HEARD.set(attempt.heard)
                try:
                    raw = await transport.handle_async_request(request)
                finally:
                    HEARD.reset(listening)
                response = Response(raw, secret, self._wall)
            if response is None:
                raise WireError(attempt.timeout(head_s))
            attempt.head_came = True
            request.extensions.pop("trace", None)  # of the body it would tell nothing more
            response.check_head()
            yield response
        except (WireError, httpx.TransportError) as error:
            fault = error.fault if isinstance(error, WireError) else attempt.fault(error, secret)
            # The client's error may quote what came, so it is no cause of ours.
            raise WireError(fault if response is None else response.completed(fault)) from None
        finally:
            if response is not None:
                await response.close()

    async def _transport_to(self, url: httpx.URL, *, fresh: bool) -> httpx.AsyncBaseTransport:
        """Return the transport for `url`: one for each scheme and proxy, and one that keeps no connection."""
        if self._given is not None:
            return self._given
        way = self._ways.get((url.scheme, url.host))
        if way is None:
            way = (url.scheme, _proxy_for(url) if self._trust_env else None)
            self._ways[url.scheme, url.host] = way
        found = self._transports.get((*way, fresh))
        if found is None:
            found = httpx.AsyncHTTPTransport(
                verify=self._tls_for(*way),
                trust_env=self._trust_env,
                limits=httpx.Limits(
                    max_connections=None, max_keepalive_connections=0 if fresh else 100, keepalive_expiry=self._idle_s
                ),
                proxy=way[1],
                retries=0,
            )
            listen(found)
            self._transports[*way, fresh] = await self._open.enter_async_context(found)
        return found

    def _tls_for(self, scheme: str, proxy: str | None) -> ssl.SSLContext:
        if scheme == "http" and proxy is None:
            # Loading certificates takes 20 ms. Without any, no server is trusted, and none is asked for here.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=self._trust_env)
        return self._tls


class Address(NamedTuple):
    """A URL as the client reads it, so that no second reading can differ from the check."""

    url: httpx.URL
    origin: str


@lru_cache(maxsize=256)  # reading takes as long as all the rest of a request's preparation
def _address(url: str) -> Address:
    address = httpx.URL(url)
    host = f"[{address.host}]" if ":" in address.host else address.host
    origin = f"{address.scheme}://{host}:{address.port or {'http': 80, 'https': 443}.get(address.scheme)}"
    if origin != origin_of(url) or address.userinfo:
        raise ValueError("the base URL must be https://host/path, with no user name and no odd characters in it")
    return Address(address, origin)


def _request(
    method: str, url: str, body: bytes, headers: Mapping[str, str], key: Key | None, auth: tuple[str, str]
) -> tuple[httpx.Request, str]:
    """Return the request and the secret in it, after all checks."""
    sent = {**_BASE_HEADERS, **{name.lower(): value for name, value in headers.items()}, **_NOT_ENCODED}
    try:
        address, origin = _address(url)
        check_address(address.scheme, address.host, secret=key is not None or not SECRET_HEADERS.isdisjoint(sent))
        check_headers(headers)
    except (ValueError, httpx.InvalidURL) as error:
        raise WireError(Fault(FaultKind.OTHER, f"Nothing was sent: {error}.")) from None
    secret = ""
    if key is not None:
        try:
            secret = key.reveal(origin)
            check_secret(secret)
        except (PermissionError, ValueError) as error:
            raise WireError(Fault(FaultKind.KEY, f"Nothing was sent: {error}.")) from None
        sent[auth[0]] = auth[1] + secret
    return httpx.Request(method, address, headers=sent, content=body or None), secret


def _proxy_for(url: httpx.URL) -> str | None:
    if is_loopback(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")
