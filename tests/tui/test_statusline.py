"""What the status line says, and when it changes by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.tui.state import Countdown, ScreenState, hinted
from pi_fallback.tui.statusline import queue_rows, status_row, tick_s
from pi_fallback_hookspecs import Route

ROUTE = Route("p", "a")
QUIET = ("progress", "quiet")


def line(state: ScreenState, now: float = 0.0) -> str:
    return "".join(span.text for span in status_row(state, now))


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        (ScreenState(), 0.0, "no model"),
        (ScreenState(route=ROUTE), 0.0, "p/a"),
        (ScreenState(route=Route("p", "a", "backup-1")), 0.0, "p/a (backup-1)"),
        (ScreenState(route=ROUTE, working=True), 0.0, "p/a · working, Esc stops"),
        (
            ScreenState(route=ROUTE, working=True, compacting=True),
            0.0,
            "p/a · shortening the conversation, Esc stops",
        ),
        (ScreenState(route=ROUTE, timers={QUIET: Countdown(20.0, "next model")}), 8.0, "p/a · next model in 12 s"),
        (ScreenState(route=ROUTE, timers={QUIET: Countdown(20.0, "next model")}), 19.9, "p/a · next model in 1 s"),
        (ScreenState(route=ROUTE, timers={QUIET: Countdown(20.0, "next model")}), 20.0, "p/a · next model now"),
        (ScreenState(route=ROUTE, timers={("x", "own"): Countdown(20.0, "")}), 0.0, "p/a"),
        (ScreenState(route=ROUTE, retry=Countdown(4.0, "retry 2/3")), 0.5, "p/a · retry 2/3 in 4 s"),
        (ScreenState(route=ROUTE, status={"b.x": "two", "a.x": "one"}), 0.0, "p/a · one · two"),
        (hinted(ScreenState(route=ROUTE), "Ctrl+C again quits", until=2.0), 1.9, "p/a · Ctrl+C again quits"),
        (hinted(ScreenState(route=ROUTE), "Ctrl+C again quits", until=2.0), 2.0, "p/a"),
    ],
)
def test_the_line_reads(state: ScreenState, now: float, expected: str) -> None:
    assert line(state, now) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ScreenState(route=ROUTE, working=True, status={"a.x": "one"}), None),
        (ScreenState(timers={("x", "own"): Countdown(20.0, "")}), None),
        (ScreenState(retry=Countdown(4.0, "retry")), None),
        (ScreenState(timers={QUIET: Countdown(20.0, "next model")}), 1.0),
        (ScreenState(timers={QUIET: Countdown(20.0, "next model")}, retry=Countdown(12.25, "retry")), 0.25),
        (hinted(ScreenState(), "again", until=11.5), 1.5),
    ],
)
def test_only_what_counts_down_has_it_drawn_again(state: ScreenState, expected: float | None) -> None:
    assert tick_s(state, 10.0) == expected


@given(st.integers(0, 4_000), st.integers(1, 4_000))
def test_between_two_drawings_the_number_does_not_change(now_64th: int, wait_64th: int) -> None:
    now, at = now_64th / 64, (now_64th + wait_64th) / 64
    state = ScreenState(retry=Countdown(at, "retry"))
    wait = tick_s(state, now)
    assert wait is not None
    assert 0.0 < wait <= 1.0
    assert line(state, now + wait - 1 / 64) == line(state, now)
    assert line(state, now + wait) != line(state, now)


def test_waiting_messages_are_shown_in_short() -> None:
    state = ScreenState(steering=("now\nplease",), follow_ups=("x" * 200,))
    assert ["".join(span.text for span in row) for row in queue_rows(state)] == [
        "next: now please",
        f"later: {'x' * 79}…",
    ]
