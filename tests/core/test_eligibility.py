"""Which routes cannot take what a conversation holds."""

import pytest

from pi_fallback.core.eligibility import Needs, ineligible, needs_of
from pi_fallback_hookspecs import Image, Model, ModelRef, Request, Route, ToolSpec, user_message

SEES, READS, SMALL, PLAIN = (Route("p", name) for name in ("sees", "reads", "small", "plain"))
CATALOG = {
    SEES.ref: Model(SEES.ref, inputs=frozenset({"text", "image"})),
    READS.ref: Model(READS.ref),
    SMALL.ref: Model(SMALL.ref, context_window=8_000),
    PLAIN.ref: Model(PLAIN.ref, tools=False),
}


@pytest.mark.parametrize(
    ("order", "needs", "refused"),
    [
        ((SEES, READS), Needs(), set[Route]()),
        ((SEES, READS), Needs(images=True), {READS}),
        ((READS, SMALL), Needs(images=True), set[Route]()),  # nobody sees: then nobody is refused for it
        ((READS, PLAIN), Needs(tools=True), {PLAIN}),
        ((READS, SMALL), Needs(tokens=32_768), {SMALL}),
        ((READS, SMALL), Needs(tokens=8_192), set[Route]()),  # it may still fit: the provider counts
        ((READS, Route("q", "unknown")), Needs(images=True, tokens=1 << 30), {READS}),
    ],
)
def test_a_route_is_refused_only_while_another_can(order: tuple[Route, ...], needs: Needs, refused: set[Route]) -> None:
    assert set(ineligible(order, CATALOG, needs)) == refused


def test_needs_are_read_off_the_request() -> None:
    image = Image("aGk=", "image/png")
    tool = ToolSpec("t", "", {"type": "object"})
    assert needs_of(Request((user_message("hi"),))) == Needs(False, False, 1)
    assert needs_of(Request((user_message("x" * 40_000, [image]),), tools=(tool,))) == Needs(True, True, 16_384)


def test_refusals_never_leave_nothing() -> None:
    catalog = {SEES.ref: CATALOG[SEES.ref], PLAIN.ref: CATALOG[PLAIN.ref]}
    blind = Model(ModelRef("p", "blind"), tools=True)
    only_sees = Model(SEES.ref, inputs=frozenset({"image"}), tools=False)
    order = (SEES, Route("p", "blind"))
    assert ineligible(order, {**catalog, SEES.ref: only_sees, blind.ref: blind}, Needs(images=True, tools=True)) == {}
