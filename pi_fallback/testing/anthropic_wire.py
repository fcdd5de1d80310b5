"""The dialect `anthropic-messages`, as Anthropic speaks it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pi_fallback.testing.anthropic_blocks import minted
from pi_fallback.testing.anthropic_rules import violations
from pi_fallback.testing.steps import Ok, ToolCallScript
from pi_fallback.testing.wire import Rendered
from pi_fallback_hookspecs import thawed

CREATED = "2023-11-14T22:13:20Z"  # any moment: nobody reads it, and answers stay the same from run to run
PIECE = 32  # bytes; the content "events" of an answer that is no stream
TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class AnthropicMessages:
    """`POST …/messages` behind any base URL; `GET …/models` below one that has `anthropic` in it, as many hosts do."""

    def serves(self, method: str, path: str) -> bool:
        return method == "POST" and path.endswith("/messages")

    def lists(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        return (
            method == "GET" and path.endswith("/models") and ("anthropic-version" in headers or "/anthropic/" in path)
        )

    def key(self, headers: Mapping[str, str]) -> str:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return headers.get("x-api-key") or (key.strip() if scheme.lower() == "bearer" else "")

    def asked(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return body

    def model(self, body: Mapping[str, Any]) -> str:
        return str(body.get("model", ""))

    def violations(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        return violations(body)

    def render(self, ok: Ok, body: Mapping[str, Any], number: int) -> Rendered:
        blocks = [*_blocks(ok, number)]
        if body.get("stream") is not True:
            whole = {**_message(ok, body, number), "content": blocks, "stop_reason": _finish(ok) or None}
            data = _json(whole)
            pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
            return Rendered("application/json", (), tuple(pieces[:-1]), (pieces[-1],), b" ")
        started = {**_message(ok, body, number), "usage": {**_usage(ok), "output_tokens": 1}}
        opening = (_event({"type": "message_start", "message": started}), PING)
        content = [piece for at, block in enumerate(blocks) for piece in _streamed(at, block, ok.chunk)]
        delta = {"stop_reason": _finish(ok) or None, "stop_sequence": None, "stop_details": None}
        closing = [_event({"type": "message_delta", "delta": delta, "usage": _usage(ok)})]
        if ok.done:
            closing.append(_event({"type": "message_stop"}))
        return Rendered("text/event-stream", opening, tuple(content), tuple(closing), PING)

    def error(self, status: int, text: str) -> Mapping[str, Any]:
        kind = TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": text}, "request_id": f"req_{status}"}

    def error_event(self, error: Mapping[str, Any] | None, body: Mapping[str, Any]) -> bytes:
        said = error or {"type": "overloaded_error", "message": "Overloaded"}
        data = {"type": "error", "error": dict(said), "request_id": "req_stream"}
        return _event(data) if body.get("stream") is True else _json(data)

    def models(self, models: Sequence[str]) -> Mapping[str, Any]:
        data = [
            {"type": "model", "id": model, "display_name": model, "created_at": CREATED, "lifecycle": "active"}
            for model in models
        ]
        return {"data": data, "has_more": False, "first_id": (*models, None)[0], "last_id": (None, *models)[-1]}


def _message(ok: Ok, body: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": _usage(ok),
    }


def _blocks(ok: Ok, number: int) -> Iterator[Mapping[str, Any]]:
    """Yield the content as a whole answer has it. The input of a call is text, if that is what the script sends."""
    if ok.thinking and ok.redacted:
        yield {"type": "redacted_thinking", "data": minted("", number)}
    elif ok.thinking:
        yield {"type": "thinking", "thinking": ok.thinking, "signature": minted(ok.thinking, number)}
    if ok.said:
        yield {"type": "text", "text": ok.said}
    for at, tool in enumerate(ok.tools):
        call_id = tool.id or f"toolu_{number}_{at}"
        yield {"type": "tool_use", "id": call_id, "name": tool.name, "input": _input(tool)}


def _input(tool: ToolCallScript) -> Any:
    if not isinstance(tool.arguments, str):
        return thawed(tool.arguments)
    try:
        return json.loads(tool.arguments or "{}")
    except ValueError:
        return tool.arguments


def _streamed(at: int, block: Mapping[str, Any], size: int) -> Iterator[bytes]:
    """Yield a block as events that bear content, each with those around it that bear none."""
    empty: Mapping[str, Any]
    deltas: list[Mapping[str, Any]]
    match block["type"]:
        case "text":
            empty = {**block, "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"], size)]
        case "thinking":
            empty = {**block, "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"], size)]
        case "tool_use":
            empty = {**block, "input": {}}
            asked = block["input"]
            text = asked if isinstance(asked, str) else json.dumps(asked) if asked else ""
            # The first piece is empty, and comes with the name.
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *_pieces(text, size))]
        case _:
            empty, deltas = block, []
    events = [_event({"type": "content_block_delta", "index": at, "delta": delta}) for delta in deltas]
    if signature := block.get("signature"):
        signed = {"type": "signature_delta", "signature": signature}
        events[-1] += _event({"type": "content_block_delta", "index": at, "delta": signed})
    start = _event({"type": "content_block_start", "index": at, "content_block": empty})
    stop = _event({"type": "content_block_stop", "index": at})
    events = [start + events[0], *events[1:]] if events else [start]
    yield from (*events[:-1], events[-1] + stop)


def _finish(ok: Ok) -> str:
    if ok.finish is None:
        return "tool_use" if ok.tools else "end_turn"
    return ok.finish


def _usage(ok: Ok) -> Mapping[str, Any]:
    return {
        "input_tokens": ok.usage.input,
        "cache_creation_input_tokens": ok.usage.cache_write,
        "cache_read_input_tokens": ok.usage.cache_read,
        "output_tokens": ok.usage.output,
        "output_tokens_details": {"thinking_tokens": ok.usage.reasoning},
    }


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _event(data: Mapping[str, Any]) -> bytes:
    return b"event: " + data["type"].encode() + b"\ndata: " + _json(data) + b"\n\n"


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


PING = _event({"type": "ping"})
