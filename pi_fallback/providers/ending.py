"""Endings: whether an answer whose last event came can be used as it is."""

from collections.abc import Sequence

from pi_fallback.http import WireError
from pi_fallback_hookspecs import Fault, FaultKind, StopReason, Text, Thinking, ToolCall


def ending(content: Sequence[Text | Thinking | ToolCall], stop: StopReason) -> StopReason:
    """Return how an answer of `content` ended, which said of itself that it ended by `stop`.

    Raises:
        WireError: it is empty, or says that it calls tools and calls none.
    """
    if any(isinstance(block, ToolCall) for block in content):
        return StopReason.TOOL_USE if stop is StopReason.STOP else stop  # some hosts say stop although they call
    if stop is StopReason.TOOL_USE:
        raise WireError(Fault(FaultKind.MALFORMED, "The answer says that it calls tools, and calls none."))
    said = any(isinstance(block, Text) and block.text.strip() for block in content)
    if not content or (stop is StopReason.STOP and not said):
        raise WireError(Fault(FaultKind.EMPTY, "The answer is empty."))
    return stop
