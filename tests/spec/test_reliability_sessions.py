"""Sessions and tools, as far as spec ids promise: RP1, RP2, RP4, RT4, RK8."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pi_fallback.errors import SessionError
from pi_fallback.runtime.session_files import LoadedSession, latest
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback_hookspecs import (
    AssistantMessage,
    Producer,
    StopReason,
    ToolCall,
    ToolResultMessage,
    frozen_object,
    user_message,
)
from tests.runtime.tool_box import ToolBox
from tests.spec.session_writer import CWD, SIZES, noon

ROOT = Path(__file__).parents[2]
# `PI_FALLBACK_KILLS=250` is the long form.
KILLS = int(os.environ.get("PI_FALLBACK_KILLS", "20"))


@contextmanager
def writer(role: str, agent_dir: Path, *file: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.spec.session_writer", role, str(agent_dir), *map(str, file)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def reopened(path: Path) -> LoadedSession:
    problems: list[str] = []
    log, session = SessionLog.reopen(path, wall=noon, on_problem=problems.append)
    log.close()
    assert problems == []
    return session


def numbers(session: LoadedSession) -> list[int]:
    return [int(message.text.split()[0]) for message in session.messages]


@pytest.mark.timeout(60 + 5 * KILLS)
def test_rp1_a_kill_in_a_session_append_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(1)
    path: Path | None = None
    for kill in range(KILLS):
        if kill % 20 == 0:  # the long form must not read gigabytes
            path = None
        with writer("killed", tmp_path, *([path] if path else [])) as process:
            assert process.stdout is not None
            path = Path(process.stdout.readline().strip())
            acknowledged = [process.stdout.readline() for _ in range(chance.randint(1, 12))]
            process.kill()
            acknowledged += process.stdout.readlines()
        session = reopened(path)
        assert session.bad_lines == ()
        assert numbers(session) == list(range(len(session.messages)))
        assert len(session.messages) > int(acknowledged[-1])
        for message in session.messages:  # whole, to the last letter
            assert len(message.text.split()[1]) in SIZES


def test_rp2_a_full_disk_keeps_what_is_there_and_is_said_once(tmp_path: Path) -> None:
    with writer("full", tmp_path) as process:
        told, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert told.count("\n") == 1
    assert "cannot be saved" in told
    assert "No space left on device" in told
    info = latest(tmp_path, CWD)
    assert info is not None
    session = reopened(info.path)
    assert numbers(session) == [0, 1, 2]
    assert session.bad_lines == ()
    assert not Path(f"{info.path}.torn").exists()


def test_rp2_what_a_full_disk_refused_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    with writer("recovers", tmp_path) as process:
        told, _errors = process.communicate()
    assert told.count("\n") == 1
    info = latest(tmp_path, CWD)
    assert info is not None
    assert numbers(reopened(info.path)) == list(range(11))


def test_rp4_two_processes_cannot_write_one_session(tmp_path: Path) -> None:
    with writer("holds", tmp_path) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        with pytest.raises(SessionError, match=f"in use by process {process.pid}"):
            reopened(path)
    assert [message.text for message in reopened(path).messages] == ["mine"]


def test_rt4_a_tool_that_was_running_in_a_crash_may_or_may_not_have_run(tmp_path: Path) -> None:
    calls = [ToolCall("c1", "bash", frozen_object({"command": "deploy"})), ToolCall("c2", "bash")]
    problems: list[str] = []
    log = SessionLog.create(tmp_path, CWD, wall=noon, on_problem=problems.append)
    log.message(user_message("deploy it"))
    log.message(AssistantMessage(tuple(calls), StopReason.TOOL_USE, Producer("p", "m", "openai-completions")))
    log.tool_started(calls[0])
    log.close()  # and the program is gone
    session = reopened(log.path)
    assert session.unfinished == (calls[0],)
    first, second = session.messages[-2:]
    assert isinstance(first, ToolResultMessage)
    assert isinstance(second, ToolResultMessage)
    assert (first.call_id, first.is_error) == ("c1", True)
    assert first.text == (
        "It may or may not have run: the program stopped while it was running. Check before you run it again."
    )
    assert (second.call_id, second.text) == ("c2", "It was not run: the program stopped before it began.")
    assert problems == []


@pytest.mark.anyio
async def test_rk8_the_children_of_tools_get_an_environment_without_secrets(tmp_path: Path) -> None:
    secret = "sk-canary-0123456789"
    environ = {"PATH": os.environ["PATH"], "ACME_API_KEY": secret, "PLAIN": f"key={secret}", "LANG": "C"}
    box = ToolBox(tmp_path, environ, secrets=(secret,))
    text = await box.text("bash", command="env; tr '\\0' '\\n' </proc/$$/environ")
    assert secret not in text
    assert "LANG=C" in text
