"""What the tests of `openai-responses` share: its events, and a way to run a stream over a real socket."""

import json
from contextlib import aclosing

from pi_fallback.http import Http
from pi_fallback.providers.openai_responses import OPENAI_RESPONSES
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import Fault, Key, Reply, StreamEvent
from tests.http.wire import Script, answering, chunked, head, serving
from tests.providers.chat import SECRET, STREAM, a_call

Event = dict[str, object]


def event(kind: str, index: int | None = None, **more: object) -> Event:
    place: Event = {} if index is None else {"output_index": index}
    return {"type": f"response.{kind}", **place, **more}


def message(text: str, item_id: str = "msg_1", **more: object) -> Event:
    content: list[Event] = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "type": "message",
        "id": item_id,
        "role": "assistant",
        "status": "completed",
        "content": content,
        **more,
    }


def reasoning(*texts: str, item_id: str = "rs_1", secret: str | None = "gAAA") -> Event:
    summary = [{"type": "summary_text", "text": text} for text in texts]
    kept: Event = {} if secret is None else {"encrypted_content": secret}
    return {"type": "reasoning", "id": item_id, "summary": summary, **kept}


def function_call(
    arguments: object = "{}", call_id: str = "call_1", name: str = "read", item_id: str = "fc_1"
) -> Event:
    return {"type": "function_call", "id": item_id, "call_id": call_id, "name": name, "arguments": arguments}


def response(*output: Event, status: str = "completed", **more: object) -> Event:
    return {"id": "resp_1", "object": "response", "status": status, "output": list(output), **more}


def completed(*output: Event, usage: object = None) -> Event:
    return event("completed", response=response(*output, usage=usage))


def incomplete(reason: str | None, *output: Event) -> Event:
    details = None if reason is None else {"reason": reason}
    return event("incomplete", response=response(*output, status="incomplete", incomplete_details=details))


def said(text: str, index: int = 0, part: int = 0) -> Event:
    return event("output_text.delta", index, content_index=part, item_id="msg_1", delta=text)


def thought(text: str, index: int = 0, part: int = 0) -> Event:
    return event("reasoning_summary_text.delta", index, summary_index=part, item_id="rs_1", delta=text)


def argued(text: str, index: int = 0) -> Event:
    return event("function_call_arguments.delta", index, item_id="fc_1", delta=text)


def added(item: Event, index: int = 0) -> Event:
    return event("output_item.added", index, item=item)


def done(item: Event, index: int = 0) -> Event:
    return event("output_item.done", index, item=item)


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
        async with aclosing(stream_of(http, OPENAI_RESPONSES)(a_call(f"{server.origin}/v1/", key=bound))) as events:
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
