"""What a login's server answers: when it counts, when it is a no, and when it may be asked again."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import pytest

from pi_fallback.credentials.oauth_requests import Body
from pi_fallback.credentials.oauth_wire import NoAnswer, Refused, exchanged, posted
from pi_fallback.http import Http
from pi_fallback.http.backend import httpx
from tests.conftest import Backend

pytestmark = pytest.mark.anyio

TOKEN_URL = "https://login.example/token"
TOKENS = {"access_token": "new-access", "refresh_token": "new-refresh"}
FORM = Body(b"grant_type=refresh_token", {})


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def answering(response: httpx.Response) -> Http:
    return Http(wall=lambda: 0.0, transport=httpx.MockTransport(lambda _request: response))


async def heard(status: int, answer: Mapping[str, Any], *, by_exchange: bool = False) -> str:
    """What came of it, in a word or two."""
    async with answering(httpx.Response(status, json=dict(answer))) as http:
        try:
            if by_exchange:
                await exchanged(http, TOKEN_URL, "token-of-the-login", {})
            else:
                await posted(http, TOKEN_URL, FORM)
        except Refused as refused:
            return f"{refused.code}, for ever" if refused.is_final else refused.code
        except NoAnswer as none:
            return "none, lost" if none.lost else "none"
    return "good"


@pytest.mark.parametrize(
    ("status", "answer", "word"),
    [
        (200, TOKENS, "good"),
        (200, {**TOKENS, "error": None}, "good"),
        (200, {**TOKENS, "error": ""}, "good"),
        (200, {"error": "bad_refresh_token"}, "bad_refresh_token, for ever"),
        (200, {"error": "authorization_pending"}, "authorization_pending"),
        (302, {}, "none"),
        (400, {"error": "invalid_grant"}, "invalid_grant, for ever"),
        (400, {"error": "invalid_client"}, "invalid_client"),
        (400, {"error": "temporarily_unavailable"}, "none"),
        (401, {"error": {"code": "refresh_token_reused", "message": "…"}}, "refresh_token_reused, for ever"),
        (401, {"message": "Bad credentials"}, "none"),
        (403, {"message": "API rate limit exceeded"}, "none"),
        (404, {"detail": "x"}, "none"),
        (429, {"error": "invalid_grant"}, "none"),
        (503, {"error": "invalid_grant"}, "none"),
    ],
)
async def test_only_a_no_to_the_token_itself_is_for_ever(status: int, answer: Mapping[str, Any], word: str) -> None:
    assert await heard(status, answer) == word


async def test_trouble_that_the_server_names_is_told_by_its_name() -> None:
    response = httpx.Response(400, json={"error": "temporarily_unavailable"})
    async with answering(response) as http:
        with pytest.raises(NoAnswer, match=r"^it says temporarily_unavailable$"):
            await posted(http, TOKEN_URL, FORM)


@pytest.mark.parametrize(("status", "word"), [(200, "good"), (401, "unknown_token, for ever"), (403, "none")])
async def test_an_exchange_knows_a_token_or_it_does_not(status: int, word: str) -> None:
    assert await heard(status, {"message": "any words"}, by_exchange=True) == word


class Slow(httpx.AsyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await anyio.sleep(9.0)
            yield piece


async def test_a_good_answer_is_waited_for_however_slowly_it_comes() -> None:
    stream = Slow(b'{"access_token": "new-', b'access", "refresh_token": "new-refresh"}')
    async with answering(httpx.Response(200, stream=stream)) as http:
        assert await posted(http, TOKEN_URL, FORM) == TOKENS


async def test_an_answer_without_end_is_none() -> None:
    async with answering(httpx.Response(200, content=b" " * 2**20)) as http:
        with pytest.raises(NoAnswer, match="too_large"):
            await posted(http, TOKEN_URL, FORM)
