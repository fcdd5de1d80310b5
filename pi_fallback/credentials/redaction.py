"""Redaction: no secret that is known leaves by any door, in whatever dress."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

MIN_LENGTH = 8  # shorter ones ("ollama", "none") are no secrets, and would cut holes into every text
MARK = "[redacted]"


class Redactor:
    """Knows secrets by value and blots them out: as they are, URL-escaped, JSON-escaped or in base64."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Blot out `secret` from now on."""
        if len(secret) < MIN_LENGTH or secret in self._forms:
            return
        self._forms.update(form for form in _forms(secret) if len(form) >= MIN_LENGTH)
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """`text` without any known secret."""
        return text if self._pattern is None else self._pattern.sub(MARK, text)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    for escaped in (quote(secret), quote_plus(secret), quote(secret, safe="")):
        yield escaped
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), escaped)
    for quoted in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield quoted
        yield quoted.replace("/", "\\/")
    yield from _in_base64(secret.encode(), b64encode)
    yield from _in_base64(secret.encode(), urlsafe_b64encode)


def _in_base64(secret: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """What shows of `secret` in the base64 of a longer text, where it may begin at any of three offsets."""
    for offset in range(3):
        text = encode(bytes(offset) + secret).decode().rstrip("=")
        first = (0, 2, 3)[offset]  # the characters before depend on what stands before the secret
        last = len(text) - ((offset + len(secret)) % 3 != 0)  # and the last one on what follows
        yield text[first:last]
