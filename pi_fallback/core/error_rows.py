"""Rows: the shape of the table that tells a failure by its words."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Literal, NamedTuple

from pi_fallback.core.error_shapes import plain
from pi_fallback_hookspecs import ErrorRow, FailureKind, ScopeKind

Place = Literal["any", "soft", "server", "bare"]
"""Where a row may speak. `any`: at any status. `soft`: not where the status blames the request (400, 404, 422, …).
`server`: where there is no status, a good one, or a 5xx. `bare`: where no status says that a model call failed."""

Check = Callable[[str, int, int], object]
"""Whether a row fits a text, in lower case and with single spaces, from one place to another; asked for its truth."""

_SHORT = 600  # characters that are looked through whole
_REACH = 240  # of a longer text: how far around one of its words a row looks
_TIMES = 3  # and at how many places a word is looked for

_BLAMES_THE_REQUEST = frozenset({400, 401, 404, 405, 406, 409, 410, 411, 413, 414, 415, 422, 431})
_SAYS_ENOUGH = frozenset({504, 522, 524, 529})


class Row(NamedTuple):
    """One family of wordings. It speaks if one of `words` is in the text, none of `unless` is, and `check` agrees."""

    name: str
    kind: FailureKind
    words: tuple[str, ...]
    source: str
    example: str
    check: Check | None = None
    at: Place = "any"
    unless: tuple[str, ...] = ()
    within_s: float | None = None  # only if a wait is stated that is not longer
    scope: ScopeKind | None = None

    def speaks(self, text: str, places: frozenset[Place], wait_s: float | None) -> bool:
        if self.at not in places:
            return False
        for word in self.words:
            if word in text:
                break
        else:
            return False
        if self.within_s is not None and (wait_s is None or wait_s > self.within_s):
            return False
        return (self.check is None or self._fits(text, self.check)) and not any(word in text for word in self.unless)

    def _fits(self, text: str, check: Check) -> bool:
        if len(text) <= _SHORT:
            return bool(check(text, 0, len(text)))
        for word in self.words:
            at, seen = text.find(word), 0
            while at >= 0:
                end = at + len(word) + _REACH
                if check(text, max(at - _REACH, 0), end):
                    return True
                seen += 1
                at = text.find(word, end) if seen < _TIMES else -1
        return False


def rows_for(provider: str, added: Iterable[ErrorRow]) -> tuple[Row, ...]:
    """What plugins have added to the table for the errors of `provider`."""
    return tuple(
        Row(row.name, row.kind, tuple(map(plain, row.words)), "a plugin", "", scope=row.scope)
        for row in added
        if row.provider in ("", provider)
    )


def places_of(status: int | None) -> frozenset[Place]:
    """The places that `status` opens."""
    if status is None or status < 400 or status == 499:
        return _BARE
    if status in _BLAMES_THE_REQUEST:
        return _HARD
    return _SERVER if status >= 500 and status not in _SAYS_ENOUGH else _SOFT


_HARD: frozenset[Place] = frozenset({"any"})
_SOFT: frozenset[Place] = frozenset({"any", "soft"})
_SERVER: frozenset[Place] = frozenset({"any", "soft", "server"})
_BARE: frozenset[Place] = frozenset({"any", "soft", "server", "bare"})


def finds(*alternatives: str) -> Check:
    """A check that looks for one of some patterns, compiled when it is first asked: most programs meet few of them."""

    def check(text: str, start: int, end: int) -> object:
        return pattern().search(text, start, end)

    @cache
    def pattern() -> re.Pattern[str]:
        return re.compile("|".join(alternatives))

    return check


def one_of(*words: str) -> tuple[str, ...]:
    """The words of "credit | balance | out of funds"."""
    return tuple(word for part in words for word in part.split(" | "))
