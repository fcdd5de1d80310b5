"""Redaction: a secret's value, in the forms in which a provider may echo it, is taken out of a text."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 8  # "ollama" or "none" are no secrets, and hiding them would mangle every text


def hidden(text: str, secret: str) -> str:
    """Return `text` without `secret`: as it is, and URL-, JSON- or base64-escaped."""
    if len(secret) < SHORTEST:
        return text
    for form in _forms(secret):
        text = text.replace(form, HIDDEN)
    return text


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
