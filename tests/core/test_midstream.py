"""Mid-stream failures: what may be gone on with."""

import pytest

from pi_fallback.core.classify import classify
from pi_fallback.core.midstream import prefix_after, takes_prefix
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback_hookspecs import Failure, Fault, FaultKind, Model, ModelRef, Phase, Route

MODEL = Model(ModelRef("p", "m"), prefill=True)


def failure(kind: FaultKind, phase: Phase, **more: object) -> Failure:
    fault = Fault(kind, "", phase=phase, **more)  # pyright: ignore[reportArgumentType]
    judged = classify(fault)
    return Failure(Route("p", "m"), judged.kind, judged.scope, "", phase, 0.0, fault=fault)


@pytest.mark.parametrize(
    ("kind", "phase", "only_text", "prefix"),
    [
        (FaultKind.BROKEN, Phase.TEXT, True, "Zero, one, two,"),
        (FaultKind.INCOMPLETE, Phase.TEXT, True, "Zero, one, two,"),
        (FaultKind.QUIET_TIMEOUT, Phase.TEXT, True, "Zero, one, two,"),
        (FaultKind.BROKEN, Phase.TEXT, False, ""),  # it thought, or began a call
        (FaultKind.BROKEN, Phase.TOOL_ARGS, False, ""),
        (FaultKind.MALFORMED, Phase.TEXT, True, ""),  # nonsense: the text may be some too
        (FaultKind.TOO_LARGE, Phase.TEXT, True, ""),
    ],
)
def test_only_a_text_that_broke_off_is_gone_on_with(
    kind: FaultKind, phase: Phase, only_text: bool, prefix: str
) -> None:
    assert prefix_after("Zero,", " one, two, \n", failure(kind, phase), only_text=only_text) == prefix


@pytest.mark.parametrize("code", ["content_filter", "refusal", "SAFETY"])
def test_what_a_filter_stopped_is_not_gone_on_with(code: str) -> None:
    assert prefix_after("", "I can", failure(FaultKind.FINISH, Phase.TEXT, code=code), only_text=True) == ""


@pytest.mark.parametrize(("status", "kept"), [(429, True), (500, True), (401, True), (404, True), (400, False)])
def test_an_attempt_that_adds_nothing_leaves_the_beginning_unless_it_may_be_at_fault(status: int, kept: bool) -> None:
    refused = failure(FaultKind.STATUS, Phase.PRE, status=status)
    assert prefix_after("One,", "", refused, only_text=True) == ("One," if kept else "")


@pytest.mark.parametrize("dialect", [dialect.name for dialect in DIALECTS])
def test_a_dialect_without_a_place_for_a_beginning_gets_none(dialect: str) -> None:
    assert takes_prefix(MODEL, dialect) is (dialect != "openai-responses")
    assert not takes_prefix(None, dialect)
    assert not takes_prefix(Model(MODEL.ref), dialect)
