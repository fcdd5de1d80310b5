"""The terminal app as a user sees it: the real program in a real terminal, over real sockets."""

import shlex
import subprocess
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from pi_fallback.testing import HangBeforeHeaders, Ok, RunningFaultServer, Status, ToolCallScript
from tests.e2e.user import PROGRAM, TIMEOUT_S, User

pytestmark = pytest.mark.tmux

LOOK_S = 0.05  # a terminal tells nobody that it has changed


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal of its own tmux server. `raw` has every byte that the program wrote to it."""

    socket: Path
    raw: Path

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self.socket), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout

    def start(self, user: User, *arguments: str, redirected: str = "") -> None:
        environ = [f"{name}={value}" for name, value in (user.environ | {"TERM": "tmux-256color"}).items()]
        program = shlex.join(["env", "-i", *environ, *PROGRAM, *arguments])
        waiting = f"read go; {program} {redirected}; echo code=$?; exec cat"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c", str(user.folder), waiting)
        self.tmux("pipe-pane", "-O", f"cat > {shlex.quote(str(self.raw))}")
        self.keys("Enter")

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def say(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.tmux("capture-pane", "-p").splitlines() if line.strip()]

    def until(self, true: Callable[[list[str]], object]) -> list[str]:
        """Return the lines of the screen as soon as they are such that `true` holds."""
        end = monotonic() + TIMEOUT_S
        while not true(lines := self.lines):
            assert monotonic() < end, "\n".join(lines)
            Event().wait(LOOK_S)
        return lines

    def shows(self, text: str) -> list[str]:
        return self.until(lambda lines: any(text in line for line in lines))


@pytest.fixture
def terminal(tmp_path: Path) -> Generator[Terminal]:
    terminal = Terminal(tmp_path / "tmux", tmp_path / "raw")
    yield terminal
    terminal.tmux("kill-server")


def test_a_model_dies_the_countdown_shows_and_the_next_model_finishes(
    user: User, fault_server: RunningFaultServer, terminal: Terminal
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings(fallback={"quietSeconds": 3})
    count = ToolCallScript("bash", {"command": "echo once >> counter"})
    fault_server.play("A", [Ok("I count.", tools=[count]), Status(418, body="odd")])
    fault_server.play("B", Ok("It is counted. \x1b]52;c;c2VjcmV0\x07\x1b]0;owned\x07\x9b2JReally."))
    terminal.start(user)
    terminal.shows("a/A")
    terminal.say("count, please")
    asked = terminal.shows("y or Enter: yes")
    assert any("echo once >> counter" in line for line in asked)
    terminal.keys("y")
    terminal.shows("next model in")
    told = terminal.shows("It is counted.")
    assert "It is counted. Really." in told
    assert "> count, please" in told
    terminal.until(lambda lines: lines[-1] == "b/B")
    assert (user.folder / "counter").read_text() == "once\n"
    terminal.say("/quit")
    terminal.shows("code=0")
    raw = terminal.raw.read_bytes()
    assert b"c2VjcmV0" not in raw
    assert b"owned" not in raw


def test_escape_ends_a_request_and_control_c_twice_the_program(
    user: User, fault_server: RunningFaultServer, terminal: Terminal
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", HangBeforeHeaders())
    terminal.start(user)
    terminal.shows("a/A")
    terminal.say("hello")
    terminal.shows("working, Esc stops")
    terminal.say("and hurry")
    terminal.tmux("send-keys", "-l", "then sing")
    terminal.keys("M-Enter")
    terminal.until(lambda lines: "next: and hurry" in lines and "later: then sing" in lines)
    fault_server.wait_for_requests(1)
    terminal.keys("Escape")
    terminal.until(lambda lines: lines[-1] == "a/A" and "· Aborted." in lines)
    terminal.keys("C-c")
    terminal.shows("Ctrl+C again quits")
    terminal.keys("C-c")
    terminal.shows("code=0")
    assert len(fault_server.requests) == 1


def test_a_session_is_resumed_from_the_list(user: User, fault_server: RunningFaultServer, terminal: Terminal) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", Ok("a blue one"))
    terminal.start(user, "which colour?")
    terminal.until(lambda lines: "a blue one" in lines and lines[-1] == "a/A")
    terminal.say("/new")
    terminal.until(lambda lines: "a blue one" not in lines)
    terminal.say("/resume")
    terminal.shows("Which session?")
    terminal.keys("Enter")
    terminal.until(lambda lines: "> which colour?" in lines and "a blue one" in lines)


@pytest.mark.parametrize("redirected", ["2> errors", "2>&-"])
def test_where_errors_go_does_not_matter_to_the_screen(
    user: User, fault_server: RunningFaultServer, terminal: Terminal, redirected: str
) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", Ok("here I am"))
    terminal.start(user, "hello", redirected=redirected)
    terminal.until(lambda lines: "here I am" in lines and lines[-1] == "a/A")
    terminal.say("/quit")
    terminal.shows("code=0")
    errors = user.folder / "errors"
    assert not errors.exists() or errors.read_text() == ""


def test_without_a_key_the_program_says_so_and_leaves_the_terminal_alone(user: User, terminal: Terminal) -> None:
    terminal.start(user)
    lines = terminal.shows("code=2")
    assert any("There is no model to use" in line for line in lines)
