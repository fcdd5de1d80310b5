"""Rendering for `openai-responses`: a neutral request becomes the body of a response."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from pi_fallback.providers.encoding import json_bytes, json_text
from pi_fallback.providers.history import NO_IMAGES, is_own, sendable
from pi_fallback.providers.ids import wire_id
from pi_fallback.providers.loose import Object
from pi_fallback.providers.responses_signatures import item_facts, reasoning_item
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

NAME = "openai-responses"

Body = dict[str, object]

_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_EFFORTS: Mapping[str, object] = {
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}
_FEWEST_TOKENS = 16  # the API refuses a lower limit
_NO_SYSTEM = "You are a helpful assistant."


def rendered(call: Call) -> bytes:
    """Return the body to post for `call`."""
    request, model = call.request, call.model
    compat = model.compat
    body: Body = {
        "model": model.ref.id,
        "input": [*_input(call)],
        "stream": bool(compat.get("supportsStreaming", True)),
        "store": False,
    }
    if compat.get("supportsInstructions", True) and request.system:
        body["instructions"] = request.system
    elif compat.get("requiresInstructions"):
        body["instructions"] = _NO_SYSTEM
    if request.max_tokens is not None and compat.get("supportsMaxOutputTokens", True):
        body["max_output_tokens"] = max(request.max_tokens, _FEWEST_TOKENS)
    if request.tools and model.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if model.reasoning:
        body["include"] = ["reasoning.encrypted_content"]
        if effort := _effort(request.thinking, model):
            body["reasoning"] = {"effort": effort, "summary": "auto"}
    return json_bytes(body)


def _effort(thinking: str | None, model: Model) -> object:
    """Return the effort for a level of thinking; `reasoningEffortMap` says what a model calls it, or null."""
    if thinking is None or not model.compat.get("supportsReasoningEffort", True):
        return None
    own = model.compat.get("reasoningEffortMap")
    efforts = {**_EFFORTS, **cast("Mapping[str, object]", own)} if isinstance(own, Mapping) else _EFFORTS
    return efforts.get(thinking)


def _input(call: Call) -> Iterator[Object]:
    if call.request.system and not call.model.compat.get("supportsInstructions", True):
        yield {"type": "message", "role": "developer", "content": call.request.system}
    for message in sendable(call.request.messages):
        match message:
            case UserMessage():
                yield {"type": "message", "role": "user", "content": _parts(message.content, call.model)}
            case AssistantMessage():
                yield from _assistant(message, call)
            case ToolResultMessage():
                yield {
                    "type": "function_call_output",
                    "call_id": wire_id(message.call_id, _LEGAL_ID, length=37),
                    "output": _output(message, call.model),
                }


def _assistant(message: AssistantMessage, call: Call) -> Iterator[Object]:
    """Yield the items of an answer.

    The API holds reasoning and what followed it together: it refuses either alone where it knows their
    ids. So own reasoning goes back only if the own item that followed it does, and ids only with reasoning.
    """
    thoughts = _thoughts(message, call)
    for at, block in enumerate(message.content):
        own = is_own(message, block, call, NAME)
        facts = item_facts(block.signature if own else None, "fc" if isinstance(block, ToolCall) else "msg")
        match block:
            case Thinking():
                if at in thoughts:
                    yield thoughts[at]
            case Text() if block.text:
                phase: Body = {"phase": facts.phase} if facts.phase else {}
                if facts.id and thoughts:
                    content = [{"type": "output_text", "text": block.text, "annotations": list[object]()}]
                    known: Body = {"id": facts.id, "status": "completed", "content": content}
                else:
                    known = {"content": block.text}
                yield {"type": "message", "role": "assistant", **known, **phase}
            case Text():
                pass
            case ToolCall():
                yield {
                    "type": "function_call",
                    **({"id": facts.id} if facts.id and thoughts else {}),
                    "call_id": wire_id(block.id, _LEGAL_ID, length=37),
                    "name": block.name,
                    "arguments": json_text(block.arguments),
                }


def _thoughts(message: AssistantMessage, call: Call) -> Mapping[int, Object]:
    """Return the reasoning items that go back, by their place in the answer."""
    thoughts: dict[int, Object] = {}
    is_followed = False
    for at, block in reversed([*enumerate(message.content)]):
        own = is_own(message, block, call, NAME)
        if isinstance(block, Thinking):
            item = reasoning_item(block.signature, call.route.credential) if own and is_followed else None
            if item is not None:
                thoughts[at] = item
        elif isinstance(block, ToolCall) or block.text:
            is_followed = own
    return thoughts


def _output(message: ToolResultMessage, model: Model) -> str | Sequence[Body]:
    if "image" in model.inputs and any(isinstance(block, Image) for block in message.content):
        return _parts(message.content, model)
    parts = [block.text if isinstance(block, Text) else NO_IMAGES for block in message.content]
    return "\n".join(parts) or "(no output)"


def _parts(blocks: Sequence[Text | Image], model: Model) -> Sequence[Body]:
    return [
        _part(block, takes_images="image" in model.inputs)
        for block in blocks
        if isinstance(block, Image) or block.text or len(blocks) == 1
    ]


def _part(block: Text | Image, *, takes_images: bool) -> Body:
    if isinstance(block, Text):
        return {"type": "input_text", "text": block.text}
    if not takes_images:
        return {"type": "input_text", "text": NO_IMAGES}
    return {"type": "input_image", "image_url": f"data:{block.mime_type};base64,{block.data}", "detail": "auto"}


def _tool(tool: ToolSpec) -> Body:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": False,
    }
