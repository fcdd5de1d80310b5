"""What the tests of `anthropic-messages` share: its events, and a way to run a stream over a real socket."""

import json
from contextlib import aclosing

from pi_fallback.http import Http
from pi_fallback.providers.anthropic_messages import ANTHROPIC_MESSAGES
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import Fault, Key, Reply, StreamEvent
from tests.http.wire import Script, answering, chunked, head, serving
from tests.providers.chat import SECRET, STREAM, a_call

Event = dict[str, object]

PING: Event = {"type": "ping"}
STOP: Event = {"type": "message_stop"}
EMPTY: dict[str, Event] = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}


def started(**usage: object) -> Event:
    message: Event = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "stop_reason": None}
    return {"type": "message_start", "message": {**message, "usage": usage}}


def begun(index: int = 0, kind: str = "text", **more: object) -> Event:
    return {
        "type": "content_block_start",
        "index": index,
        "content_block": {"type": kind, **EMPTY.get(kind, {}), **more},
    }


def called(index: int = 0, name: object = "read", call_id: object = "toolu_1", given: object = None) -> Event:
    return begun(index, "tool_use", id=call_id, name=name, input={} if given is None else given)


def delta(kind: str, index: int = 0, **more: object) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **more}}


def said(text: object, index: int = 0) -> Event:
    return delta("text_delta", index, text=text)


def thought(text: object, index: int = 0) -> Event:
    return delta("thinking_delta", index, thinking=text)


def signed(signature: object, index: int = 0) -> Event:
    return delta("signature_delta", index, signature=signature)


def argued(json_text: object, index: int = 0) -> Event:
    return delta("input_json_delta", index, partial_json=json_text)


def closed(index: int = 0) -> Event:
    return {"type": "content_block_stop", "index": index}


def ended(reason: object = "end_turn", usage: object = None, **more: object) -> Event:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": usage}


def message(*content: Event, reason: object = "end_turn", **more: object) -> Event:
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "content": list(content),
        "stop_reason": reason,
        **more,
    }


def sse(*events: Event | str) -> bytes:
    """Return events as the API sends them, each with its name; raw text as it is."""
    return "".join(
        f"data: {item}\n\n" if isinstance(item, str) else f"event: {item.get('type', '')}\ndata: {json.dumps(item)}\n\n"
        for item in events
    ).encode()


def streaming(*events: Event | str) -> Script:
    """Serve `events` in one chunk each, with a proper end of the HTTP body."""
    return answering(head("200 OK", *STREAM), chunked(*(sse(item) for item in events)))


async def run(script: Script, *, key: bool = False) -> list[StreamEvent]:
    """Return all that the stream yields against `script`."""
    async with serving(script) as server, Http(wall=lambda: 1_700_000_000.0) as http:
        bound = Key(SECRET, server.origin) if key else None
        async with aclosing(stream_of(http, ANTHROPIC_MESSAGES)(a_call(server.origin, key=bound))) as events:
            return [item async for item in events]


async def reply_to(script: Script) -> Reply:
    *_, last = await run(script)
    assert isinstance(last, Reply), last
    return last


async def fault_of(script: Script, *, key: bool = False) -> Fault:
    *before, last = await run(script, key=key)
    assert isinstance(last, Fault), last
    assert not any(isinstance(item, Reply | Fault) for item in before)
    return last
