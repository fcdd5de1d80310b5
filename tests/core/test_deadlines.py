"""Deadlines: one rule for streams that a watchdog ends and for answers that a thread waits for."""

import math

import pytest

from pi_fallback.core.deadlines import due, words
from pi_fallback_hookspecs import FaultKind, Limits

LIMITS = Limits(first_content_s=120.0, quiet_s=60.0, total_s=300.0)
FIRST, QUIET, TOTAL = FaultKind.FIRST_CONTENT_TIMEOUT, FaultKind.QUIET_TIMEOUT, FaultKind.TOTAL_TIMEOUT


@pytest.mark.parametrize(
    ("limits", "last", "at", "kind"),
    [
        (LIMITS, None, 1_120.0, FIRST),
        (LIMITS, 1_100.0, 1_160.0, QUIET),
        (LIMITS, 1_290.0, 1_300.0, TOTAL),
        (Limits(first_content_s=0, quiet_s=60.0, total_s=300.0), None, 1_300.0, TOTAL),
        (Limits(first_content_s=0, quiet_s=0, total_s=0), 1_100.0, math.inf, QUIET),
    ],
)
def test_the_next_deadline_is_the_first_that_would_be_broken(
    limits: Limits, last: float | None, at: float, kind: FaultKind
) -> None:
    assert due(limits, 1_000.0, last) == (at, kind)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FIRST, "no content within 120 s"),
        (QUIET, "no more content for 60 s"),
        (TOTAL, "the answer took longer than 300 s"),
        (FaultKind.OTHER, "the stream was ended"),
    ],
)
def test_a_broken_limit_is_said_with_its_figure(kind: FaultKind, said: str) -> None:
    assert words(kind, LIMITS) == said
