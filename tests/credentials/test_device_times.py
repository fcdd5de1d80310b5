"""The device flow in virtual time: how long it waits between two questions, and when it gives up."""

import json
from collections.abc import Mapping

import anyio
import pytest

from pi_fallback.credentials.logging_in import INTERVAL_S, LoggingIn
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.errors import CredentialError
from pi_fallback.http import Http
from pi_fallback.http.backend import httpx
from pi_fallback_hookspecs import OAuthEndpoints
from tests.conftest import Backend
from tests.credentials.test_logging_in import Person

pytestmark = pytest.mark.anyio

ENDPOINTS = OAuthEndpoints("https://login.example/token", "c", device_url="https://login.example/device")
PAGE = {"device_code": "device-code", "user_code": "ABCD", "verification_uri": "https://login.example/type-it"}
TOKENS = {"access_token": "access-token", "refresh_token": "refresh-token"}


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def polled_at(*answers: str | int | Mapping[str, object], page: Mapping[str, object] = PAGE) -> list[float]:
    """When the server was asked, in seconds from the beginning; `answers` are errors and states of it."""
    began, moments = anyio.current_time(), list[float]()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/device":
            return httpx.Response(200, json=dict(page))
        moments.append(round(anyio.current_time() - began, 3))
        said = answers[len(moments) - 1] if len(moments) <= len(answers) else None
        if isinstance(said, int):
            return httpx.Response(said)
        if said is None:
            return httpx.Response(200, json=TOKENS)
        return httpx.Response(400, json={"error": said} if isinstance(said, str) else dict(said))

    async with Http(wall=lambda: 0.0, transport=httpx.MockTransport(answer)) as http:
        entry = await LoggingIn(http, ENDPOINTS, "Acme", Person(), Redactor(), lambda: 0.0).run()
        assert json.dumps(dict(entry)).count("token") == 2
    return moments


@pytest.mark.parametrize(
    ("page", "answers", "moments"),
    [
        ({}, [], [INTERVAL_S]),
        ({"interval": 2}, ["authorization_pending"] * 2, [2.0, 4.0, 6.0]),
        ({"interval": 2}, ["slow_down", "authorization_pending", "slow_down"], [2.0, 9.0, 16.0, 28.0]),
        ({"interval": 2}, [{"error": "slow_down", "interval": 9}], [2.0, 11.0]),
        ({"interval": 2}, [{"error": "slow_down", "interval": 1}], [2.0, 4.0]),  # never sooner than before
        ({"interval": 2}, [{"error": "slow_down", "interval": -1}] * 2, [2.0, 9.0, 21.0]),
        ({"interval": 2}, [{"error": "slow_down", "interval": 1e9}], [2.0, 9.0]),
        ({"interval": 1}, [500, "authorization_pending"], [1.0, 3.0, 5.0]),
        ({"interval": -1}, [], [INTERVAL_S]),
        ({"interval": "soon"}, [], [INTERVAL_S]),
    ],
)
async def test_the_server_says_how_often_it_is_asked(
    page: Mapping[str, object], answers: list[str | int | Mapping[str, object]], moments: list[float]
) -> None:
    assert await polled_at(*answers, page={**PAGE, **page}) == moments


@pytest.mark.parametrize(
    ("page", "answers", "why", "after_s"),
    [
        ({"expires_in": 30}, ["authorization_pending"] * 99, "the code is too old", 30.0),
        ({}, ["authorization_pending"] * 999, "the code is too old|took too long", 600.0),
        ({"interval": 1}, [500] * 9, "it answered with status 500", 63.0),
    ],
)
async def test_a_device_gives_up_in_time(
    page: Mapping[str, object], answers: list[str | int | Mapping[str, object]], why: str, after_s: float
) -> None:
    began = anyio.current_time()
    with pytest.raises(CredentialError, match=why):
        await polled_at(*answers, page={**PAGE, **page})
    assert anyio.current_time() - began == pytest.approx(after_s, abs=0.1)
