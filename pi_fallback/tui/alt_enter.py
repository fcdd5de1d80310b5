"""Alt+Enter in most terminals: they send ESC CR, which Textual reads as Enter."""

from enum import StrEnum
from typing import cast


class _Keys(StrEnum):
    ALT_ENTER = "alt+enter"  # as Textual calls it where the terminal has the kitty protocol


def know_alt_enter() -> None:
    """Add the sequences to Textual's table, once and for the whole process. Without the table the key stays Enter."""
    try:
        from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
    except ImportError:  # not part of Textual's public face
        return
    table = cast("dict[str, tuple[StrEnum, ...]]", ANSI_SEQUENCES_KEYS)
    for sequence in ("\x1b\r", "\x1b\n"):
        table.setdefault(sequence, (_Keys.ALT_ENTER,))
