"""Interruptions: the program is killed or told to end, and nothing is lost or done twice."""

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pi_fallback.testing import Ok, RunningFaultServer, Stall, Status, ToolCallScript
from tests.e2e.user import User, written

PROMPT_END_S = 5.0  # a person who pressed Ctrl-C would press it again after that


@contextmanager
def pipes(*paths: Path) -> Generator[None]:
    """Named pipes by which a command tells that it runs and is held; afterwards whoever waits at one is let go."""
    for path in paths:
        os.mkfifo(path)
    try:
        yield
    finally:
        for path in paths:
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def end_of(program: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = program.communicate(timeout=PROMPT_END_S)
    return program.returncode, out, err


def test_a_program_that_is_killed_in_a_tool_goes_on_and_tells_the_model_that_it_may_have_run(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    command = "echo begun >> log; echo up > up; cat hold"
    fault_server.play("A", [Ok("I build.", tools=[ToolCallScript("bash", {"command": command})]), Ok("I see.")])
    up, hold = user.folder / "up", user.folder / "hold"
    with pipes(up, hold):
        with user.start("-y", "-p", "build it") as program:
            assert up.read_text() == "up\n"
            program.kill()
        done = user.run("-y", "-p", "--continue", "what happened?")
    assert (done.code, done.out) == (0, "I see.\n")
    roles = [(message["role"], str(message.get("content"))) for message in fault_server.requests[-1].messages]
    asked, answered, told, again = roles[-4:]
    assert (asked, answered, again) == (
        ("user", "build it"),
        ("assistant", "I build."),
        ("user", "what happened?"),
    )
    assert told[0] == "tool"
    assert "may or may not have run" in told[1]
    assert (user.folder / "log").read_text() == "begun\n"
    assert fault_server.violations == ()


@pytest.mark.parametrize(("mode", "sent"), [("print", signal.SIGINT), ("json", signal.SIGTERM)])
def test_a_signal_in_an_answer_ends_the_program_and_its_connection(
    user: User, fault_server: RunningFaultServer, mode: str, sent: signal.Signals
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", Stall(after=2))
    with user.start("--mode", mode, "hello") as program:
        fault_server.wait_for_requests(1)
        program.send_signal(sent)
        code, out, err = end_of(program)
    assert code == 128 + sent
    assert "Traceback" not in err
    assert mode == "json" or out == ""
    fault_server.wait_until(lambda requests: requests[0].outcome == "left")
    assert len(fault_server.requests) == 1


def test_a_signal_while_the_program_starts_ends_it(user: User) -> None:
    written(user.folder / "slow.py", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = user.run("--plugin", "slow.py", "-p", "hello")
    assert (done.code, done.out, done.err.strip()) == (130, "", "")


def test_a_signal_in_the_countdown_ends_the_program(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings(fallback={"quietSeconds": 60})
    fault_server.play("A", Status(418, body="odd"))
    with user.start("-p", "hello") as program:
        assert program.stderr
        assert program.stderr.readline().startswith("a/A: unknown: ")
        assert program.stderr.readline().startswith("waiting: next model at")
        program.send_signal(signal.SIGINT)
        code, out, err = end_of(program)
    assert (code, out, err) == (130, "", "")
    assert len(fault_server.requests) == 1


def test_a_signal_in_a_tool_ends_the_tool_too(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    command = "echo up > up; cat hold; echo survived > survivor"
    fault_server.play("A", [Ok(tools=[ToolCallScript("bash", {"command": command})]), Ok("I see.")])
    up, hold = user.folder / "up", user.folder / "hold"
    with pipes(up, hold):
        with user.start("-y", "-p", "build it") as program:
            assert up.read_text() == "up\n"
            program.send_signal(signal.SIGINT)
            code, out, err = end_of(program)
        assert (code, out) == (130, "")
        assert "Traceback" not in err
        with pytest.raises(OSError, match="No such device or address"):  # nobody reads the pipe any more
            os.open(hold, os.O_WRONLY | os.O_NONBLOCK)
    assert not (user.folder / "survivor").exists()


def test_a_reader_that_goes_away_ends_the_program_quietly(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", Ok("an answer"))
    with user.start("-p", "hello") as program:
        assert program.stdout
        program.stdout.close()
        program.stdout = None
        code, _, err = end_of(program)
    assert code == 1
    assert "Traceback" not in err
