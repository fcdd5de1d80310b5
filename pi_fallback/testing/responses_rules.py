"""What an `openai-responses` API refuses: requests that are not well formed, with its reasons."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pi_fallback.testing.responses_items import NAME, Object, as_object, as_objects, kind_of, violations_of

FIELDS = frozenset(
    {
        *("model", "input", "instructions", "stream", "stream_options", "store", "include", "tools", "tool_choice"),
        *("parallel_tool_calls", "max_output_tokens", "max_tool_calls", "reasoning", "text", "truncation", "metadata"),
        *("temperature", "top_p", "top_logprobs", "service_tier", "safety_identifier", "user", "background"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "previous_response_id"),
    }
)
TOOL_FIELDS = frozenset({"type", "name", "description", "parameters", "strict", "defer_loading", "output_schema"})
INCLUDABLE = ("reasoning.encrypted_content", "message.output_text.logprobs", "message.input_image.image_url")
EFFORTS = (None, "none", "minimal", "low", "medium", "high", "xhigh", "max")
SUMMARIES = (None, "auto", "concise", "detailed")
FEWEST_TOKENS = 16
_THOUGHT_ABOUT = re.compile(r"(?:msg|fc)_(r[0-9]+)_[0-9]+")  # the ids of an answer that began with reasoning


def violations(body: Object) -> tuple[str, ...]:
    """Return what is wrong with the body of a response, in order; nothing if it is well formed."""
    return tuple(_of_body(body))


def _of_body(body: Object) -> Iterator[str]:
    for name in sorted(map(str, body.keys() - FIELDS)):
        yield f"Unknown parameter: '{name}'."
    if not (isinstance(body.get("model"), str) and body["model"]):
        yield "Missing required parameter: 'model'."
    for name in ("stream", "store"):
        if not isinstance(body.get(name, False), bool):
            yield f"Invalid type for '{name}': expected a boolean."
    if not isinstance(body.get("instructions", ""), str | None):
        yield "Invalid type for 'instructions': expected a string."
    limit = body.get("max_output_tokens", FEWEST_TOKENS)
    if not isinstance(limit, int) or limit < FEWEST_TOKENS:
        yield f"Invalid 'max_output_tokens': expected an integer >= {FEWEST_TOKENS}, but got {limit!r} instead."
    yield from _of_include(body.get("include"))
    yield from _of_reasoning(body.get("reasoning"))
    yield from _of_tools(body.get("tools"))
    yield from _of_input(body.get("input"))


def _of_include(include: Any) -> Iterator[str]:
    if include is not None and not (isinstance(include, list) and all(name in INCLUDABLE for name in include)):  # pyright: ignore[reportUnknownVariableType]  # it may be a list of anything
        yield f"Invalid 'include': supported values are {', '.join(map(repr, INCLUDABLE))}."


def _of_reasoning(value: Any) -> Iterator[str]:
    reasoning = as_object(value)
    if value is not None and not isinstance(value, dict):
        yield "Invalid type for 'reasoning': expected an object."
    for name in sorted(map(str, reasoning.keys() - {"effort", "summary", "context", "mode", "generate_summary"})):
        yield f"Unknown parameter: 'reasoning.{name}'."
    for name, known in (("effort", EFFORTS), ("summary", SUMMARIES)):
        if reasoning.get(name) not in known:
            yield f"Invalid value: {reasoning[name]!r}. Supported values are: {known[1:]}. (reasoning.{name})"


def _of_tools(tools: Any) -> Iterator[str]:
    if tools is None:
        return
    if not isinstance(tools, list) or (tools and not as_objects(tools)):
        yield "Invalid type for 'tools': expected an array of objects."
        return
    names: list[Any] = []
    for at, tool in enumerate(as_objects(tools)):
        for name in sorted(map(str, tool.keys() - TOOL_FIELDS)):
            yield f"Unknown parameter: 'tools[{at}].{name}'."
        name = tool.get("name")
        names.append(name)
        if tool.get("type") != "function":
            yield f"Invalid value: {tool.get('type')!r}. Supported values are: 'function'. (tools[{at}].type)"
        elif not (isinstance(name, str) and NAME.fullmatch(name)):
            yield f"Missing required parameter: 'tools[{at}].name', like {NAME.pattern}."
        elif as_object(tool.get("parameters")).get("type") != "object":
            yield f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"'."
    if any(names.count(name) > 1 for name in names):
        yield "Invalid 'tools': names must be unique."


def _of_input(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        return
    items = as_objects(value)
    if not items:
        yield "Missing required parameter: 'input', a non-empty string or array of objects."
        return
    for at, item in enumerate(items):
        yield from violations_of(item, f"input[{at}]")
    yield from _of_ids(items)
    yield from _of_calls(items)
    yield from _of_thoughts(items)


def _of_ids(items: Sequence[Object]) -> Iterator[str]:
    ids = [str(item["id"]) for item in items if item.get("id") is not None]
    for item_id in dict.fromkeys(name for name in ids if ids.count(name) > 1):
        yield f"Duplicate item found with id {item_id}. Remove duplicate items from your input and try again."


def _of_calls(items: Sequence[Object]) -> Iterator[str]:
    """Each call has one output after it, and each output its call before it; what stands between them is free."""
    waiting: list[str] = []
    for item in items:
        call_id = str(item.get("call_id"))
        match kind_of(item):
            case "function_call" if call_id in waiting:
                yield f"Duplicate function call with call_id {call_id}."
            case "function_call":
                waiting.append(call_id)
            case "function_call_output" if call_id not in waiting:
                yield f"No tool call found for function call output with call_id {call_id}."
            case "function_call_output":
                waiting.remove(call_id)
            case _:
                pass
    yield from (f"No tool output found for function call {call_id}." for call_id in waiting)


def _of_thoughts(items: Sequence[Object]) -> Iterator[str]:
    """Reasoning and the items that came after it in one answer belong together."""
    seen: set[str] = set()
    for item, following in zip(items, (*items[1:], {}), strict=True):
        kind, item_id = kind_of(item), str(item.get("id"))
        if kind == "reasoning":
            seen.add(item_id)
            after = kind_of(following)
            if not (after in ("reasoning", "function_call") or following.get("role") == "assistant"):
                yield f"Item '{item_id}' of type 'reasoning' was provided without its required following item."
        elif (found := _THOUGHT_ABOUT.fullmatch(item_id)) and f"rs_{found[1]}" not in seen:
            yield (
                f"Item '{item_id}' of type '{kind}' was provided without its required 'reasoning' item: "
                f"'rs_{found[1]}'."
            )
