"""The redirect's port is open to every page and program of the machine: whatever they send, the login waits on."""

from contextlib import suppress
from urllib.parse import urlsplit

import anyio
import pytest

from pi_fallback.credentials.oauth_redirect import Redirect, redirected
from tests.credentials.browsing import fetched

pytestmark = pytest.mark.anyio


async def sent(redirect: Redirect, data: bytes) -> bytes:
    """What comes back for `data`."""
    parts, back = urlsplit(redirect.url), b""
    async with await anyio.connect_tcp(parts.hostname or "", parts.port or 0) as stream:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, OSError):  # it may hang up at any moment
            await stream.send(data)
            await stream.send_eof()
            while True:
                back += await stream.receive()
    return back


@pytest.mark.parametrize(
    "data",
    [
        b"GET //[ HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://[/?state=s HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /callback?state=%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /callback?state=s HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /callback?state=s HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"x" * 100_000,
        b"",
    ],
    ids=["no address", "no host", "no text", "a post", "headless", "tls", "a flood", "nothing"],
)
async def test_nobody_who_sends_nonsense_ends_a_login_that_waits(data: bytes) -> None:
    async with redirected("http://localhost:0/callback", "s") as redirect:
        assert redirect is not None
        assert b"200 OK" not in await sent(redirect, data)
        page = await fetched(f"{redirect.url}?state=s&code=c")
        assert page.startswith("HTTP/1.1 200")
        assert redirect.answer == f"{redirect.url}?state=s&code=c"
