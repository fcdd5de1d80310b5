"""The dialect `openai-completions`, as its providers speak it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pi_fallback.testing.openai_rules import violations
from pi_fallback.testing.steps import Ok, ToolCallScript
from pi_fallback.testing.wire import Rendered
from pi_fallback_hookspecs import thawed

CREATED = 1_700_000_000  # any moment: nobody reads it, and answers stay the same from run to run
PIECE = 32  # bytes; the content "events" of an answer that is no stream
TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 429: "rate_limit_error"}


class OpenAICompletions:
    """`POST …/chat/completions` and `GET …/models`, behind any base URL."""

    def serves(self, method: str, path: str) -> bool:
        return method == "POST" and path.endswith("/chat/completions")

    def lists(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        return method == "GET" and path.endswith("/models")

    def key(self, headers: Mapping[str, str]) -> str:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def asked(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return body

    def model(self, body: Mapping[str, Any]) -> str:
        return str(body.get("model", ""))

    def violations(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        return violations(body)

    def render(self, ok: Ok, body: Mapping[str, Any], number: int) -> Rendered:
        if body.get("stream") is not True:
            data = _json(self._completion(ok, body, number))
            pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
            return Rendered("application/json", (), tuple(pieces[:-1]), (pieces[-1],), b" ")
        base = {**_base(body, number), "object": "chat.completion.chunk"}
        content = [_event({**base, "choices": [_choice(delta, None)]}) for delta in _deltas(ok, number)]
        closing: list[bytes] = []
        if finish := _finish(ok):
            closing.append(_event({**base, "choices": [_choice({}, finish)]}))
        if cast("Mapping[str, Any]", body.get("stream_options") or {}).get("include_usage"):
            closing.append(_event({**base, "choices": [], "usage": _usage(ok)}))
        if ok.done:
            closing.append(b"data: [DONE]\n\n")
        opening = _event({**base, "choices": [_choice({"role": "assistant", "content": ""}, None)]})
        return Rendered("text/event-stream", (opening,), tuple(content), tuple(closing), b": still here\n\n")

    def error(self, status: int, text: str) -> Mapping[str, Any]:
        kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return {"error": {"message": text, "type": kind, "param": None, "code": None}}

    def error_event(self, error: Mapping[str, Any] | None, body: Mapping[str, Any]) -> bytes:
        said = error or {"message": "The server is overloaded.", "type": "server_error", "code": 503}
        data = {"error": dict(said)}
        return _event(data) if body.get("stream") is True else _json(data)

    def models(self, models: Sequence[str]) -> Mapping[str, Any]:
        data = [{"id": model, "object": "model", "created": CREATED, "owned_by": "fault-server"} for model in models]
        return {"object": "list", "data": data}

    def _completion(self, ok: Ok, body: Mapping[str, Any], number: int) -> Mapping[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": ok.said or None}
        if ok.thinking:
            message["reasoning_content"] = ok.thinking
        if ok.tools:
            message["tool_calls"] = [_call(tool, at, number, _arguments(tool)) for at, tool in enumerate(ok.tools)]
        choice = {"index": 0, "message": message, "finish_reason": _finish(ok) or None}
        return {**_base(body, number), "object": "chat.completion", "choices": [choice], "usage": _usage(ok)}


def _base(body: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    return {"id": f"chatcmpl-{number}", "created": CREATED, "model": body.get("model")}


def _choice(delta: Mapping[str, Any], finish: str | None) -> Mapping[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _deltas(ok: Ok, number: int) -> Iterator[Mapping[str, Any]]:
    for piece in _pieces(ok.thinking, ok.chunk):
        yield {"reasoning_content": piece}
    for piece in _pieces(ok.said, ok.chunk):
        yield {"content": piece}
    for at, tool in enumerate(ok.tools):
        yield {"tool_calls": [{"index": at, **_call(tool, at, number, "")}]}
        for piece in _pieces(_arguments(tool), ok.chunk):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}


def _call(tool: ToolCallScript, at: int, number: int, arguments: str) -> Mapping[str, Any]:
    function = {"name": tool.name, "arguments": arguments}
    return {"id": tool.id or f"call_{number}_{at}", "type": "function", "function": function}


def _arguments(tool: ToolCallScript) -> str:
    return tool.arguments if isinstance(tool.arguments, str) else json.dumps(thawed(tool.arguments))


def _finish(ok: Ok) -> str:
    if ok.finish is None:
        return "tool_calls" if ok.tools else "stop"
    return ok.finish


def _usage(ok: Ok) -> Mapping[str, Any]:
    usage = ok.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + _json(data) + b"\n\n"


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
