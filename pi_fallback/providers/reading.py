"""Reading: an event's JSON as an object, or the fault that it is."""

from typing import cast

import jiter

from pi_fallback.http import WireError
from pi_fallback.http.limits import EVENT_NODES, MIB
from pi_fallback.providers.errors import error_fault, error_in
from pi_fallback.providers.loose import Object
from pi_fallback_hookspecs import Fault, FaultKind

_LARGE = MIB


def json_in(data: bytes) -> object:
    """Return the parsed JSON of an event.

    Raises:
        WireError: it would take too much memory.
        ValueError: it is not JSON.
    """
    if len(data) > _LARGE and data.count(b"{") + data.count(b"[") > EVENT_NODES:
        raise WireError(Fault(FaultKind.TOO_LARGE, "An event has too many parts."))
    return jiter.from_json(data, allow_inf_nan=False, cache_mode="keys")


def object_in(data: bytes) -> Object:
    """Return the JSON object in `data`.

    Raises:
        WireError: it holds an error that is no object, or is not what any dialect sends, or is too large.
        ValueError: it is not JSON.
    """
    parsed = json_in(data)
    if isinstance(parsed, dict):
        return cast("Object", parsed)
    if (found := error_in(parsed)) is not None:
        raise WireError(error_fault(found))
    raise malformed("event")


class NotJson(WireError):
    """An event that no parser takes. Nothing of it was folded."""


def not_json(error: ValueError) -> NotJson:
    return NotJson(Fault(FaultKind.MALFORMED, f"An event is not JSON: {error}."))


def malformed(field: str) -> WireError:
    return WireError(Fault(FaultKind.MALFORMED, f"`{field}` is not of a type that this dialect has."))
