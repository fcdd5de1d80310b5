"""What the tests of this dialect share: calls, chunks, and a way to run a stream over a real socket."""

import json
from collections.abc import Mapping
from contextlib import aclosing

from pi_fallback.http import Http
from pi_fallback.providers.openai_completions import OPENAI_COMPLETIONS
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import (
    Call,
    Fault,
    Key,
    Limits,
    Message,
    Model,
    ModelRef,
    Reply,
    Request,
    Route,
    StreamEvent,
    ToolSpec,
    user_message,
)
from tests.http.wire import Script, answering, chunked, head, serving

SECRET = "sk-canary/0123+456=789"
STREAM = ("content-type: text/event-stream", "transfer-encoding: chunked")


def a_call(
    base_url: str = "http://127.0.0.1:9/v1",
    *messages: Message,
    key: Key | None = None,
    headers: Mapping[str, str] | None = None,
    compat: Mapping[str, object] | None = None,
    inputs: frozenset[str] = frozenset({"text", "image"}),
    reasoning: bool = True,
    head_s: float = 5.0,
    system: str = "",
    tools: tuple[ToolSpec, ...] = (),
    max_tokens: int | None = None,
    thinking: str | None = None,
) -> Call:
    model = Model(
        ModelRef("acme", "big/one"),
        inputs=inputs,
        reasoning=reasoning,
        limits=Limits(head_s=head_s),
        compat=compat or {},
    )
    request = Request(messages or (user_message("hi"),), system, tools, max_tokens, thinking)
    return Call(Route("acme", "big/one"), model, request, base_url, key, headers or {})


def sse(*events: object) -> bytes:
    """Return events, each a JSON value or raw text, as an event stream."""
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def chunk(delta: object = None, finish: object = None, **more: object) -> dict[str, object]:
    return {"id": "r1", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **more}


def said(text: str) -> dict[str, object]:
    return chunk({"content": text})


def called(arguments: str | None, *, index: int | None = 0, call_id: str | None = None, name: str | None = None):
    function = {"arguments": arguments, "name": name}
    piece = {"index": index, "id": call_id, "function": {k: v for k, v in function.items() if v is not None}}
    return chunk({"tool_calls": [{k: v for k, v in piece.items() if v is not None}]})


def streaming(*events: object) -> Script:
    """Serve `events` in one chunk each, with a proper end of the HTTP body."""
    return answering(head("200 OK", *STREAM), chunked(*(sse(event) for event in events)))


async def run(script: Script, *, key: bool = False, head_s: float = 5.0) -> list[StreamEvent]:
    """Return all that the stream yields against `script`."""
    async with serving(script) as server, Http(wall=lambda: 1_700_000_000.0) as http:
        bound = Key(SECRET, server.origin) if key else None
        call = a_call(f"{server.origin}/v1/", key=bound, head_s=head_s)
        async with aclosing(stream_of(http, OPENAI_COMPLETIONS)(call)) as events:
            return [event async for event in events]


async def reply_to(script: Script) -> Reply:
    *_, last = await run(script)
    assert isinstance(last, Reply), last
    return last


async def fault_of(script: Script, *, key: bool = False, head_s: float = 5.0) -> Fault:
    *before, last = await run(script, key=key, head_s=head_s)
    assert isinstance(last, Fault), last
    assert not any(isinstance(event, Reply | Fault) for event in before)
    return last
