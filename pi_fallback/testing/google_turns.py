"""What a `google-generative-ai` API refuses in a conversation: its parts, their order, and calls without signature."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
STAND_INS = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
DATA = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
PART = frozenset({*DATA, "thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
CALL = frozenset({"id", "name", "args"})
RESPONSE = frozenset({"id", "name", "response", "parts", "willContinue", "scheduling"})

_MINTED = re.compile(rb"google-generative-ai:[0-9]+")

Object = Mapping[str, Any]


def minted(number: int) -> str:
    """Return the signature of the answer with that number: it is known again."""
    return base64.b64encode(f"google-generative-ai:{number}".encode()).decode()


def turn_violations(contents: Sequence[Object], *, needs_signatures: bool) -> Iterator[str]:
    """Yield what is wrong with a conversation; with `needs_signatures` also with the calls of its current turn."""
    for at, content in enumerate(contents):
        yield from (f"contents[{at}]: {wrong}" for wrong in _of_content(content))
    if contents[0].get("role") == "model":
        yield "Please ensure that multiturn requests begin with a user turn"
    yield from _of_order(contents)
    if needs_signatures:
        yield from _of_current_turn(contents)


def unknown(value: Object, fields: frozenset[str], where: str) -> Iterator[str]:
    for name in sorted(value.keys() - fields):
        yield f"Invalid JSON payload received. Unknown name {name!r} at '{where}': Cannot find field."


def as_object(value: Any) -> Object:
    return cast("Object", value) if isinstance(value, dict) else {}


def as_objects(value: Any) -> Sequence[Object]:
    """Return `value` if it is a list of objects, else nothing."""
    items = cast("Sequence[Any]", value) if isinstance(value, list) else ()
    return cast("Sequence[Object]", items) if all(isinstance(item, dict) for item in items) else ()


def _of_content(content: Object) -> Iterator[str]:
    yield from unknown(content, frozenset({"role", "parts"}), "contents")
    role = content.get("role")
    if role not in ("user", "model"):
        yield "Please use a valid role: user, model."
    parts = as_objects(content.get("parts"))
    if not parts:
        yield "parts must not be empty"
    for at, part in enumerate(parts):
        yield from (f"parts[{at}]: {wrong}" for wrong in _of_part(part, is_model=role == "model"))


def _of_part(part: Object, *, is_model: bool) -> Iterator[str]:
    yield from unknown(part, PART, "part")
    given = [name for name in DATA if part.get(name) is not None]
    if len(given) != 1:
        yield "required oneof field 'data' must have one initialized field"
    signature = part.get("thoughtSignature")
    if not is_model and (signature is not None or part.get("thought") or "functionCall" in given):
        yield "thoughts, signatures and function calls are the model's"
    if is_model and "functionResponse" in given:
        yield "function responses are the user's"
    if signature is not None and not _is_signature(signature):
        yield "Corrupted thought signature."
    if "text" in given and not (isinstance(part["text"], str) and (part["text"] or signature)):
        yield "it has an empty text parameter. Add a value to the parameter and try again."
    if "inlineData" in given and not _is_blob(part["inlineData"]):
        yield "inlineData must have a mimeType and base64 data"
    if "functionCall" in given:
        call = as_object(part["functionCall"])
        yield from unknown(call, CALL, "function_call")
        if not is_name(call.get("name")) or not isinstance(call.get("args", {}), dict):
            yield "a function call must have a valid name, and args that are an object"
    if "functionResponse" in given:
        yield from _of_response(as_object(part["functionResponse"]))


def _of_response(response: Object) -> Iterator[str]:
    yield from unknown(response, RESPONSE, "function_response")
    if not is_name(response.get("name")) or not isinstance(response.get("response"), dict):
        yield "a function response must have a valid name, and a response that is an object"
    parts = response.get("parts")
    if parts is not None and not all(_is_blob(part.get("inlineData")) for part in as_objects(parts) or ({},)):
        yield "the parts of a function response must be inlineData"


def _of_order(contents: Sequence[Object]) -> Iterator[str]:
    calls: Sequence[Object] = ()
    for at, content in enumerate(contents):
        responses = _held(content, "functionResponse")
        if calls and len(responses) != len(calls):
            yield (
                f"contents[{at}]: Please ensure that the number of function response parts is equal to the number of "
                "function call parts of the function call turn."
            )
        elif calls and any(map(_is_of_another, responses, calls)):
            yield f"contents[{at}]: function responses must have the names and ids of their calls, in their order"
        elif responses and not calls:
            yield (
                f"contents[{at}]: Please ensure that function response turn comes immediately after a function call "
                "turn."
            )
        calls = _held(content, "functionCall")
        if calls and (at == 0 or contents[at - 1].get("role") == "model"):
            yield (
                f"contents[{at}]: Please ensure that function call turn comes immediately after a user turn or after a "
                "function response turn."
            )
    if calls:
        yield "Please ensure that function call turn is followed by a function response turn."


def _is_of_another(response: Object, call: Object) -> bool:
    return response.get("name") != call.get("name") or response.get("id") != call.get("id")


def _of_current_turn(contents: Sequence[Object]) -> Iterator[str]:
    starts = (at for at, content in enumerate(contents) if content.get("role") == "user" and _speaks(content))
    for content in contents[max(starts, default=0) :]:
        parts = as_objects(content.get("parts"))
        first = next((at for at, part in enumerate(parts) if part.get("functionCall") is not None), None)
        if first is not None and not parts[first].get("thoughtSignature"):
            name = as_object(parts[first]["functionCall"]).get("name")
            yield (
                "Function call is missing a thought_signature in functionCall parts. Additional data, function call "
                f"`default_api:{name}`, position {first + 1}."
            )


def _speaks(content: Object) -> bool:
    return any(part.get("functionResponse") is None for part in as_objects(content.get("parts")))


def _held(content: Object, kind: str) -> Sequence[Object]:
    parts = as_objects(content.get("parts"))
    return [as_object(part[kind]) for part in parts if part.get(kind) is not None]


def is_name(name: Any) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _is_signature(signature: Any) -> bool:
    data = _decoded(signature)
    known = signature in STAND_INS or any(data == stand_in.encode() for stand_in in STAND_INS)
    return known or (data is not None and _MINTED.fullmatch(data) is not None)


def _is_blob(blob: Any) -> bool:
    given = as_object(blob)
    data = _decoded(given.get("data"))
    return isinstance(given.get("mimeType"), str) and bool(given["mimeType"] and data)


def _decoded(text: Any) -> bytes | None:
    """Return the bytes that `text` is the base64 of, in either of its two alphabets."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (AttributeError, ValueError):
        return None
