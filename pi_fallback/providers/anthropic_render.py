"""Rendering for `anthropic-messages`: a neutral request becomes the body of a message to ask for."""

import re
from collections.abc import Iterator

from pi_fallback.providers.anthropic_thinking import thought
from pi_fallback.providers.encoding import json_bytes
from pi_fallback.providers.history import NO_IMAGES, is_own, sendable
from pi_fallback.providers.ids import wire_id
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Image,
    Model,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    ToolSpec,
    UserMessage,
)

NAME = "anthropic-messages"

Body = dict[str, object]
Turns = list[tuple[str, list[Body]]]

_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_ODD_PICTURE = "(an image of type {}, left out: this provider takes none of that type)"
_THOUGHTS = ("thinking", "redacted_thinking")
_NO_OUTPUT = "(no output)"
_GO_ON = "Continue."  # newer models refuse a conversation that ends with an answer


def rendered(call: Call) -> bytes:
    """Return the body to post for `call`."""
    request, model, compat = call.request, call.model, call.model.compat
    max_tokens = request.max_tokens or model.max_tokens  # the API has no default
    prefix = request.prefix.rstrip() if model.prefill else ""  # space at its end is refused
    turns = _turns(call, prefix)
    may_begin = _may_begin_to_think(turns)
    thinking = thought(call, max_tokens=max_tokens, is_prefilled=bool(prefix), may_begin=may_begin)
    is_cached = bool(compat.get("supportsCacheControl", True))
    body: Body = {
        "model": model.ref.id,
        "max_tokens": max_tokens,
        "stream": bool(compat.get("supportsStreaming", True)),
        **thinking.fields,
    }
    if request.system.strip():
        body["system"] = [_marked(_text(request.system))] if is_cached else request.system
    if request.tools and model.tools:
        is_eager = bool(compat.get("supportsEagerToolInputStreaming"))
        tools = [_tool(tool, is_eager=is_eager) for tool in request.tools]
        body["tools"] = [*tools[:-1], _marked(tools[-1])] if is_cached else tools
    if not thinking.goes_back:
        turns = [(role, [block for block in blocks if block["type"] not in _THOUGHTS]) for role, blocks in turns]
    if is_cached and (said := [blocks for role, blocks in turns if role == "user"]):
        said[-1][-1] = _marked(said[-1][-1])
    body["messages"] = [{"role": role, "content": blocks} for role, blocks in turns]
    return json_bytes(body)


def _turns(call: Call, prefix: str) -> Turns:
    """Return the conversation with roles taking turns.

    What is here once stays as it is in later requests: newer models refuse their thoughts behind other words.
    """
    turns: Turns = []
    for message in sendable(call.request.messages):
        match message:
            case UserMessage():
                _add(turns, "user", [_part(block, call.model) for block in message.content])
            case AssistantMessage():
                _add(turns, "assistant", _said(message, call))
            case ToolResultMessage():
                _add(turns, "user", [_result(message, call.model)])
    if prefix:
        _add(turns, "assistant", [_text(prefix)])
    elif turns and turns[-1][0] == "assistant":
        _add(turns, "user", [_text(_GO_ON)])
    return turns


def _may_begin_to_think(turns: Turns) -> bool:
    """Whether the user has just spoken, or the answers since then began with a thought of this model's own."""
    first: list[Body] | None = None
    for role, blocks in reversed(turns):
        if role == "assistant":
            first = blocks
        elif not any(block["type"] == "tool_result" for block in blocks):
            break
    return first is None or first[0]["type"] in _THOUGHTS


def _add(turns: Turns, role: str, blocks: list[Body]) -> None:
    """Add what `role` says: the user's words to those before, an answer to a question of its own."""
    if not blocks:
        return
    if turns and turns[-1][0] == role == "user":
        turns[-1][1].extend(blocks)
        return
    if turns and turns[-1][0] == role:
        turns.append(("user", [_text(_GO_ON)]))
    turns.append((role, blocks))


def _said(message: AssistantMessage, call: Call) -> list[Body]:
    blocks = [*_blocks(message, call)]
    while blocks and blocks[-1]["type"] in _THOUGHTS:
        blocks.pop()  # a thought that led to nothing is refused
    return blocks


def _blocks(message: AssistantMessage, call: Call) -> Iterator[Body]:
    for block in message.content:
        match block:
            case Text(text=text):
                if text.strip():
                    yield _text(text)
            case Thinking():
                if is_own(message, block, call, NAME):
                    yield _thought(block)
            case ToolCall():
                yield {"type": "tool_use", "id": _id(block.id), "name": block.name, "input": block.arguments}


def _thought(block: Thinking) -> Body:
    """Return a thought as it came; hosts that do not sign theirs take them back unsigned."""
    signature = block.signature or ""
    if block.redacted:
        return {"type": "redacted_thinking", "data": signature}
    return {"type": "thinking", "thinking": block.text, "signature": signature}


def _result(message: ToolResultMessage, model: Model) -> Body:
    parts = [_part(block, model) for block in message.content if isinstance(block, Image) or block.text.strip()] or [
        {"type": "text", "text": _NO_OUTPUT}
    ]
    body: Body = {"type": "tool_result", "tool_use_id": _id(message.call_id), "content": parts}
    # An error with a picture is refused; that it is one, its words say too.
    if message.is_error and all(part["type"] == "text" for part in parts):
        body["is_error"] = True
    return body


def _part(block: Text | Image, model: Model) -> Body:
    if isinstance(block, Text):
        return _text(block.text)
    if "image" not in model.inputs:
        return _text(NO_IMAGES)
    if block.mime_type not in _PICTURES:
        return _text(_ODD_PICTURE.format(block.mime_type))
    source = {"type": "base64", "media_type": block.mime_type, "data": block.data}
    return {"type": "image", "source": source}


def _text(text: str) -> Body:
    return {"type": "text", "text": text}


def _tool(tool: ToolSpec, *, is_eager: bool) -> Body:
    body: Body = {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
    if is_eager:  # else a long argument comes all at once, after a silence
        body["eager_input_streaming"] = True
    return body


def _marked(block: Body) -> Body:
    """Return `block` as one up to which the provider keeps what it has read."""
    return {**block, "cache_control": {"type": "ephemeral"}}


def _id(ours: str) -> str:
    return wire_id(ours, _LEGAL_ID, length=38, prefix="toolu_")
