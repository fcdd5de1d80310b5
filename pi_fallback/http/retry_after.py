"""Retry-After: how long a provider asks us to wait."""

import re
from collections.abc import Callable, Mapping

from pi_fallback.http.limits import RETRY_AFTER_S

_NUMBER = re.compile(r"[0-9]{1,400}(\.[0-9]{0,400})?")


def retry_after_s(headers: Mapping[str, str], *, wall: Callable[[], float]) -> float | None:
    """Return the wait in seconds that `headers` (lower-case names) ask for, within [0, 31 days].

    `retry-after-ms` is exact and goes first; `retry-after` is seconds or an HTTP date (RFC 9110
    §10.2.3), which is compared with `wall()` (Unix seconds). Negative numbers and junk are None.
    """
    exact_ms = _number(headers.get("retry-after-ms", ""))
    if exact_ms is not None:
        return _clamped(exact_ms / 1000)
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return _clamped(seconds)
    moment = _unix_time(value)
    return None if moment is None else _clamped(moment - wall())


def _number(value: str) -> float | None:
    text = value.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _unix_time(value: str) -> float | None:
    if not value:
        return None
    from email.utils import parsedate_to_datetime  # takes 9 ms to load, and few providers send a date

    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser raises each of them on some junk
        return None


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), RETRY_AFTER_S)
