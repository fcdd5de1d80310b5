"""How a moment is told on the user's own clock."""

import re

from pi_fallback.app import clock_time

NOON = 1_790_000_000.0 - 1_790_000_000.0 % 86_400.0 + 43_200.0


def test_today_is_a_time_and_another_day_has_its_date() -> None:
    assert re.fullmatch(r"at \d\d:\d\d:\d\d", clock_time(1.0, NOON))
    assert re.fullmatch(r"on \w{3} \d\d \w{3} at \d\d:\d\d", clock_time(5 * 86_400.0, NOON))
