"""Reading: an event's JSON as an object, or the fault that it is."""

from typing import cast

import jiter

from pi_fallback.http import WireError
from pi_fallback.providers.errors import error_fault, error_in
from pi_fallback.providers.loose import Object
from pi_fallback_hookspecs import Fault, FaultKind


def object_in(data: bytes) -> Object:
    """Return the JSON object in `data`.

    Raises:
        WireError: it holds an error that is no object, or is not what any dialect sends.
        ValueError: it is not JSON.
    """
    parsed: object = jiter.from_json(data, allow_inf_nan=False, cache_mode="keys")
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
