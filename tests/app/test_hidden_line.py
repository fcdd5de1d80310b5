"""A line that is typed unseen, on a terminal of its own."""

import os
import subprocess
import sys
import termios

# A shell's `fg` may arrive at any moment; this one between the end of the reading and the end of the asking.
ASKING = """
import getpass, os, signal
from pi_fallback.hidden_line import ask_hidden

read = getpass.getpass

def read_and_go_on(prompt):
    line = read(prompt)
    os.kill(os.getpid(), signal.SIGCONT)
    return line

getpass.getpass = read_and_go_on
os.write(1, ask_hidden("Key").encode())
"""


def test_who_goes_on_when_the_line_has_been_read_sees_again_what_is_typed() -> None:
    keyboard, terminal = os.openpty()
    try:
        before = termios.tcgetattr(terminal)
        with subprocess.Popen(
            [sys.executable, "-c", ASKING],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as asking:
            assert asking.stdout is not None
            assert asking.stderr is not None
            asked = b""
            while not asked.endswith(b"Key: "):
                asked += asking.stderr.read(1) or b"[over]Key: "
            hidden = termios.tcgetattr(terminal)
            os.write(keyboard, b"sk-typed\n")
            typed, said = asking.communicate(timeout=20)
        assert (asked, typed, said.count(b"Key: ")) == (b"Key: ", b"sk-typed", 1)
        assert not hidden[3] & termios.ECHO
        assert termios.tcgetattr(terminal) == before
    finally:
        os.close(keyboard)
        os.close(terminal)
