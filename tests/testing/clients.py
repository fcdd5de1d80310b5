"""A client that shows each byte, and how the connection ended."""

import json
import socket
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

End = Literal["fin", "rst", "open"]


class Heard(NamedTuple):
    head: bytes
    body: bytes
    end: End


def ask(model: str = "m", *, stream: bool = True, **more: Any) -> dict[str, Any]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}], **more}


def as_bytes(body: dict[str, Any], key: str = "", path: str = "/v1/chat/completions") -> bytes:
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "host: localhost", f"content-length: {len(data)}"]
    if key:
        lines.append(f"authorization: Bearer {key}")
    return "\r\n".join([*lines, "", ""]).encode() + data


def connect(origin: str) -> socket.socket:
    parts = urlsplit(origin)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def hear(sock: socket.socket, until: bytes | None = None) -> Heard:
    """Read to the end, or until `until` has come."""
    data = b""
    end: End = "open"
    while end == "open" and (until is None or until not in data):
        try:
            piece = sock.recv(65536)
            data, end = data + piece, "open" if piece else "fin"
        except ConnectionResetError:
            end = "rst"
    head, _, body = data.partition(b"\r\n\r\n")
    return Heard(head, body, end)


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """Return what a chunked body holds, and whether it ends properly."""
    held = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return held, rest == b"\r\n"
        held, body = held + rest[:length], rest[length + 2 :]
    return held, False


def said(events: bytes) -> str:
    """Return the text in the events of a stream."""
    chunks = [json.loads(event[6:]) for event in events.split(b"\n\n") if event.startswith(b"data: {")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", ()))
