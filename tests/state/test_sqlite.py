"""The shared file: real files, several agents, and everything that can be wrong with a file."""

import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pi_fallback.state.ledgerfile import BUSY_S
from pi_fallback.state.memory import MemoryLedger
from pi_fallback.state.sqlite import COLLISIONS, PAUSE_S, SqliteLedger
from pi_fallback.state.store import LedgerStore
from pi_fallback_hookspecs import Ledger
from tests.state.ledgers import A_SCOPE, KINDS, SCOPES, A, Act, B, acts, content, ledger_of

WALL = 1_800_000_000.0
B_SCOPE = next(scope for scope in SCOPES if scope.provider == "b")


@dataclass
class Machine:
    """A file and a wall clock that all agents share; each agent has a monotonic clock of its own."""

    path: Path
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    stores: list[SqliteLedger] = field(default_factory=list)

    def agent(self, *, booted_at: float = 1000.0) -> SqliteLedger:
        store = SqliteLedger(
            self.path,
            now=lambda: booted_at + self.seconds,
            wall=lambda: WALL + self.seconds,
            on_problem=self.problems.append,
        )
        self.stores.append(store)
        return store

    def stranger(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "agent" / "pi-fallback" / "ledger.sqlite3")
    yield machine
    for store in machine.stores:
        store.close()


def rested(until: float, ledger: Ledger | None = None, reason: str = "spent") -> Ledger:
    return (ledger or Ledger()).rest(A_SCOPE, until=until, reason=reason)


def test_a_store_that_was_never_used_makes_no_file(machine: Machine) -> None:
    machine.agent().close()
    assert not machine.path.exists()


def test_what_one_agent_booked_the_next_one_knows_on_its_own_clock(machine: Machine) -> None:
    first = rested(1060.0).failed(A, at=999.0, kind=KINDS[0], text="full").worked(B, at=998.0)
    machine.agent(booted_at=1000.0).sync(first)
    machine.seconds = 10.0
    read = machine.agent(booted_at=5000.0).sync(Ledger())
    assert read.rests[A_SCOPE].until == pytest.approx(5060.0)
    assert read.failures[A].at == pytest.approx(4999.0)
    assert read.worked_at[B] == pytest.approx(4998.0)


NOW = 10.0
DONE = st.lists(acts(ends=(5, 15), marks=(0, 10), apart=True), max_size=12)
FILES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def alike(one: Ledger, other: Ledger) -> bool:
    """Whether both say the same at `NOW`, but for the way through wall time."""

    def said(ledger: Ledger) -> dict[object, float]:
        ends = {scope: rest.until for scope, rest in ledger.rests.items() if rest.until > NOW}
        marks = {(model, "failed"): mark.at for model, mark in ledger.failures.items()}
        return {**ends, **marks, **ledger.worked_at}

    return said(one) == pytest.approx(said(other), abs=1e-5)


@given(DONE)
@FILES
def test_a_ledger_comes_back_from_the_file_as_it_was(tmp_path: Path, done: list[Act]) -> None:
    machine = Machine(tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite3")
    writer, reader = machine.agent(booted_at=NOW), machine.agent(booted_at=NOW)
    ledger = ledger_of(done)
    writer.sync(ledger)
    assert alike(reader.sync(Ledger()), ledger)
    writer.close()
    reader.close()


@given(st.lists(st.tuples(st.booleans(), acts(ends=(11, 15), marks=(0, 10), apart=True)), max_size=12))
@FILES
def test_agents_that_take_turns_know_what_one_alone_would_know(tmp_path: Path, turns: list[tuple[bool, Act]]) -> None:
    machine = Machine(tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite3")
    stores = machine.agent(booted_at=NOW), machine.agent(booted_at=NOW)
    held, alone = [Ledger(), Ledger()], Ledger()
    for turn, (who, act) in enumerate(turns):
        machine.seconds = turn / 100
        held[who] = stores[who].sync(act(stores[who].sync(held[who])))
        alone = act(alone)
    assert [alike(store.sync(ledger), alone) for store, ledger in zip(stores, held, strict=True)] == [True, True]
    for store in stores:
        store.close()


def test_a_running_agent_sees_the_rest_of_another_at_its_next_look(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    before = two.sync(Ledger())
    one.sync(rested(1060.0))
    after = two.sync(before)
    assert after.rests[A_SCOPE].reason == "spent"
    assert after.generation > before.generation


def test_after_the_read_at_opening_a_sync_that_also_writes_reads_at_once(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    before = two.sync(Ledger())
    one.sync(rested(1060.0))
    assert A_SCOPE in two.sync(before.rest(B_SCOPE, until=1060.0, reason="mine")).rests


def test_the_time_that_others_take_while_we_read_does_not_put_off_the_next_read(machine: Machine) -> None:
    def now() -> float:
        machine.seconds += 0.1  # something else runs between any two looks at the clock
        return 1000.0 + machine.seconds

    one = machine.agent()
    two = SqliteLedger(machine.path, now=now, wall=lambda: WALL, on_problem=machine.problems.append)
    machine.stores.append(two)
    ledger = two.sync(Ledger())
    theirs = one.sync(rested(1e6))
    ledger = two.sync(ledger)  # reads
    one.sync(theirs.rest(B_SCOPE, until=1e6, reason="theirs"))
    ledger = two.sync(ledger.wake(A_SCOPE))
    assert B_SCOPE in ledger.rests


def test_without_news_the_ledger_stays_the_same_object(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    ledger = one.sync(rested(1060.0))
    assert one.sync(ledger) is ledger
    two.sync(Ledger())
    same = rested(1060.0)
    two.sync(same)
    assert one.sync(ledger) is ledger


def test_rests_of_two_agents_merge_to_the_longer_one(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    one.sync(Ledger())
    two.sync(rested(1090.0, reason="two"))
    merged = one.sync(rested(1060.0, reason="one"))
    assert merged.rests[A_SCOPE].reason == "two"


def test_a_wake_holds_against_an_agent_that_still_knows_the_rest(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    ledger = one.sync(rested(1060.0))
    stale = two.sync(Ledger())
    machine.seconds = 1.0
    one.sync(ledger.wake(A_SCOPE))
    assert two.sync(stale.worked(B, at=1000.0)).rests == {}
    assert machine.agent().sync(Ledger()).rests == {}


def test_a_wake_holds_against_a_rest_that_waited_for_the_lock(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    one.sync(Ledger())
    two.sync(Ledger())
    with_lock = machine.stranger()
    with_lock.execute("BEGIN IMMEDIATE")
    waiting = one.sync(rested(1060.0))
    with_lock.execute("ROLLBACK")
    with_lock.close()
    machine.seconds = 0.5
    seen = two.sync(rested(1050.0))
    two.sync(seen.wake(A_SCOPE))
    machine.seconds = PAUSE_S
    assert one.sync(waiting).rests == {}


def test_a_rest_after_a_wake_counts_even_if_it_is_shorter(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    ledger = one.sync(rested(1060.0))
    machine.seconds = 1.0
    ledger = one.sync(ledger.wake(A_SCOPE))
    machine.seconds = 2.0
    one.sync(rested(1010.0, ledger))
    assert two.sync(Ledger()).rests[A_SCOPE].until == pytest.approx(1010.0)


def test_file_and_folder_are_for_their_owner_alone(machine: Machine) -> None:
    machine.agent().sync(rested(1060.0))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in machine.path.parent.iterdir()}
    assert modes.keys() >= {"ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(machine.path.parent.stat().st_mode) == 0o700


def test_a_locked_file_costs_one_short_wait_a_second_and_loses_nothing(machine: Machine) -> None:
    store = machine.agent()
    store.sync(Ledger())
    holder = machine.stranger()
    holder.execute("BEGIN IMMEDIATE")
    ledger = rested(1060.0)
    for _ in range(COLLISIONS - 1):
        assert store.sync(ledger) is ledger
    assert machine.problems == []  # a crowd is ordinary
    ledger = store.sync(ledger.worked(B, at=1000.5))
    for _ in range(3):
        machine.seconds += PAUSE_S
        assert store.sync(ledger) is ledger
    assert len(machine.problems) == 1
    begun = time.perf_counter()
    for _ in range(100):  # within one pause
        store.sync(ledger)
    assert time.perf_counter() - begun < 100 * BUSY_S
    assert "is locked" in machine.problems[0]
    holder.execute("ROLLBACK")
    holder.close()
    machine.seconds += PAUSE_S
    store.sync(ledger)
    read = machine.agent().sync(Ledger())
    assert content(read).rests.keys() == {A_SCOPE}
    assert read.worked_at[B] == pytest.approx(1000.5)


def test_closing_waits_for_the_lock_and_shares_what_is_left(machine: Machine) -> None:
    store = machine.agent()
    store.sync(Ledger())
    holder = machine.stranger()
    holder.execute("BEGIN IMMEDIATE")
    store.sync(rested(1060.0))
    holder.execute("ROLLBACK")
    holder.close()
    store.close()
    assert A_SCOPE in machine.agent().sync(Ledger()).rests


def test_after_closing_the_store_gives_the_ledger_back(machine: Machine) -> None:
    store = machine.agent()
    store.sync(Ledger())
    store.close()
    ledger = rested(1060.0)
    assert store.sync(ledger) is ledger
    store.close()
    assert machine.agent().sync(Ledger()).rests == {}


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def _foreign(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE recipes (title)")
    db.close()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6000])


def _zeroed(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + bytes(len(raw) - 4096))


def _without_tables(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("DROP TABLE rests")
    db.close()


@pytest.mark.parametrize("damage", [_garbage, _foreign, _cut, _zeroed, _without_tables])
def test_a_damaged_file_is_moved_aside_and_begun_anew(machine: Machine, damage: Callable[[Path], None]) -> None:
    if damage is not _foreign:
        machine.agent().sync(rested(1060.0))
        machine.stores.pop().close()
    else:
        machine.path.parent.mkdir(parents=True)
    damage(machine.path)
    damaged = machine.path.read_bytes()
    machine.agent().sync(rested(1090.0))
    assert machine.agent().sync(Ledger()).rests[A_SCOPE].until == pytest.approx(1090.0)
    assert machine.path.with_name("ledger.sqlite3.corrupt-1").read_bytes() == damaged
    assert len(machine.problems) == 1
    assert "ledger.sqlite3.corrupt-1" in machine.problems[0]


def test_a_file_damaged_under_running_agents_gets_all_that_they_know(machine: Machine) -> None:
    one, two = machine.agent(), machine.agent()
    first = one.sync(rested(1060.0))
    second = two.sync(two.sync(Ledger()).rest(SCOPES[0], until=1070.0, reason="full"))
    first = one.sync(first)
    with machine.path.open("r+b") as file:
        file.write(b"garbage!" * 1000)
    machine.path.with_name("ledger.sqlite3-wal").write_bytes(b"")
    machine.seconds = 1.0
    first = one.sync(first.worked(A, at=1000.5))
    second = two.sync(second.worked(B, at=1000.6))
    assert one.sync(first).rests.keys() == second.rests.keys() == {A_SCOPE, SCOPES[0]}
    assert machine.agent().sync(Ledger()).worked_at.keys() == {A, B}
    assert [path.name for path in machine.path.parent.glob("*.corrupt-?")] == ["ledger.sqlite3.corrupt-1"]


def test_a_second_damaged_file_does_not_overwrite_the_first(machine: Machine) -> None:
    for n in (1, 2):
        machine.path.parent.mkdir(parents=True, exist_ok=True)
        machine.path.write_bytes(b"garbage %d" % n * 200)
        machine.agent().sync(Ledger())
        machine.stores.pop().close()
        assert machine.path.with_name(f"ledger.sqlite3.corrupt-{n}").read_bytes() == b"garbage %d" % n * 200


def test_a_file_that_is_damaged_again_and_again_is_given_up(machine: Machine) -> None:
    store = machine.agent()
    machine.path.parent.mkdir(parents=True)
    ledger = rested(1060.0)
    for _ in range(4):
        machine.path.with_name("ledger.sqlite3-wal").unlink(missing_ok=True)
        _garbage(machine.path)
        machine.seconds += PAUSE_S
        ledger = store.sync(ledger.worked(A, at=1000.0 + machine.seconds))
    assert len(list(machine.path.parent.glob("*.corrupt-?"))) == 1
    assert A_SCOPE in ledger.rests


def test_a_file_that_was_deleted_is_made_again_with_all_that_the_agent_knows(machine: Machine) -> None:
    store = machine.agent()
    ledger = store.sync(rested(1060.0))
    for path in machine.path.parent.iterdir():
        path.unlink()
    machine.path.parent.rmdir()
    assert store.sync(ledger).rests == ledger.rests
    assert A_SCOPE in machine.agent().sync(Ledger()).rests
    assert machine.problems == []


def test_a_file_of_a_newer_version_is_left_alone(machine: Machine) -> None:
    machine.agent().sync(rested(1060.0))
    machine.stores.pop().close()
    db = machine.stranger()
    db.execute("PRAGMA user_version = 7")
    db.close()
    before = machine.path.read_bytes()
    store = machine.agent()
    ledger = Ledger().worked(A, at=1000.0)
    for _ in range(3):
        assert store.sync(ledger) is ledger
        machine.seconds += PAUSE_S
    store.close()
    assert machine.path.read_bytes() == before
    assert len(machine.problems) == 1
    assert "newer" in machine.problems[0]


def test_a_folder_in_the_files_place_is_named_once_and_the_agent_goes_on(machine: Machine) -> None:
    machine.path.mkdir(parents=True)
    store = machine.agent()
    ledger = rested(1060.0)
    for _ in range(3):
        assert store.sync(ledger) is ledger
        machine.seconds += PAUSE_S
    assert len(machine.problems) == 1
    assert str(machine.path) in machine.problems[0]
    machine.path.rmdir()
    store.sync(ledger)
    assert A_SCOPE in machine.agent().sync(Ledger()).rests


def test_a_file_in_the_folders_place_is_named_once_and_the_agent_goes_on(machine: Machine) -> None:
    machine.path.parent.parent.mkdir()
    machine.path.parent.write_text("in the way")
    store = machine.agent()
    for _ in range(3):
        store.sync(rested(1060.0))
        machine.seconds += PAUSE_S
    assert len(machine.problems) == 1
    assert machine.path.parent.read_text() == "in the way"


@given(DONE, st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), min_size=1, max_size=20))
@FILES
def test_no_damage_whatever_stops_the_agent(tmp_path: Path, done: list[Act], damage: list[tuple[int, int]]) -> None:
    machine = Machine(tmp_path / f"{len(list(tmp_path.iterdir()))}" / "ledger.sqlite3")
    writer = machine.agent(booted_at=NOW)
    writer.sync(ledger_of(done))
    writer.close()
    raw = bytearray(machine.path.read_bytes())
    for place, byte in damage:
        raw[place % len(raw)] = byte
    machine.path.write_bytes(raw)
    reader = machine.agent(booted_at=NOW)
    held = reader.sync(rested(30.0))
    held = reader.sync(held.worked(A, at=0.5))
    reader.close()
    assert A in held.worked_at


def test_memory_shares_nothing_and_changes_nothing() -> None:
    store: LedgerStore = MemoryLedger()
    ledger = rested(1060.0)
    assert store.sync(ledger) is ledger
    store.close()
