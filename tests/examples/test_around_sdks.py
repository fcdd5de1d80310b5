"""The examples around the SDKs run as they stand, against a provider that fails."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pi_fallback.testing import CommentsOnly, Cut, For, Ok, RunningFaultServer, Status

EXAMPLES = Path(__file__).parents[2] / "examples"
SPENT = {
    "error": {"message": "You exceeded your current quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
}


def run(example: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    strangers = ("OPENAI_", "OPENROUTER_", "ANTHROPIC_", "LEDGER")
    env = {name: value for name, value in os.environ.items() if not name.startswith(strangers)} | environ
    command = [sys.executable, str(EXAMPLES / f"{example}.py"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_openai_a_spent_account_then_a_cut_answer_then_another_host(fault_server: RunningFaultServer) -> None:
    fault_server.play(For("gpt-5.4", "sk-first"), Status(429, body=SPENT))
    fault_server.play(For("gpt-5.4", "sk-second"), Cut(after=2, how="clean"))
    fault_server.play("moonshotai/kimi-k2.7-code", Ok("Because of Rayleigh scattering."))
    done = run(
        "around_openai",
        "Why is the sky blue?",
        OPENAI_BASE_URL=fault_server.base_url,
        OPENROUTER_BASE_URL=fault_server.base_url,
        OPENAI_API_KEY="sk-first",
        OPENAI_API_KEY_BACKUP="sk-second",
        OPENROUTER_API_KEY="sk-third",
    )
    assert (done.returncode, done.stdout) == (0, "Because of Rayleigh scattering.\n"), done.stderr
    assert "openai/gpt-5.4: quota_exhausted: You exceeded your current quota." in done.stderr
    assert "going on with openrouter/moonshotai/kimi-k2.7-code" in done.stderr
    assert [(request.key, request.model) for request in fault_server.requests] == [
        ("sk-first", "gpt-5.4"),
        ("sk-second", "gpt-5.4"),
        ("sk-third", "moonshotai/kimi-k2.7-code"),
    ]


def test_anthropic_threads_share_what_they_learn_and_leave_it_to_others(
    fault_server: RunningFaultServer, tmp_path: Path
) -> None:
    fault_server.play(For("claude-opus-5", "sk-first"), Status(529))
    fault_server.play("claude-sonnet-5", Ok("She wrote the first program."))
    environ = {
        "ANTHROPIC_BASE_URL": fault_server.origin,
        "ANTHROPIC_API_KEY": "sk-first",
        "LEDGER": str(tmp_path / "ledger.sqlite3"),
    }
    done = run("around_anthropic", "Who was Ada?", "And Alan?", "And Grace?", **environ)
    assert (done.returncode, done.stdout) == (0, "She wrote the first program.\n" * 3), done.stderr
    full = len(fault_server.requests_for("claude-opus-5"))
    assert 1 <= full <= 3

    done = run("around_anthropic", "Who was Ada?", **environ)
    assert done.returncode == 0, done.stderr
    assert len(fault_server.requests_for("claude-opus-5")) == full  # it rests, for a new process too


def test_openai_a_route_that_only_keeps_its_connection_alive_is_left_in_time(fault_server: RunningFaultServer) -> None:
    fault_server.play(For("gpt-5.4", "sk-first"), CommentsOnly(0, 0.1))
    fault_server.play(For("gpt-5.4", "sk-second"), CommentsOnly(2, 0.1))
    fault_server.play("moonshotai/kimi-k2.7-code", Ok("Because of Rayleigh scattering."))
    done = run(
        "around_openai",
        OPENAI_BASE_URL=fault_server.base_url,
        OPENROUTER_BASE_URL=fault_server.base_url,
        OPENAI_API_KEY="sk-first",
        OPENAI_API_KEY_BACKUP="sk-second",
        OPENROUTER_API_KEY="sk-third",
        FIRST_S="1",
        QUIET_S="1",
    )
    assert (done.returncode, done.stdout) == (0, "Because of Rayleigh scattering.\n"), done.stderr
    assert "timeout" in done.stderr


def test_anthropic_a_route_that_only_keeps_its_connection_alive_is_left_in_time(
    fault_server: RunningFaultServer,
) -> None:
    fault_server.play("claude-opus-5", CommentsOnly(0, 0.1))
    fault_server.play("claude-sonnet-5", Ok("She wrote the first program."))
    environ = {
        "ANTHROPIC_BASE_URL": fault_server.origin,
        "ANTHROPIC_API_KEY": "sk-first",
        "QUIET_S": "1",
        "FIRST_S": "1",
    }
    done = run("around_anthropic", "Who was Ada?", **environ)
    assert (done.returncode, done.stdout) == (0, "She wrote the first program.\n"), done.stderr
    assert "no event within 1 s" in done.stderr


@pytest.mark.parametrize("example", ["around_openai", "around_anthropic"])
def test_without_a_key_an_example_says_which_to_set(example: str) -> None:
    done = run(example)
    assert done.returncode == 1
    assert done.stderr.startswith("Set ")


def test_when_nothing_is_left_the_error_names_every_route_and_when_to_come_back(
    fault_server: RunningFaultServer,
) -> None:
    fault_server.play("claude-opus-5", Status(429, {"retry-after": "3600"}))
    fault_server.play("claude-sonnet-5", Status(401))
    done = run("around_anthropic", "Who?", ANTHROPIC_BASE_URL=fault_server.origin, ANTHROPIC_API_KEY="sk-first")
    assert done.returncode == 1
    assert "anthropic/claude-opus-5: " in done.stderr
    assert "anthropic/claude-sonnet-5: " in done.stderr
    assert re.search(r"Try again in 3[56]\d\d s\.$", done.stderr.rstrip())
