"""What the tests of `google-generative-ai` share: pieces of answers, and a way to run a stream over a real socket."""

from collections.abc import Mapping
from contextlib import aclosing

from pi_fallback.http import Http
from pi_fallback.providers.google_generative import GOOGLE_GENERATIVE_AI
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import Fault, Key, Reply, StreamEvent
from tests.http.wire import Script, answering, chunked, head, serving
from tests.providers.chat import SECRET, STREAM, a_call, sse


def piece(*parts: object, finish: object = None, **more: object) -> dict[str, object]:
    """Return a piece of an answer, as the API sends it: empty fields are left out."""
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    reason = {} if finish is None else {"finishReason": finish}
    return {"candidates": [{**content, **reason, "index": 0}], "responseId": "r1", "modelVersion": "m", **more}


def said(text: str, **more: object) -> dict[str, object]:
    return piece({"text": text, **more})


def thought(text: str, **more: object) -> dict[str, object]:
    return said(text, thought=True, **more)


def call(name: str = "read", args: object = None, call_id: str | None = None, **more: object) -> dict[str, object]:
    """Return a part that calls a tool."""
    function = {"name": name, "args": args, "id": call_id}
    return {"functionCall": {key: value for key, value in function.items() if value is not None}, **more}


def called(name: str = "read", args: object = None, call_id: str | None = None, **more: object) -> dict[str, object]:
    return piece(call(name, args, call_id, **more))


END = piece(finish="STOP")


def streaming(*events: object) -> Script:
    """Serve `events` in one chunk each, with a proper end of the HTTP body."""
    return answering(head("200 OK", *STREAM), chunked(*(sse(event) for event in events)))


async def run(
    script: Script, *, key: bool = False, compat: Mapping[str, object] | None = None, path: str = "/v1beta"
) -> list[StreamEvent]:
    """Return all that the stream yields against `script`."""
    async with serving(script) as server, Http(wall=lambda: 1_700_000_000.0) as http:
        bound = Key(SECRET, server.origin) if key else None
        call = a_call(f"{server.origin}{path}", key=bound, compat=compat)
        async with aclosing(stream_of(http, GOOGLE_GENERATIVE_AI)(call)) as events:
            return [event async for event in events]


async def reply_to(script: Script, *, compat: Mapping[str, object] | None = None) -> Reply:
    *_, last = await run(script, compat=compat)
    assert isinstance(last, Reply), last
    return last


async def fault_of(script: Script, *, key: bool = False) -> Fault:
    *before, last = await run(script, key=key)
    assert isinstance(last, Fault), last
    assert not any(isinstance(event, Reply | Fault) for event in before)
    return last
