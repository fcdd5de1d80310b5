"""Finish reasons: which of the words with which an answer ends say that it is whole."""

from collections.abc import Mapping
from enum import Enum

from pi_fallback_hookspecs import Fault, FaultKind, Phase

WHOLE: Mapping[str, str] = {
    # openai-completions
    "stop": "openai-completions, google-generative-ai",
    "tool_calls": "openai-completions",
    "function_call": "openai-completions, before tools",
    "end": "openai-completions at some hosts",
    "eos": "openai-completions at some hosts",
    # openai-responses: the status of the response
    "completed": "openai-responses",
    # anthropic-messages
    "end_turn": "anthropic-messages",
    "stop_sequence": "anthropic-messages",
    "tool_use": "anthropic-messages",
    "pause_turn": "anthropic-messages: a long turn; send the answer back to go on",
}
"""Reasons after which the answer is whole, and the dialects that have them."""

CUT: Mapping[str, str] = {
    "length": "openai-completions",
    "max_output_tokens": "openai-responses: the reason of an incomplete response",
    "max_tokens": "anthropic-messages, google-generative-ai",
    "model_context_window_exceeded": "anthropic-messages",
    "continuation": "google-generative-ai: as much as one request may generate",
}
"""Reasons after which text is as long as it was allowed to be, and a tool call is half of one."""


def fault_of_finish(reason: object, phase: Phase) -> Fault | None:
    """Return the fault that an answer is which ended by `reason`; None if it is whole.

    What stands in no table is a failure: content filters, refusals, and words that nobody knows.
    """
    word = str(reason.value if isinstance(reason, Enum) else reason or "").strip()
    if not word:
        return Fault(FaultKind.INCOMPLETE, "The answer ended without a finish reason.", phase=phase)
    name = word.lower()
    if name in WHOLE or (name in CUT and phase is not Phase.TOOL_ARGS):
        return None
    where = " in the middle of a tool call" if name in CUT else ""
    return Fault(FaultKind.FINISH, f"The answer ended with {word!r}{where}.", code=word, phase=phase)
