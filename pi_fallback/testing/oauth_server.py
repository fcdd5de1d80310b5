"""A login's server on loopback: codes with PKCE, devices, tokens that rotate, and the troubles of a real one."""

import json
import socket
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import anyio
import h11
from anyio.from_thread import start_blocking_portal

from pi_fallback.testing.http1 import HttpRequest, Requests, whole
from pi_fallback.testing.listening import Listening
from pi_fallback.testing.oauth_grants import Grants, Reply, Tokens, refusal
from pi_fallback.testing.sockets import Connection
from pi_fallback_hookspecs import OAuthEndpoints

CLIENT = "a-public-client"
POLL_S = 0.02  # real ones say 5


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong with one request to the token's endpoint.

    It is answered after `after_s` seconds: with `status`, with `error`, or, having done what it was asked, not at
    all (`lost`). With none of them it is answered well, but late.
    """

    status: int = 0
    error: str = ""
    lost: bool = False
    after_s: float = 0.0


class OAuthServer(Listening):
    """A login's server: `async with OAuthServer() as server`, whose `endpoints` a provider may have.

    Access tokens live `life_s` seconds. A user who is asked says yes unless the server `denies`; a device is answered
    with the errors in `device_answers` first. `endpoints.exchange_url` is there only if it `exchanges`.
    """

    def __init__(
        self,
        *,
        life_s: float = 3600.0,
        rotates: bool = True,
        denies: bool = False,
        exchanges: bool = False,
        device_answers: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.grants = Grants(CLIENT, life_s, rotates)
        self.asked: list[Mapping[str, str]] = []
        self._denies = denies
        self._exchanges = exchanges
        self._device_answers = tuple(device_answers)
        self._troubles: deque[Trouble] = deque()
        self._bell = anyio.Event()

    @property
    def endpoints(self) -> OAuthEndpoints:
        return OAuthEndpoints(
            client_id=CLIENT,
            token_url=f"{self.origin}/token",
            authorize_url=f"{self.origin}/authorize",
            device_url=f"{self.origin}/device",
            exchange_url=f"{self.origin}/exchange" if self._exchanges else "",
            scopes=("models",),
        )

    @property
    def declared(self) -> Mapping[str, Any]:
        """The endpoints as `oauth` of models.json has them."""
        its = self.endpoints
        named = {"clientId": its.client_id, "tokenUrl": its.token_url, "authorizeUrl": its.authorize_url}
        return {**named, "deviceUrl": its.device_url, "scopes": list(its.scopes)}

    def issue(self) -> Tokens:
        """Tokens of a new login, as if somebody had logged in."""
        return self.grants.issue()

    def trouble(self, *troubles: Trouble) -> None:
        """Let the next requests to the token's endpoint go wrong like this, one each."""
        self._troubles.extend(troubles)

    async def wait_for_requests(self, n: int, *, timeout_s: float = 10.0) -> None:
        """Return when the token's endpoint has been asked `n` times.

        Raises:
            TimeoutError: it was not.
        """
        with anyio.fail_after(timeout_s):
            while len(self.asked) < n:
                await self._bell.wait()

    async def _hold(self, sock: socket.socket, number: int) -> None:
        with Connection(sock) as connection, suppress(ConnectionError, h11.RemoteProtocolError):
            requests = Requests(connection)
            while (request := await requests.next()) is not None:
                answer = await self._answer(request)
                if answer is None:
                    return
                await connection.send(answer)
                if not request.keep_alive:
                    return

    async def _answer(self, request: HttpRequest) -> bytes | None:
        path, _, query = request.path.partition("?")
        match request.method, path:
            case "GET", "/authorize":
                return self._sent_back(dict(parse_qsl(query)))
            case "POST", "/device":
                return _json(self._device(_fields(request)))
            case "POST", "/token":
                return await self._token(_fields(request))
            case "GET", "/exchange":
                return _json(self._exchange(request.headers.get("authorization", "").removeprefix("Bearer ")))
            case _:
                return _json(Reply(404, {"error": "not_found"}))

    def _sent_back(self, asked: Mapping[str, str]) -> bytes:
        back = asked.get("redirect_uri", "")
        host = urlsplit(back).hostname
        known = asked.get("client_id") == CLIENT and host in ("127.0.0.1", "localhost")
        if not known or asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return _json(refusal("invalid_request"))
        state = {"state": asked["state"]} if "state" in asked else {}
        said = {"error": "access_denied"} if self._denies else {"code": self.grants.code(asked)}
        return whole(302, {"location": f"{back}?{urlencode({**said, **state})}"}, b"")

    def _device(self, asked: Mapping[str, str]) -> Reply:
        if asked.get("client_id") != CLIENT:
            return refusal("invalid_client")
        device = self.grants.device(self._device_answers)
        page = {"user_code": "ABCD-1234", "verification_uri": f"{self.origin}/type-it", "expires_in": 60}
        return Reply(200, {"device_code": device, **page, "interval": POLL_S})

    async def _token(self, asked: Mapping[str, str]) -> bytes | None:
        self.asked.append(asked)
        self._bell.set()
        self._bell = anyio.Event()
        trouble = self._troubles.popleft() if self._troubles else Trouble()
        await anyio.sleep(trouble.after_s)
        if trouble.status:
            return _json(Reply(trouble.status, {"error": {"message": "trouble"}}))
        reply = refusal(trouble.error) if trouble.error else self.grants.answer(asked)
        return None if trouble.lost else _json(reply)

    def _exchange(self, token: str) -> Reply:
        """The key of a provider for the token of a login, as GitHub gives it."""
        self.asked.append({"exchange": token})
        if token not in self.grants.live:
            return Reply(401, {"message": "Bad credentials"})
        self.grants.refreshes += 1
        key = f"tid=key-of-the-provider-{self.grants.refreshes:06d};proxy-ep=proxy.example"
        return Reply(200, {"token": key, "expires_at": 1, "refresh_in": self.grants.life_s})


def _fields(request: HttpRequest) -> Mapping[str, str]:
    if request.headers.get("content-type", "").startswith("application/json"):
        found: object = json.loads(request.body)
        return cast("Mapping[str, str]", found) if isinstance(found, dict) else {}
    return dict(parse_qsl(request.body.decode()))


def _json(reply: Reply) -> bytes:
    headers = {"content-type": "application/json"}
    return whole(reply.status, headers, json.dumps(dict(reply.body)).encode())


@contextmanager
def running_oauth_server(**options: Any) -> Generator[OAuthServer]:
    """Run an `OAuthServer` in a background thread while the block lasts; its facts may be looked at from outside."""
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(OAuthServer(**options)) as server,
    ):
        yield server
