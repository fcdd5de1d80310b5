"""What a `google-generative-ai` API refuses: requests that are not well formed, with its reasons."""

import re
from collections.abc import Iterator
from typing import Any

from pi_fallback.testing.google_turns import Object, as_object, as_objects, is_name, turn_violations, unknown

LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
OURS = frozenset({"model", "stream", "alt", "codeAssist"})  # what `asked` adds
BODY = OURS | {
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
}
CONFIG = frozenset(
    {
        "temperature",
        "topP",
        "topK",
        "candidateCount",
        "maxOutputTokens",
        "stopSequences",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "responseModalities",
        "thinkingConfig",
        "mediaResolution",
    }
)
THINKING = frozenset({"includeThoughts", "thinkingBudget", "thinkingLevel"})
DECLARATION = frozenset({"name", "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema"})
BUDGET = 32_768  # of the largest model

_OLD = re.compile(r"gemini-[12](?![0-9])")


def violations(body: Object) -> tuple[str, ...]:
    """Return what is wrong with the body of a `generateContent`, in order; nothing if it is well formed."""
    return tuple(_of_body(body))


def _of_body(body: Object) -> Iterator[str]:
    model = body.get("model")
    is_old = isinstance(model, str) and _OLD.search(model) is not None
    if not (isinstance(model, str) and model):
        yield "the model is missing"
    yield from unknown(body, BODY, "request")
    system = body.get("systemInstruction")
    if system is not None and not _is_said(system):
        yield "systemInstruction: must have parts with text"
    yield from _of_tools(body.get("tools"))
    yield from _of_config(body.get("generationConfig"), is_old=is_old)
    contents = as_objects(body.get("contents"))
    if not contents:
        yield "contents is not specified"
        return
    yield from turn_violations(contents, needs_signatures=not is_old)


def _is_said(content: Any) -> bool:
    parts = as_objects(as_object(content).get("parts"))
    return bool(parts) and all(isinstance(part.get("text"), str) and part["text"] for part in parts)


def _of_tools(tools: Any) -> Iterator[str]:
    if tools is None:
        return
    declared = [
        declaration for tool in as_objects(tools) for declaration in as_objects(tool.get("functionDeclarations"))
    ]
    if not declared:
        yield "tools: must hold functionDeclarations"
    names = [declaration.get("name") for declaration in declared]
    if any(names.count(name) > 1 for name in names):
        yield "Duplicate function declaration found"
    for at, declaration in enumerate(declared):
        where = f"function_declarations[{at}]"
        yield from unknown(declaration, DECLARATION, where)
        if not is_name(names[at]):
            yield f"{where}.name: Invalid function name."
        if not (isinstance(declaration.get("description", ""), str)):
            yield f"{where}.description: must be a string"
        schema = declaration.get("parametersJsonSchema")
        if schema is not None and declaration.get("parameters") is not None:
            yield f"{where}: parameters and parametersJsonSchema are mutually exclusive"
        if schema is not None and as_object(schema).get("type") != "object":
            yield f"{where}.parametersJsonSchema: the schema must describe an object"


def _of_config(given: Any, *, is_old: bool) -> Iterator[str]:
    if given is None:
        return
    config = as_object(given)
    yield from unknown(config, CONFIG, "generation_config")
    limit, temperature = config.get("maxOutputTokens"), config.get("temperature")
    if limit is not None and not (_is_number(limit, int) and limit >= 1):
        yield "max_output_tokens must be positive."
    if temperature is not None and not (_is_number(temperature, int | float) and 0 <= temperature <= 2):
        yield "temperature must be in the range [0.0, 2.0]."
    thinking = as_object(config.get("thinkingConfig"))
    yield from unknown(thinking, THINKING, "generation_config.thinking_config")
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if level is not None and budget is not None:
        yield "You can only set one of thinking budget and thinking level."
    if level is not None and level not in LEVELS:
        yield f"Invalid value at 'generation_config.thinking_config.thinking_level': {level!r}"
    if level is not None and is_old:
        yield "Thinking level is not supported for this model."
    if budget is not None and not (_is_number(budget, int) and -1 <= budget <= BUDGET):
        yield f"The thinking budget {budget!r} is invalid. Please choose a value between 0 and {BUDGET}."
    if not isinstance(thinking.get("includeThoughts", False), bool):
        yield "Invalid value at 'generation_config.thinking_config.include_thoughts'"


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
