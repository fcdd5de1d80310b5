"""Server-sent events: bytes in any pieces become events (WHATWG HTML §9.2), within limits.

One choice differs from the standard: a last event without its blank line counts, because many hosts omit it.
"""

from typing import NamedTuple

from pi_fallback.http.limits import EVENT_BYTES, LINE_BYTES

_BOM = b"\xef\xbb\xbf"


class SseEvent(NamedTuple):
    """An event: its name, or "", and its data as valid UTF-8."""

    name: str
    data: bytes


class SseDecoder:
    """Decodes one stream. Once a line or an event is over its limit, `is_over` is set and nothing more comes."""

    def __init__(self, *, line_bytes: int = LINE_BYTES, event_bytes: int = EVENT_BYTES) -> None:
        self.is_over = False
        self._line_bytes = line_bytes
        self._event_bytes = event_bytes
        self._pieces: list[bytes] = []  # of a line that has not ended; joined once, so that a long line stays linear
        self._pieces_size = 0
        self._after_cr = False
        self._at_start = True
        self._name = ""
        self._data: list[bytes] = []
        self._data_size = 0

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that end in `chunk`."""
        if self.is_over or not chunk:
            return []
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]  # the second half of a CRLF that was cut in two
        self._after_cr = False
        if chunk[-1:] == b"\n" and not self._pieces:
            return self._read(chunk)  # what most reads are: whole events
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        events: list[SseEvent] = []
        if end > 0:
            self._after_cr = chunk[-1:] == b"\r"
            lines = b"".join((*self._pieces, chunk[:end]))
            self._pieces, self._pieces_size = [], 0
            events = self._read(lines)
        self._keep(chunk[end:])
        self.is_over = self.is_over or self._pieces_size > self._line_bytes
        return events

    def finish(self) -> list[SseEvent]:
        """Return what the end of the stream completes."""
        events = self._read(b"".join(self._pieces))
        self._pieces = []
        if not self.is_over:
            self._dispatch(events)
        return events

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._pieces_size += len(piece)

    def _read(self, block: bytes) -> list[SseEvent]:
        """Read whole lines. Splitting bytes knows CR, LF and CRLF; splitting text knows more than SSE does."""
        if self.is_over:
            return []
        lines = self._within_limit(block.splitlines()) if len(block) > self._line_bytes else block.splitlines()
        if self._at_start and lines:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        is_clean = block.isascii()
        data = self._data
        events: list[SseEvent] = []
        for line in lines:
            if not line:
                self._dispatch(events)
            elif line[:5] == b"data:" or line == b"data":
                value = line[6:] if line[5:6] == b" " else line[5:]
                data.append(value if is_clean else value.decode("utf-8", "replace").encode())
                self._data_size += len(value) + 1
                if self._data_size > self._event_bytes:
                    self.is_over = True
                    break
            else:
                self._field(line)
        return events

    def _within_limit(self, lines: list[bytes]) -> list[bytes]:
        for number, line in enumerate(lines):
            if len(line) > self._line_bytes:
                self.is_over = True
                return lines[:number]
        return lines

    def _field(self, line: bytes) -> None:
        name, _colon, value = line.partition(b":")  # a comment has no name; `id` and `retry` are for browsers
        if name == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")

    def _dispatch(self, events: list[SseEvent]) -> None:
        data = self._data
        if data:
            whole = data[0] if len(data) == 1 else b"\n".join(data)
            if whole:
                events.append(SseEvent(self._name, whole))
            data.clear()
            self._data_size = 0
        self._name = ""
