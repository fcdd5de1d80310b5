"""The dialect `google-generative-ai`, as Google speaks it: Gemini, Vertex and, in an envelope, Cloud Code Assist."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from pi_fallback.testing.google_answers import as_json, streamed, whole
from pi_fallback.testing.google_names import camel_cased
from pi_fallback.testing.google_rules import violations
from pi_fallback.testing.google_turns import as_object
from pi_fallback.testing.steps import Ok
from pi_fallback.testing.wire import Rendered

PIECE = 32  # bytes; the content "events" of an answer that is no stream
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
OVERLOADED = {
    "code": 503,
    "message": "The model is overloaded. Please try again later.",
    "status": "UNAVAILABLE",
}

_METHOD = re.compile(r".*/(?:models/(?P<model>[^/:]+)|v1internal):(?P<method>generateContent|streamGenerateContent)")
_MODELS = re.compile(r".*/(?:v1beta[0-9]*|publishers/google)/models")


class GoogleGenerativeAI:
    """`POST …/models/{model}:streamGenerateContent` behind any base URL, and `GET …/v1beta/models`."""

    def serves(self, method: str, path: str) -> bool:
        return method == "POST" and _METHOD.fullmatch(path) is not None

    def lists(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        is_its_own = _MODELS.fullmatch(path) is not None or "x-goog-api-key" in headers
        return method == "GET" and path.endswith("/models") and is_its_own

    def key(self, headers: Mapping[str, str]) -> str:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return headers.get("x-goog-api-key") or (token.strip() if scheme.lower() == "bearer" else "")

    def asked(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        route, _, query = path.partition("?")
        found = _METHOD.fullmatch(route)
        model = found["model"] if found else None
        return {
            **camel_cased(body if model else as_object(body.get("request"))),
            "model": unquote(model) if model else body.get("model"),
            "stream": found is not None and found["method"] == "streamGenerateContent",
            "alt": parse_qs(query).get("alt", ["json"])[-1],
            "codeAssist": model is None,
        }

    def model(self, body: Mapping[str, Any]) -> str:
        return str(body.get("model", ""))

    def violations(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        return violations(body)

    def render(self, ok: Ok, body: Mapping[str, Any], number: int) -> Rendered:
        if not body.get("stream"):
            data = whole(ok, body, number)
            pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
            return Rendered("application/json", (), tuple(pieces[:-1]), (pieces[-1],), b" ")
        content, end = streamed(ok, body, number)
        if body.get("alt") == "sse":
            events = tuple(map(_event, content))
            return Rendered("text/event-stream", (), events, (_event(end),), b": still here\r\n\r\n")
        items = tuple(data + b",\r\n" for data in content)
        return Rendered("application/json", (b"[",), items, (end, b"]"), b"\r\n")

    def error(self, status: int, text: str) -> Mapping[str, Any]:
        return {"error": {"code": status, "message": text, "status": STATUSES.get(status, "UNKNOWN")}}

    def error_event(self, error: Mapping[str, Any] | None, body: Mapping[str, Any]) -> bytes:
        data = as_json({"error": dict(error or OVERLOADED)})
        if not body.get("stream"):
            return data
        return _event(data) if body.get("alt") == "sse" else data + b"]"

    def models(self, models: Sequence[str]) -> Mapping[str, Any]:
        return {"models": [_model(model) for model in models]}


def _model(model: str) -> Mapping[str, Any]:
    return {
        "name": f"models/{model}",
        "version": "001",
        "displayName": model,
        "description": "A model of the fault server.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": True,
    }


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\r\n\r\n"
