"""Error objects: what providers say of an error, in the shapes in which SDKs hand it on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

_DELAY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


@dataclass(frozen=True, slots=True)
class Said:
    """What an error object says, as far as it says it."""

    text: str = ""
    code: str | None = None
    type: str | None = None
    retry_after_s: float | None = None


def said_in(value: object) -> Said | None:
    """Return what parsed JSON says of an error; None if it is no error object.

    `{"error": {…}}` as it came (Anthropic, Google), its inside alone (openai's `body`), a list of one
    of them, botocore's `{"Error": {…}}`, and `{"error": "text"}`, `{"detail": "text"}`.
    """
    if isinstance(value, list) and value:
        return said_in(cast("list[object]", value)[0])
    if not isinstance(value, dict):
        return None
    whole = cast("Mapping[str, object]", value)
    inner = whole.get("error") or whole.get("Error")
    error = cast("Mapping[str, object]", inner) if isinstance(inner, dict) else whole
    text = _first_text(error, "message", "Message", "detail", "error")
    code, kind = error.get("code") or error.get("Code"), error.get("type") or error.get("status")
    if not (text or code or inner):
        return None
    return Said(
        text,
        code=str(code) if isinstance(code, str | int) and code else None,
        type=kind if isinstance(kind, str) else None,
        retry_after_s=_delay_s(error.get("details")),
    )


def _first_text(error: Mapping[str, object], *names: str) -> str:
    return next((text for name in names if isinstance(text := error.get(name), str)), "")


def _delay_s(details: object) -> float | None:
    """Google's `RetryInfo` (google.rpc, error_details.proto): a `retryDelay` like "34.5s"."""
    for item in cast("Sequence[object]", details) if isinstance(details, list) else ():
        delay = cast("Mapping[str, object]", item).get("retryDelay") if isinstance(item, dict) else None
        if isinstance(delay, str) and (found := _DELAY.fullmatch(delay)):
            return float(found[1])
    return None
