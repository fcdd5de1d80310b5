"""What an `openai-responses` API refuses in an item of the input, and how it knows its own reasoning again."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LONGEST_ID = 64
DETAILS = ("low", "high", "auto", "original")
PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fc", "reasoning": "rs"}
FIELDS: Mapping[str, frozenset[str]] = {
    "message": frozenset({"role", "content", "status", "phase"}),
    "function_call": frozenset({"call_id", "name", "arguments", "status", "namespace", "caller"}),
    "function_call_output": frozenset({"call_id", "output", "status", "name", "namespace", "caller"}),
    "reasoning": frozenset({"summary", "content", "encrypted_content", "status"}),
}
PARTS: Mapping[str, frozenset[str]] = {
    "input_text": frozenset({"text", "prompt_cache_breakpoint"}),
    "input_image": frozenset({"image_url", "file_id", "detail", "prompt_cache_breakpoint"}),
    "output_text": frozenset({"text", "annotations", "logprobs"}),
    "refusal": frozenset({"refusal"}),
    "summary_text": frozenset({"text"}),
    "reasoning_text": frozenset({"text"}),
}
_SAID, _HEARD = ("output_text", "refusal"), ("input_text", "input_image")

Object = Mapping[str, Any]


def minted(item_id: str) -> str:
    """Return what stands for the encrypted content of the reasoning item with that id."""
    return f"openai-responses:{item_id}"


def kind_of(item: Object) -> str:
    """Return the type of an item: one with a role is a message, also if it does not say so."""
    kind = item.get("type", "message" if "role" in item else "")
    return kind if isinstance(kind, str) else ""


def violations_of(item: Object, at: str) -> Iterator[str]:
    """Say what is wrong with the item at the place `at` of the input."""
    kind = kind_of(item)
    if kind not in FIELDS:
        yield f"Invalid value: '{kind}'. Supported values are: {', '.join(map(repr, FIELDS))}. ({at})"
        return
    for name in sorted(map(str, item.keys() - FIELDS[kind] - {"type", "id"})):
        yield f"Unknown parameter: '{at}.{name}'."
    item_id = item.get("id")
    if item_id is not None and not (isinstance(item_id, str) and item_id.startswith(PREFIXES[kind])):
        yield f"Invalid '{at}.id': {item_id!r}. Expected an ID that begins with '{PREFIXES[kind]}'."
    for name in ("id", "call_id"):
        if len(str(item.get(name, ""))) > LONGEST_ID:
            yield f"Invalid '{at}.{name}': string too long. Expected a string with maximum length {LONGEST_ID}."
    yield from _CHECKS[kind](item, at)


def _of_message(item: Object, at: str) -> Iterator[str]:
    content, role = item.get("content"), item.get("role")
    if role not in ("user", "assistant", "system", "developer"):
        yield f"Invalid value: {role!r}. Supported values are: 'assistant', 'system', 'developer', and 'user'. ({at})"
    elif isinstance(content, str):
        if not content:
            yield f"Invalid '{at}.content': empty string."
    else:
        yield from _of_parts(content, _SAID if role == "assistant" else _HEARD, f"{at}.content")


def _of_call(item: Object, at: str) -> Iterator[str]:
    yield from _of_call_id(item, at)
    name = item.get("name")
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        yield f"Invalid '{at}.name': string does not match pattern '^{NAME.pattern}$'."
    if not _is_arguments(item.get("arguments")):
        yield f"Invalid '{at}.arguments': expected a string that holds a JSON object."


def _of_output(item: Object, at: str) -> Iterator[str]:
    yield from _of_call_id(item, at)
    if not isinstance(item.get("output"), str):
        yield from _of_parts(item.get("output"), _HEARD, f"{at}.output")


def _of_reasoning(item: Object, at: str) -> Iterator[str]:
    item_id = item.get("id")
    if not isinstance(item_id, str):
        yield f"Missing required parameter: '{at}.id'."
    if not isinstance(item.get("summary"), list):
        yield f"Missing required parameter: '{at}.summary'."
    elif item["summary"]:
        yield from _of_parts(item["summary"], ("summary_text",), f"{at}.summary")
    secret = item.get("encrypted_content")
    if secret is None:
        yield f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false."
    elif secret != minted(str(item_id)):
        yield f"The encrypted content for item {item_id} could not be verified."


_CHECKS = {
    "message": _of_message,
    "function_call": _of_call,
    "function_call_output": _of_output,
    "reasoning": _of_reasoning,
}


def _of_call_id(item: Object, at: str) -> Iterator[str]:
    if not (isinstance(item.get("call_id"), str) and item["call_id"]):
        yield f"Missing required parameter: '{at}.call_id'."


def _of_parts(value: Any, kinds: Sequence[str], at: str) -> Iterator[str]:
    parts = as_objects(value)
    if not parts:
        yield f"Invalid type for '{at}': expected a string or a non-empty array of objects."
        return
    for number, part in enumerate(parts):
        place, kind = f"{at}[{number}]", part.get("type")
        if not isinstance(kind, str) or kind not in kinds:
            yield f"Invalid value: {kind!r}. Supported values are: {', '.join(map(repr, kinds))}. ({place})"
            continue
        for name in sorted(map(str, part.keys() - PARTS[kind] - {"type"})):
            yield f"Unknown parameter: '{place}.{name}'."
        field = "refusal" if kind == "refusal" else "text"
        if kind == "input_image":
            yield from _of_image(part, place)
        elif not (isinstance(part.get(field), str) and part[field]):
            yield f"Invalid '{place}.{field}': expected a non-empty string."


def _of_image(part: Object, at: str) -> Iterator[str]:
    url = part.get("image_url")
    if not (isinstance(url, str) and url.startswith(("data:image/", "https://", "http://"))):
        yield f"Invalid '{at}.image_url'. Expected a valid URL, but got a value with an invalid format."
    if part.get("detail", "auto") not in DETAILS:
        yield f"Invalid value: {part.get('detail')!r}. Supported values are: {', '.join(map(repr, DETAILS))}. ({at})"


def _is_arguments(arguments: Any) -> bool:
    try:
        return isinstance(arguments, str) and isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def as_object(value: Any) -> Object:
    return cast("Object", value) if isinstance(value, dict) else {}


def as_objects(value: Any) -> Sequence[Object]:
    """Return `value` if it is a list of objects, else nothing."""
    items = cast("Sequence[Any]", value) if isinstance(value, list) else ()
    return cast("Sequence[Object]", items) if all(isinstance(item, dict) for item in items) else ()
