"""Explain: a user asks why the work went where it went."""

import json
import os

from pi_fallback.testing import Ok, RunningFaultServer, Status
from tests.e2e.user import User


def test_after_a_failover_explain_names_cause_choice_and_what_was_passed_over(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", Status(402, body={"error": {"message": "no credit"}}))
    fault_server.play("B", Ok("from B"))
    assert user.run("-p", "hello").out == "from B\n"
    told = user.run("explain")
    assert told.code == 0
    lines = [line.strip() for line in told.out.splitlines()]
    assert any("began on a/A" in line for line in lines)
    assert any("switched to b/B: quota_exhausted (pool)" in line for line in lines)
    assert "because a/A failed: quota_exhausted: no credit" in lines
    assert any(line.startswith("not a/A: rests for another") for line in lines)
    # The next start knows that the account rests.
    assert user.run("-p", "hello").out == "from B\n"
    assert "began on b/B" in user.run("explain", "--last", "1").out
    rows = [json.loads(line) for line in user.run("explain", "--json", "--last", "100").out.splitlines()]
    assert {"routing", "rest", "failed", "worked"} <= {row["type"] for row in rows}

    (only,) = (json.loads(line) for line in user.run("explain", "--json", "--last", "1").out.splitlines()[:1])
    assert (only["type"], only["choice"]) == ("routing", "b/B")


def test_foreign_rows_hide_no_decision(user: User) -> None:
    row = {"type": "routing", "at": 1e9, "verdict": "begins", "choice": "a/b", "reason": "so", "candidates": 1}
    bad = [
        {"type": "routing"},
        {**row, "at": 1e300},
        {**row, "verdict": "?"},
        {**row, "refused": [1]},
        {**row, "failure": 3},
    ]
    lines = [*map(json.dumps, [*bad, {**row, "choice": "\x1b[2J\ud800\na/c"}]), "[" * 200_000, '{"type": "rou']
    user.write("pi-fallback/decisions.jsonl", "\n".join(lines))
    told = user.run("explain")
    assert (told.code, told.err) == (0, "")
    assert "began on \ufffd a/c: so" in told.out
    assert len(user.run("explain", "--json").out.splitlines()) == 1


def test_a_pipe_in_the_place_of_the_file_is_said(user: User) -> None:
    (user.agent_dir / "pi-fallback").mkdir()
    os.mkfifo(user.agent_dir / "pi-fallback" / "decisions.jsonl")
    told = user.run("explain")
    assert (told.code, told.out) == (1, "")
    assert "decisions.jsonl cannot be read: it is not a file. Move it away." in told.err


def test_help_names_the_command(user: User) -> None:
    assert "explain" in user.run("--help").out


def test_without_a_decision_explain_says_so(user: User) -> None:
    assert user.run("explain").out == "Nothing has been decided yet.\n"


def test_inside_the_agent_explain_is_a_command(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", Status(429))
    done = user.run("-p", "/explain")
    assert "Nothing has been decided yet." in done.out + done.err
    assert "/explain 5" in (bad := user.run("-p", "/explain soon")).out + bad.err
