"""Dialects: what an event of each wire format costs over the raw client, which parses the same and picks the text.

The bytes come from a transport in this process, one event a piece, so that no socket hides the difference.
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import jiter

from benchmarks.measure import Effort, Figure, Subject, in_turns, median_us
from benchmarks.scene import QUESTION
from pi_fallback.http import Http
from pi_fallback.http.backend import httpx
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.providers.streaming import Dialect, stream_of
from pi_fallback.testing import Ok
from pi_fallback.testing.server import WIRES
from pi_fallback_hookspecs import Call, Model, ModelRef, Reply, Request, Route, TextDelta, user_message

SHORT, LONG, EACH = 20, 520, 6  # events; characters an event
URL, REF = "http://127.0.0.1:1/v1", ModelRef("acme", "big")
CALL = Call(Route(*REF), Model(REF), Request((user_message(QUESTION),)), base_url=URL)


def _of_completion(data: Any) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in data["choices"])


def _of_response(data: Any) -> str:
    return data["delta"] if data["type"] == "response.output_text.delta" else ""


def _of_message(data: Any) -> str:
    return data["delta"].get("text", "") if data["type"] == "content_block_delta" else ""


def _of_gemini(data: Any) -> str:
    parts = data["candidates"][0]["content"].get("parts", ()) if "candidates" in data else ()
    return "".join(part.get("text", "") for part in parts)


PICKS: Mapping[str, Callable[[Any], str]] = {
    "openai-completions": _of_completion,
    "openai-responses": _of_response,
    "anthropic-messages": _of_message,
    "google-generative-ai": _of_gemini,
}


class Canned(httpx.AsyncBaseTransport):
    """Answers everything with the same pieces of bytes."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=self._body())

    async def _body(self) -> AsyncGenerator[bytes]:
        for piece in self._pieces:
            yield piece


def canned(dialect: Dialect, events: int) -> Canned:
    """The stream of an answer in `dialect` whose text takes so many `events`."""
    request = httpx.Request("POST", dialect.url(CALL), content=dialect.body(CALL))
    wire = next(wire for wire in WIRES if wire.serves("POST", request.url.path))
    asked = wire.asked(str(request.url.raw_path, "ascii"), jiter.from_json(request.content))
    answer = wire.render(Ok("words " * events, chunk=EACH), asked, 1)
    return Canned([*answer.opening, *answer.content, *answer.closing])


async def figures(_origin: str, effort: Effort) -> list[Figure]:
    return [await _event(dialect, effort) for dialect in DIALECTS]


async def _event(dialect: Dialect, effort: Effort) -> Figure:
    pick, subjects = PICKS[dialect.name], dict[str, Subject]()
    for length in (SHORT, LONG):
        transport = canned(dialect, length)
        client, http = httpx.AsyncClient(transport=transport), Http(wall=time.time, transport=transport)  # noqa: TID251
        stream = stream_of(http, dialect)

        async def raw(client: httpx.AsyncClient = client) -> str:
            text = ""
            async with client.stream("POST", URL, content=b"{}") as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: ") and line != "data: [DONE]":
                        text += pick(jiter.from_json(line[6:].encode(), cache_mode="keys"))
            return text

        async def ours(stream: Callable[[Call], Any] = stream) -> str:
            text = ""
            async for event in stream(CALL):
                if isinstance(event, TextDelta):
                    text += event.text
                else:
                    assert isinstance(event, Reply), event
            return text

        assert await raw() == await ours() == "words " * length
        subjects |= {f"raw {length}": Subject(raw), f"ours {length}": Subject(ours)}
    await in_turns(subjects, effort)
    raw_us, ours_us = (
        median_us(subjects[f"{who} {LONG}"], subjects[f"{who} {SHORT}"]) / (LONG - SHORT) for who in ("raw", "ours")
    )
    more_us = ours_us - raw_us
    measured = f"{more_us:+.1f} µs ({ours_us:.1f}; raw {raw_us:.1f})"
    return Figure(f"CPU of an event in {dialect.name}, no socket", measured, "≤ +3 µs", more_us <= 3.0)
