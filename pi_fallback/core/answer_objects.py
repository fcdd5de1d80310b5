"""Answer objects: whether what a client made of a 200 can be an answer at all."""

from collections.abc import Mapping
from typing import Any, cast

from pi_fallback.core.error_objects import said_in
from pi_fallback_hookspecs import Fault, FaultKind, Phase

HOLD = ("choices", "candidates", "content", "output")
"""Where chat completions, Gemini, Anthropic and responses keep what was said."""

LISTS = frozenset({"choices", "candidates"})  # an empty list is no answer; `content` may well be empty


def fault_of_answer(answer: object, phase: Phase) -> Fault | None:
    """Return the fault that `answer` is: a page, nothing, an error object, an answer without its parts; else None.

    What has none of the parts that are known passes: it is an answer of another kind.
    """
    if isinstance(answer, str | bytes) and answer:
        text = answer if isinstance(answer, str) else answer.decode(errors="replace")
        return Fault(FaultKind.MALFORMED, f"A page or a text came in the place of an answer: {text[:500]}", phase=phase)
    error = _get(answer, "error")
    if error:
        return _fault_of_error(error, phase)
    if answer is None or answer in ("", b"") or answer == {}:
        return Fault(FaultKind.EMPTY, "The answer was empty.", phase=phase)
    there = [name for name in HOLD if name in _fields(answer)]
    if any(_get(answer, name) or (_get(answer, name) is not None and name not in LISTS) for name in there):
        return None
    return Fault(FaultKind.EMPTY, f"The answer has no {there[0]}.", phase=phase) if there else None


def _fault_of_error(error: object, phase: Phase) -> Fault:
    names = ("message", "code", "type", "status", "details")
    plain = isinstance(error, dict | str)
    said = said_in({"error": cast("object", error) if plain else {name: _get(error, name) for name in names}})
    code = said.code if said else None
    return Fault(
        FaultKind.ERROR_EVENT,
        (said.text if said else "") or "The answer was an error without words.",
        status=int(code) if code and code.isdecimal() and 400 <= int(code) < 600 else None,
        code=code,
        type=said.type if said else None,
        retry_after_s=said.retry_after_s if said else None,
        phase=phase,
    )


def _fields(answer: object) -> Mapping[str, Any]:
    """The names that `answer` has, or should have by its class: an SDK leaves out what did not come."""
    if isinstance(answer, Mapping):
        return cast("Mapping[str, Any]", answer)
    declared = getattr(type(answer), "model_fields", {})
    return {**(declared if isinstance(declared, Mapping) else {}), **getattr(answer, "__dict__", {})}


def _get(answer: object, name: str) -> Any:
    if isinstance(answer, Mapping):
        return cast("Mapping[str, Any]", answer).get(name)
    return getattr(answer, name, None)
