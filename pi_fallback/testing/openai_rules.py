"""What an `openai-completions` API refuses: requests that are not well formed, with its reasons."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ROLES = ("system", "developer", "user", "assistant", "tool")

Object = Mapping[str, Any]


def violations(body: Object) -> tuple[str, ...]:
    """Return what is wrong with the body of a chat completion, in order; nothing if it is well formed."""
    return tuple(_of_body(body))


def _of_body(body: Object) -> Iterator[str]:
    if not (isinstance(body.get("model"), str) and body["model"]):
        yield "you must provide a model parameter"
    if not isinstance(body.get("stream", False), bool):
        yield "'stream' must be a boolean"
    yield from _of_tools(body.get("tools", None))
    messages = _objects(body.get("messages"))
    if not messages:
        yield "'messages' must be a non-empty array of objects"
        return
    for at, message in enumerate(messages):
        yield from (f"messages[{at}]: {wrong}" for wrong in _of_message(message))
    yield from _of_pairs(messages)


def _of_tools(tools: Any) -> Iterator[str]:
    if tools is None:
        return
    specs = _objects(tools)
    if not specs:
        yield "'tools' must be a non-empty array of objects"
        return
    names: list[Any] = []
    for at, tool in enumerate(specs):
        function = _object(tool.get("function"))
        names.append(function.get("name"))
        if tool.get("type") != "function" or not _is_name(names[-1]):
            yield f"tools[{at}]: must be of type 'function' and its function have a name like {NAME.pattern}"
        elif _object(function.get("parameters", {"type": "object"})).get("type") != "object":
            yield f"tools[{at}]: 'parameters' must be a JSON Schema of type 'object'"
    if any(names.count(name) > 1 for name in names):
        yield "'tools': names must be unique"


def _of_message(message: Object) -> Iterator[str]:
    content = message.get("content")
    match message.get("role"):
        case "system" | "developer":
            if not _is_said(content, images=False):
                yield "'content' must be a non-empty string or array of text parts"
        case "user":
            if not _is_said(content, images=True):
                yield "'content' must be a non-empty string or array of text and image parts"
        case "assistant":
            yield from _of_assistant(message)
        case "tool":
            if not isinstance(message.get("tool_call_id"), str):
                yield "'tool_call_id' must be a string"
            if not (isinstance(content, str) or _is_said(content, images=False)):
                yield "'content' must be a string or array of text parts"
        case role:
            yield f"'{role}' is not one of {list(ROLES)} - 'role'"


def _of_assistant(message: Object) -> Iterator[str]:
    content, calls = message.get("content"), message.get("tool_calls")
    if calls is None:
        if not _is_said(content, images=False):
            yield "an assistant message must have 'content' or 'tool_calls'"
        return
    # Beside tool calls an empty string is taken for no content.
    if not (content is None or content == "" or _is_said(content, images=False)):
        yield "'content' must be a string, an array of text parts, or null"
    if not (objects := _objects(calls)):
        yield "'tool_calls' must be a non-empty array of objects"
    for at, call in enumerate(objects):
        function = _object(call.get("function"))
        if call.get("type") != "function" or not (isinstance(call.get("id"), str) and call["id"]):
            yield f"tool_calls[{at}]: must be of type 'function' and have an 'id'"
        if not _is_name(function.get("name")):
            yield f"tool_calls[{at}]: the function's name must match {NAME.pattern}"
        if not _is_arguments(function.get("arguments")):
            yield f"tool_calls[{at}]: the function's arguments must be a string that holds a JSON object"


def _of_pairs(messages: Sequence[Object]) -> Iterator[str]:
    open_ids: list[Any] = []
    for at, message in enumerate(messages):
        if message.get("role") == "tool":
            if message.get("tool_call_id") in open_ids:
                open_ids.remove(message["tool_call_id"])
            else:
                yield (
                    f"messages[{at}]: messages with role 'tool' must be a response to a preceding message with "
                    "'tool_calls', one to each call"
                )
            continue
        if open_ids:
            yield _unanswered(open_ids)
        open_ids = [call.get("id") for call in _objects(message.get("tool_calls"))]
        if len(set(map(str, open_ids))) < len(open_ids):
            yield f"messages[{at}]: two of its 'tool_calls' have one id"
    if open_ids:
        yield _unanswered(open_ids)


def _unanswered(ids: Sequence[Any]) -> str:
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(map(str, ids))}"
    )


def _is_said(content: Any, *, images: bool) -> bool:
    if isinstance(content, str):
        return bool(content)
    parts = _objects(content)
    return bool(parts) and all(_is_part(part, images=images) for part in parts)


def _is_part(part: Object, *, images: bool) -> bool:
    if part.get("type") == "text":
        return isinstance(part.get("text"), str) and bool(part["text"])
    url = _object(part.get("image_url")).get("url")
    return images and part.get("type") == "image_url" and isinstance(url, str) and bool(url)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _is_arguments(arguments: Any) -> bool:
    try:
        return isinstance(arguments, str) and isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def _object(value: Any) -> Object:
    return cast("Object", value) if isinstance(value, dict) else {}


def _objects(value: Any) -> Sequence[Object]:
    """Return `value` if it is a list of objects, else nothing."""
    items = cast("Sequence[Any]", value) if isinstance(value, list) else ()
    return cast("Sequence[Object]", items) if all(isinstance(item, dict) for item in items) else ()
