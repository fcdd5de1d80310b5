"""Changes: what one ledger knows and another does not."""

from dataclasses import replace
from typing import NamedTuple, TypeAlias

from pi_fallback_hookspecs import FailureMark, Ledger, ModelRef, Resting, Scope

SAME_S = 0.001  # a moment that went through wall time and back is off by microseconds


class Rested(NamedTuple):
    scope: Scope
    rest: Resting


class Woke(NamedTuple):
    scope: Scope


class Worked(NamedTuple):
    model: ModelRef
    at: float


class Failed(NamedTuple):
    model: ModelRef
    mark: FailureMark


Change: TypeAlias = Rested | Woke | Worked | Failed


def difference(old: Ledger, new: Ledger, *, now: float) -> tuple[Change, ...]:
    """Return what has to be told to somebody who knows `old`, so that they know `new`."""
    changes: list[Change] = []
    if new.rests is not old.rests:
        for scope, was in old.rests.items():
            rest = new.rests.get(scope)
            # A rest that is over and was swept away is no wake: another agent may have booked a longer one.
            # A new one that ends no later was booked after a wake: an end that is booked already would have stayed.
            if was.until > now and (rest is None or (rest != was and rest.until <= was.until)):
                changes.append(Woke(scope))
        changes += (Rested(scope, rest) for scope, rest in new.rests.items() if old.rests.get(scope) != rest)
    if new.worked_at is not old.worked_at:
        changes += (Worked(model, at) for model, at in new.worked_at.items() if old.worked_at.get(model) != at)
    if new.failures is not old.failures:
        changes += (Failed(model, mark) for model, mark in new.failures.items() if old.failures.get(model) != mark)
    return tuple(changes)


def adopt(held: Ledger, read: Ledger) -> Ledger:
    """Return `held` as it is in `read`: `held` itself if they tell the same, else with a higher generation.

    A moment that differs only by the way through wall time stays as `held` has it.
    """
    generation = held.generation + 1
    rests = {
        scope: was
        if (was := held.rests.get(scope)) and was.reason == rest.reason and _same(was.until, rest.until)
        else rest._replace(generation=generation)
        for scope, rest in read.rests.items()
    }
    worked_at = {
        model: was if (was := held.worked_at.get(model)) is not None and _same(was, at) else at
        for model, at in read.worked_at.items()
    }
    failures = {
        model: was if (was := held.failures.get(model)) and was[1:] == mark[1:] and _same(was.at, mark.at) else mark
        for model, mark in read.failures.items()
    }
    if (rests, worked_at, failures) == (held.rests, held.worked_at, held.failures):
        return held
    return replace(held, rests=rests, worked_at=worked_at, failures=failures, generation=generation)


def _same(one: float, other: float) -> bool:
    return abs(one - other) < SAME_S
