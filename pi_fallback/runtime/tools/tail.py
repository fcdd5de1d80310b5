"""The tail: the end of an output that may be huge. All of it goes to a file once it has outgrown its limits."""

import tempfile
from dataclasses import dataclass, field
from typing import IO

from pi_fallback.runtime.tools.limits import MAX_BYTES, MAX_LINES, counted

MAX_FILE_BYTES = 64 * 1024 * 1024  # `yes` writes gigabytes in the seconds it is given


@dataclass(slots=True)
class Tail:
    """Takes bytes, remembers the last of them. `add` says what is to be saved; `save` blocks."""

    _kept: bytearray = field(default_factory=bytearray)
    _bytes: int = 0
    _lines: int = 0
    _file: IO[bytes] | None = None
    _saved: int = 0
    _lost: str = ""  # why there is no file

    def add(self, chunk: bytes) -> bytes:
        """Take `chunk`; return what must go to the file now, empty as long as the output is small."""
        first = not self._outgrown
        self._bytes += len(chunk)
        self._lines += chunk.count(b"\n")
        self._kept += chunk
        if not self._outgrown:
            return b""
        unsaved = bytes(self._kept) if first else chunk
        del self._kept[: -2 * MAX_BYTES]
        return unsaved if self._bytes <= MAX_FILE_BYTES else b""

    def save(self, data: bytes) -> None:
        """Append `data` to the file."""
        if self._lost:
            return
        try:
            if self._file is None:
                self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115  # `close` closes it
                    prefix="pi-fallback-", suffix=".log", delete=False, buffering=0
                )
            self._saved += self._file.write(data)
        except OSError as error:
            self._lost = error.strerror or str(error)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def text(self) -> str:
        """Return what a model gets: the last lines, and where the rest is."""
        if not self._outgrown:
            return _decoded(self._kept)
        lines = bytes(self._kept[-MAX_BYTES:]).splitlines(keepends=True)
        # The first line is a piece of one, unless it is the only one.
        shown = b"".join(lines[1:][-MAX_LINES:] if len(lines) > 1 else lines)
        note = f"[These are the last {counted(len(shown), 'byte')} of {self._bytes:,}. {self._where()}]"
        return f"{_decoded(shown).rstrip()}\n\n{note}"

    @property
    def _outgrown(self) -> bool:
        return self._bytes > MAX_BYTES or self._lines > MAX_LINES

    def _where(self) -> str:
        if self._file is None:
            return f"The rest is lost: {self._lost or 'there was no time to save it'}."
        whole = "The whole output" if self._saved == self._bytes else f"The first {self._saved:,} bytes"
        return f"{whole}: {self._file.name}"


def _decoded(data: bytes | bytearray) -> str:
    # A NUL is legal in JSON and an error at more than one provider.
    return data.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
