"""In which order models are tried."""

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.cycling import cycle
from pi_fallback_hookspecs import FailureKind, Ledger, ModelRef

A, B, C, D = (ModelRef("p", name) for name in "abcd")
POOL = (A, B, C, D)


def order(current: ModelRef | None, ledger: Ledger, now: float = 10_000.0) -> tuple[ModelRef, ...]:
    return cycle(POOL, current, ledger, now=now, working_ttl_s=3600.0, failed_cooldown_s=300.0)


def failed(ledger: Ledger, model: ModelRef, at: float) -> Ledger:
    return ledger.failed(model, at=at, kind=FailureKind.SERVER_ERROR, text="down")


def test_round_robin_starts_after_the_current_model() -> None:
    assert order(B, Ledger()) == (C, D, A)
    assert order(None, Ledger()) == (A, B, C, D)
    assert order(ModelRef("q", "x"), Ledger()) == (A, B, C, D)


def test_the_last_working_model_goes_first_and_the_current_one_never() -> None:
    ledger = Ledger().worked(D, at=9_000.0).worked(B, at=9_999.0)
    assert order(B, ledger) == (D, C, A)


def test_of_two_that_worked_the_later_one_goes_first() -> None:
    assert order(A, Ledger().worked(C, at=9_000.0).worked(D, at=8_000.0)) == (C, B, D)


def test_a_model_that_failed_after_it_worked_is_no_working_model() -> None:
    assert order(A, failed(Ledger().worked(B, at=9_900.0), B, 9_990.0)) == (C, D, B)


def test_failed_models_come_last_oldest_failure_first() -> None:
    ledger = failed(failed(Ledger(), B, 9_900.0), C, 9_800.0)
    assert order(A, ledger) == (D, C, B)


@given(
    current=st.sampled_from([*POOL, None]),
    worked=st.dictionaries(st.sampled_from(POOL), st.floats(0, 10_000)),
    failures=st.dictionaries(st.sampled_from(POOL), st.floats(0, 10_000)),
)
def test_every_other_model_is_there_exactly_once(
    current: ModelRef | None, worked: dict[ModelRef, float], failures: dict[ModelRef, float]
) -> None:
    ledger = Ledger()
    for model, at in worked.items():
        ledger = ledger.worked(model, at=at)
    for model, at in failures.items():
        ledger = failed(ledger, model, at)
    assert sorted(order(current, ledger)) == sorted(set(POOL) - {current})
