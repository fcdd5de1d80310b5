"""Rendering for `openai-completions`: a neutral request becomes the body of a chat completion."""

import re
from collections.abc import Iterator, Sequence

from pi_fallback.providers.encoding import json_bytes, json_text
from pi_fallback.providers.history import NO_IMAGES, sendable
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

Body = dict[str, object]

_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MISTRAL_ID = re.compile(r"[A-Za-z0-9]{9}")
_EFFORTS = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}
_SEE_BELOW = "(an image, see below)"
_FROM_TOOLS = "Images of the tool results above:"


def rendered(call: Call) -> bytes:
    """Return the body to post for `call`."""
    request, model = call.request, call.model
    compat = model.compat
    streams = bool(compat.get("supportsStreaming", True))
    body: Body = {"model": model.ref.id, "messages": [*_messages(call)], "stream": streams}
    if streams and compat.get("supportsUsageInStreaming", True):
        body["stream_options"] = {"include_usage": True}
    if request.max_tokens is not None:
        body[str(compat.get("maxTokensField", "max_tokens"))] = request.max_tokens
    if request.tools and model.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    effort = _EFFORTS.get(request.thinking or "")
    if effort and model.reasoning and compat.get("supportsReasoningEffort", True):
        body["reasoning_effort"] = effort
    return json_bytes(body)


def _messages(call: Call) -> Iterator[Body]:
    if call.request.system:
        yield {"role": "system", "content": call.request.system}
    images: list[Image] = []  # of tool results: a tool message bears text only, so they follow as the user's
    for message in sendable(call.request.messages):
        if images and not isinstance(message, ToolResultMessage):
            yield _of_images(images)
            images = []
        match message:
            case ToolResultMessage():
                yield _result(message, call.model)
                if "image" in call.model.inputs:
                    images += [block for block in message.content if isinstance(block, Image)]
            case UserMessage():
                yield {"role": "user", "content": _content(message.content, call.model)}
            case AssistantMessage():
                yield from _assistant(message, call.model)
    if images:
        yield _of_images(images)
    if call.request.prefix and call.model.prefill:
        beginning: Body = {"role": "assistant", "content": call.request.prefix}
        if call.model.compat.get("requiresPrefixFlag"):
            beginning["prefix"] = True
        yield beginning


def _assistant(message: AssistantMessage, model: Model) -> Iterator[Body]:
    text, calls = message.text, message.tool_calls
    if not text and not calls:
        return  # it only thought
    body: Body = {"role": "assistant", "content": text or None}
    if model.compat.get("requiresReasoningContentOnAssistantMessages"):
        own = (message.producer.provider, message.producer.model) == model.ref
        thoughts = [block.text for block in message.content if isinstance(block, Thinking)]
        body["reasoning_content"] = "".join(thoughts) if own else ""
    if calls:
        body["tool_calls"] = [_call(call, model) for call in calls]
    yield body


def _call(call: ToolCall, model: Model) -> Body:
    function = {"name": call.name, "arguments": json_text(call.arguments)}
    return {"id": _id(call.id, model), "type": "function", "function": function}


def _result(message: ToolResultMessage, model: Model) -> Body:
    placeholder = _SEE_BELOW if "image" in model.inputs else NO_IMAGES
    parts = [block.text if isinstance(block, Text) else placeholder for block in message.content]
    call_id = _id(message.call_id, model)
    body: Body = {"role": "tool", "tool_call_id": call_id, "content": "\n".join(parts) or "(no output)"}
    if model.compat.get("requiresToolResultName"):
        body["name"] = message.name
    return body


def _content(blocks: Sequence[Text | Image], model: Model) -> str | list[Body]:
    if all(isinstance(block, Text) for block in blocks):
        return "".join(block.text for block in blocks if isinstance(block, Text))
    return [_part(block, takes_images="image" in model.inputs) for block in blocks]


def _part(block: Text | Image, *, takes_images: bool) -> Body:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    if not takes_images:
        return {"type": "text", "text": NO_IMAGES}
    return {"type": "image_url", "image_url": {"url": f"data:{block.mime_type};base64,{block.data}"}}


def _of_images(images: Sequence[Image]) -> Body:
    parts = [_part(block, takes_images=True) for block in (Text(_FROM_TOOLS), *images)]
    return {"role": "user", "content": parts}


def _tool(tool: ToolSpec) -> Body:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _id(ours: str, model: Model) -> str:
    if model.compat.get("requiresMistralToolIds"):  # nine letters and digits, no more and no less
        return wire_id(ours, _MISTRAL_ID, length=9, prefix="")
    return wire_id(ours, _LEGAL_ID, length=37)
