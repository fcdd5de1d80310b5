"""A session that is taken up again says once that its last prompt has no answer."""

from collections.abc import Sequence

import pytest

from pi_fallback.core.unanswered import unanswered
from pi_fallback_hookspecs import AssistantMessage, Message, Producer, StopReason, Text, user_message

SAID, BY = user_message("go"), Producer("a", "A", "")
ANSWER = AssistantMessage((Text("here"),), StopReason.STOP, BY)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((), None),
        ((SAID, ANSWER), None),
        ((SAID,), "the session stopped before"),
        ((SAID, ANSWER, SAID), "the session stopped before"),
        (
            (SAID, AssistantMessage((), StopReason.ERROR, BY, error="No model is left.\n  a/A: spent")),
            "No model is left. a/A: spent",
        ),
        ((SAID, AssistantMessage((), StopReason.ABORTED, BY, error="aborted")), "aborted"),
    ],
)
def test_words_without_an_answer_are_told_with_the_reason(messages: Sequence[Message], why: str | None) -> None:
    said = None if why is None else f"What you said last has not been answered: {why}. Say it again, or how to go on."
    assert unanswered(messages) == said
