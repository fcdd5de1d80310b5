"""Thinking for `anthropic-messages`: what a level means to a model, and whether its old thoughts go along.

`compat.thinking` says how a model is asked: `adaptive` (the default: from Claude 4.6 on it decides itself, and
`output_config.effort` steers it), `budget` (older models and many other hosts) or `none`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pi_fallback_hookspecs import Call

_EFFORTS = {"off": "low", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768}
_LEAST = 1024  # the smallest budget; as much is left for the answer itself


class Thought(NamedTuple):
    """The fields that ask for thinking. `goes_back`: thoughts of earlier answers are sent with it."""

    fields: Mapping[str, object]
    goes_back: bool


def thought(call: Call, *, max_tokens: int, is_prefilled: bool, may_begin: bool) -> Thought:
    """Return how `call` asks its model to think. `may_begin`: it is not in a turn that began without a thought."""
    if is_prefilled:  # an answer that has begun cannot be thought about
        return Thought({}, goes_back=False)
    mode = call.model.compat.get("thinking", "adaptive")
    if mode == "budget":
        budget = _budget(call.request.thinking, max_tokens) if call.model.reasoning and may_begin else 0
        if budget:
            return Thought({"thinking": {"type": "enabled", "budget_tokens": budget}}, goes_back=True)
        # A model that is not asked to think refuses thoughts in the turn that it is in.
        return Thought({}, goes_back=False)
    if mode == "adaptive" and call.model.reasoning:
        return _adaptive(call.request.thinking, call.model.compat)
    return Thought({}, goes_back=True)


def _adaptive(level: str | None, compat: Mapping[str, object]) -> Thought:
    """Return the newer way. `off` is the least effort, because many models refuse to be told not to think.

    `compat.thinkingOff` says how others are told: `disabled` or `between_tools`. Without a level the model chooses.
    """
    off = compat.get("thinkingOff")
    if level == "off" and off:
        return Thought({"thinking": {"type": off}}, goes_back=off != "disabled")
    # Newer models send no thoughts unless asked: minutes of silence, which looks like a stalled stream.
    thinking: dict[str, object] = {"type": "adaptive", "display": "summarized"}
    if binding := compat.get("thinkingBlockBinding"):
        # What becomes of thoughts if what stood before them has changed; needs the beta `thinking-binding-controls`.
        thinking["block_binding"] = {"prefix_mismatch_behavior": binding}
    effort = _EFFORTS.get(level or "")
    if effort == "xhigh" and not compat.get("supportsXhighEffort", True):
        effort = "high"
    if effort and compat.get("supportsReasoningEffort", True):
        return Thought({"thinking": thinking, "output_config": {"effort": effort}}, goes_back=True)
    return Thought({"thinking": thinking}, goes_back=True)


def _budget(level: str | None, max_tokens: int) -> int:
    """Return how many tokens `level` may think, within `max_tokens`; 0 is none."""
    budget = min(_BUDGETS.get(level or "", 0), max_tokens - _LEAST)
    return budget if budget >= _LEAST else 0
