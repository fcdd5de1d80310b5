"""Deadlines: when an answer has been silent, or has taken, too long, and what that is called."""

import math
from collections.abc import Mapping

from pi_fallback_hookspecs import FaultKind, Limits

_WORDS: Mapping[FaultKind, str] = {
    FaultKind.FIRST_CONTENT_TIMEOUT: "no content within {0.first_content_s:g} s",
    FaultKind.QUIET_TIMEOUT: "no more content for {0.quiet_s:g} s",
    FaultKind.TOTAL_TIMEOUT: "the answer took longer than {0.total_s:g} s",
}


def due(limits: Limits, started: float, last: float | None) -> tuple[float, FaultKind]:
    """The next deadline of an answer asked for at `started`, infinite if there is none, and what it would mean.

    `last` is the moment of its last content, None before the first. All are monotonic seconds.
    """
    if last is None:
        next_at, kind = after(started, limits.first_content_s), FaultKind.FIRST_CONTENT_TIMEOUT
    else:
        next_at, kind = after(last, limits.quiet_s), FaultKind.QUIET_TIMEOUT
    total = after(started, limits.total_s)
    return (next_at, kind) if next_at <= total else (total, FaultKind.TOTAL_TIMEOUT)


def after(moment: float, limit_s: float) -> float:
    """The end of a limit that began at `moment`; 0 is no limit."""
    return moment + limit_s if limit_s > 0 else math.inf


def words(kind: FaultKind, limits: Limits) -> str:
    """Say which of `limits` an answer has broken."""
    return _WORDS[kind].format(limits) if kind in _WORDS else "the stream was ended"
