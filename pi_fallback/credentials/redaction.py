"""Redaction: no secret that is known leaves by any door, in whatever dress."""

import re
from collections.abc import Sequence

from pi_fallback.credentials.finding import Finder
from pi_fallback.http.redaction import SHORTEST, forms_of

MARK = "[redacted]"
_WORDS = re.compile(r"[a-z]+(?:[-_./][a-z]+)*")
_WORDS_BELOW = 16  # "no-key-required" and "lm-studio" stand in for keys, and blotting them out spoils texts
_STAND_IN = re.compile(r"token-abc123|sk-no-key-required|sk-(.)\1*")  # as the manuals of local servers have them
_LETTERS = 4  # different ones, at least


class Redactor:
    """Knows secrets by value and blots them out: as they are, URL-escaped, JSON-escaped or in base64.

    One is shared by all that read secrets and all that show something: what is added counts from then on.
    """

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._finder: Finder | None = None
        self._is_stale = False

    def add(self, secret: str) -> None:
        """Blot out `secret` from now on, if it is one (see `is_secret`)."""
        if is_secret(secret) and secret not in self._secrets:
            self._secrets |= {secret}
            self._is_stale = True

    @property
    def known(self) -> int:
        return len(self._secrets)

    def clean(self, text: str) -> str:
        """`text` without any known secret."""
        finder = self._made() if self._is_stale else self._finder
        spans = finder.spans(text) if finder is not None else ()
        return _without(text, spans) if spans else text

    def passed(self, text: str) -> tuple[str, str]:
        """What of `text`, which goes on, holds no secret however it goes on, cleaned; and the rest as it is."""
        finder = self._made() if self._is_stale else self._finder
        if finder is None or finder.is_free(text):
            return text, ""
        at, spans = finder.tail(text), finder.spans(text)
        while spans and spans[-1][1] > at:
            at = min(at, spans.pop()[0])
        return _without(text[:at], spans), text[at:]

    def _made(self) -> Finder | None:
        self._is_stale = False
        forms = [form for secret in self._secrets for form in forms_of(secret)]
        self._finder = Finder(forms) if forms else None
        return self._finder


def is_secret(value: str) -> bool:
    """Whether `value` is one: not short, not plain words, not a row of x or 0, all of which stand in for keys."""
    is_words = len(value) < _WORDS_BELOW and _WORDS.fullmatch(value) is not None
    stands_in = is_words or _STAND_IN.fullmatch(value) is not None
    return len(value) >= SHORTEST and len(set(value)) >= _LETTERS and not stands_in


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    pieces: list[str] = []
    end = 0
    for begin, after in spans:
        pieces += (text[end:begin], MARK)
        end = after
    return "".join((*pieces, text[end:]))
