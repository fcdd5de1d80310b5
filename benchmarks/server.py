"""A server of canned bytes in a process of its own: it costs the client nothing but the reading.

The first part of the path says what comes: `/stream-20/…` is an answer of 20 text events, one HTTP chunk
each, `/stall-3/…` breaks off after 3 of them and says nothing more, `/reset/…` is a reset, and the names of `ERRORS`
are errors. Prints its port.
"""

import asyncio
import json
import re
import socket
import struct
from functools import lru_cache

WORDS = ("the ", "quick ", "brown ", "fox ", "jumps ", "over ", "a ", "lazy ", "dog, ", "again. ")
ERRORS = {
    "quota": (429, {"message": "You exceeded your current quota.", "code": "insufficient_quota"}),
    "limit": (429, {"message": "Slow down.", "code": "rate_limit_exceeded"}),
    "overloaded": (529, {"message": "Overloaded.", "type": "overloaded_error"}),
    "broken": (500, {"message": "Something broke.", "type": "server_error"}),
}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def events(count: int) -> list[bytes]:
    """The events of a chat completion of `count` pieces of text, as a provider sends them."""
    role = _event([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    pieces = [
        _event([{"index": 0, "delta": {"content": WORDS[n % len(WORDS)]}, "logprobs": None, "finish_reason": None}])
        for n in range(count)
    ]
    stop = _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = _event([], usage={"prompt_tokens": 20, "completion_tokens": count, "total_tokens": 20 + count})
    return [role, *pieces, stop, usage, b"data: [DONE]\n\n"]


def _event(choices: list[object], **more: object) -> bytes:
    head = {"id": "chatcmpl-benchmark", "object": "chat.completion.chunk", "created": 1_800_000_000, "model": "big"}
    return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n".encode()


@lru_cache
def answer(kind: str) -> bytes:
    """The whole response to a request whose path begins with `kind`."""
    if kind in ERRORS:
        status, error = ERRORS[kind]
        body = json.dumps({"error": error}).encode()
        head = f"HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        return head.encode() + body
    name, _, count = kind.partition("-")
    stalls = name == "stall"
    pieces = events(max(20, int(count)))[: 1 + int(count)] if stalls else events(int(count))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in pieces)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + chunks + (b"" if stalls else b"0\r\n\r\n")


class Canned(asyncio.Protocol):
    """Answers each request of a connection once it has come whole."""

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._read, 0, end + 2)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self._read) < size:
                return
            path = self._read.split(b" ", 2)[1].decode()
            self._read = self._read[size:]
            kind = path.split("/")[1]
            if kind == "reset":
                self._reset()
                return
            self._transport.write(answer(kind))

    def _reset(self) -> None:
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
