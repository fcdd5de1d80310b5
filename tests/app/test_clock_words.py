"""How a moment is told on the user's own clock."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.app import clock_time

NOON = 1_790_000_000.0 - 1_790_000_000.0 % 86_400.0 + 43_200.0


def test_today_is_a_time_and_another_day_has_its_date() -> None:
    assert re.fullmatch(r"at \d\d:\d\d:\d\d", clock_time(1.0, NOON))
    assert re.fullmatch(r"on \w{3} \d\d \w{3} at \d\d:\d\d", clock_time(5 * 86_400.0, NOON))
    assert re.fullmatch(r"on \w{3} \d\d \w{3} 2028 at \d\d:\d\d", clock_time(500 * 86_400.0, NOON))


@given(st.floats(), st.floats())
def test_every_number_has_words(in_s: float, wall: float) -> None:
    assert clock_time(in_s, wall)
