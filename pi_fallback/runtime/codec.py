"""The codec: messages as JSON objects, with the field names that pi has."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast

from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Producer,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
    frozen_object,
    thawed,
)

JsonObject: TypeAlias = dict[str, object]
Block: TypeAlias = Text | Thinking | ToolCall | Image
T = TypeVar("T")

_STOP_REASONS = {reason: "toolUse" if reason is StopReason.TOOL_USE else reason.value for reason in StopReason}
_STOP_REASONS_BACK = {name: reason for reason, name in _STOP_REASONS.items()}


def stop_reason_name(reason: StopReason) -> str:
    """Return the stop reason as pi calls it: `toolUse` where we say `tool_use`."""
    return _STOP_REASONS[reason]


def message_to_json(message: Message, *, timestamp_ms: int) -> JsonObject:
    """Return `message` as a JSON object; it happened at `timestamp_ms`, wall time."""
    content = [block_to_json(block) for block in message.content]
    match message:
        case UserMessage():
            return {"role": "user", "content": content, "timestamp": timestamp_ms}
        case AssistantMessage():
            return _without_none(
                {
                    "role": "assistant",
                    "content": content,
                    "api": message.producer.dialect,
                    "provider": message.producer.provider,
                    "model": message.producer.model,
                    "responseId": message.response_id,
                    "usage": usage_to_json(message.usage),
                    "stopReason": stop_reason_name(message.stop_reason),
                    "errorMessage": message.error,
                    "timestamp": timestamp_ms,
                }
            )
        case ToolResultMessage():
            return {
                "role": "toolResult",
                "toolCallId": message.call_id,
                "toolName": message.name,
                "content": content,
                "isError": message.is_error,
                "timestamp": timestamp_ms,
            }


def block_to_json(block: Block) -> JsonObject:
    match block:
        case Text():
            return _without_none(
                {
                    "type": "text",
                    "text": block.text,
                    "textSignature": block.signature,
                    "producer": _producer_to_json(block.producer),
                }
            )
        case Thinking():
            return _without_none(
                {
                    "type": "thinking",
                    "thinking": block.text,
                    "thinkingSignature": block.signature,
                    "redacted": True if block.redacted else None,
                    "producer": _producer_to_json(block.producer),
                }
            )
        case ToolCall():
            return _without_none(
                {
                    "type": "toolCall",
                    "id": block.id,
                    "name": block.name,
                    "arguments": thawed(block.arguments),
                    "thoughtSignature": block.signature,
                    "producer": _producer_to_json(block.producer),
                }
            )
        case Image():
            return {"type": "image", "data": block.data, "mimeType": block.mime_type}


def _producer_to_json(producer: Producer | None) -> JsonObject | None:
    return (
        None if producer is None else {"provider": producer.provider, "model": producer.model, "api": producer.dialect}
    )


def usage_to_json(usage: Usage) -> JsonObject:
    return {
        "input": usage.input,
        "output": usage.output,
        "cacheRead": usage.cache_read,
        "cacheWrite": usage.cache_write,
        "reasoning": usage.reasoning,
        "totalTokens": usage.total,
    }


def message_from_json(data: object) -> Message:
    """Return the message in `data` (parsed JSON); fields that are not ours are ignored.

    Raises:
        ValueError: it is not a message; the text names the field, never its value.
    """
    fields = _object(data, "message")
    match role := fields.get("role"):
        case "user":
            content = fields.get("content")
            if isinstance(content, str):
                return UserMessage((Text(content),))
            return UserMessage(_blocks(content, _TEXT_OR_IMAGE))
        case "assistant":
            reason = _STOP_REASONS_BACK.get(_get(fields, "stopReason", str))
            if reason is None:
                raise ValueError("`stopReason` is not one that is known")
            return AssistantMessage(
                _blocks(fields.get("content"), _SPOKEN),
                reason,
                _producer(fields),
                _usage(fields.get("usage", {})),
                _optional(fields, "errorMessage", str),
                _optional(fields, "responseId", str),
            )
        case "toolResult":
            return ToolResultMessage(
                _get(fields, "toolCallId", str),
                _get(fields, "toolName", str),
                _blocks(fields.get("content"), _TEXT_OR_IMAGE),
                _get(fields, "isError", bool),
            )
        case _:
            raise ValueError(f"`role` is {'missing' if role is None else 'not one that is known'}")


def _producer(fields: Mapping[str, object]) -> Producer:
    return Producer(_get(fields, "provider", str), _get(fields, "model", str), _get(fields, "api", str))


def _own_producer(fields: Mapping[str, object]) -> Producer | None:
    own = fields.get("producer")
    return None if own is None else _producer(_object(own, "producer"))


def _text(fields: Mapping[str, object]) -> Text:
    return Text(_get(fields, "text", str), _optional(fields, "textSignature", str), _own_producer(fields))


def _thinking(fields: Mapping[str, object]) -> Thinking:
    signature = _optional(fields, "thinkingSignature", str)
    redacted = _optional(fields, "redacted", bool) or False
    return Thinking(_get(fields, "thinking", str), signature, redacted, _own_producer(fields))


def _tool_call(fields: Mapping[str, object]) -> ToolCall:
    arguments = frozen_object(_object(fields.get("arguments"), "arguments"))
    signature = _optional(fields, "thoughtSignature", str)
    return ToolCall(_get(fields, "id", str), _get(fields, "name", str), arguments, signature, _own_producer(fields))


def _image(fields: Mapping[str, object]) -> Image:
    return Image(_get(fields, "data", str), _get(fields, "mimeType", str))


_TEXT_OR_IMAGE: dict[str, Callable[[Mapping[str, object]], Text | Image]] = {"text": _text, "image": _image}
_SPOKEN: dict[str, Callable[[Mapping[str, object]], Text | Thinking | ToolCall]] = {
    "text": _text,
    "thinking": _thinking,
    "toolCall": _tool_call,
}


def _blocks(content: object, readers: Mapping[str, Callable[[Mapping[str, object]], T]]) -> tuple[T, ...]:
    if not isinstance(content, list):
        raise ValueError("`content` is not a list")
    blocks: list[T] = []
    for item in cast("Sequence[object]", content):
        fields = _object(item, "content block")
        reader = readers.get(_get(fields, "type", str))
        if reader is None:
            raise ValueError("a content block has a `type` that does not belong there")
        blocks.append(reader(fields))
    return tuple(blocks)


def _usage(data: object) -> Usage:
    fields = _object(data, "usage")
    names = ("input", "output", "cacheRead", "cacheWrite", "reasoning")
    return Usage(*(_optional(fields, name, int) or 0 for name in names))


def _object(data: object, what: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise ValueError(f"`{what}` is not an object")
    return cast("Mapping[str, object]", data)


def _get(fields: Mapping[str, object], name: str, kind: type[T]) -> T:
    if name not in fields:
        raise ValueError(f"`{name}` is missing")
    value = fields[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"`{name}` is not of type {kind.__name__}")
    return value


def _optional(fields: Mapping[str, object], name: str, kind: type[T]) -> T | None:
    return None if fields.get(name) is None else _get(fields, name, kind)


def _without_none(fields: JsonObject) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None}
