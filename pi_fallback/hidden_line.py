"""A hidden line: a key is typed and nobody sees it, even after Ctrl-Z and `fg`."""

import os
import signal
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import click


def ask_hidden(title: str) -> str:
    """Ask for a line on the terminal of standard input, which does not show it.

    Raises:
        click.Abort: the user would rather not.
    """
    with _hidden_again(f"\n{title}: "):
        return click.prompt(title, hide_input=True, err=True)


@contextmanager
def _hidden_again(prompt: str) -> Generator[None]:
    """Whenever the program goes on after a stop: shells show again what is typed, and have written over `prompt`."""

    def go_on(_signal: int, _frame: FrameType | None) -> None:
        with suppress(termios.error, OSError):  # in the background, or the terminal is gone
            terminal = sys.stdin.fileno()
            modes = termios.tcgetattr(terminal)
            modes[3] &= ~termios.ECHO
            termios.tcsetattr(terminal, termios.TCSANOW, modes)
            os.write(sys.stderr.fileno(), prompt.encode())

    shown = _modes()
    before = signal.signal(signal.SIGCONT, go_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)
        if shown is not None:  # the program may have gone on after the line was read
            with suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, shown)


def _modes() -> list[Any] | None:
    """Those of the terminal, if standard input is one."""
    try:
        return termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError):
        return None
