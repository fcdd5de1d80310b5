"""The line protocol of the real program: over pipes, with the fault server at the other end of the wire."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pi_fallback.testing import Cut, HangBeforeHeaders, Ok, RunningFaultServer, Status, ToolCallScript
from tests.e2e.user import TIMEOUT_S, User, written

Event = dict[str, Any]


@dataclass
class Client:
    program: "subprocess.Popen[str]"
    seen: list[Event] = field(default_factory=list[Event])

    def send(self, value: Event | str) -> None:
        assert self.program.stdin is not None
        self.program.stdin.write((value if isinstance(value, str) else json.dumps(value)) + "\n")
        self.program.stdin.flush()

    def until(self, holds: Callable[[Event], object]) -> Event:
        """Read on until an event is such as it should be."""
        assert self.program.stdout is not None
        for line in self.program.stdout:
            self.seen.append(json.loads(line))
            if holds(self.seen[-1]):
                return self.seen[-1]
        raise AssertionError(f"The output ended before that. Last: {self.seen[-3:]}")

    def ask(self, kind: str, **fields: object) -> Event:
        self.send({"id": kind, "type": kind, **fields})
        return self.until(lambda event: event["type"] == "response" and event.get("id") == kind)

    def settled(self) -> Event:
        return self.until(lambda event: event["type"] == "agent_settled")

    def close(self) -> int:
        """End the input, read the rest, and return the exit code."""
        assert self.program.stdin is not None
        self.program.stdin.close()
        self.rest()
        return self.program.wait(TIMEOUT_S)

    def rest(self) -> None:
        assert self.program.stdout is not None
        self.seen += [json.loads(line) for line in self.program.stdout]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.seen if event["type"] == kind]


@contextmanager
def client(user: User, *arguments: str) -> Iterator[Client]:
    with user.start("--mode", "rpc", *arguments) as program:
        yield Client(program)


@pytest.fixture
def two(user: User, fault_server: RunningFaultServer) -> User:
    user.endpoints(fault_server.base_url, one="big", two="mid")
    user.settings("one/big", "two/mid")
    return user


def test_a_cut_answer_is_withdrawn_and_the_next_model_answers(two: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", Cut(2))
    fault_server.play("mid", Ok("here \u2028 it is"))
    with client(two) as c:
        assert c.ask("prompt", message="hello")["success"]
        assert c.settled()["stopReason"] == "stop"
        assert c.ask("get_last_assistant_text")["data"] == {"text": "here \u2028 it is"}
        assert c.ask("get_state")["data"]["model"]["id"] == "mid"
        assert c.close() == 0
    assert c.of("message_withdrawn")
    assert c.of("model_select")[-1]["previousModelId"] == "big"
    assert fault_server.violations == ()


def test_a_tool_asks_over_the_pipe_and_runs_once(two: User, fault_server: RunningFaultServer) -> None:
    call = ToolCallScript("bash", {"command": "echo once >> marks"})
    fault_server.play("big", [Ok(tools=[call]), Status(401)])
    fault_server.play("mid", Ok("done"))
    with client(two) as c:
        c.send({"type": "prompt", "message": "mark it"})
        question = c.until(lambda event: event.get("method") == "confirm")
        assert "echo once >> marks" in question["message"]
        c.send({"type": "extension_ui_response", "id": question["id"], "confirmed": True})
        assert c.settled()["stopReason"] == "stop"
        assert c.close() == 0
    assert (two.folder / "marks").read_text() == "once\n"
    assert c.of("tool_execution_end")[0]["isError"] is False


def test_when_nothing_is_left_the_session_goes_on_all_the_same(two: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", [Status(401), Ok("well again")])
    fault_server.play("mid", Status(402))
    with client(two) as c:
        c.ask("prompt", message="hello")
        assert c.settled()["stopReason"] == "error"
        assert "one/big" in c.of("gave_up")[0]["message"]
        c.send("this is no JSON")
        assert c.until(lambda event: event["type"] == "response")["command"] == "parse"
        assert c.ask("set_model", provider="one", modelId="big")["success"]
        assert not c.ask("set_model", provider="one", modelId="none")["success"]
        assert c.close() == 0


def test_a_session_is_gone_on_with(two: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", Ok("remembered"))
    with client(two) as c:
        c.ask("prompt", message="hello")
        c.settled()
        path = c.ask("get_session_stats")["data"]["sessionFile"]
        assert c.ask("switch_session", sessionPath=path)["data"] == {"cancelled": False}
        assert c.of("session_changed") == []
        assert c.ask("new_session")["data"] == {"cancelled": False}
        assert c.ask("get_messages")["data"] == {"messages": []}
        assert c.ask("switch_session", sessionPath=path)["success"]
        assert c.ask("get_last_assistant_text")["data"] == {"text": "remembered"}
        assert c.close() == 0


def test_what_is_no_session_is_refused_and_this_one_goes_on(two: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", Ok("still here"))
    pipe = two.folder / "pipe"
    os.mkfifo(pipe)
    with client(two) as c:
        for path in ("/nowhere", "a\0b", "/dev/zero", str(pipe), str(two.folder), "/etc/passwd"):
            assert "Choose another session" in c.ask("switch_session", sessionPath=path)["error"]
        c.ask("prompt", message="hello")
        assert c.settled()["stopReason"] == "stop"
        assert c.close() == 0


NOISY = """
import os
import subprocess
import threading

from pi_fallback_hookspecs import hookimpl

print("printed at import")
threading.Thread(target=threading.Event().wait).start()


@hookimpl
def agent_start(event):
    print("printed")
    os.write(1, b"written\\n")
    subprocess.run(["sh", "-c", "echo by a child; cat"], check=True)
"""


@pytest.mark.parametrize("mode", ["rpc", "json"])
def test_a_plugin_that_prints_reads_and_leaves_a_thread_disturbs_neither_lines_nor_end(
    two: User, fault_server: RunningFaultServer, mode: str
) -> None:
    fault_server.play("big", Ok("fine"))
    plugin = written(two.folder / "noisy.py", NOISY)
    with two.start("--mode", mode, "--plugin", str(plugin), *(["hello"] if mode == "json" else [])) as program:
        c = Client(program)
        if mode == "rpc":
            c.ask("prompt", message="hello")
        assert c.settled()["stopReason"] == "stop"
        assert c.close() == 0
        assert program.stderr is not None
        assert {"printed at import", "printed", "written", "by a child"} <= set(program.stderr.read().splitlines())


def test_abort_and_the_end_of_the_input_end_a_hanging_request(two: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", HangBeforeHeaders())
    with client(two) as c:
        c.ask("prompt", message="hello")
        fault_server.wait_for_requests(1)
        c.send({"type": "abort"})
        assert c.settled()["stopReason"] == "aborted"
        c.ask("prompt", message="again")
        fault_server.wait_for_requests(2)
        assert c.close() == 0
    assert c.seen[-1] == {"type": "agent_settled", "stopReason": "aborted"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_program_in_order(
    two: User, fault_server: RunningFaultServer, number: signal.Signals, code: int
) -> None:
    fault_server.play("big", HangBeforeHeaders())
    with client(two) as c:
        c.ask("prompt", message="hello")
        fault_server.wait_for_requests(1)
        c.program.send_signal(number)
        c.rest()
        assert c.program.wait(TIMEOUT_S) == code
        assert c.program.stderr is not None
        assert "Traceback" not in c.program.stderr.read()
    assert c.seen[-1] == {"type": "agent_settled", "stopReason": "aborted"}


def test_a_client_that_leaves_takes_the_program_with_it(two: User, fault_server: RunningFaultServer) -> None:
    fault_server.play("big", Ok("x" * 10_000, chunk=10, pace_s=0.01))
    with client(two) as c:
        c.ask("prompt", message="hello")
        assert c.program.stdout is not None
        c.program.stdout.close()
        assert c.program.wait(TIMEOUT_S) == 1
        assert c.program.stderr is not None
        assert "Traceback" not in c.program.stderr.read()


def test_ha_activate_and_ha_use_in_the_middle_of_a_turn_count_from_its_next_request(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings()
    user.write(
        "ha.json",
        {
            "groups": {"g": {"entries": [{"id": "a/A"}]}, "h": {"entries": [{"id": "b/B"}]}},
            "credentials": {"a": {"backup-1": {"type": "api_key", "key": "sk-a-backup-1111"}}},
        },
    )
    wait = [ToolCallScript("bash", {"command": "while ! test -e go; do sleep 0.02; done; rm go"})]
    fault_server.play("A", [Ok("one", tools=wait), Ok("two", tools=wait)])
    fault_server.play("B", Ok("three"))
    with client(user, "-y") as c:
        c.ask("prompt", message="count")
        for command in ("/ha-activate a backup-1", "/ha-use h"):
            c.until(lambda event: event["type"] == "tool_execution_start")
            assert c.ask("prompt", message=command)["success"] is True
            (user.folder / "go").touch()
        c.settled()
        assert c.close() == 0
    keys = [request.key for request in fault_server.requests]
    assert (keys[1], [request.model for request in fault_server.requests]) == ("sk-a-backup-1111", ["A", "A", "B"])
    assert fault_server.violations == ()
