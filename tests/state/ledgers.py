"""Ledgers for tests: named scopes, and a strategy that makes any ledger by the acts that make one."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from pi_fallback_hookspecs import FailureKind, Ledger, ModelRef, Route, Scope, ScopeKind

A, B = ModelRef("a", "big"), ModelRef("b", "mid/1")
ROUTES = [Route("a", "big"), Route("a", "big", "backup-1"), Route("b", "mid/1")]
SCOPES = sorted({scope for route in ROUTES for scope in Scope.all_of(route)})
A_SCOPE = Scope.of(ScopeKind.MODEL, ROUTES[0])
KINDS = [FailureKind.RATE_LIMIT, FailureKind.TIMEOUT]

Act = Callable[[Ledger], Ledger]


def _rest(scope: Scope, until: float, reason: str) -> Act:
    return lambda ledger: ledger.rest(scope, until=until, reason=reason)


def _wake(scope: Scope) -> Act:
    return lambda ledger: ledger.wake(scope)


def _worked(model: ModelRef, at: float) -> Act:
    return lambda ledger: ledger.worked(model, at=at)


def _failed(model: ModelRef, at: float, kind: FailureKind, text: str) -> Act:
    return lambda ledger: ledger.failed(model, at=at, kind=kind, text=text)


Moments = tuple[int, int]


def acts(*, ends: Moments = (0, 9), marks: Moments = (0, 9), apart: bool = False) -> st.SearchStrategy[Act]:
    """An act whose moments are whole seconds of a small range, so that they often meet.

    With `apart` no failure meets a success: wall time cannot tell which of the two is later.
    """
    end, mark = (st.integers(*span).map(float) for span in (ends, marks))
    word = st.sampled_from(["", "spent", "full"])
    scope, model = st.sampled_from(SCOPES), st.sampled_from([A, B])
    failed_at = mark.map(lambda at: at - 0.5) if apart else mark
    return st.one_of(
        st.builds(_rest, scope, end, word),
        st.builds(_wake, scope),
        st.builds(_worked, model, mark),
        st.builds(_failed, model, failed_at, st.sampled_from(KINDS), word),
    )


def ledger_of(done: list[Act]) -> Ledger:
    ledger = Ledger()
    for act in done:
        ledger = act(ledger)
    return ledger


def ledgers() -> st.SearchStrategy[Ledger]:
    return st.lists(acts(), max_size=8).map(ledger_of)


def content(ledger: Ledger) -> Ledger:
    """`ledger` without its generations, which only count."""
    rests = {scope: rest._replace(generation=0) for scope, rest in ledger.rests.items()}
    return replace(ledger, rests=rests, generation=0)
