"""Rendering for `google-generative-ai`: a neutral request becomes the body of a `generateContent`."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from pi_fallback.providers.encoding import json_bytes
from pi_fallback.providers.google_traits import NAME, Traits, thinking_config, traits_of
from pi_fallback.providers.history import NO_IMAGES, is_own, sendable
from pi_fallback.providers.ids import wire_id
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Image,
    Message,
    Model,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    ToolSpec,
    UserMessage,
)

Body = dict[str, object]

NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents to stand for the signature of a call that another model made."""

_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEE_BELOW = "(an image, see below)"
_SEE_BESIDE = "(an image)"
_FROM_TOOLS = "Images of the tool results above:"


def rendered(call: Call) -> bytes:
    """Return the body to post for `call`."""
    request, model = call.request, call.model
    traits = traits_of(model)
    body: Body = {"contents": _contents(call, traits)}
    if request.system:
        body["systemInstruction"] = {"parts": [{"text": request.system}]}
    if request.tools and model.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
    config: Body = {}
    if request.max_tokens is not None:
        config["maxOutputTokens"] = request.max_tokens
    if model.reasoning:
        config["thinkingConfig"] = thinking_config(request.thinking, traits)
    if config:
        body["generationConfig"] = config
    if model.compat.get("codeAssist"):
        body = {"model": model.ref.id, "request": body}
        if project := model.compat.get("project"):
            body["project"] = project
    return json_bytes(body)


def _contents(call: Call, traits: Traits) -> list[Body]:
    """Return the conversation.

    Answers in a row become one, because the API takes a call only right after words of the user or after results.
    The results of one answer's calls become one, because the API counts them.
    """
    messages = sendable(call.request.messages)
    turn = max((at for at, message in enumerate(messages) if isinstance(message, UserMessage)), default=0)
    contents: list[Body] = []
    at = 0
    for kind, group in groupby(messages, key=type):
        run = tuple(group)
        if kind is not AssistantMessage:
            contents += _heard(run, call.model, traits)
        elif parts := _said(run, call, traits, is_signed=traits.needs_signatures and at > turn):
            contents.append({"role": "model", "parts": parts})
        at += len(run)
    if call.request.prefix and call.model.prefill:
        contents.append({"role": "model", "parts": [{"text": call.request.prefix}]})
    return contents


def _said(run: Sequence[Message], call: Call, traits: Traits, *, is_signed: bool) -> list[Body]:
    """Return the parts of answers. `is_signed`: the first call bears a signature, made up if need be."""
    parts: list[Body] = []
    for message in run:
        if not isinstance(message, AssistantMessage):
            continue
        for block in message.content:
            signature = block.signature if is_own(message, block, call, NAME) else None
            if isinstance(block, ToolCall) and is_signed:
                signature, is_signed = signature or NO_SIGNATURE, False
            part = _part(block, traits, has_signature=bool(signature))
            if part and signature:
                part["thoughtSignature"] = signature
            if part:
                parts.append(part)
    return parts


def _part(block: Text | Thinking | ToolCall, traits: Traits, *, has_signature: bool) -> Body:
    """Return the part that `block` is, or nothing if it does not go back."""
    match block:
        case Text(text):
            return {"text": text} if text or has_signature else {}
        case Thinking(text):
            return {"text": text, "thought": True} if has_signature else {}
        case ToolCall():
            call: Body = {"name": block.name, "args": block.arguments}
            return {"functionCall": call | _id(block.id, traits)}


def _heard(run: Sequence[Message], model: Model, traits: Traits) -> Iterator[Body]:
    """What comes from the other side: words of the user, or the results of one answer's calls."""
    responses: list[Body] = []
    images: list[Image] = []
    for message in run:
        if isinstance(message, UserMessage):
            yield {"role": "user", "parts": _parts(message.content, model)}
        elif isinstance(message, ToolResultMessage):
            responses.append(_response(message, model, traits))
            if "image" in model.inputs and not traits.takes_result_images:
                images += [block for block in message.content if isinstance(block, Image)]
    if responses:
        yield {"role": "user", "parts": responses}
    if images:
        yield {"role": "user", "parts": _parts((Text(_FROM_TOOLS), *images), model)}


def _response(message: ToolResultMessage, model: Model, traits: Traits) -> Body:
    sees = "image" in model.inputs
    inside = sees and traits.takes_result_images
    placeholder = _SEE_BESIDE if inside else _SEE_BELOW if sees else NO_IMAGES
    texts = [block.text if isinstance(block, Text) else placeholder for block in message.content]
    said = "\n".join(texts) or "(no output)"
    response: Body = {"name": message.name, "response": {"error" if message.is_error else "output": said}}
    images = [_image(block) for block in message.content if isinstance(block, Image)]
    if images and inside:
        response["parts"] = images
    return {"functionResponse": response | _id(message.call_id, traits)}


def _parts(blocks: Sequence[Text | Image], model: Model) -> list[Body]:
    parts: list[Body] = []
    for block in blocks:
        if isinstance(block, Image):
            parts.append(_image(block) if "image" in model.inputs else {"text": NO_IMAGES})
        elif block.text:
            parts.append({"text": block.text})
    return parts or [{"text": "(nothing)"}]


def _image(image: Image) -> Body:
    return {"inlineData": {"mimeType": image.mime_type, "data": image.data}}


def _tool(tool: ToolSpec) -> Body:
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}


def _id(ours: str, traits: Traits) -> Body:
    return {"id": wire_id(ours, _LEGAL_ID, length=37)} if traits.takes_call_ids else {}
