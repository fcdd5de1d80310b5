"""Waits and moments, as vendors state them in words, fields and headers."""

import re
from datetime import datetime, time, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.classify import classify, classify_error
from pi_fallback.core.error_moments import moment_in, moment_in_headers
from pi_fallback.core.error_shapes import plain
from pi_fallback.core.error_waits import LONGEST_S, stated_wait_s, wait_in_headers
from pi_fallback_hookspecs import FailureKind, Fault, FaultKind

WAITS = [
    ("Please try again in 6ms.", 0.006),
    ("Please try again in 7m12s.", 432),
    ("Please try again in 9m38.016s.", 578.016),
    ("Try again in 1h3m", 3780),
    ("try again in 3 days 4 hours 12 minutes.", 3 * 86400 + 4 * 3600 + 720),
    ("Please retry in 45.218844857s.", 45.218844857),
    ("Please retry after 86400 seconds.", 86400),
    ("please try again after 1 seconds", 1),
    ("Please wait 2 minutes before trying again", 120),
    ("You must wait 71 minutes.", 4260),
    ("Your quota will reset after 19h14m47s.", 69287),
    ("resets in 2 hours and 13 minutes", 7980),
    ("Expected available in 12 seconds.", 12),
    ("Wait about 5 min", 300),
    ('"retryDelay": "34.5s"', 34.5),
    ('"retryDelay":"1h2m3s"', 3723),
    ('"resets_in_seconds":602705', 602705),
    ("'retry_after': 5", 5),
    ('"retry_after_ms": 1500', 1.5),
    ("Retry-After: 13262", 13262),
    ("84 seconds を待ってから、もう一度お試しください。", 84),
    ("请在 3 小时后重试", 10800),
    ("请 60 秒后再试", 60),
    ("20초 후에 다시 시도", 20),
    ("Bitte erneut in 20 Sekunden", 20),
    ("Veuillez réessayer dans 30 secondes", 30),
    ("Inténtalo de nuevo en 2 minutos", 120),
    ("повторите через 20 секунд", 20),
]
NO_WAITS = [
    "Retrying in 4s · attempt 6/10",
    "Connection timed out after 600 seconds.",
    "timeout value=20.0, time taken=20.26 seconds",
    "expectedQueueDelayInMs: 394460",
    "proxy_read_timeout 300s",
    "try again later",
    "wait a few minutes",
    "resets 7pm (America/Los_Angeles)",
    '"resets_at":1775317531',
    "try again at 5:04 AM",
    "limit of 20,000 input tokens per minute",
]


@pytest.mark.parametrize(("text", "seconds"), WAITS)
def test_a_stated_wait_is_read(text: str, seconds: float | None) -> None:
    said = stated_wait_s(plain(text))
    assert said == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", NO_WAITS)
def test_what_is_no_wait_is_not_read_as_one(text: str) -> None:
    assert stated_wait_s(plain(text)) is None


def test_rf1_a_wait_stays_within_31_days() -> None:
    assert stated_wait_s("try again in 999999999 days") == LONGEST_S
    assert wait_in_headers({"retry-after": "9" * 30}) == LONGEST_S
    assert wait_in_headers({"retry-after": "0"}) == 0.0


@pytest.mark.parametrize("junk", ["-5", "soon", "\x1b[2J", "", "nan", "1e9", "٣"])
def test_rf1_junk_in_a_header_is_no_wait(junk: str) -> None:
    assert wait_in_headers({"retry-after": junk}) is None


HEADERS = [
    ({"retry-after": "7"}, 7.0),
    ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
    ({"retry-after": "1m30s"}, 90.0),
    ({"x-codex-primary-used-percent": "100", "x-codex-primary-reset-after-seconds": "471285"}, 471285.0),
    ({"x-codex-primary-used-percent": "12", "x-codex-primary-reset-after-seconds": "471285"}, None),
    ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
    ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "6m0s"}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), HEADERS)
def test_a_header_states_a_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_in_headers(headers) == seconds


HERE = timezone(timedelta(hours=2))
NOW = datetime(2026, 11, 21, 16, 0, tzinfo=HERE)
MOMENTS = [
    ("You've hit your limit · resets 7pm", datetime(2026, 11, 21, 19, 0, tzinfo=HERE)),
    ("limit reached ∙ resets 3am", datetime(2026, 11, 22, 3, 0, tzinfo=HERE)),
    ("resets 7pm (America/Los_Angeles)", datetime(2026, 11, 22, 5, 0, tzinfo=HERE)),
    ("resets at 15:30 UTC", datetime(2026, 11, 21, 17, 30, tzinfo=HERE)),
    ("resets at 12:30 am", datetime(2026, 11, 22, 0, 30, tzinfo=HERE)),
    ("Your rate limit resets on Nov 23, 2026, 5:04 AM.", datetime(2026, 11, 23, 5, 4, tzinfo=HERE)),
    ("try again at Nov 23rd, 2026 1:01 PM.", datetime(2026, 11, 23, 13, 1, tzinfo=HERE)),
    ("resets Nov 27, 3am", datetime(2026, 11, 27, 3, 0, tzinfo=HERE)),
    ("You will regain access on 2026-12-01 at 00:00 UTC.", datetime(2026, 12, 1, 2, 0, tzinfo=HERE)),
    ("您的限额将在 2026-11-24 10:39:02 重置", datetime(2026, 11, 24, 10, 39, 2, tzinfo=HERE)),
    ("resets at 2026-11-22T05:04:00Z", datetime(2026, 11, 22, 7, 4, tzinfo=HERE)),
    ("Claude AI usage limit reached|1795300000", datetime.fromtimestamp(1795300000, HERE)),
    ('"resets_at":1795300000', datetime.fromtimestamp(1795300000, HERE)),
    ("resets at 25:00", None),
    ("resets Feb 31", None),
    ("resets soon", None),
    ("it resets 7 counters", None),
]


@pytest.mark.parametrize(("text", "moment"), MOMENTS)
def test_a_stated_time_of_day_or_date_is_a_moment(text: str, moment: datetime | None) -> None:
    assert moment_in(plain(text), NOW) == (None if moment is None else moment.timestamp())


@pytest.mark.parametrize(
    ("clock", "text", "seconds"),
    [
        ("19:00:05", "You've hit your limit · resets 7pm", 0),
        ("19:09:59", "limit reached. resets at 19:00", 0),
        ("19:10:00", "resets 7pm", 85_800),
        ("18:59:00", "resets 7pm", 60),
        ("00:00:05", "resets 11:59pm", 0),
        ("00:00:05", "resets 12am", 0),
        ("23:59:00", "resets 12am", 60),
    ],
)
def test_a_time_of_day_that_has_just_passed_is_now_and_not_tomorrow(clock: str, text: str, seconds: int) -> None:
    now = datetime.combine(NOW, time.fromisoformat(clock), HERE)
    assert moment_in(plain(text), now) == now.timestamp() + seconds


def test_a_moment_that_has_passed_is_now_and_none_is_over_31_days_away() -> None:
    assert moment_in("limit reached|1700000000", NOW) == NOW.timestamp()
    assert moment_in('"resets_at": 1999999999', NOW) == NOW.timestamp() + LONGEST_S


def test_a_header_may_state_a_date() -> None:
    assert moment_in_headers({"retry-after": "Sat, 21 Nov 2026 14:05:00 GMT"}, NOW) == NOW.timestamp() + 300
    assert moment_in_headers({"anthropic-ratelimit-unified-reset": "1795300000"}, NOW) == 1795300000
    assert moment_in_headers({"retry-after": "tomorrow"}, NOW) is None


def test_a_moment_is_read_only_with_a_clock_and_becomes_a_wait_of_the_engine() -> None:
    text = "You've hit your limit · resets 7pm"
    assert classify_error(text, now=NOW).until == NOW.timestamp() + 3 * 3600
    assert classify_error(text).until is None
    fault = Fault(FaultKind.STATUS, text, status=429)
    assert classify(fault, NOW).retry_after_s == 3 * 3600
    assert classify(fault).retry_after_s is None


def test_a_wait_of_over_fifteen_minutes_in_words_makes_a_rate_limit_a_spent_plan() -> None:
    for wait, kind in (("14 minutes", FailureKind.RATE_LIMIT), ("16 minutes", FailureKind.QUOTA_EXHAUSTED)):
        assert classify(Fault(FaultKind.STATUS, f"Rate limited. Try again in {wait}.", status=429)).kind is kind


@pytest.mark.parametrize(
    ("text", "is_final"),
    [
        ("attempt 1/4: No capacity available for model", False),
        ("attempt 4/4: No capacity available for model", True),
        ("Attempt 1 failed: your quota will reset after 5s. Retrying after 6173ms...", False),
        ("529 Overloaded · Retrying in 4s · attempt 6/10", False),
        ("No capacity available for model", True),
    ],
)
def test_t25_t26_an_attempt_that_its_client_repeats_is_not_final(text: str, is_final: bool) -> None:
    assert classify_error(text).is_final is is_final


UNITS = st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("d", 86400)])


@given(st.lists(st.tuples(st.integers(0, 59), UNITS), min_size=1, max_size=4, unique_by=lambda part: part[1]))
def test_the_parts_of_a_duration_add_up(parts: list[tuple[int, tuple[str, int]]]) -> None:
    words = "".join(f"{amount}{unit}" for amount, (unit, _) in parts)
    assert stated_wait_s(f"try again in {words}") == min(sum(a * size for a, (_, size) in parts), LONGEST_S)


@given(st.text(max_size=300))
def test_any_text_has_a_wait_within_bounds_or_none(text: str) -> None:
    said = stated_wait_s(plain(text))
    assert said is None or 0 <= said <= LONGEST_S
    moment = moment_in(plain(text), NOW)
    assert moment is None or NOW.timestamp() <= moment <= NOW.timestamp() + LONGEST_S


HOSTILE = ["1h", "try again in 1 ", "retry after ", "reset your ", "1 minute and ", "retry_after: ", "in " * 9]


@pytest.mark.parametrize(("piece", "tail"), product(HOSTILE, ["", "!", "x"]))
def test_64_kib_of_what_nearly_fits_are_cut_before_they_are_read(piece: str, tail: str) -> None:
    text = plain((piece + tail) * (65536 // len(piece + tail)))
    assert len(text) <= 8193
    assert re.search("[A-Z]", text) is None
    said = stated_wait_s(text)
    assert said is None or 0 <= said <= LONGEST_S
