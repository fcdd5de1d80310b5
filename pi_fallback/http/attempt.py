"""What one attempt lived through at the socket, and which fault its end is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from pi_fallback.http import limits
from pi_fallback.http.backend import httpx
from pi_fallback.http.hearing import Heard
from pi_fallback.http.redaction import hidden
from pi_fallback_hookspecs import Fault, FaultKind


@dataclass(slots=True)
class Attempt:
    """What is known of one attempt: `heard` on connections of ours, `connected` from a transport of the caller's.

    That one calls the attempt with each of its steps, as the client's `trace` extension, which costs 15 µs a request.
    """

    connected: bool = False  # as such a transport says
    head_came: bool = False
    heard: Heard = field(default_factory=Heard)

    async def __call__(self, step: str, _info: Mapping[str, object]) -> None:
        if step.endswith("send_request_headers.started"):
            self.connected = True

    def timeout(self, head_s: float) -> Fault:
        if not (self.connected or self.heard.asked):
            return Fault(FaultKind.CONNECT_TIMEOUT, f"No connection within {head_s:g} s.")
        return Fault(FaultKind.HEAD_TIMEOUT, f"No complete response head within {head_s:g} s.")

    def fault(self, error: httpx.TransportError, secret: str) -> Fault:
        kind, text = self._kind(error), _words(error)
        return Fault(kind, hidden(text, secret)[: limits.ERROR_TEXT])

    def _kind(self, error: httpx.TransportError) -> FaultKind:
        match error:
            case httpx.ConnectTimeout():
                return FaultKind.CONNECT_TIMEOUT
            case httpx.ConnectError() | httpx.ProxyError():
                return FaultKind.CONNECT
            case httpx.RemoteProtocolError():
                text = str(error)
                if "too long" in text:  # h11: "Receive buffer too long"
                    return FaultKind.TOO_LARGE
                # The client has one class for a lost connection and for one that speaks nonsense.
                broken = "disconnected" in text or "peer closed" in text
                return self._broken() if broken else FaultKind.MALFORMED
            case httpx.NetworkError():
                return self._broken()
            case _:
                return FaultKind.OTHER

    def _broken(self) -> FaultKind:
        # A pooled connection may have been closed by the other side long ago: then nobody saw this request.
        was_pooled = self.heard.asked and not self.heard.opened
        is_stale = was_pooled and not self.heard.answered and not self.head_came
        return FaultKind.STALE if is_stale else FaultKind.BROKEN


def _words(error: BaseException) -> str:
    """Return the words of `error` and of the one at its root: the client's own often say nothing."""
    root: BaseException = error
    cause: BaseException | None = error
    while cause is not None:
        root = (
            cast("BaseExceptionGroup[Exception]", cause).exceptions[0] if isinstance(cause, ExceptionGroup) else cause
        )
        cause = root.__cause__ or root.__context__
    words = [str(error) or type(error).__name__]
    # asyncio words its errors its own way ("Connect call failed"); the system's words say why.
    last = os.strerror(root.errno) if isinstance(root, ConnectionError) and root.errno else str(root)
    if last and last != words[0]:
        words.append(last)
    return ": ".join(words)
