"""Waits: how long an error asks to wait, in its headers, in its fields, or in words of any language seen so far."""

import re
from collections.abc import Mapping

LONGEST_S = 31 * 86400.0

_UNITS: Mapping[str, float] = {
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds", "millis", "毫秒"), 0.001),
    **dict.fromkeys(
        (
            "s",
            "sec",
            "secs",
            "second",
            "seconds",
            "秒",
            "秒钟",
            "초",
            "sek",
            "sekunde",
            "sekunden",
            "segundo",
            "segundos",
            "seconde",
            "secondes",
            "secondi",
            "сек",
            "секунд",
            "секунды",
            "секунду",
        ),
        1.0,
    ),
    **dict.fromkeys(
        (
            "m",
            "min",
            "mins",
            "minute",
            "minutes",
            "分",
            "分钟",
            "分鐘",
            "분",
            "minuten",
            "minuto",
            "minutos",
            "minuti",
            "мин",
            "минут",
            "минуты",
            "минуту",
        ),
        60.0,
    ),
    **dict.fromkeys(
        (
            "h",
            "hr",
            "hrs",
            "hour",
            "hours",
            "小时",
            "小時",
            "時間",
            "시간",
            "stunde",
            "stunden",
            "hora",
            "horas",
            "heure",
            "heures",
            "ore",
            "час",
            "часа",
            "часов",
        ),
        3600.0,
    ),
    **dict.fromkeys(
        (
            "d",
            "day",
            "days",
            "天",
            "日",
            "일",
            "tag",
            "tage",
            "tagen",
            "día",
            "días",
            "dia",
            "dias",
            "jour",
            "jours",
            "giorni",
            "день",
            "дня",
            "дней",
        ),
        86400.0,
    ),
    **dict.fromkeys(("w", "wk", "week", "weeks", "周", "週"), 604800.0),
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_PART = rf"[0-9]{{1,9}}(?:\.[0-9]{{1,12}})? ?(?:{_UNIT})(?![a-zа-яéí])"
_DURATION = rf"{_PART}(?:(?: |, ?| and |, and | y | et | und )?{_PART}){{0,4}}"
_PARTS = re.compile(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,12}})?) ?({_UNIT})(?![a-zа-яéí])")
_WHOLE = re.compile(_DURATION)

_ABOUT = r"(?:about |approximately |approx\.? |around |roughly |another |at least |~ ?|≈ ?|up to |the next |next )?"
_ASKS = (
    r"(?:try(?:ing)? (?:your request |the request |this )?again|\bretry(?: your request| the request|ing)?|"
    r"\bretry-?_?after|(?:please )?\bwait(?: for)?|available(?: again)?|\bresets?|reset after|refresh(?:es)?|"
    r"\bunlocks?|"
    r"come back|back|resumes?|renews?|replenish(?:es|ed)?|restored?|recovers?|lifted|expires?|cooldown|cool down|"
    r"cooling down|backoff|suspended|blocked|reintentar|de nuevo|réessaye[rz]|erneut|"
    r"повторите|попробуйте|intente|tente novamente)"
)
_JOINTS = (
    r"[\"']?(?: (?:limit|quota|it|your|will be|be|is|again|the)){0,4}"
    r"(?: ?(?:in|after|for|within|at least|en|dans|через|em|=|:|period:?|time:?|remaining:?|is)){0,4} ?[\"'(`]?"
)
_BEFORE = re.compile(f"{_ASKS}{_JOINTS}{_ABOUT}({_DURATION})")
_AFTER = re.compile(
    rf"({_DURATION})(?: ?(?:を?待って|お待ち|後に|之?后|以后|以後|後|내에|후|later\b|remaining|"
    r"until (?:reset|the next|your)|before (?:trying|retrying|you|making|sending|the next|next|submitting)))"
)
_FIELD = re.compile(
    r"[\"']?\b(retry[-_]?after[-_]?(?:seconds|secs|ms|s)?|retry_?delay|quota_?reset_?delay|reset[s]?_(?:in|after)_(?:seconds|secs|ms|s)|"
    r"resets_?in(?:_?seconds)?|reset[_-]after(?:[_-]seconds)?|wait[_-](?:seconds|time|s)|retry_in(?:_seconds)?|cooldown_seconds|"
    r"seconds_until_reset)[\"']?\s?[:=]\s?[\"']?([0-9]{1,12}(?:\.[0-9]{1,12})?)\s?([a-z0-9.]{0,24})"
)
_WORDS = (
    *("again", "retry", "wait", "reset", "delay", "after", "available", "refresh", "unlock", "back", "before", "later"),
    *("cool", "remaining", "resume", "renew", "until", "expire", "restor", "待", "后", "後", "후"),
    *("через", "erneut", "dans", "nuevo"),
)
_DIGIT = re.compile(r"[0-9]")


def stated_wait_s(text: str) -> float | None:
    """The wait that `text` (lower case, single spaces) states, in seconds from now.

    A client's own countdown ("retrying in 4s") is none: it says what the client does, not what the provider asks.
    """
    if not any(word in text for word in _WORDS) or _DIGIT.search(text) is None:
        return None
    for found in _BEFORE.finditer(text):
        if not found[0].startswith("retrying"):
            return _clamped(seconds_in(found[1]))
    if found := _AFTER.search(text):
        return _clamped(seconds_in(found[1]))
    for found in _FIELD.finditer(text):
        if (wait_s := _of_field(found[1], found[2], found[3])) is not None:
            return wait_s
    return None


def seconds_in(duration: str) -> float:
    """The sum of "19h14m47s", "1 hour and 3 minutes", "864ms", "3 小时"."""
    return sum(float(amount) * _UNITS[unit] for amount, unit in _PARTS.findall(duration))


def wait_in_headers(headers: Mapping[str, str]) -> float | None:
    """The seconds that `headers` (lower-case names) state as a number; a date is none, see `moments`."""
    exact_ms = _number(headers.get("retry-after-ms"))
    if exact_ms is not None:
        return _clamped(exact_ms / 1000)
    value = headers.get("retry-after", "").strip().lower()
    if (seconds := _number(value)) is not None:
        return _clamped(seconds)
    if value and _WHOLE.fullmatch(value):
        return _clamped(seconds_in(value))
    return _of_windows(headers)


def _of_windows(headers: Mapping[str, str]) -> float | None:
    """The wait of a used-up window: ChatGPT's two, and what stands beside a `remaining` of nothing."""
    waits: list[float] = []
    for name, value in headers.items():
        if name.startswith("x-codex-") and name.endswith("-reset-after-seconds"):
            used = _number(headers.get(name.replace("reset-after-seconds", "used-percent")))
            if used is not None and used >= 100 and (seconds := _number(value)) is not None:
                waits.append(seconds)
        elif name.startswith("x-ratelimit-reset-") and _number(headers.get(name.replace("reset", "remaining"))) == 0:
            text = value.strip().lower()
            if _WHOLE.fullmatch(text):
                waits.append(seconds_in(text))
    return _clamped(max(waits)) if waits else None


def _of_field(name: str, number: str, unit: str) -> float | None:
    if name.endswith("ms"):
        return _clamped(float(number) / 1000)
    if found := _WHOLE.match(number + unit):
        return _clamped(seconds_in(found[0]))
    seconds = float(number)
    if unit or seconds > 1e9:  # a moment, or something else
        return None
    return _clamped(seconds)


def _number(value: str | None) -> float | None:
    text = (value or "").strip()
    return float(text) if len(text) <= 40 and re.fullmatch(r"[0-9]+(?:\.[0-9]*)?", text) else None


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_S)
