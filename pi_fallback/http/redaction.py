"""Redaction: a secret's value, in the forms in which a provider may echo it, is taken out of a text."""

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote

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
    return () if len(secret) < SHORTEST else tuple(dict.fromkeys(_forms(secret)))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    in_json = json.dumps(secret)[1:-1]
    yield in_json
    yield in_json.replace("/", r"\/")
    for in_url in (quote(secret, safe=""), quote(secret)):
        yield in_url
        yield in_url.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")
    raw = secret.encode()
    for before in range(3):  # base64 of a longer text looks different for each place modulo 3
        encoded = base64.b64encode(b"\0" * before + raw)
        # The characters at both ends also hold bits of the neighbours.
        inner = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6].decode()
        yield inner
        yield inner.replace("+", "-").replace("/", "_")
