"""Moments through wall time and back, on clocks that do not behave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.state.instant import KEEP_S, Instant

WALL = 1_800_000_000.0
DAY_S = 86_400.0


@given(st.floats(0, 1e6), st.floats(0, KEEP_S), st.floats(0, 1e6))
def test_what_lies_in_reach_comes_back_as_it_was(now: float, ahead_s: float, ago_s: float) -> None:
    instant = Instant(now, WALL)
    assert instant.end(instant.stored_end(now + ahead_s)) == pytest.approx(now + ahead_s, abs=1e-5)
    assert instant.mark(instant.stored_mark(now - ago_s)) == pytest.approx(now - ago_s, abs=1e-5)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_no_rest_is_longer_than_a_month_and_no_mark_lies_ahead(stored: float, moment: float) -> None:
    instant = Instant(50.0, WALL)
    assert instant.end(stored) <= 50.0 + KEEP_S
    assert instant.mark(stored) <= 50.0
    assert instant.stored_end(moment) <= WALL + KEEP_S
    assert instant.stored_mark(moment) <= WALL


def test_a_machine_that_slept_has_rested_meanwhile() -> None:
    booked = Instant(now=100.0, wall=WALL).stored_end(100.0 + 3 * 3600)
    woken = Instant(now=100.0, wall=WALL + 2 * 3600)  # the monotonic clock stood still
    assert woken.end(booked) == pytest.approx(100.0 + 3600)


def test_another_process_has_another_monotonic_clock() -> None:
    booked = Instant(now=100.0, wall=WALL).stored_end(160.0)
    assert Instant(now=900_000.0, wall=WALL + 10).end(booked) == pytest.approx(900_050.0)


def test_a_wall_clock_set_back_by_a_year_costs_a_month_at_most() -> None:
    booked = Instant(now=100.0, wall=WALL).stored_end(160.0)
    assert Instant(now=110.0, wall=WALL - 365 * DAY_S).end(booked) == pytest.approx(110.0 + 31 * DAY_S)
