"""Printing: what anybody prints in this process, plugins and warnings too, holds no known secret."""

import codecs
import io
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO, TextIO

from pi_fallback.credentials.redaction import Redactor

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MOST_HELD = 64 * 1024  # bytes of a line; no key is nearly as long


def clean_prints(known: Redactor) -> None:
    """Put `known` between standard output and standard error and all that is printed to them from now on."""
    sys.stdout, sys.stderr = _cleaned(sys.stdout, known), _cleaned(sys.stderr, known)


def _cleaned(stream: TextIO, known: Redactor) -> TextIO:
    encoding, errors = stream.encoding or "utf-8", stream.errors or "replace"
    at_once = bool(getattr(stream, "write_through", False))  # as with PYTHONUNBUFFERED
    lines = _CleanLines(stream.buffer, known, encoding, most_held=0 if at_once else MOST_HELD)
    return io.TextIOWrapper(lines, encoding, errors, line_buffering=bool(stream.line_buffering), write_through=at_once)


class _CleanLines(io.RawIOBase):
    """Passes whole lines on to `out`, or what there is when it is flushed: a key may come in pieces.

    Of a line longer than `most_held` only an end that may be the beginning of a key is held.
    """

    def __init__(self, out: BinaryIO, known: Redactor, encoding: str, most_held: int) -> None:
        self.name = out.name
        self._out = out
        self._known = known
        self._encoding = encoding
        self._most_held = most_held
        self._begun = bytearray()
        self._turn = threading.RLock()

    def write(self, data: "ReadableBuffer", /) -> int:
        given = bytes(data)
        lines, end, begun = given.rpartition(b"\n")
        with self._turn:
            if end:
                self._pass_on(self._taken() + lines + end)
            self._begun += begun
            if len(self._begun) > self._most_held:
                self._pass_on_begun()
        return len(given)

    def flush(self) -> None:
        with self._turn:
            self._pass_on(self._taken())
            if not self._out.closed:
                self._out.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._out.fileno()

    def isatty(self) -> bool:
        return self._out.isatty()

    def _taken(self) -> bytes:
        begun, self._begun = bytes(self._begun), bytearray()
        return begun

    def _pass_on(self, data: bytes) -> None:
        if data:
            text = data.decode(self._encoding, "surrogateescape")
            cleaned = self._known.clean(text)
            self._out.write(data if cleaned == text else cleaned.encode(self._encoding, "surrogateescape"))

    def _pass_on_begun(self) -> None:
        decoder = codecs.getincrementaldecoder(self._encoding)("surrogateescape")
        cleaned, held = self._known.passed(decoder.decode(self._taken()))
        self._out.write(cleaned.encode(self._encoding, "surrogateescape"))
        half_character, _ = decoder.getstate()
        self._begun += held.encode(self._encoding, "surrogateescape") + half_character
