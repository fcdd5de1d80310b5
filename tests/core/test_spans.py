"""Spans in words."""

import pytest

from pi_fallback.core.spans import span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1.0, "0 s"),
        (0.4, "0 s"),
        (90.0, "90 s"),
        (120.0, "2 min"),
        (3600.0, "1 h"),
        (3900.0, "1 h 5 min"),
        (93_600.0, "1 d 2 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert span(seconds) == words
