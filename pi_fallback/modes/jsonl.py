"""JSON lines: one object a line, ended by LF alone, in UTF-8."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pi_fallback_hookspecs import thawed

LINE_MAX = 16 * 1024 * 1024  # bytes; a prompt with a few images fits


def line_of(value: Mapping[str, object]) -> bytes:
    """Return `value` as a line. U+2028 stands as it is; half a surrogate pair stays an escape; NaN becomes null."""
    try:
        text = _dumped(value)
    except ValueError:
        text = _dumped(json.loads(json.dumps(value, default=thawed), parse_constant=lambda _: None))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=thawed)


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line that was longer than `limit` bytes. It was thrown away."""

    limit: int


@dataclass
class LineSplitter:
    """Cuts a stream of bytes into lines, at LF only; a CR before it is dropped, and so are blank lines."""

    limit: int = LINE_MAX
    _rest: bytearray = field(default_factory=bytearray, init=False)
    _skipping: bool = field(default=False, init=False)

    def feed(self, chunk: bytes) -> Iterator[bytes | TooLong]:
        """Yield the lines that `chunk` completes. Take them all before the next `feed`."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            yield from self._grow(piece)
            yield from self.end()
        yield from self._grow(rest)

    def end(self) -> Iterator[bytes]:
        """Yield what is left, as if its LF had come."""
        line = bytes(self._rest.rstrip(b"\r"))
        self._rest.clear()
        self._skipping = False
        if line.strip():
            yield line

    def _grow(self, piece: bytes) -> Iterator[TooLong]:
        if self._skipping:
            return
        if len(self._rest) + len(piece) > self.limit:
            self._rest.clear()
            self._skipping = True
            yield TooLong(self.limit)
        else:
            self._rest += piece
