"""The body of a success: an event stream, or one JSON text from a host that does not stream."""

from pi_fallback.http import WireError
from pi_fallback.http.limits import EVENT_BYTES
from pi_fallback.providers.sse import SseDecoder, SseEvent
from pi_fallback_hookspecs import Fault, FaultKind

_SHOWN = 300  # bytes of what is neither: enough to see what it is


class Body:
    """Bytes in, events out; a JSON text is one event without a name. The first character tells, not the header."""

    def __init__(self) -> None:
        self.is_over = False
        self.is_json = False
        self._decoder: SseDecoder | None = None
        self._start: bytes = b""
        self._pieces: list[bytes] = []
        self._size = 0
        self._count = 0

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that end in `chunk`. If `is_over` is set after it, go to `finish`."""
        decoder = self._decoder
        if decoder is None:
            return self._first(chunk)
        events = decoder.feed(chunk)
        self._count += len(events)
        self.is_over = decoder.is_over
        return events

    def finish(self) -> list[SseEvent]:
        """Return what the end of the body completes.

        Raises:
            WireError: it was empty, too large, or neither events nor JSON.
        """
        if self.is_over:
            raise WireError(Fault(FaultKind.TOO_LARGE, "A line, an event or the body of the answer is too large."))
        if self.is_json:
            return [SseEvent("", b"".join(self._pieces))]
        if self._decoder is None:
            raise WireError(Fault(FaultKind.EMPTY, "The answer has no body."))
        events = self._decoder.finish()
        if self._decoder.is_over:
            self.is_over = True
            return self.finish()
        if not events and not self._count:
            shown = self._start.decode("utf-8", "replace")
            raise WireError(Fault(FaultKind.MALFORMED, f"The answer is no event stream. It begins with: {shown}"))
        return events

    def _first(self, chunk: bytes) -> list[SseEvent]:
        if not self.is_json:
            chunk = self._start + chunk
            start = chunk.lstrip(b" \t\r\n")
            if not start:
                return []  # some hosts send blank lines while they think
            self._start = start[:_SHOWN]
            if start[:1] not in (b"{", b"["):
                self._decoder = SseDecoder()
                return self.feed(start)
            self.is_json = True
        self._pieces.append(chunk)
        self._size += len(chunk)
        self.is_over = self._size > EVENT_BYTES
        return []
