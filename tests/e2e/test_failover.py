"""Failover of the whole program: keys, tools, prompts and slow networks, over real sockets."""

from collections.abc import Mapping

import pytest

from pi_fallback.testing import (
    CommentsOnly,
    Cut,
    For,
    HangBeforeHeaders,
    Html,
    Ok,
    Received,
    RunningFaultServer,
    Stall,
    Status,
    Step,
    ToolCallScript,
    running_fault_server,
)
from tests.e2e.user import User


def texts(request: Received, role: str) -> list[str]:
    return [str(message["content"]) for message in request.messages if message["role"] == role]


def test_the_demo_ends_with_a_test_that_passes(user: User) -> None:
    done = user.run("demo")
    assert done.code == 0
    assert "→ atlas/atlas-large → beacon/beacon-medium: network" in done.out
    assert "→ beacon/beacon-medium → comet/comet-small: no progress for 3 s" in done.out
    assert "The test passes now." in done.out
    assert done.err == ""


def test_a_command_that_ran_before_the_model_died_ran_once_and_the_next_model_sees_its_result(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings(retry={"maxRetries": 1, "baseDelayMs": 50})
    count = ToolCallScript("bash", {"command": "echo once >> counter; echo counted $(wc -l < counter)"})
    fault_server.play("A", [Ok("I count.", tools=[count]), Cut(after=2, how="rst")])
    fault_server.play("B", Ok("It is counted."))
    done = user.run("-y", "-p", "count")
    assert (done.code, done.out) == (0, "It is counted.\n")
    assert (user.folder / "counter").read_text() == "once\n"
    assert {request.model for request in fault_server.requests} == {"A", "B"}
    for request in fault_server.requests:
        assert texts(request, "user").count("count") == 1
    (result,) = texts(fault_server.requests[-1], "tool")
    assert "counted 1" in result
    assert fault_server.violations == ()


@pytest.mark.parametrize("keys_in", ["models.json", "environment"])
def test_each_key_goes_to_its_own_endpoint_only(user: User, keys_in: str) -> None:
    """Known names need nothing but an address and a key; with the key in the environment, nothing but an address."""
    groq_key, openrouter_key = "gsk-0123456789", "sk-or-9876543210"
    with (
        running_fault_server(Status(401)) as groq,
        running_fault_server({For(key=openrouter_key): Ok("from the second")}) as openrouter,
    ):
        if keys_in == "models.json":
            env: Mapping[str, str] = {}
            providers: Mapping[str, object] = {
                "groq": {"baseUrl": groq.base_url, "apiKey": groq_key, "models": [{"id": "one"}]},
                "openrouter": {"baseUrl": openrouter.base_url, "apiKey": openrouter_key, "models": [{"id": "two"}]},
            }
        else:
            env = {"GROQ_API_KEY": groq_key, "OPENROUTER_API_KEY": openrouter_key}
            providers = {"groq": {"baseUrl": groq.base_url}, "openrouter": {"baseUrl": openrouter.base_url}}
        user.write("models.json", {"providers": providers})
        user.settings(defaultProvider="groq", defaultModel="one" if keys_in == "models.json" else "openai/gpt-oss-120b")
        done = user.run("-p", "hello", env=env)
        assert (done.code, done.out) == (0, "from the second\n")
        for server, own, other in ((groq, groq_key, openrouter_key), (openrouter, openrouter_key, groq_key)):
            assert {request.key for request in server.requests} == {own}
            assert all(other not in str(request.headers) + request.raw.decode() for request in server.requests)


@pytest.mark.parametrize(
    ("limit", "step", "reason"),
    [
        ("headSeconds", HangBeforeHeaders(), "timeout: no complete response head within 1 s"),
        ("firstContentSeconds", CommentsOnly(after=0, every_s=0.05), "timeout: no content within 1 s"),
        ("quietSeconds", CommentsOnly(after=1, every_s=0.05), "timeout: no more content for 1 s"),
        ("quietSeconds", Stall(after=1), "timeout: no more content for 1 s"),
        ("totalSeconds", Ok("a long answer", chunk=1, pace_s=0.2), "timeout: "),
        ("headSeconds", Html(), "html"),
    ],
    ids=["no head", "comments only", "comments after a word", "silence after a word", "no end", "captive portal"],
)
def test_a_provider_that_does_not_go_on_is_left_for_the_next(
    user: User, fault_server: RunningFaultServer, limit: str, step: Step, reason: str
) -> None:
    first = {"baseUrl": fault_server.base_url, "models": [{"id": "A", "limits": {limit: 1.0}}]}
    second = {"baseUrl": fault_server.base_url, "models": [{"id": "B"}]}
    user.write("models.json", {"providers": {"a": first, "b": second}})
    user.settings()
    fault_server.play("A", step)
    fault_server.play("B", Ok("from B"))
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "from B\n")
    assert [request.model for request in fault_server.requests] == ["A", "B"]
    assert "switched from a/A to b/B" in done.err
    assert reason in done.err.splitlines()[0].lower()


def test_without_plugins_the_first_failure_is_the_end(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", Status(401))
    done = user.run("--no-plugin", "pool", "--no-plugin", "progress", "-p", "hello")
    assert (done.code, done.out) == (1, "")
    assert "The model failed." in done.err
    assert "Not tried: b/B." in done.err
    assert [request.model for request in fault_server.requests] == ["A"]


def test_a_long_error_of_a_provider_is_told_in_one_short_line(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings(retry={"maxRetries": 1, "baseDelayMs": 10})
    fault_server.play("A", Status(500, body="first line\n" + "x" * 200_000))
    fault_server.play("B", Ok("from B"))
    done = user.run("-p", "hello")
    assert done.out == "from B\n"
    assert done.err.startswith("a/A: server_error: first line x")
    assert max(map(len, done.err.splitlines())) <= 300


def test_with_wait_for_recovery_the_first_model_is_tried_again(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    waits = {"quietSeconds": 20, "actWhenSettled": True, "waitForRecovery": True, "failedCooldownSeconds": 0.5}
    user.settings(fallback=waits)
    fault_server.play("A", [Status(401), Ok("A again")])
    fault_server.play("B", Status(401))
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "A again\n")
    assert [request.model for request in fault_server.requests] == ["A", "B", "A"]


def test_a_key_that_a_command_prints_is_used_and_one_that_cannot_be_had_moves_the_work_on(
    user: User, fault_server: RunningFaultServer
) -> None:
    providers = {
        name: {"baseUrl": fault_server.base_url, "apiKey": key, "models": [{"id": name.upper()}]}
        for name, key in (("a", "!echo no key >&2; false"), ("b", "!printf %s-%s key 0123456789"))
    }
    user.write("models.json", {"providers": providers})
    user.settings()
    fault_server.play("B", Ok("from B"))
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "from B\n")
    assert "No key for a (models.json): The command ended with status 1." in done.err
    assert [request.key for request in fault_server.requests] == ["key-0123456789"]
