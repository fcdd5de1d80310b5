"""The HTTP seam: one request out, a status, headers and raw bytes back, or one fault."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pi_fallback.http.client import BEARER, Http
    from pi_fallback.http.response import Response, TransportError, WireError

__all__ = ["BEARER", "Http", "Response", "TransportError", "WireError"]

_HOMES = {
    "BEARER": "client",
    "Http": "client",
    "Response": "response",
    "TransportError": "response",
    "WireError": "response",
}


def __getattr__(name: str) -> object:
    """Load the client when it is used: whoever only reads a header needs none."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
