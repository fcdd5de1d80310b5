"""Sessions: a conversation goes on in another process, on the model that it had come to."""

import os

from pi_fallback.testing import Ok, RunningFaultServer, Stall, Status
from tests.e2e.user import User


def test_a_conversation_goes_on_with_all_that_was_said(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", [Ok("one"), Ok("two"), Ok("three"), Ok("four")])
    assert user.run("-p", "1").out == "one\n"
    (session,) = user.sessions
    before = session.read_bytes()
    by_id = session.stem.rpartition("_")[2][:8]
    goings_on = (["--continue"], ["--resume", by_id], ["--resume", str(session)])
    assert [user.run(*how, "-p", "more").out for how in goings_on] == ["two\n", "three\n", "four\n"]
    said = [message["content"] for message in fault_server.requests[-1].messages]
    assert said[-7:] == ["1", "one", "more", "two", "more", "three", "more"]
    assert user.sessions == [session]
    assert session.read_bytes().startswith(before)
    assert fault_server.violations == ()


def test_a_session_that_failed_goes_on_without_the_failed_answers(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", [Status(401), Ok("here I am")])
    assert user.run("-p", "hello").code == 1
    done = user.run("--continue", "-p", "are you there?")
    assert (done.code, done.out) == (0, "here I am\n")
    assert [message["role"] for message in fault_server.requests[-1].messages][-2:] == ["user", "user"]
    assert fault_server.violations == ()


def test_a_session_goes_on_where_a_failover_left_it_and_another_starts_on_the_users_model(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", [Status(401), Ok("from A")])
    fault_server.play("B", Ok("from B"))
    assert [user.run(*more, "-p", "hello").out for more in ([], ["--continue"], [])] == [
        "from B\n",
        "from B\n",
        "from A\n",
    ]


def test_a_model_that_is_asked_for_goes_over_the_one_of_the_session(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    fault_server.play("A", Ok("from A"))
    fault_server.play("B", Ok("from B"))
    assert [user.run(*more, "-p", "hello").out for more in ([], ["-c", "--model", "B"], ["-c"])] == [
        "from A\n",
        "from B\n",
        "from B\n",
    ]


def test_a_session_that_another_process_has_open_is_not_opened_again(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", Stall())
    with user.start("-p", "hello") as program:
        fault_server.wait_for_requests(1)
        done = user.run("--continue", "-p", "hello?")
        assert (done.code, done.out) == (2, "")
        assert str(program.pid) in done.err
        assert len(done.err.splitlines()) == 1
    assert len(fault_server.requests) == 1


def test_a_file_that_is_no_session_is_named_in_one_line(user: User) -> None:
    user.endpoints("http://127.0.0.1:9/v1", a="A")
    pipe = user.folder / "pipe"
    os.mkfifo(pipe)
    for path in ("/etc/passwd", "/dev/zero", str(pipe), str(user.folder)):
        done = user.run("--resume", path, "-p", "hello")
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert path in done.err
        assert "Choose another session" in done.err
