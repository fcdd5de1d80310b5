"""What an `anthropic-messages` API refuses: requests that are not well formed, with its reasons."""

from collections.abc import Iterator
from typing import Any, TypeGuard

from pi_fallback.testing.anthropic_blocks import NAME, Object, as_object, as_objects, blocks_of, fits, violations_of
from pi_fallback.testing.anthropic_turns import violations_in

MARKERS = 4
FIELDS = frozenset(
    {
        *("model", "messages", "max_tokens", "system", "tools", "tool_choice", "stream", "stop_sequences"),
        *("thinking", "output_config", "metadata", "service_tier", "cache_control", "container"),
        *("diagnostics", "inference_geo", "speed"),
    }
)
THINKING = {
    "adaptive": frozenset({"type", "display", "block_binding"}),
    "enabled": frozenset({"type", "display", "budget_tokens", "block_binding"}),
    "disabled": frozenset({"type"}),
    "between_tools": frozenset({"type"}),
}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
TOOL_FIELDS = frozenset(
    {
        *("name", "description", "input_schema", "type", "cache_control", "strict", "eager_input_streaming"),
        *("allowed_callers", "defer_loading", "input_examples"),
    }
)


def violations(body: Object) -> tuple[str, ...]:
    """Return what is wrong with the body of a request for a message, in order; nothing if it is well formed."""
    return tuple(_of_body(body))


def _of_body(body: Object) -> Iterator[str]:
    for name in sorted(map(str, body.keys() - FIELDS)):
        yield f"{name}: Extra inputs are not permitted"
    if not (isinstance(body.get("model"), str) and body["model"]):
        yield "model: Field required"
    if not _is_count(body.get("max_tokens")):
        yield "max_tokens: Field required, an integer greater than 0"
    if not isinstance(body.get("stream", False), bool):
        yield "stream: Input should be a valid boolean"
    yield from _of_system(body.get("system"))
    yield from _of_tools(body.get("tools"))
    yield from _of_thinking(body)
    messages = as_objects(body.get("messages"))
    if not messages:
        yield "messages: at least one message is required, in a list of objects"
        return
    yield from violations_in(messages, thinking=as_object(body.get("thinking")).get("type"))
    if (marked := _markers(body)) > MARKERS:
        yield f"A maximum of {MARKERS} blocks with cache_control may be provided. Found {marked}."


def _of_system(system: Any) -> Iterator[str]:
    if system is None or (isinstance(system, str) and system.strip()):
        return
    blocks = as_objects(system)
    if not blocks:
        yield "system: text content blocks must be non-empty"
    for at, block in enumerate(blocks or ()):
        yield from violations_of(block, "system", f"system.{at}")


def _of_tools(tools: Any) -> Iterator[str]:
    if tools is None:
        return
    specs = as_objects(tools)
    if specs is None:
        yield "tools: Input should be a valid list"
        return
    names = [tool.get("name") for tool in specs]
    for at, tool in enumerate(specs):
        for name in sorted(map(str, tool.keys() - TOOL_FIELDS)):
            yield f"tools.{at}.custom.{name}: Extra inputs are not permitted"
        if not fits(NAME, names[at]):
            yield f"tools.{at}.custom.name: String should match pattern '^{NAME.pattern}$'"
        if as_object(tool.get("input_schema")).get("type") != "object":
            yield f"tools.{at}.custom.input_schema.type: Input should be 'object'"
    if any(names.count(name) > 1 for name in names):
        yield "tools: Tool names must be unique."


def _of_thinking(body: Object) -> Iterator[str]:
    if (config := body.get("output_config")) is not None:
        effort = as_object(config).get("effort")
        if not isinstance(config, dict) or (effort is not None and effort not in EFFORTS):
            yield f"output_config.effort: Input should be one of {', '.join(EFFORTS)}"
    if (thinking := body.get("thinking")) is None:
        return
    asked = as_object(thinking)
    kind = asked.get("type")
    if not isinstance(kind, str) or kind not in THINKING:
        yield f"thinking: Input tag should be one of the expected tags: {', '.join(THINKING)}"
        return
    for name in sorted(map(str, asked.keys() - THINKING[kind])):
        yield f"thinking.{kind}.{name}: Extra inputs are not permitted"
    if asked.get("display") not in (None, "summarized", "omitted"):
        yield f"thinking.{kind}.display: Input should be 'summarized' or 'omitted'"
    budget, limit = asked.get("budget_tokens"), body.get("max_tokens")
    if kind == "enabled":
        if not _is_count(budget) or budget < 1024:
            yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        elif _is_count(limit) and budget >= limit:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`"
    if kind in ("enabled", "adaptive") and as_object(body.get("tool_choice")).get("type", "auto") not in (
        "auto",
        "none",
    ):
        yield "Thinking may not be enabled when tool_choice forces tool use."


def _markers(body: Object) -> int:
    holders = [body, *(as_objects(body.get("system")) or ()), *(as_objects(body.get("tools")) or ())]
    for message in as_objects(body.get("messages")) or ():
        for block in blocks_of(message):
            holders += [block, *(as_objects(block.get("content")) or ())]
    return sum(holder.get("cache_control") is not None for holder in holders)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
