"""Answers as Google words them: parts, calls, usage, and the envelope of Cloud Code Assist."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pi_fallback.testing.google_turns import minted
from pi_fallback.testing.steps import Ok, ToolCallScript
from pi_fallback_hookspecs import thawed

Object = Mapping[str, Any]


def streamed(ok: Ok, body: Object, number: int) -> tuple[list[bytes], bytes]:
    """Return the pieces of a stream as JSON: those that hold content, and the one that ends it."""
    content = [_json(ok, body, number, [part], finish="") for part in _parts(ok, number)]
    return content, _json(ok, body, number, [_last(ok, number)], finish=_finish(ok))


def whole(ok: Ok, body: Object, number: int) -> bytes:
    """Return the answer as one JSON."""
    parts: list[Object] = [{"text": ok.thinking, "thought": True}] if ok.thinking and not ok.redacted else []
    last = _last(ok, number)
    if ok.said or "thoughtSignature" in last:
        parts.append({**last, "text": ok.said})
    return _json(ok, body, number, [*parts, *_calls(ok, number)], finish=_finish(ok))


def as_json(data: Object) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def _json(ok: Ok, body: Object, number: int, parts: Sequence[Object], *, finish: str) -> bytes:
    reason = {"finishReason": finish} if finish else {}
    answer = {
        "candidates": [{"content": {"parts": parts, "role": "model"}, **reason, "index": 0}],
        "usageMetadata": _usage(ok),
        "modelVersion": body.get("model"),
        "responseId": f"response-{number}",
    }
    data = as_json({"response": answer, "traceId": f"trace-{number}"} if body.get("codeAssist") else answer)
    for at, tool in enumerate(ok.tools):
        if isinstance(tool.arguments, str):
            data = data.replace(as_json({"args": _place(at)})[1:-1], b'"args":' + tool.arguments.encode())
    return data


def _parts(ok: Ok, number: int) -> Iterator[Object]:
    if not ok.redacted:  # nothing is shown of such a thought: only the signature tells of it
        for piece in _cut(ok.thinking, ok.chunk):
            yield {"text": piece, "thought": True}
    for piece in _cut(ok.said, ok.chunk):
        yield {"text": piece}
    yield from _calls(ok, number)


def _last(ok: Ok, number: int) -> Object:
    """What comes with the finish reason: no words, and the signature of an answer that calls nothing."""
    is_signed = (ok.thinking or ok.redacted) and not ok.tools
    return {"text": "", "thoughtSignature": minted(number)} if is_signed else {"text": ""}


def _calls(ok: Ok, number: int) -> Iterator[Object]:
    """The calls, each in one piece. Of several only the first is signed."""
    for at, tool in enumerate(ok.tools):
        call = {"name": tool.name, "args": _arguments(tool, at), "id": tool.id or f"call_{number}_{at}"}
        yield {"functionCall": call} if at else {"functionCall": call, "thoughtSignature": minted(number)}


def _arguments(tool: ToolCallScript, at: int) -> Any:
    return _place(at) if isinstance(tool.arguments, str) else thawed(tool.arguments)


def _place(at: int) -> str:
    """What holds the place of arguments that are to be sent as they are, JSON or not."""
    return f"\ue000{at}\ue000"


def _finish(ok: Ok) -> str:
    return "STOP" if ok.finish is None else ok.finish


def _usage(ok: Ok) -> Object:
    usage = ok.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": prompt + usage.output,
    }


def _cut(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))
