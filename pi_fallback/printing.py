"""Printing: what anybody prints in this process, plugins and warnings too, holds no known secret."""

import io
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Clean = Callable[[str], str]


def clean_prints(clean: Clean) -> None:
    """Put `clean` between standard output and standard error and all that is printed to them from now on."""
    sys.stdout, sys.stderr = _cleaned(sys.stdout, clean), _cleaned(sys.stderr, clean)


def _cleaned(stream: TextIO, clean: Clean) -> TextIO:
    encoding, errors = stream.encoding or "utf-8", stream.errors or "replace"
    lines = _CleanLines(stream.buffer, clean, encoding)
    return io.TextIOWrapper(lines, encoding, errors, line_buffering=bool(stream.line_buffering))


class _CleanLines(io.RawIOBase):
    """Passes whole lines on to `out`, or what there is when it is flushed: a key may come in pieces."""

    def __init__(self, out: BinaryIO, clean: Clean, encoding: str) -> None:
        self.name = out.name
        self._out = out
        self._clean = clean
        self._encoding = encoding
        self._begun = b""
        self._turn = threading.RLock()

    def write(self, data: "ReadableBuffer", /) -> int:
        given = bytes(data)
        with self._turn:
            lines, end, self._begun = (self._begun + given).rpartition(b"\n")
            self._pass_on(lines + end)
        return len(given)

    def flush(self) -> None:
        with self._turn:
            begun, self._begun = self._begun, b""
            self._pass_on(begun)
            if not self._out.closed:
                self._out.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._out.fileno()

    def isatty(self) -> bool:
        return self._out.isatty()

    def _pass_on(self, data: bytes) -> None:
        if data:
            text = data.decode(self._encoding, "surrogateescape")
            cleaned = self._clean(text)
            self._out.write(data if cleaned == text else cleaned.encode(self._encoding, "surrogateescape"))
