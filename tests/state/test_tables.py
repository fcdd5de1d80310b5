"""The rows: what each change does to them, in whatever order changes arrive."""

import sqlite3
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.state import tables
from pi_fallback.state.changes import Change, Failed, Rested, Woke, Worked
from pi_fallback.state.instant import KEEP_S, Instant
from pi_fallback_hookspecs import FailureKind, FailureMark, Ledger, Resting
from tests.state.ledgers import A_SCOPE, KINDS, SCOPES, A, B

NOON = Instant(now=1000.0, wall=1_800_000_000.0)
Stamped = tuple[Change, float]


def later(seconds: float) -> Instant:
    return Instant(NOON.now + seconds, NOON.wall + seconds)


def rested(until: float, reason: str = "spent") -> Rested:
    """A rest until `until` seconds after noon."""
    return Rested(A_SCOPE, Resting(NOON.now + until, reason))


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = fresh()
    yield db
    db.close()


def fresh() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    tables.prepare(db, NOON)
    return db


def told(changes: Sequence[Stamped], *, at: Instant) -> Ledger:
    """What a file holds after `changes`, each (change, seconds after noon) in an exchange of its own."""
    db = fresh()
    for change, stamp in changes:
        tables.write(db, {change: NOON.wall + stamp}, at)
    read = tables.read(db, at)
    db.close()
    return read


def test_the_order_in_which_rests_and_wakes_arrive_does_not_matter() -> None:
    @given(
        st.lists(
            st.tuples(
                st.one_of(
                    st.builds(rested, st.integers(21, 25).map(float), st.sampled_from(["a", "b"])),
                    st.just(Woke(A_SCOPE)),
                ),
                st.integers(0, 20).map(float),
            ),
            max_size=6,
            unique_by=lambda stamped: stamped[1],
        ).flatmap(lambda changes: st.tuples(st.just(changes), st.permutations(changes)))
    )
    def law(orders: tuple[list[Stamped], list[Stamped]]) -> None:
        sent, arrived = orders
        in_time = sorted(sent, key=lambda stamped: stamped[1])
        woken_at = max((stamp for change, stamp in in_time if change == Woke(A_SCOPE)), default=-1.0)
        left = [change.rest for change, stamp in in_time if isinstance(change, Rested) and stamp > woken_at]
        expected = max(left, key=lambda rest: (rest.until, rest.reason), default=None)
        found = told(arrived, at=later(20)).rests.get(A_SCOPE)
        assert (found is None) == (expected is None)
        if found and expected:
            assert (found.until, found.reason) == (pytest.approx(expected.until), expected.reason)

    law()


def test_the_order_in_which_successes_and_failures_arrive_does_not_matter() -> None:
    @given(
        st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=6, unique=True).flatmap(
            lambda facts: st.tuples(st.just(facts), st.permutations(facts))
        )
    )
    def law(orders: tuple[list[tuple[bool, int]], list[tuple[bool, int]]]) -> None:
        def as_changes(facts: list[tuple[bool, int]]) -> list[Stamped]:
            at = [(worked, NOON.now + second) for worked, second in facts]
            return [(Worked(A, t) if worked else Failed(A, FailureMark(t, KINDS[0], "")), 20.0) for worked, t in at]

        sent, arrived = (told(as_changes(facts), at=later(20)) for facts in orders)
        assert sent == arrived
        assert all(mark.at > sent.worked_at.get(model, 0.0) for model, mark in sent.failures.items())

    law()


def test_changes_of_one_exchange_hold_in_their_order(db: sqlite3.Connection) -> None:
    tables.write(db, {rested(60): NOON.wall}, NOON)
    tables.write(db, {Woke(A_SCOPE): NOON.wall, rested(5): NOON.wall}, NOON)
    assert tables.read(db, NOON).rests[A_SCOPE].until == pytest.approx(NOON.now + 5)


def test_each_scope_and_model_is_kept_apart(db: sqlite3.Connection) -> None:
    changes = [Rested(scope, Resting(NOON.now + n + 1, str(n))) for n, scope in enumerate(SCOPES)]
    tables.write(db, dict.fromkeys([*changes, Worked(A, 1.0), Worked(B, 2.0)], NOON.wall), NOON)
    tables.write(db, {Woke(SCOPES[0]): NOON.wall}, NOON)
    read = tables.read(db, NOON)
    assert {scope: rest.reason for scope, rest in read.rests.items()} == {
        scope: str(n) for n, scope in enumerate(SCOPES) if n > 0
    }
    assert read.worked_at == pytest.approx({A: 1.0, B: 2.0})


def test_dominated_rests_leave_no_rows(db: sqlite3.Connection) -> None:
    for n in range(100):
        tables.write(db, {rested(60 + n): NOON.wall + n}, later(n))
    assert db.execute("SELECT count(*) FROM rests").fetchone() == (1,)


def test_texts_are_cut_and_made_fit_for_a_file(db: sqlite3.Connection) -> None:
    long = "half \ud83d " + "x" * 1000
    changes: list[Change] = [rested(60, long), Failed(A, FailureMark(NOON.now, FailureKind.TIMEOUT, long))]
    tables.write(db, dict.fromkeys(changes, NOON.wall), NOON)
    read = tables.read(db, NOON)
    assert read.rests[A_SCOPE].reason == read.failures[A].text == long[:300].replace("\ud83d", "?")


def test_a_wake_stamped_in_the_future_does_not_hold_rests_off() -> None:
    for wake in [(Woke(A_SCOPE), 0.0), (Woke(A_SCOPE), -10.0)]:
        db = fresh()
        tables.write(db, {wake[0]: NOON.wall + wake[1]}, NOON)
        clock_set_back = Instant(NOON.now + 5, NOON.wall - 3600)
        tables.write(db, {rested(60): clock_set_back.wall}, clock_set_back)
        assert tables.read(db, clock_set_back).rests[A_SCOPE].until == pytest.approx(NOON.now + 60)
        db.close()


def test_what_was_booked_in_the_future_yields_to_what_happens_now() -> None:
    db = fresh()
    changes: list[Change] = [rested(60), Worked(A, NOON.now), Failed(B, FailureMark(NOON.now, KINDS[0], ""))]
    tables.write(db, dict.fromkeys(changes, NOON.wall), NOON)
    back = Instant(NOON.now + 5, NOON.wall - 3600)
    happened: list[Change] = [Woke(A_SCOPE), Failed(A, FailureMark(back.now, KINDS[1], "")), Worked(B, back.now)]
    tables.write(db, dict.fromkeys(happened, back.wall), back)
    read = tables.read(db, back)
    db.close()
    assert read.rests == {}
    assert [(model, mark.kind) for model, mark in read.failures.items()] == [(A, KINDS[1])]
    assert read.worked_at[B] == pytest.approx(back.now)


def test_what_is_over_or_a_month_old_is_swept_out(db: sqlite3.Connection) -> None:
    changes: list[Change] = [rested(60), Worked(A, NOON.now), Failed(B, FailureMark(NOON.now, KINDS[0], ""))]
    tables.write(db, dict.fromkeys([*changes, Woke(SCOPES[-1])], NOON.wall), NOON)
    tables.prepare(db, later(59))
    assert len(tables.read(db, later(59)).rests) == 1
    tables.prepare(db, later(KEEP_S + 1))
    assert [db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _TABLES] == [0, 0, 0, 0]


def test_a_file_of_a_clock_that_was_years_ahead_is_set_right_once(db: sqlite3.Connection) -> None:
    ahead = Instant(NOON.now, NOON.wall + 1e8)
    changes: list[Change] = [rested(60), Worked(A, NOON.now), Failed(B, FailureMark(NOON.now, KINDS[0], ""))]
    tables.write(db, dict.fromkeys([*changes, Woke(SCOPES[-1])], ahead.wall), ahead)
    tables.prepare(db, NOON)
    read = tables.read(db, later(10))
    assert read.rests[A_SCOPE].until == pytest.approx(NOON.now + KEEP_S)
    assert read.worked_at[A] == read.failures[B].at == pytest.approx(NOON.now)
    assert db.execute("SELECT count(*) FROM wakes").fetchone() == (0,)


def test_kinds_that_this_version_does_not_know_are_left_out(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO rests VALUES ('galaxy', 'a', '', '', 0, 9e99, '')")
    db.execute("INSERT INTO failed VALUES ('a', 'big', 0, 'solar_flare', '')")
    assert tables.read(db, NOON) == Ledger()


def test_tables_of_another_program_are_refused() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE recipes (title)")
    with pytest.raises(tables.Damaged, match="another program"):
        tables.prepare(db, NOON)
    db.close()


def test_a_value_that_is_not_of_its_columns_type_is_damage() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for statement in tables._SCHEMA:  # pyright: ignore[reportPrivateUsage]  # as an old SQLite makes them
        db.execute(statement.replace("STRICT, ", ""))
    db.execute("INSERT INTO worked VALUES ('a', 'big', 'noon')")
    with pytest.raises(tables.Damaged):
        tables.read(db, NOON)
    db.close()


def test_a_later_schema_is_refused() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute(f"PRAGMA user_version = {tables.VERSION + 1}")
    with pytest.raises(tables.NewerSchema):
        tables.prepare(db, NOON)
    db.close()


_TABLES = ["rests", "wakes", "worked", "failed"]
