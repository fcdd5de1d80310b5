"""Addresses and headers: what may be sent, and where to. Refusals are sentences, as `ValueError`."""

import ipaddress
import re
from collections.abc import Mapping

from pi_fallback.addresses import is_metadata

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?|")
_SECRET = re.compile(r"[\x21-\x7e]+")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(scheme: str, host: str, *, secret: bool) -> None:
    """Refuse an address that a request, with or without a `secret`, must not go to."""
    if not host or scheme not in ("http", "https"):
        raise ValueError(f"the base URL must begin with https:// and a host, not {scheme or 'nothing'}://{host}")
    if is_metadata(host):
        raise ValueError(f"{scheme}://{host} serves a cloud machine's own credentials, so nothing is sent there")
    if scheme == "https" or is_loopback(host):
        return
    if not _is_near(host):
        raise ValueError(f"http://{host} is not encrypted; use https://, or http:// only on this machine")
    if secret:
        raise ValueError(f"http://{host} is not encrypted, so no key is sent there; use https:// or remove the key")


def _is_near(host: str) -> bool:
    """Is `host` in a private network? Link-local addresses are not: cloud metadata lives there."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan"))
    return address.is_private and not address.is_link_local


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse names and values that could become another header. Values are never quoted: they may be secret."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of header {name!r} holds a character that a header must not have")


def check_secret(secret: str) -> None:
    if not _SECRET.fullmatch(secret):
        raise ValueError("the key is empty or holds a space, a line break or another character that no key has")
