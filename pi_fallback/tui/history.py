"""The history of the input: what was sent before, and what was being written."""

from dataclasses import dataclass, replace
from typing import Self

HISTORY_MAX = 1_000


@dataclass(frozen=True, slots=True)
class History:
    """`at` is the line that is shown: `len(lines)` is the draft."""

    lines: tuple[str, ...] = ()
    at: int = 0
    draft: str = ""

    def sent(self, text: str) -> Self:
        """Return the history after `text` was sent, which ends at an empty draft."""
        lines = self.lines if self.lines[-1:] == (text,) else (*self.lines, text)[-HISTORY_MAX:]
        return replace(self, lines=lines, at=len(lines), draft="")

    def moved(self, step: int, text: str) -> tuple[Self, str] | None:
        """Return the history `step` lines on and the text to show, or None if there is no such line.

        `text` is what stands in the input; as the draft it is kept.
        """
        at = self.at + step
        if not 0 <= at <= len(self.lines):
            return None
        draft = text if self.at == len(self.lines) else self.draft
        return replace(self, at=at, draft=draft), draft if at == len(self.lines) else self.lines[at]
