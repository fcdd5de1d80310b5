"""Eligibility: which routes cannot take what the conversation holds, while another can."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pi_fallback_hookspecs import Image, Model, ModelRef, Request, Route, Text

CHARACTERS_A_TOKEN = 4  # a coarse rule for English text and code; the provider counts exactly
IMAGE_TOKENS = 1_500


class Needs(NamedTuple):
    """What a request asks of a model. `tokens` is an estimate, rounded up to a power of two."""

    images: bool = False
    tools: bool = False
    tokens: int = 0


def needs_of(request: Request) -> Needs:
    characters, images = len(request.system), 0
    for message in request.messages:
        for block in message.content:
            if isinstance(block, Image):
                images += 1
            elif isinstance(block, Text):
                characters += len(block.text)
            else:
                characters += 200  # a call or a thought: their size hardly ever decides
    tokens = characters // CHARACTERS_A_TOKEN + images * IMAGE_TOKENS
    return Needs(images > 0, bool(request.tools), 1 << tokens.bit_length())


def ineligible(order: Sequence[Route], catalog: Mapping[ModelRef, Model], needs: Needs) -> dict[Route, str]:
    """Routes that cannot take `needs`, with the reason. A need that no route can meet refuses none."""
    refused: dict[Route, str] = {}
    tests: tuple[tuple[str, Callable[[Model], bool]], ...] = (
        ("takes no images", lambda model: not needs.images or "image" in model.inputs),
        ("calls no tools", lambda model: not needs.tools or model.tools),
        # The estimate is rounded up by less than two, so a model is refused only if it is surely too small.
        ("its context is too small", lambda model: needs.tokens < model.context_window * 2),
    )
    for reason, fits in tests:
        unfit = [route for route in order if (model := catalog.get(route.ref)) is not None and not fits(model)]
        if len(unfit) < len(order):
            refused |= dict.fromkeys(unfit, reason)
    return refused if len(refused) < len(order) else {}
