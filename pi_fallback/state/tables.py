"""Tables: the ledger as rows in wall time, and what each change does to them.

Changes may arrive late and in any order. A rest is a row of its own under the moment it was booked
at, a wake is a tombstone that covers what was booked before it, the longest row left counts: so the
order does not matter. A stamp from the future was written by a clock that was wrong, and yields.
"""

# ruff: noqa: S608 - the f-strings put constants of this module together; values are always bound

import sqlite3
from collections.abc import Iterable, Mapping

from pi_fallback.state.changes import Change, Failed, Rested, Woke, Worked
from pi_fallback.state.instant import KEEP_S, Instant
from pi_fallback.state.turns import begin
from pi_fallback_hookspecs import FailureKind, FailureMark, Ledger, ModelRef, Resting, Scope, ScopeKind

VERSION = 1
TEXT_CHARS = 300  # a reason on a status line, not a record of the answer

_SCOPE = "kind TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, credential TEXT NOT NULL"
_MODEL = "provider TEXT NOT NULL, model TEXT NOT NULL"
# RHEL 9 has 3.34 beside Python 3.11. What others wrote is checked as it is read, so it can do without.
_TABLE = "STRICT, WITHOUT ROWID" if sqlite3.sqlite_version_info >= (3, 37) else "WITHOUT ROWID"
_SCHEMA = (
    f"""CREATE TABLE rests ({_SCOPE}, booked_at REAL NOT NULL, until REAL NOT NULL, reason TEXT NOT NULL,
        PRIMARY KEY (kind, provider, model, credential, booked_at)) {_TABLE}""",
    f"""CREATE TABLE wakes ({_SCOPE}, woken_at REAL NOT NULL,
        PRIMARY KEY (kind, provider, model, credential)) {_TABLE}""",
    f"CREATE TABLE worked ({_MODEL}, at REAL NOT NULL, PRIMARY KEY (provider, model)) {_TABLE}",
    f"""CREATE TABLE failed ({_MODEL}, at REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (provider, model)) {_TABLE}""",
    f"PRAGMA user_version = {VERSION}",
)
_OF_SCOPE = "kind = :kind AND provider = :provider AND model = :model AND credential = :credential"
_OF_MODEL = "provider = :provider AND model = :model"

_REST = (
    f"""INSERT OR REPLACE INTO rests SELECT :kind, :provider, :model, :credential, :at, :until, :reason
        WHERE NOT EXISTS (SELECT 1 FROM wakes WHERE {_OF_SCOPE} AND woken_at > :at AND woken_at <= :wall)
        AND NOT EXISTS (SELECT 1 FROM rests WHERE {_OF_SCOPE} AND booked_at BETWEEN :at AND :wall
                        AND (until, reason) >= (:until, :reason))""",
    f"DELETE FROM rests WHERE {_OF_SCOPE} AND booked_at < :at AND (until, reason) <= (:until, :reason)",
)
_WAKE = (
    f"DELETE FROM rests WHERE {_OF_SCOPE} AND (booked_at <= :at OR booked_at > :wall)",
    """INSERT INTO wakes VALUES (:kind, :provider, :model, :credential, :at) ON CONFLICT DO UPDATE
        SET woken_at = excluded.woken_at WHERE woken_at NOT BETWEEN excluded.woken_at AND :wall""",
)
_WORK = (
    f"DELETE FROM failed WHERE {_OF_MODEL} AND (at <= :at OR at > :wall)",
    """INSERT INTO worked VALUES (:provider, :model, :at) ON CONFLICT DO UPDATE
        SET at = excluded.at WHERE at NOT BETWEEN excluded.at AND :wall""",
)
_FAIL = (
    f"""INSERT INTO failed SELECT :provider, :model, :at, :kind, :text
        WHERE NOT EXISTS (SELECT 1 FROM worked WHERE {_OF_MODEL} AND at BETWEEN :at AND :wall)
        ON CONFLICT DO UPDATE SET at = excluded.at, kind = excluded.kind, text = excluded.text
        WHERE at > :wall OR (at, kind, text) < (excluded.at, excluded.kind, excluded.text)""",
)
_SWEEP = (
    "DELETE FROM rests WHERE until <= :wall",
    "UPDATE rests SET until = :wall + :keep WHERE until > :wall + :keep",
    "UPDATE OR REPLACE rests SET booked_at = :wall WHERE booked_at > :wall",
    "DELETE FROM wakes WHERE woken_at NOT BETWEEN :wall - :keep AND :wall",
    "DELETE FROM worked WHERE at < :wall - :keep",
    "UPDATE worked SET at = :wall WHERE at > :wall",
    "DELETE FROM failed WHERE at < :wall - :keep",
    "UPDATE failed SET at = :wall WHERE at > :wall",
)
_SCOPE_KINDS, _FAILURE_KINDS = frozenset(ScopeKind), frozenset(FailureKind)


class NewerSchema(Exception):
    """A later version of this program wrote the file: it is left alone."""


class Damaged(sqlite3.DatabaseError):
    """What SQLite could read is not what we wrote."""


def prepare(db: sqlite3.Connection, instant: Instant) -> None:
    """Lay the tables in an empty file, and sweep out what is over.

    Raises:
        NewerSchema: the file belongs to a later version.
        Damaged: it holds the tables of another program.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise NewerSchema
    # A lost power supply may cost the last commits of a cache, never the file: WAL needs no more than NORMAL.
    db.execute("PRAGMA synchronous = NORMAL")
    if version == 0:
        if db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise Damaged("it holds the tables of another program")
        db.execute("PRAGMA journal_mode = WAL")
        _transact(db, ((statement, {}) for statement in _SCHEMA))
    _transact(db, ((statement, {"wall": instant.wall, "keep": KEEP_S}) for statement in _SWEEP))


def data_version(db: sqlite3.Connection) -> int:
    """A number that differs from the last one if another connection has written since."""
    return db.execute("PRAGMA data_version").fetchone()[0]


def write(db: sqlite3.Connection, changes: Mapping[Change, float], instant: Instant, *, wait_s: float = 0.0) -> None:
    """Book `changes`, each with the wall time at which it happened, all or none. Others may write for `wait_s`."""
    orders = [_order(change, at, instant) for change, at in changes.items()]
    _transact(db, ((statement, values) for statements, values in orders for statement in statements), wait_s=wait_s)


def read(db: sqlite3.Connection, instant: Instant) -> Ledger:
    """Return what the file holds, in this process' monotonic seconds.

    Raises:
        Damaged: a value is not of its column's type.
    """
    db.execute("BEGIN")  # one snapshot for three questions
    try:
        # The longest comes last, and the last one stays.
        rests = db.execute("SELECT * FROM rests WHERE until > ? ORDER BY until, reason", (instant.wall,)).fetchall()
        worked = db.execute("SELECT * FROM worked").fetchall()
        failed = db.execute("SELECT * FROM failed").fetchall()
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    try:
        return Ledger(
            {
                Scope(ScopeKind(kind), provider, model, credential): Resting(instant.end(until), reason)
                for kind, provider, model, credential, _, until, reason in rests
                if kind in _SCOPE_KINDS
            },
            {ModelRef(provider, model): instant.mark(at) for provider, model, at in worked},
            {
                ModelRef(provider, model): FailureMark(instant.mark(at), FailureKind(kind), text)
                for provider, model, at, kind, text in failed
                if kind in _FAILURE_KINDS
            },
        )
    except TypeError as error:
        raise Damaged(str(error)) from error


Values = dict[str, str | float]


def _order(change: Change, at: float, instant: Instant) -> tuple[tuple[str, ...], Values]:
    """Return the statements that book `change`, which happened at `at` (wall), and their values."""
    values: Values = {"at": min(at, instant.wall), "wall": instant.wall}
    match change:
        case Rested(scope, rest):
            until = instant.stored_end(rest.until)
            values |= scope._asdict() | {"until": until, "reason": rest.reason[:TEXT_CHARS]}
            return _REST, _sound(values)
        case Woke(scope):
            return _WAKE, _sound(values | scope._asdict())
        case Worked(model, moment):
            values |= {"provider": model.provider, "model": model.id, "at": instant.stored_mark(moment)}
            return _WORK, _sound(values)
        case Failed(model, mark):
            values |= {"provider": model.provider, "model": model.id, "at": instant.stored_mark(mark.at)}
            values |= {"kind": mark.kind, "text": mark.text[:TEXT_CHARS]}
            return _FAIL, _sound(values)


def _transact(db: sqlite3.Connection, steps: Iterable[tuple[str, Values]], *, wait_s: float = 0.0) -> None:
    begin(db, wait_s=wait_s)
    try:
        for statement, values in steps:
            db.execute(statement, values)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _sound(values: Values) -> Values:
    """Without halves of surrogate pairs: providers send them, and no file takes them."""
    return {key: v.encode(errors="replace").decode() if isinstance(v, str) else v for key, v in values.items()}
