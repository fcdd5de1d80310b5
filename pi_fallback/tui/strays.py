"""Strays: what was pasted a moment too late, and is meant for a login and not for a model."""

from urllib.parse import parse_qs, urlsplit

from pi_fallback.config.schema import is_loopback

STRAY = "That is the address that a login ended at, and holds its code. It was sent to nobody. Log in again: /login"


def is_login_address(text: str) -> bool:
    """Whether `text` is where a login sends a browser: an address of this machine with a code and a state."""
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname or ""
    except ValueError:  # no address at all
        return False
    is_alone = len(text.split()) == 1
    return (
        is_alone and parts.scheme == "http" and is_loopback(host) and {"code", "state"} <= parse_qs(parts.query).keys()
    )
