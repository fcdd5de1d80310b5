"""Moments: when a limit ends, where an error names a time of day or a date in place of a wait."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from pi_fallback.core.error_waits import LONGEST_S

_LEAD = (
    r"(?:resets?(?: at| on| time:?)?|try again (?:at|on|after)|available (?:again )?(?:at|on|after)|until|"
    r"renews? (?:at|on)|regain access on|resets_?at[\"']?:|retry (?:at|after)|将在|于|在)"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"([0-9]{1,2})(?::([0-9]{2}))?(?::[0-9]{2})? ?([ap])?\.?(?:m\b\.?)?"
_ZONE = r"(?: ?\(?(utc|gmt|z\b|[a-z]{2,12}/[a-z_]{2,20}(?:/[a-z_]{2,20})?)\)?)?"
_ISO = re.compile(
    rf"{_LEAD} ?[\"'(]?([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})"
    r"(?:(?:t| at | )([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?(?:\.[0-9]{1,9})? ?(z|utc|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_DATE = re.compile(
    rf"{_LEAD} ?(?:[a-z]{{3,9}}day,? )?({'|'.join(_MONTHS)})[a-z]{{0,6}}\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?"
    rf"(?:,? ([0-9]{{4}}))?(?:,? (?:at )?{_CLOCK}{_ZONE})?"
)
_TIME = re.compile(rf"{_LEAD} (?:about )?{_CLOCK}{_ZONE}")
_EPOCH = re.compile(
    r"(?:limit reached\||(?:resets?_?at|x-ratelimit-reset|reset_time)[\"']?\s?[:=]\s?[\"']?)"
    r"(1[0-9]{9}|1[0-9]{12})(?![0-9])"
)
LATE = timedelta(minutes=10)  # clocks differ, and answers take their time
_EPOCH_HEADERS = ("anthropic-ratelimit-unified-reset", "x-ratelimit-reset", "x-codex-primary-reset-at")
_WORDS = (
    "reset",
    "again at",
    "again on",
    "until",
    "available",
    "limit reached|",
    "renew",
    "regain",
    "retry at",
    "retry after",
    "重置",
    "恢复",
)


def moment_in(text: str, now: datetime) -> float | None:
    """The moment (seconds since 1970) at which `text` (lower case, single spaces) says that a limit ends.

    `now` is aware: a time of day without a zone is of its zone, and the next such time is meant, or the one that has
    just passed. A moment that has passed, or is more than 31 days away, is clamped to that.
    """
    if not any(word in text for word in _WORDS):
        return None
    if found := _EPOCH.search(text):
        return _clamped(float(found[1]) / (1000 if len(found[1]) == 13 else 1), now)
    try:
        if found := _ISO.search(text):
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
            return _clamped(
                datetime(year, month, day, hour, minute, second, tzinfo=_offset(found[7], now)).timestamp(), now
            )
        if found := _DATE.search(text):
            return _clamped(_of_date(found, now).timestamp(), now)
        if (found := _TIME.search(text)) and (found[2] or found[3]):
            zone = _zone(found[4], now)
            here = now.astimezone(zone)
            moment = here.replace(hour=_hour(found[1], found[3]), minute=int(found[2] or 0), second=0, microsecond=0)
            days = (moment + timedelta(days=number) for number in (-1, 0, 1))
            return _clamped(next(day for day in days if day > here - LATE).timestamp(), now)
    except (ValueError, OverflowError):  # 31 February, or 25 o'clock
        return None
    return None


def moment_in_headers(headers: Mapping[str, str], now: datetime) -> float | None:
    """The moment at which `headers` (lower-case names) say that a limit ends: an HTTP date, or seconds since 1970."""
    value = headers.get("retry-after", "")
    if any(letter.isalpha() for letter in value):
        from email.utils import parsedate_to_datetime  # takes 9 ms to load, and few providers send a date

        try:
            return _clamped(parsedate_to_datetime(value).timestamp(), now)
        except (ValueError, TypeError, IndexError, OverflowError):  # the parser raises each of them on some junk
            return None
    for name in _EPOCH_HEADERS:
        found = re.fullmatch(r"1[0-9]{9}(?:[0-9]{3})?", headers.get(name, "").strip())
        if found:
            return _clamped(float(found[0]) / (1000 if len(found[0]) == 13 else 1), now)
    return None


def _of_date(found: re.Match[str], now: datetime) -> datetime:
    month, day, year, hour, minute, half, zone = found.groups()
    here = now.astimezone(_zone(zone, now))
    moment = datetime(
        int(year or here.year),
        _MONTHS.index(month[:3]) + 1,
        int(day),
        _hour(hour, half) if hour else 0,
        int(minute or 0),
        tzinfo=here.tzinfo,
    )
    if year is None and moment < here - timedelta(days=2):  # said in December of a day in January
        moment = moment.replace(year=here.year + 1)
    return moment


def _hour(hour: str, half: str | None) -> int:
    number = int(hour)
    return number if half is None else number % 12 + (12 if half == "p" else 0)


def _zone(name: str | None, now: datetime) -> tzinfo | None:
    if name is None:
        return now.tzinfo
    if name in ("utc", "gmt", "z"):
        return UTC
    # The text is in lower case; the names of zones are not.
    parts = [
        "_".join(word if word in ("of", "es") else word.capitalize() for word in part.split("_"))
        for part in name.split("/")
    ]
    try:
        return ZoneInfo("/".join(parts))
    except (OSError, ValueError, KeyError):  # no such zone, or none known here
        return now.tzinfo


def _offset(text: str | None, now: datetime) -> tzinfo | None:
    if text is None:
        return now.tzinfo
    if text in ("z", "utc"):
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _clamped(moment: float, now: datetime) -> float:
    start = now.timestamp()
    return min(max(moment, start), start + LONGEST_S)
