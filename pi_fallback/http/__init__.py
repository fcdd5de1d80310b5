"""The HTTP seam: one request out, a status, headers and raw bytes back, or one fault."""

from pi_fallback.http.client import BEARER, Http
from pi_fallback.http.response import Response, TransportError, WireError

__all__ = ["BEARER", "Http", "Response", "TransportError", "WireError"]
