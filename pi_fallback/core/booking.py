"""Booking: what is written into the ledger, as values. Applied in order they give the same ledger again."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias, assert_never

from pi_fallback_hookspecs import FailureKind, Ledger, ModelRef, Rest, Wake


@dataclass(frozen=True, slots=True)
class Worked:
    """`model` answered well at the moment `at` (monotonic seconds)."""

    model: ModelRef
    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    model: ModelRef
    at: float
    kind: FailureKind
    text: str


Entry: TypeAlias = Rest | Wake | Worked | Failed


def book(ledger: Ledger, entry: Entry) -> Ledger:
    """Return `ledger` with `entry` in it; the same object if it changes nothing."""
    match entry:
        case Rest():
            return ledger.rest(entry.scope, until=entry.until, reason=entry.reason)
        case Wake():
            return ledger.wake(entry.scope)
        case Worked():
            return ledger.worked(entry.model, at=entry.at)
        case Failed():
            return ledger.failed(entry.model, at=entry.at, kind=entry.kind, text=entry.text)
        case _:
            assert_never(entry)


def replay(entries: Iterable[Entry], start: Ledger | None = None) -> Ledger:
    """Return the ledger that `entries`, oldest first, make of `start`."""
    return reduce(book, entries, start or Ledger())
