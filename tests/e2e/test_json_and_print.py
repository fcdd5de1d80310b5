"""JSON and print mode of the real program, with the fault server at the other end of the wire."""

import json
import signal

import pytest

from pi_fallback.testing import HangBeforeHeaders, Ok, RunningFaultServer, Status
from tests.e2e.user import TIMEOUT_S, User


@pytest.fixture
def two(user: User, fault_server: RunningFaultServer) -> User:
    user.endpoints(fault_server.base_url, one="big", two="mid")
    user.settings("one/big", "two/mid")
    return user


def test_json_mode_tells_the_same_story_and_the_exit_code_tells_the_end(
    two: User, fault_server: RunningFaultServer
) -> None:
    fault_server.play("big", [Status(401)])
    fault_server.play("mid", [Ok("fine"), Status(402)])
    good = two.run("--mode", "json", "hello")
    events = [json.loads(line) for line in good.out.split("\n")[:-1]]
    assert good.code == 0
    assert (events[0]["type"], events[-1]["type"]) == ("session", "agent_settled")
    bad = two.run("--mode", "json", "hello")
    assert bad.code == 1
    assert [json.loads(line)["type"] for line in bad.out.split("\n")[:-1]].count("gave_up") == 1


@pytest.mark.parametrize("mode", ["print", "json"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_program_in_order(
    two: User, fault_server: RunningFaultServer, mode: str, number: signal.Signals, code: int
) -> None:
    fault_server.play("big", HangBeforeHeaders())
    with two.start("--mode", mode, "hello") as program:
        fault_server.wait_for_requests(1)
        program.send_signal(number)
        out, err = program.communicate(timeout=TIMEOUT_S)
    assert program.returncode == code
    assert "Traceback" not in err
    assert ("agent_settled" in out) == (mode == "json")


@pytest.mark.parametrize("mode", ["print", "json"])
def test_a_reader_that_leaves_ends_the_program_without_a_traceback(
    two: User, fault_server: RunningFaultServer, mode: str
) -> None:
    fault_server.play("big", Ok("x" * 5_000, chunk=10, pace_s=0.005))
    with two.start("--mode", mode, "hello") as program:
        fault_server.wait_for_requests(1)
        assert program.stdout is not None
        program.stdout.close()
        assert program.wait(TIMEOUT_S) == 1
        assert program.stderr is not None
        assert "Traceback" not in program.stderr.read()
