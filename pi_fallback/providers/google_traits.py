"""Traits: what a Gemini model takes, by its generation, unless its `compat` says otherwise."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pi_fallback_hookspecs import Model

NAME = "google-generative-ai"

_GENERATION = re.compile(r"gemini-(?:live-)?([0-9]{1,3})")
_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
_SAFE_LEVELS = ("LOW", "MEDIUM", "HIGH")  # not every model of the third generation takes the others
_BUDGETS: Mapping[str, int] = {  # tokens that each model of the second generation takes
    "minimal": 512,
    "low": 2_048,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
}
_LEAST_OF_PRO = 128  # "pro" models cannot be told not to think at all


@dataclass(frozen=True, slots=True)
class Traits:
    """`levels` are the values of `thinkingLevel`, least first; none: the model takes a budget of tokens."""

    levels: Sequence[str]
    least_budget: int
    needs_signatures: bool  # refuses a call of the current turn that bears no signature
    takes_call_ids: bool
    takes_result_images: bool  # inside of a tool's result


def traits_of(model: Model) -> Traits:
    """Return the traits of `model`; one of no known generation counts among the newest."""
    found = _GENERATION.search(model.ref.id)
    is_new = found is None or int(found[1]) >= 3
    compat = model.compat
    by_level = {"level": True, "budget": False}.get(str(compat.get("thinkingFormat")), is_new)
    return Traits(
        levels=_levels(compat.get("thinkingLevels")) if by_level else (),
        least_budget=_LEAST_OF_PRO if "pro" in model.ref.id else 0,
        needs_signatures=bool(compat.get("requiresThoughtSignatures", is_new)),
        takes_call_ids=bool(compat.get("supportsToolCallIds", is_new)),
        takes_result_images=bool(compat.get("supportsImagesInToolResults", is_new)),
    )


def thinking_config(wanted: str | None, traits: Traits) -> Mapping[str, object]:
    """Return the `thinkingConfig` for that level of thinking; None leaves it to the model."""
    if wanted == "off":
        return {"thinkingLevel": traits.levels[0]} if traits.levels else {"thinkingBudget": traits.least_budget}
    shown: Mapping[str, object] = {"includeThoughts": True}
    if wanted is None or wanted not in _BUDGETS:
        return shown
    if not traits.levels:
        return {**shown, "thinkingBudget": _BUDGETS[wanted]}
    least = _LEVELS.index(wanted.upper())
    level = next((level for level in traits.levels if _LEVELS.index(level) >= least), traits.levels[-1])
    return {**shown, "thinkingLevel": level}


def _levels(given: object) -> Sequence[str]:
    names = cast("Sequence[object]", given) if isinstance(given, list | tuple) else ()
    wanted = {name.upper() for name in names if isinstance(name, str)}
    return tuple(level for level in _LEVELS if level in wanted) or _SAFE_LEVELS
