"""Mid-stream failures: what may be gone on with."""

import pytest

from pi_fallback.core.midstream import prefix_after, takes_prefix
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback_hookspecs import Model, ModelRef, Phase

MODEL = Model(ModelRef("p", "m"), prefill=True)


@pytest.mark.parametrize(
    ("phase", "only_text", "go_on", "prefix"),
    [
        (Phase.TEXT, True, True, "One, two,"),
        (Phase.TEXT, True, False, ""),
        (Phase.TEXT, False, True, ""),
        (Phase.TOOL_ARGS, True, True, ""),
        (Phase.PRE, True, True, ""),
        (Phase.DONE, True, True, ""),
    ],
)
def test_only_a_text_is_gone_on_with_and_only_if_asked_for(
    phase: Phase, only_text: bool, go_on: bool, prefix: str
) -> None:
    assert prefix_after("One, two, \n", phase, only_text=only_text, go_on=go_on) == prefix


@pytest.mark.parametrize("dialect", [dialect.name for dialect in DIALECTS])
def test_a_dialect_without_a_place_for_a_beginning_gets_none(dialect: str) -> None:
    assert takes_prefix(MODEL, dialect) is (dialect != "openai-responses")
    assert not takes_prefix(None, dialect)
    assert not takes_prefix(Model(MODEL.ref), dialect)
