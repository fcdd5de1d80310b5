"""Waiting for one's turn to write: real locks on a real file."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from pi_fallback.state.turns import begin


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        yield db


def test_a_file_that_nobody_writes_is_ours_at_once(db: sqlite3.Connection) -> None:
    begin(db, wait_s=0.0)
    assert db.in_transaction


def test_our_turn_comes_when_the_one_who_writes_has_ended(path: Path, db: sqlite3.Connection) -> None:
    began, end = Event(), Event()

    def other() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as theirs:
            theirs.execute("BEGIN IMMEDIATE")
            began.set()
            end.wait()
            theirs.execute("ROLLBACK")

    thread = Thread(target=other)
    thread.start()
    began.wait()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        begin(db, wait_s=0.0)
    end.set()
    begin(db, wait_s=10.0)
    assert db.in_transaction
    thread.join()


def test_whoever_does_not_end_costs_the_given_time(path: Path, db: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        begun = time.perf_counter()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            begin(db, wait_s=0.03)
        assert time.perf_counter() - begun >= 0.03


def test_what_waiting_does_not_help_is_raised_at_once(db: sqlite3.Connection) -> None:
    db.execute("BEGIN")
    begun = time.perf_counter()
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        begin(db, wait_s=60.0)
    assert time.perf_counter() - begun < 30.0
