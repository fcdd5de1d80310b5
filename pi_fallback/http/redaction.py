"""Redaction: a secret's value, in the forms in which a provider may echo it, is taken out of a text."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 8  # "ollama" or "none" are no secrets, and hiding them would mangle every text


def hidden(text: str, secret: str) -> str:
    """Return `text` without `secret`: as it is, and URL-, JSON- or base64-escaped."""
    return without(text, forms_of(secret))


def without(text: str, forms: Iterable[str]) -> str:
    """Return `text` without the `forms` of a secret."""
    for form in forms:
        text = text.replace(form, HIDDEN)
    return text


def forms_of(secret: str) -> tuple[str, ...]:
    """Return the forms in which `secret` may show: it takes longer to find them than to look for them in a text."""
    if len(secret) < SHORTEST:
        return ()
    return tuple(form for form in dict.fromkeys(_forms(secret)) if len(form) >= SHORTEST)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    for in_json in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield in_json
        yield in_json.replace("/", r"\/")
    for in_url in (
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
    ):
        yield in_url
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), in_url)
    raw = secret.encode("utf-8", "replace")  # half a character in it must not cost the whole
    for before in range(3):  # base64 of a longer text looks different for each place modulo 3
        encoded = b64encode(b"\0" * before + raw)
        # The characters at both ends also hold bits of the neighbours.
        inner = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6].decode()
        yield inner
        yield inner.replace("+", "-").replace("/", "_")
