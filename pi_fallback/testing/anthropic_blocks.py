"""What an `anthropic-messages` API refuses in a block of content, and how it knows its own thoughts again."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
THOUGHTS = ("thinking", "redacted_thinking")

FIELDS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text", "cache_control", "citations"}),
    "image": frozenset({"source", "cache_control", "transformations"}),
    "tool_use": frozenset({"id", "name", "input", "cache_control", "caller", "toolset_name"}),
    "tool_result": frozenset({"tool_use_id", "content", "is_error", "cache_control", "toolset_name"}),
    "thinking": frozenset({"thinking", "signature"}),
    "redacted_thinking": frozenset({"data"}),
}
OF_ROLE = {
    "user": ("text", "image", "tool_result"),
    "assistant": ("text", "tool_use", *THOUGHTS),
    "tool_result": ("text", "image"),
    "system": ("text",),
}

Object = Mapping[str, Any]


def minted(text: str, number: int) -> str:
    """Return the signature of a thought with `text`, in the answer with that number."""
    return f"anthropic-messages:{number}:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def is_minted(signature: Any, text: str) -> bool:
    """Whether `signature` was minted here, for this very text."""
    _, _, rest = signature.partition(":") if isinstance(signature, str) else ("", "", "")
    number = rest.partition(":")[0]
    return number.isdecimal() and len(number) < 10 and signature == minted(text, int(number))


def violations_of(block: Object, role: str, at: str) -> Iterator[str]:
    """Say what is wrong with a block at the place `at` of a message of that role."""
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in OF_ROLE[role]:
        yield f"{at}.type: Input should be one of {', '.join(OF_ROLE[role])}, not {kind!r}"
        return
    for name in sorted(map(str, block.keys() - FIELDS[kind] - {"type"})):
        yield f"{at}.{kind}.{name}: Extra inputs are not permitted"
    if "cache_control" in block and not _is_marker(block["cache_control"]):
        yield f"{at}.{kind}.cache_control: Input should be an object of type 'ephemeral' with a ttl of 5m or 1h"
    yield from (f"{at}.{kind}.{wrong}" for wrong in _CHECKS[kind](block))


def _of_text(block: Object) -> Iterator[str]:
    text = block.get("text")
    if not isinstance(text, str):
        yield "text: Input should be a valid string"
    elif not text.strip():
        yield "text: text content blocks must contain non-whitespace text"


def _of_image(block: Object) -> Iterator[str]:
    source = as_object(block.get("source"))
    match source.get("type"):
        case "base64":
            if source.get("media_type") not in PICTURES:
                yield f"source.base64.media_type: Input should be one of {', '.join(PICTURES)}"
            if not _is_base64(source.get("data")):
                yield "source.base64.data: Input should be valid base64"
        case "url":
            if not str(source.get("url", "")).startswith("https://"):
                yield "source.url.url: Only HTTPS URLs are supported."
        case _:
            yield "source: Input tag should be one of the expected tags: 'base64', 'url'"


def _of_tool_use(block: Object) -> Iterator[str]:
    if not fits(ID, block.get("id")):
        yield f"id: String should match pattern '^{ID.pattern}$'"
    if not fits(NAME, block.get("name")):
        yield f"name: String should match pattern '^{NAME.pattern}$'"
    if not isinstance(block.get("input"), dict):
        yield "input: Input should be a valid dictionary"


def _of_tool_result(block: Object) -> Iterator[str]:
    if not fits(ID, block.get("tool_use_id")):
        yield f"tool_use_id: String should match pattern '^{ID.pattern}$'"
    if not isinstance(block.get("is_error", False), bool):
        yield "is_error: Input should be a valid boolean"
    content = block.get("content", "")
    if isinstance(content, str):
        return
    parts = as_objects(content)
    if parts is None:
        yield "content: Input should be a valid list"
        return
    for at, part in enumerate(parts):
        yield from violations_of(part, "tool_result", f"content.{at}")
    if block.get("is_error") is True and any(part.get("type") != "text" for part in parts):
        yield 'content: all content must be type "text" if "is_error" is true'


def _of_thinking(block: Object) -> Iterator[str]:
    text = block.get("thinking")
    if not isinstance(text, str):
        yield "thinking: Input should be a valid string"
    elif not is_minted(block.get("signature"), text):
        yield "signature: Invalid `signature` in `thinking` block"


def _of_redacted_thinking(block: Object) -> Iterator[str]:
    if not is_minted(block.get("data"), ""):
        yield "data: Invalid `data` in `redacted_thinking` block"


_CHECKS = {
    "text": _of_text,
    "image": _of_image,
    "tool_use": _of_tool_use,
    "tool_result": _of_tool_result,
    "thinking": _of_thinking,
    "redacted_thinking": _of_redacted_thinking,
}


def _is_marker(value: Any) -> bool:
    marker = as_object(value)
    known = marker.keys() <= {"type", "ttl"} and marker.get("ttl", "5m") in ("5m", "1h")
    return value is None or (known and marker.get("type") == "ephemeral")


def _is_base64(data: Any) -> bool:
    try:
        return isinstance(data, str) and bool(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return False


def fits(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def as_object(value: Any) -> Object:
    return cast("Object", value) if isinstance(value, dict) else {}


def as_objects(value: Any) -> Sequence[Object] | None:
    """Return `value` if it is a list of objects, else None."""
    items = cast("Sequence[Any]", value) if isinstance(value, list) else (None,)
    return cast("Sequence[Object]", items) if all(isinstance(item, dict) for item in items) else None


def blocks_of(message: Object) -> Sequence[Object]:
    """Return the content of `message` as blocks, if it is made of them, or text."""
    content = message.get("content")
    if isinstance(content, str):
        return ({"type": "text", "text": content},)
    return as_objects(content) or ()
