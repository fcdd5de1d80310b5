"""The closing error names each route, its reason, and when it may be tried again."""

import pytest

from pi_fallback.core.closing import Advice, closing_error
from pi_fallback_hookspecs import Failure, FailureKind, Ledger, Phase, Route, Scope, ScopeKind, View

A, B, C = Route("p", "a"), Route("p", "b", "backup-1"), Route("q", "c")


def failure(route: Route, kind: FailureKind, text: str, retry_after_s: float | None = None) -> Failure:
    return Failure(route, kind, ScopeKind.REQUEST, text, Phase.PRE, at=0.0, retry_after_s=retry_after_s)


def when(moment: float) -> str:
    return f"at {moment:g}"


def test_every_route_stands_in_it_with_its_reason_and_moment() -> None:
    ledger = Ledger().rest(Scope.of(ScopeKind.PROVIDER, C), until=500.0, reason="quota spent")
    view = View(now=10.0, order=(A, B, C), ledger=ledger)
    failures = {
        A: failure(A, FailureKind.AUTH, "bad\nkey"),
        B: failure(B, FailureKind.RATE_LIMIT, "slow down", retry_after_s=90.0),
    }
    assert closing_error(failures, view, when).splitlines() == [
        "No model is left to try.",
        "  p/a: auth: bad key",
        "  p/b (backup-1): rate_limit: slow down (again at 90)",
        "  q/c: not tried: quota spent (again at 500)",
    ]


@pytest.mark.parametrize(
    ("kinds", "has_images", "is_said"),
    [
        ("invalid_request invalid_request", True, True),
        ("invalid_request", False, False),
        ("invalid_request auth", True, False),
        ("", True, False),
    ],
)
def test_images_are_named_where_every_model_refused_the_request(kinds: str, has_images: bool, is_said: bool) -> None:
    failures = {
        route: failure(route, FailureKind(kind), "no") for route, kind in zip((A, B), kinds.split(), strict=False)
    }
    text = closing_error(failures, View(now=0.0, order=(A, B)), when, has_images=has_images)
    assert ("holds images" in text and "/new" in text) is is_said


def test_names_that_models_json_gives_stay_on_their_line() -> None:
    odd, other = Route("p", "m\x1b[31m\nevil"), Route("p", "n\n\u202ebad")
    text = closing_error({odd: failure(odd, FailureKind.AUTH, "no")}, View(now=0.0, order=(odd, other)), when)
    assert text.splitlines()[1:] == [
        "  p/m evil: auth: no",
        "Not tried: p/n bad. Choose one with /model or --model.",
    ]


def test_what_was_not_tried_is_offered() -> None:
    text = closing_error({A: failure(A, FailureKind.AUTH, "no")}, View(now=0.0, order=(A, B)), when)
    assert text.splitlines()[0] == "The model failed."
    assert "Not tried: p/b (backup-1). Choose one with /model or --model." in text


def test_what_to_do_next_is_said_in_the_words_of_who_reads_it() -> None:
    view = View(now=0.0, order=(A, B))
    failures = {A: failure(A, FailureKind.INVALID_REQUEST, "no")}
    text = closing_error(failures, view, when, has_images=True, advice=Advice("Call choose().", "Begin anew."))
    assert "one of them may be what was refused. Begin anew." in text
    assert text.endswith("Not tried: p/b (backup-1). Call choose().")
