"""The shared file between real processes: at once, killed, and on a full disk."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Ledger
from tests.state import agent_process

PROCESSES = 16
UPDATES = int(os.environ.get("PI_FALLBACK_LEDGER_UPDATES", "100"))  # `just contention`: 1000
KILLS = int(os.environ.get("PI_FALLBACK_LEDGER_KILLS", "8"))


def start(path: Path, name: str, updates: int, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", agent_process.__name__, str(path), name, str(updates), *more]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def read(path: Path) -> Ledger:
    problems: list[str] = []
    store = SqliteLedger(path, now=lambda: 0.0, wall=_wall_of(path), on_problem=problems.append)
    ledger = store.sync(Ledger())
    store.close()
    assert problems == []
    return ledger


def _wall_of(path: Path) -> Callable[[], float]:
    """The file's own idea of time is enough to read it."""
    modified = path.stat().st_mtime
    return lambda: modified


@pytest.mark.timeout(900)
def test_sixteen_processes_lose_no_update(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    path = tmp_path / "ledger.sqlite3"
    with ExitStack() as stack:
        agents = [stack.enter_context(start(path, f"agent-{n}", UPDATES)) for n in range(PROCESSES)]
        greetings = [agent.stdout.readline() for agent in agents if agent.stdout]
        for agent in agents:
            assert agent.stdin
            agent.stdin.write("go\n")
            agent.stdin.flush()
        said = [line.split(maxsplit=2) for agent in agents if agent.stdout for line in agent.stdout]
        codes = [agent.wait() for agent in agents]
    assert (set(greetings), set(codes)) == ({"ready\n"}, {0})
    assert [words for words in said if words[0] == "problem"] == []
    ledger = read(path)
    last = {agent_process.scope_of(f"agent-{n}", i): f"update {i}" for n in range(PROCESSES) for i in range(UPDATES)}
    rests = {scope: rest.reason for scope, rest in ledger.rests.items() if scope != agent_process.ALL}
    assert rests == last
    assert ledger.rests[agent_process.ALL].until == max(rest.until for rest in ledger.rests.values())
    assert len(ledger.worked_at) == PROCESSES
    waits = sorted(float(words[2]) for words in said)
    p50, p99 = (1000 * waits[len(waits) * percent // 100] for percent in (50, 99))
    record_property("p99_ms", p99)
    print(f"\n{len(waits)} updates: p50 {p50:.2f} ms, p99 {p99:.2f} ms")  # noqa: T201  # shown by `pytest -s`


@pytest.mark.timeout(60 + 5 * KILLS)
def test_a_process_killed_at_any_moment_leaves_all_that_it_shared(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    for kill in range(KILLS):
        name, shared = f"agent-{kill}", -1
        with start(path, name, 0) as agent:
            assert agent.stdin
            assert agent.stdout
            agent.stdin.write("go\n")
            agent.stdin.flush()
            for line in agent.stdout:
                words = line.split()
                if words[0] == "shared" and line.endswith("\n"):
                    shared = int(words[1])
                if shared == 10 * (kill % 20):
                    agent.kill()  # and read on: it went on while we looked
        booked = [rest.reason for scope, rest in read(path).rests.items() if scope.provider == name]
        assert max(int(reason.split()[1]) for reason in booked) >= shared
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("room", [0, 4096, 60_000], ids=["none at all", "for one page", "for a while"])
def test_a_full_disk_is_named_once_and_the_agent_goes_on(tmp_path: Path, room: int) -> None:
    with start(tmp_path / "ledger.sqlite3", "agent", 300, str(room)) as agent:
        said, _ = agent.communicate("go\n")
    problems = [line for line in said.splitlines() if line.startswith("problem")]
    assert agent.returncode == 0
    assert said.count("shared") == 300
    assert len(problems) == 1
    assert "cannot be used" in problems[0]
    assert "the disk has room" in problems[0]
