"""Progress detection with files, processes and sockets, case by case. Each test bears the id of its case."""

from pathlib import Path

import pytest

from pi_fallback.testing import Ok, RunningFaultServer, Stall, Status
from tests.e2e.user import User

ODD = Status(418, body="E-4711: flux out of phase")


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def test_p13_patterns_of_enabled_models_are_resolved_and_their_level_is_used(
    user: User, fault_server: RunningFaultServer
) -> None:
    providers = {
        "p1": {"baseUrl": fault_server.base_url, "models": [{"id": "a"}, {"id": "b"}]},
        "p2": {"baseUrl": fault_server.base_url, "models": [{"id": "x", "reasoning": True}, {"id": "never"}]},
    }
    user.write("models.json", {"providers": providers})
    user.settings("p1/*", "p2/x:high", "p2/gone")
    fault_server.play("a", ODD)
    fault_server.play("b", ODD)
    fault_server.play("x", Ok("from x"))
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "from x\n")
    assert [request.model for request in fault_server.requests] == ["a", "b", "x"]
    assert (fault_server.requests[-1].body or {})["reasoning_effort"] == "high"
    assert "p2/gone" in done.err
    listed = [line.split()[0] for line in user.run("models").out.splitlines()[1:]]
    assert listed == ["p1/a", "p1/b", "p2/x"]


def test_p14_a_failover_leaves_the_settings_alone_and_the_next_session_starts_on_the_users_model(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    settings = user.settings(defaultProvider="a", defaultModel="A")
    before = settings.read_bytes()
    fault_server.play("A", [ODD, Ok("well again")])
    fault_server.play("B", Ok("from B"))
    assert user.run("-p", "hello").out == "from B\n"
    assert settings.read_bytes() == before
    assert user.run("-p", "hello").out == "well again\n"
    assert [request.model for request in fault_server.requests] == ["A", "B", "A"]
    assert settings.read_bytes() == before


@pytest.mark.parametrize("first_still_works", [True, False], ids=["at once", "after a restart"])
def test_p16_a_failure_in_one_agent_is_known_to_those_that_start_later(
    user: User, fault_server: RunningFaultServer, first_still_works: bool
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B", c="C")
    user.settings("c/C", "a/A", "b/B")
    fault_server.play("C", ODD)
    fault_server.play("A", ODD)
    fault_server.play("B", [Stall(), Ok("from B")])
    with user.start("-p", "hello") as first:
        fault_server.wait_for_requests(3)
        if not first_still_works:
            first.kill()
            first.wait()
        done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "from B\n")
    # In the order of the settings A comes after C; the second agent knows better.
    assert [request.model for request in fault_server.requests] == ["C", "A", "B", "C", "B"]


def test_p17_print_mode_waits_for_the_recovery(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", Status(401))
    fault_server.play("B", Ok("from B"))
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "from B\n")
    assert "switched from a/A to b/B" in done.err


def test_p17_print_mode_fails_with_the_reasons_when_nothing_is_left(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", Status(401, body={"error": {"message": "the key is not known"}}))
    fault_server.play("B", Status(402, body={"error": {"message": "the account is empty"}}))
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (1, "")
    assert "a/A: auth: the key is not known" in done.err
    assert "b/B: quota_exhausted: the account is empty" in done.err
