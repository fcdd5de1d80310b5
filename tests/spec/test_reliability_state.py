"""State that processes share, as far as spec ids promise: RP7, over real files, processes and sockets."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pi_fallback.state import tables
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback.testing import Ok, RunningFaultServer, Status
from pi_fallback_hookspecs import Ledger, ModelRef, Scope, ScopeKind
from tests.e2e.user import User
from tests.spec.file_writer import wall

HERE = Path(__file__).parents[2]
ACCOUNT = Scope(ScopeKind.CREDENTIAL, "acme", "", "backup-1")
MODEL = Scope(ScopeKind.MODEL, "acme", "big")
HOUR_S = 3600.0

Wrong = Callable[[Path, ExitStack], object]


def ledger_at(path: Path, said: list[str]) -> SqliteLedger:
    return SqliteLedger(path, now=time.monotonic, wall=wall, on_problem=said.append)


def healthy(path: Path) -> None:
    """Put a ledger with one rest at `path`."""
    said: list[str] = []
    store = ledger_at(path, said)
    store.sync(Ledger().rest(ACCOUNT, until=time.monotonic() + HOUR_S, reason="spent"))
    store.close()
    assert said == []


def corrupt(path: Path, _stack: ExitStack) -> None:
    path.write_bytes(b"not a database " * 400)


def half_corrupt(path: Path, _stack: ExitStack) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2] + b"\xff" * (len(raw) // 2))


def gone(path: Path, _stack: ExitStack) -> None:
    path.unlink()


def a_folder(path: Path, _stack: ExitStack) -> None:
    path.unlink()
    path.mkdir()


def a_file_for_the_folder(path: Path, _stack: ExitStack) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("in the way")


def locked(path: Path, stack: ExitStack) -> None:
    db = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
    db.execute("BEGIN EXCLUSIVE")


def without_shared_memory(path: Path, _stack: ExitStack) -> None:
    path.with_name(f"{path.name}-shm").mkdir()  # as on a network file system: the log cannot be shared


def read_only(path: Path, stack: ExitStack) -> None:
    path.chmod(0o400)
    path.parent.chmod(0o500)
    stack.callback(path.parent.chmod, 0o700)


def of_the_future(path: Path, _stack: ExitStack) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {tables.VERSION + 1}")


# What is wrong, and what the one sentence says; None: nothing, because there is nothing to say.
WRONG: dict[str, tuple[Wrong, str | None]] = {
    "corrupt": (corrupt, "was damaged. It is now ledger.sqlite3.corrupt-1"),
    "corrupt in the middle": (half_corrupt, "was damaged. It is now ledger.sqlite3.corrupt-1"),
    "gone": (gone, None),
    "a folder in its place": (a_folder, "cannot be used: "),
    "a file for its folder": (a_file_for_the_folder, "cannot be used: "),
    "locked": (locked, "is locked. End the program that holds it."),
    "without shared memory": (without_shared_memory, "cannot be used: "),
    "read-only": (read_only, "cannot be used: "),
    "of the future": (of_the_future, "belongs to a newer pi-fallback. Update this one"),
}


# With a file for its folder the program does not start: there is no telling which folders are trusted.
@pytest.mark.parametrize("case", [case for case in WRONG if case != "a file for its folder"])
def test_rp7_without_its_ledger_the_program_answers_and_says_so_once(
    tmp_path: Path, fault_server: RunningFaultServer, case: str
) -> None:
    make, sentence = WRONG[case]
    user = User(tmp_path)
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings("a/A", "b/B")
    fault_server.play("A", Status(429, body={"error": {"message": "slow down"}}))
    fault_server.play("B", Ok("the answer"))
    path = user.agent_dir / "pi-fallback" / "ledger.sqlite3"
    healthy(path)
    command = [sys.executable, "-m", "tests.spec.file_writer", "program", str(user.agent_dir)]
    command += ["--cwd", str(user.folder), "-p", "hello"]
    with ExitStack() as stack:
        make(path, stack)
        done = subprocess.run(command, cwd=HERE, env=user.environ, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "the answer\n")
    said = [line for line in done.stderr.splitlines() if "ledger.sqlite3" in line]
    assert len(said) == (0 if sentence is None else 1), said
    assert sentence is None or sentence in said[0]


@pytest.mark.parametrize("case", WRONG)
def test_rp7_nothing_is_deleted_and_the_ledger_is_rebuilt_as_soon_as_it_can_be(tmp_path: Path, case: str) -> None:
    make, _ = WRONG[case]
    folder = tmp_path / "pi-fallback"
    path = folder / "ledger.sqlite3"
    healthy(path)
    said: list[str] = []
    moment = [time.monotonic()]
    with ExitStack() as stack:
        make(path, stack)
        before = path.read_bytes() if path.is_file() else b""
        store = SqliteLedger(path, now=lambda: moment[0], wall=wall, on_problem=said.append)
        held = store.sync(Ledger().rest(MODEL, until=moment[0] + HOUR_S, reason="full"))
        assert MODEL in held.rests
        kept = [found for found in (path, path.with_name(f"{path.name}.corrupt-1")) if found.is_file()]
        assert before == b"" or before in [found.read_bytes() for found in kept] or case in SOUND
    mend(path)
    moment[0] += 2.0  # it tries once a second
    held = store.sync(held.worked(ModelRef("acme", "small"), at=moment[0]))
    store.close()
    if case != "of the future":
        fresh = ledger_at(path, said)
        assert MODEL in fresh.sync(Ledger()).rests
        fresh.close()
    assert len(said) <= 1


SOUND = {"read-only", "locked", "without shared memory", "of the future"}  # what is right with the file may change


def mend(path: Path) -> None:
    """Take away what is in the file's way."""
    for obstacle in (path, path.with_name(f"{path.name}-shm")):
        if obstacle.is_dir():
            obstacle.rmdir()
    if path.parent.is_file():
        path.parent.unlink()
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.chmod(0o600)


def test_rp7_a_ledger_that_is_deleted_under_running_agents_gets_all_that_each_of_them_knows(tmp_path: Path) -> None:
    path = tmp_path / "pi-fallback" / "ledger.sqlite3"
    said: list[str] = []
    one, two = ledger_at(path, said), ledger_at(path, said)
    first = one.sync(Ledger().rest(ACCOUNT, until=time.monotonic() + HOUR_S, reason="spent"))
    for found in path.parent.iterdir():
        found.unlink()
    second = two.sync(Ledger().rest(MODEL, until=time.monotonic() + HOUR_S, reason="full"))
    one.sync(first.worked(ModelRef("acme", "small"), at=time.monotonic()))
    two.sync(second)
    one.close()
    two.close()
    fresh = ledger_at(path, said)
    assert fresh.sync(Ledger()).rests.keys() == {ACCOUNT, MODEL}
    fresh.close()
    assert said == []


BOOKS = """
import sys, time
from pathlib import Path
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Ledger, Scope, ScopeKind
store = SqliteLedger(Path(sys.argv[1]), now=time.monotonic, wall=time.time, on_problem=sys.exit)
scope = Scope(ScopeKind.CREDENTIAL, "acme", "", "backup-1")
ledger = store.sync(Ledger())
for line in sys.stdin:
    ledger = store.sync(ledger.rest(scope, until=time.monotonic() + float(line), reason=f"for {line.strip()} s"))
    print("booked", flush=True)
"""


def test_a_rest_is_seen_by_a_running_agent_within_a_second_and_by_one_that_starts_later(tmp_path: Path) -> None:
    path = tmp_path / "pi-fallback" / "ledger.sqlite3"
    said: list[str] = []
    store = ledger_at(path, said)
    held = store.sync(Ledger())
    with subprocess.Popen(
        [sys.executable, "-c", BOOKS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for for_s, expected in ((600, 600), (60, 600), (900, 900)):  # the longer one counts
            other.stdin.write(f"{for_s}\n")
            other.stdin.flush()
            assert other.stdout.readline() == "booked\n"
            booked = time.monotonic()
            while (rest := held.rests.get(ACCOUNT)) is None or rest.reason != f"for {expected} s":
                assert time.monotonic() < booked + 1.0
                held = store.sync(held)
            assert abs(rest.until - booked - expected) < 5.0
        other.kill()
    store.close()
    later = ledger_at(path, said)
    assert later.sync(Ledger()).rests[ACCOUNT].reason == "for 900 s"
    later.close()
    assert said == []


def test_no_secret_gets_into_the_ledger_not_even_in_the_words_of_a_provider(
    tmp_path: Path, fault_server: RunningFaultServer
) -> None:
    user = User(tmp_path)
    user.endpoints(fault_server.base_url, a="A", b="B")
    user.settings("a/A", "b/B")
    key = "sk-a-0123456789"
    fault_server.play("A", Status(429, body={"error": {"message": f"The key {key} has spent its quota"}}))
    fault_server.play("B", Ok("the answer"))
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "the answer\n")
    store = ledger_at(user.agent_dir / "pi-fallback" / "ledger.sqlite3", [])
    ledger = store.sync(Ledger())
    reasons = [rest.reason for rest in ledger.rests.values()] + [mark.text for mark in ledger.failures.values()]
    assert any("has spent its quota" in reason for reason in reasons)
    store.close()
    for path in (user.agent_dir / "pi-fallback").glob("ledger*"):
        assert key.encode() not in path.read_bytes()
