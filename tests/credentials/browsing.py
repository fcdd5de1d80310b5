"""A browser: goes where it is sent, says yes, and comes back, over real sockets."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio


async def fetched(url: str) -> str:
    """The whole response to a request for `url`."""
    parts = urlsplit(url)
    assert parts.hostname in ("127.0.0.1", "localhost"), "nothing leaves this machine"
    async with await anyio.connect_tcp(parts.hostname or "", parts.port or 80) as stream:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = (f"GET {target} HTTP/1.1", f"host: {parts.netloc}", "connection: close", "", "")
        await stream.send("\r\n".join(lines).encode())
        data = b""
        while True:
            try:
                data += await stream.receive()
            except anyio.EndOfStream:
                return data.decode()


@dataclass
class Browser:
    """Opens a page and follows where it is sent; asks the redirect for the paths in `before` first."""

    before: tuple[str, ...] = ()
    went: str = ""
    came: str = ""
    page: str = ""
    others: list[str] = field(default_factory=list[str])

    async def __call__(self, url: str) -> None:
        self.went = url
        self.came = (await fetched(url)).partition("location: ")[2].partition("\r\n")[0]
        parts = urlsplit(self.came)
        self.others = [await fetched(f"http://{parts.netloc}{path}") for path in self.before]
        self.page = await fetched(self.came)
