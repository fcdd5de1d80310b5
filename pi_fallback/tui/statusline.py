"""The status line: where the agent stands, and what is about to happen."""

import math
from collections.abc import Iterator

from pi_fallback.core.clean import clean_line
from pi_fallback.tui.rows import Row, Span
from pi_fallback.tui.state import Countdown, ScreenState

QUEUED_MAX = 80  # characters of a waiting message


def status_row(state: ScreenState, now: float) -> Row:
    """Return the status line at the moment `now`."""
    parts = [part for part in _parts(state, now) if part.text]
    separated = [piece for part in parts for piece in (Span(" · ", "dim"), part)]
    return tuple(separated[1:])


def _parts(state: ScreenState, now: float) -> Iterator[Span]:
    yield Span(clean_line(str(state.route)) if state.route else "no model", "strong")
    if state.compacting:
        yield Span("shortening the conversation, Esc stops", "tool")
    elif state.working:
        yield Span("working, Esc stops", "tool")
    if state.retry is not None:
        yield Span(in_seconds(state.retry, now), "warning")
    for timer in _shown_timers(state):
        yield Span(in_seconds(timer, now), "warning")
    for _slot, text in sorted(state.status.items()):
        yield Span(clean_line(text), "info")
    if state.hint is not None and now < state.hint.at:
        yield Span(clean_line(state.hint.label), "strong")


def in_seconds(countdown: Countdown, now: float) -> str:
    """Return `next model in 12 s`; full seconds, never less than one until the moment has come."""
    left = math.ceil(countdown.at - now)
    return f"{clean_line(countdown.label)} in {left} s" if left > 0 else f"{clean_line(countdown.label)} now"


def queue_rows(state: ScreenState) -> tuple[Row, ...]:
    """Return the messages that wait for the run that is going on."""
    steering = [("next", text) for text in state.steering]
    later = [("later", text) for text in state.follow_ups]
    return tuple((Span(f"{when}: ", "dim"), Span(_short(text), "user")) for when, text in (*steering, *later))


def tick_s(state: ScreenState, now: float) -> float | None:
    """Return the seconds until the status line changes by itself, or None while nothing counts down."""
    numbers = [
        timer.at for timer in (*_shown_timers(state), *((state.retry,) if state.retry else ())) if timer.at > now
    ]
    waits = [(at - now) - (math.ceil(at - now) - 1) for at in numbers]
    if state.hint is not None and state.hint.at > now:
        waits.append(state.hint.at - now)
    return min(waits, default=None)


def _shown_timers(state: ScreenState) -> tuple[Countdown, ...]:
    """A timer without a label is its plugin's own affair."""
    return tuple(timer for timer in state.timers.values() if timer.label)


def _short(text: str) -> str:
    line = clean_line(text)
    return line if len(line) <= QUEUED_MAX else line[: QUEUED_MAX - 1] + "…"
