"""Debugging: the trace says what happened and why, and no key is in it, nor in anything that is kept."""

from collections.abc import Callable

import pytest

from pi_fallback.testing import Ok, Received, RunningFaultServer, Status, Step, ToolCallScript
from tests.e2e.user import User

KEYS = {
    "models.json": "sk-canary-models-1f9d02ab",
    "auth.json": "sk-canary-auth-77e01b3c",
    "environment": "gsk_canary_environment_5c1d9e",
    "header": "canary-header-90ab12cd",
}


def echoing(code: int) -> Callable[[Received], Step]:
    def step(request: Received) -> Step:
        sent = " ".join(value for name, value in request.headers.items() if name in {"authorization", "x-api-key"})
        return Status(code, body={"error": {"message": f"Incorrect API key provided: {sent}.", "code": code}})

    return step


@pytest.fixture
def watched(user: User, fault_server: RunningFaultServer) -> User:
    """A user with one key in each place where a key may be."""
    providers = {
        "first": {"baseUrl": fault_server.base_url, "apiKey": KEYS["models.json"], "models": [{"id": "A"}]},
        "second": {
            "baseUrl": fault_server.base_url,
            "headers": {"X-Api-Key": KEYS["header"]},
            "models": [{"id": "B"}],
        },
        "groq": {"baseUrl": fault_server.base_url, "models": [{"id": "C"}]},
    }
    user.write("models.json", {"providers": providers})
    user.write("auth.json", {"second": {"type": "api_key", "key": KEYS["auth.json"]}})
    user.settings("first/A", "second/B", "groq/C", retry={"maxRetries": 1, "baseDelayMs": 20})
    return user


def test_the_trace_tells_events_decisions_timers_and_switches(watched: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("A", [Status(500), Status(418, body="odd")])
    fault_server.play("B", Ok("from B"))
    done = watched.run("-p", "hello", env={"PI_FALLBACK_DEBUG": "true", "GROQ_API_KEY": KEYS["environment"]})
    assert (done.code, done.out) == (0, "from B\n")
    for part in (
        "session_start: on first/A",
        "attempt failed in phase pre: first/A: server_error",
        "decision: RetrySame by pool: once more over a fresh connection",
        "agent_end: error, will_retry_at=None, recoverable=True",
        "timer progress.quiet: fires in 0.2 s",
        "timer progress.quiet: fired",
        "switched: route=second/B, previous=first/A, source=failover, reason=no progress for 0.2 s",
        "agent_settled: on second/B",
    ):
        assert part in done.err


def test_without_the_variable_there_is_no_trace(watched: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("A", Ok("from A"))
    assert watched.run("-p", "hello", env={"PI_FALLBACK_DEBUG": "0"}).err == ""


@pytest.mark.parametrize("mode", ["print", "json"])
def test_no_key_is_shown_or_kept_though_the_servers_repeat_it(
    watched: User, fault_server: RunningFaultServer, mode: str
) -> None:
    fault_server.play("A", echoing(401))
    fault_server.play("B", echoing(500))
    fault_server.play("C", echoing(403))
    env = {"PI_FALLBACK_DEBUG": "1", "GROQ_API_KEY": KEYS["environment"]}
    done = watched.run("--mode", mode, "hello", env=env)
    assert done.code == 1
    sent = " ".join(str(request.headers) for request in fault_server.requests)
    kept = {
        path.name: path.read_bytes()
        for path in watched.room.rglob("*")
        if path.is_file() and path.name not in {"models.json", "auth.json"}
    }
    assert "ledger.sqlite3" in kept
    assert len(watched.sessions) == 1
    for key in KEYS.values():
        assert key in sent
        assert key not in done.out + done.err
        assert [name for name, data in kept.items() if key.encode() in data] == []


def test_a_tool_that_prints_keys_shows_them_to_no_model(watched: User, fault_server: RunningFaultServer) -> None:
    show = f"env; cat {watched.agent_dir}/auth.json {watched.agent_dir}/models.json"
    fault_server.play("A", [Ok(tools=[ToolCallScript("bash", {"command": show})]), Ok("I looked.")])
    done = watched.run("-y", "-p", "look", env={"GROQ_API_KEY": KEYS["environment"]})
    assert done.out == "I looked.\n"
    (session,) = watched.sessions
    assert "api_key" in fault_server.requests[-1].raw.decode()
    for key in KEYS.values():
        assert key not in fault_server.requests[-1].raw.decode()
        assert key not in session.read_text()
