"""Error bodies: the shapes in which providers say what went wrong, read into one value."""

import re
from dataclasses import dataclass, replace
from typing import cast

import jiter

from pi_fallback.http import Response, WireError
from pi_fallback.providers.error_details import details_in
from pi_fallback.providers.loose import Object, as_list, as_object, as_text
from pi_fallback_hookspecs import Fault, FaultKind

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error object says. `status` is a numeric code that looks like an HTTP status."""

    text: str
    code: str | None = None
    type: str | None = None
    status: int | None = None
    retry_after_s: float | None = None


def error_in(value: object) -> ErrorBody | None:
    """Return the error that parsed JSON is or bears, or None if it is something else.

    Known shapes: `{"error": {…}}`, `{"error": "text"}`, `{"message": …, "code": …}`, `{"detail": …}`,
    `{"errors": […]}`, any of them in a list.
    """
    if items := as_list(value):
        return error_in(items[0])
    whole = as_object(value)
    error = whole.get("error")
    if error and isinstance(error, dict):
        return _of_object(as_object(cast("object", error)))
    if error and isinstance(error, str):
        return _of_object({**whole, "message": whole.get("message") or error})
    if errors := as_list(whole.get("errors")):
        return error_in(errors[0]) or ErrorBody(_text(errors[0]))
    if isinstance(whole.get("message"), str | dict) or isinstance(whole.get("detail"), str | list):
        return _of_object(whole)
    return None


def error_fault(error: ErrorBody) -> Fault:
    """Return the fault that an error object in a 200 answer is."""
    return Fault(
        FaultKind.ERROR_EVENT,
        error.text or "The provider sent an error without words.",
        status=error.status,
        code=error.code,
        type=error.type,
        retry_after_s=error.retry_after_s,
    )


async def check_status(response: Response) -> None:
    """Go on only with a success that has a body.

    Raises:
        WireError: with what the status, and the body of an error, say.
    """
    status = response.status
    if status in (204, 205):
        raise WireError(Fault(FaultKind.EMPTY, f"HTTP {status}: an answer without a body."))
    if 200 <= status < 300:
        if response.is_encoded:
            raise WireError(Fault(FaultKind.MALFORMED, "The answer is compressed although we asked for identity."))
    elif 300 <= status < 400:
        raise WireError(
            Fault(
                FaultKind.REDIRECT,
                f"HTTP {status} sends us to {response.headers.get('location', 'nowhere')}: not followed, because the "
                "key would go along. Set the base URL to the new address if you trust it.",
                status=status,
            )
        )
    else:
        error = _error_of(await response.error_text())
        raise WireError(
            replace(error_fault(error), kind=FaultKind.STATUS, text=error.text or f"HTTP {status}", status=status)
        )


def _error_of(body: str) -> ErrorBody:
    try:
        error = error_in(jiter.from_json(body.encode("utf-8", "replace")))
    except ValueError:
        error = None
    if error is None:
        return ErrorBody(_plain(body))
    return error if error.text else replace(error, text=body)


def _of_object(error: Object) -> ErrorBody:
    kind = error.get("type") or error.get("status")
    code = as_object(error.get("details")).get("error_code") or error.get("code")  # Anthropic's newer errors; others
    details = details_in(error.get("details"))
    resets_s = error.get("resets_in_seconds")  # of a ChatGPT plan
    own_wait_s = float(resets_s) if isinstance(resets_s, int | float) and 0 <= resets_s < 1e9 else None
    numeric = int(code) if isinstance(code, str) and len(code) == 3 and code.isascii() and code.isdigit() else code
    text = _text(error.get("message") or error.get("detail"))
    upstream = as_text(as_object(error.get("metadata")).get("raw"))  # a router quotes the host behind it
    if details.quotas:
        text = f"{text} ({', '.join(details.quotas)})"
    return ErrorBody(
        text=f"{text}: {upstream}" if upstream else text,
        code=details.reason or (str(code) if isinstance(code, str | int) and code != "" else None),
        type=kind if isinstance(kind, str) else None,
        status=numeric if isinstance(numeric, int) and 400 <= numeric < 600 else None,
        retry_after_s=own_wait_s if details.delay_s is None else details.delay_s,
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if items := as_list(value):
        return "; ".join(text for item in items if (text := _text(item)))
    inner = as_object(value)
    return next((text for name in ("message", "msg", "detail") if name in inner and (text := _text(inner[name]))), "")


def _plain(body: str) -> str:
    """Return `body` as words: of a web page only its title."""
    text = body.strip()
    if not text.startswith("<"):
        return text
    title = _TITLE.search(text)
    return " ".join(title[1].split()) if title else "a web page"
