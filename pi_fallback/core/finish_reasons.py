"""Finish reasons: which of the words with which an answer ends say that it is whole."""

from enum import Enum

from pi_fallback_hookspecs import Fault, FaultKind, Phase

WHOLE = frozenset(
    {
        "stop",  # openai-completions, google-generative-ai
        "tool_calls",
        "function_call",  # before tools
        "end",  # at some hosts
        "eos",
        "completed",  # openai-responses: the status of the response
        "end_turn",  # anthropic-messages
        "stop_sequence",
        "tool_use",
        "pause_turn",  # a tool that the provider runs took long: the caller sends the answer back, and it goes on
    }
)
"""Reasons after which nothing failed: the answer is all that this request brings."""

CUT = frozenset(
    {
        "length",  # openai-completions
        "max_output_tokens",  # openai-responses: the reason of an incomplete response
        "max_tokens",  # anthropic-messages, google-generative-ai
        "continuation",  # google-generative-ai: as much as one request may generate
    }
)
"""Reasons after which text is as long as it was allowed to be, and a tool call is half of one."""

_UNSAID = frozenset({"", "finish_reason_unspecified"})


def fault_of_finish(reason: object, phase: Phase) -> Fault | None:
    """Return the fault that an answer is which ended by `reason`; None if it is whole.

    What stands in no table is a failure: content filters, refusals, and words that nobody knows.
    """
    word = _word(reason)
    name = word.lower()
    if name in _UNSAID:
        return Fault(FaultKind.INCOMPLETE, "The answer ended without a finish reason.", phase=phase)
    if name in WHOLE or (name in CUT and phase is not Phase.TOOL_ARGS):
        return None
    where = " in the middle of a tool call" if name in CUT else ""
    return Fault(FaultKind.FINISH, f"The answer ended with {word!r}{where}.", code=word, phase=phase)


def _word(reason: object) -> str:
    if isinstance(reason, Enum):  # those of protobuf are numbers with names
        reason = reason.value if isinstance(reason.value, str) else reason.name
    return str(reason or "").strip()
