"""Compaction of the whole program, over real sockets: the only model has no room left, and the work goes on."""

import signal
from collections.abc import Sequence

import pytest

from pi_fallback.core.compacting import BEGIN
from pi_fallback.core.summarising import SYSTEM
from pi_fallback.testing import HangBeforeHeaders, Ok, Received, RunningFaultServer, Status, Step, ToolCallScript
from tests.e2e.test_rpc import client
from tests.e2e.user import User

TOO_LONG = Status(400, body={"error": {"message": "no room", "code": "context_length_exceeded"}})
SUMMARY = Ok("They count.")
COUNT = Ok("I count.", tools=[ToolCallScript("bash", {"command": "echo once >> counter; seq 5000"})])
LOOK = Ok("I look.", tools=[ToolCallScript("bash", {"command": "cat counter"})])


@pytest.fixture
def one(user: User, fault_server: RunningFaultServer) -> User:
    """A user with a single model."""
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    return user


def said(request: Received) -> list[tuple[str, str]]:
    return [(message["role"], str(message.get("content"))) for message in request.messages]


def is_for_summary(request: Received) -> bool:
    return said(request)[0] == ("system", SYSTEM)


def test_the_turn_is_answered_with_a_shorter_history_and_no_tool_runs_again(
    one: User, fault_server: RunningFaultServer
) -> None:
    fault_server.play("A", [COUNT, LOOK, TOO_LONG, SUMMARY, Ok("Counted."), Ok("Yes.")])
    done = one.run("-y", "-p", "count")
    assert (done.code, done.out) == (0, "Counted.\n")
    assert "the conversation was shortened: about " in done.err
    assert (one.folder / "counter").read_text() == "once\n"
    asked, retried = fault_server.requests[-2:]
    assert is_for_summary(asked)
    assert "tools" not in (asked.body or {})
    told = said(retried)[1:]
    assert told[0][1].startswith(BEGIN + "They count.")
    assert [text for role, text in told if role == "user"][1:] == ["count"]
    assert [role for role, _ in told] == ["user", "user", "assistant", "tool"]
    assert "once" in told[-1][1]
    # What was said before stays in the file; who goes on sees the summary.
    assert "4999" in one.sessions[0].read_text()
    assert one.run("-c", "-p", "done?").out == "Yes.\n"
    resumed = said(fault_server.requests[-1])[1:]
    assert resumed[:4] == told
    assert [text for _, text in resumed[4:]] == ["Counted.", "done?"]
    assert fault_server.violations == ()


def test_a_program_that_is_killed_after_it_goes_on_with_the_shorter_history(
    one: User, fault_server: RunningFaultServer
) -> None:
    fault_server.play("A", [COUNT, LOOK, TOO_LONG, SUMMARY, HangBeforeHeaders(), Ok("Here I am.")])
    with one.start("-y", "-p", "count") as program:
        fault_server.wait_for_requests(5)
        program.send_signal(signal.SIGKILL)
        program.wait()
    assert one.run("-c", "-p", "and now?").out == "Here I am.\n"
    told = said(fault_server.requests[-1])[1:]
    assert told[0][1].startswith(BEGIN + "They count.")
    assert [text for role, text in told if role == "user"][1:] == ["count", "and now?"]
    assert (one.folder / "counter").read_text() == "once\n"
    assert fault_server.violations == ()


def test_a_program_that_is_killed_while_the_summary_is_written_goes_on_with_the_whole_history(
    one: User, fault_server: RunningFaultServer
) -> None:
    fault_server.play("A", [COUNT, LOOK, TOO_LONG, HangBeforeHeaders(), Ok("All there.")])
    with one.start("-y", "-p", "count") as program:
        fault_server.wait_for_requests(4)
        program.send_signal(signal.SIGKILL)
        program.wait()
    assert one.run("-c", "-p", "and now?").out == "All there.\n"
    told = said(fault_server.requests[-1])[1:]
    assert [role for role, _ in told] == ["user", "assistant", "tool", "assistant", "tool", "user"]
    assert "4999" in told[2][1]
    assert (one.folder / "counter").read_text() == "once\n"
    assert fault_server.violations == ()


def test_esc_while_the_summary_is_written_leaves_the_history_as_it_was(
    one: User, fault_server: RunningFaultServer
) -> None:
    fault_server.play("A", [COUNT, LOOK, TOO_LONG, HangBeforeHeaders(), Ok("All there.")])
    with client(one, "-y") as c:
        c.ask("prompt", message="count")
        c.until(lambda event: event["type"] == "compaction_start")
        fault_server.wait_for_requests(4)
        assert c.ask("get_state")["data"]["isCompacting"] is True
        c.ask("abort")
        ended = c.of("compaction_end")
        assert [(end["reason"], end["aborted"], end["willRetry"]) for end in ended] == [("overflow", True, False)]
        assert c.ask("get_state")["data"]["isCompacting"] is False
        c.ask("prompt", message="go on")
        assert c.settled()
        assert c.close() == 0
    told = said(fault_server.requests[-1])[1:]
    assert [role for role, _ in told] == ["user", "assistant", "tool", "assistant", "tool", "user"]
    assert "4999" in told[2][1]


@pytest.mark.parametrize("how", ["command", "slash"])
def test_it_is_done_by_hand(one: User, fault_server: RunningFaultServer, how: str) -> None:
    steps: Sequence[Step] = [Ok("x" * 200_000), Ok("ok"), SUMMARY, Ok("Yes.")]
    fault_server.play("A", steps)
    with client(one) as c:
        for text in ("write much", "write little"):
            c.ask("prompt", message=text)
            c.settled()
        if how == "command":
            data = c.ask("compact", customInstructions="the numbers")["data"]
            assert data["summary"] == "They count."
            assert data["tokensAfter"] < data["tokensBefore"]
        else:
            c.ask("prompt", message="/compact the numbers")
            assert c.until(lambda event: event["type"] == "compaction_end")["reason"] == "manual"
        c.ask("prompt", message="right?")
        c.settled()
        assert c.close() == 0
    asked, last = fault_server.requests[-2:]
    assert "keep in mind: the numbers" in said(asked)[-1][1]
    assert [text for _, text in said(last)[2:]] == ["write little", "ok", "right?"]
    assert fault_server.violations == ()
