"""Unanswered: what is said when a session that is taken up again ends with words that nobody has answered."""

from collections.abc import Sequence

from pi_fallback.core.closing import one_line
from pi_fallback.core.compacting import is_failed
from pi_fallback_hookspecs import AssistantMessage, Message


def unanswered(messages: Sequence[Message]) -> str | None:
    """Return a sentence if the last of `messages` is no answer, or a failed one; why, where that is known."""
    last = messages[-1] if messages else None
    if last is None or (isinstance(last, AssistantMessage) and not is_failed(last)):
        return None
    error = last.error if isinstance(last, AssistantMessage) else None
    why = one_line(error).rstrip(".") if error else "the session stopped before"
    return f"What you said last has not been answered: {why}. Say it again, or how to go on."
