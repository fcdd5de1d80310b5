"""The dialect `openai-responses`, as OpenAI speaks it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from pi_fallback.testing.openai_wire import CREATED, PIECE, OpenAICompletions
from pi_fallback.testing.responses_items import minted
from pi_fallback.testing.responses_rules import violations
from pi_fallback.testing.steps import Ok, ToolCallScript
from pi_fallback.testing.wire import Rendered
from pi_fallback_hookspecs import thawed

COMPLETED, FAILED = "completed", "failed"
FAILURE = {"code": "server_error", "message": "The model failed to generate a response."}

Object = Mapping[str, Any]


class OpenAIResponses(OpenAICompletions):
    """`POST …/responses`; keys, errors and the list of models are as for chat completions."""

    def serves(self, method: str, path: str) -> bool:
        return method == "POST" and path.endswith("/responses")

    def violations(self, body: Object) -> tuple[str, ...]:
        return violations(body)

    def render(self, ok: Ok, body: Object, number: int) -> Rendered:
        finish = COMPLETED if ok.finish is None else ok.finish
        items = [*_items(ok, number)]
        if finish != COMPLETED and items:
            items[-1] = {**items[-1], "status": "incomplete"}
        if body.get("stream") is not True:
            data = _json(_response(ok, body, number, finish, items))
            pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
            return Rendered("application/json", (), tuple(pieces[:-1]), (pieces[-1],), b" ")
        events = _Events()
        begun = _response(ok, body, number, "in_progress", ())
        opening = (events("created", response=begun), events("in_progress", response=begun))
        content = [piece for at, item in enumerate(items) for piece in _streamed(events, at, item, ok.chunk)]
        closing: tuple[bytes, ...] = ()
        if finish and ok.done:
            kind = finish if finish in (COMPLETED, FAILED) else "incomplete"
            closing = (events(kind, response=_response(ok, body, number, finish, items)),)
        return Rendered("text/event-stream", opening, tuple(content), closing, b": still here\n\n")

    def error_event(self, error: Object | None, body: Object) -> bytes:
        said = error or {"type": "server_error", "code": "server_is_overloaded", "message": "Overloaded"}
        data = {"type": "error", "error": dict(said), "sequence_number": 0}
        return b"event: error\ndata: " + _json(data) + b"\n\n" if body.get("stream") is True else _json(data)


class _Events:
    """Makes the events of one stream, each with the next number."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self, kind: str, **data: Any) -> bytes:
        name = f"response.{kind}"
        event = {"type": name, **data, "sequence_number": next(self._numbers)}
        return b"event: " + name.encode() + b"\ndata: " + _json(event) + b"\n\n"


def _response(ok: Ok, body: Object, number: int, finish: str, items: Sequence[Object]) -> Object:
    """Return a response; `finish` is its status, or the reason why it is incomplete."""
    is_status = finish in (COMPLETED, FAILED, "in_progress", "cancelled", "queued")
    is_over = bool(finish) and finish != "in_progress"
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": CREATED,
        "status": (finish if is_status else "incomplete") if finish else None,
        "error": FAILURE if finish == FAILED else None,
        "incomplete_details": None if is_status or not finish else {"reason": finish},
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body.get("model"),
        "output": list(items),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(ok) if is_over else None,
        "metadata": {},
    }


def _items(ok: Ok, number: int) -> Iterator[Object]:
    """Yield the output. Ids tell whether it was thought about first: see `responses_items`."""
    stem = f"r{number}" if ok.thinking else f"p{number}"
    if ok.thinking:
        summary = [] if ok.redacted else [{"type": "summary_text", "text": ok.thinking}]
        item_id = f"rs_{stem}"
        yield {"id": item_id, "type": "reasoning", "summary": summary, "encrypted_content": minted(item_id)}
    if ok.said:
        yield {
            "id": f"msg_{stem}_0",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": ok.said, "annotations": [], "logprobs": []}],
        }
    for at, tool in enumerate(ok.tools):
        yield {
            "id": f"fc_{stem}_{at}",
            "type": "function_call",
            "status": "completed",
            "call_id": tool.id or f"call_{number}_{at}",
            "name": tool.name,
            "arguments": _arguments(tool),
        }


def _streamed(events: _Events, index: int, item: Object, size: int) -> Iterator[bytes]:
    """Yield an item as events that bear content, each with those around it that bear none."""
    place = {"output_index": index, "item_id": item["id"]}
    match item["type"]:
        case "reasoning" if item["summary"]:
            (part,) = item["summary"]
            yield from _of_part(events, ("reasoning_summary_part", "reasoning_summary_text"), item, place, part, size)
        case "reasoning":
            yield _added(events, index, item, {}) + events("output_item.done", output_index=index, item=item)
        case "message":
            (part,) = item["content"]
            yield from _of_part(events, ("content_part", "output_text"), item, place, part, size)
        case _:
            yield _added(events, index, item, {"arguments": "", "status": "in_progress"})
            for piece in _pieces(item["arguments"], size):
                yield events("function_call_arguments.delta", **place, delta=piece)
            yield events("function_call_arguments.done", **place, arguments=item["arguments"]) + events(
                "output_item.done", output_index=index, item=item
            )


def _of_part(
    events: _Events, names: tuple[str, str], item: Object, place: Object, part: Object, size: int
) -> Iterator[bytes]:
    of_part, of_text = names
    is_message = item["type"] == "message"
    index: int = place["output_index"]
    at = {**place, ("content_index" if is_message else "summary_index"): 0}
    logprobs = {"logprobs": list[Any]()} if is_message else {}
    empty: Object = {"content": (), "status": "in_progress"} if is_message else {"summary": ()}
    before = _added(events, index, item, empty) + events(f"{of_part}.added", **at, part={**part, "text": ""})
    *pieces, last = _pieces(part["text"], size)
    for piece in pieces:
        yield before + events(f"{of_text}.delta", **at, delta=piece, **logprobs)
        before = b""
    yield before + b"".join(
        (
            events(f"{of_text}.delta", **at, delta=last, **logprobs),
            events(f"{of_text}.done", **at, text=part["text"], **logprobs),
            events(f"{of_part}.done", **at, part=part),
            events("output_item.done", output_index=index, item=item),
        )
    )


def _added(events: _Events, index: int, item: Object, empty: Object) -> bytes:
    return events("output_item.added", output_index=index, item={**item, **empty})


def _arguments(tool: ToolCallScript) -> str:
    return tool.arguments if isinstance(tool.arguments, str) else json.dumps(thawed(tool.arguments))


def _usage(ok: Ok) -> Object:
    usage = ok.usage
    total_in = usage.input + usage.cache_read + usage.cache_write
    return {
        "input_tokens": total_in,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": total_in + usage.output,
    }


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _json(data: Object) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
