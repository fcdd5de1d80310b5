"""What a client made of a 200 is an answer, or a fault that says what came instead."""

from types import SimpleNamespace as Object
from typing import Any

import pytest
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion

from pi_fallback.core.answer_objects import fault_of_answer
from pi_fallback_hookspecs import FaultKind, Phase

F = FaultKind
NONE: dict[str, tuple[object, FaultKind, str]] = {
    "a page": (
        "<html>Log in</html>",
        F.MALFORMED,
        "A page or a text came in the place of an answer: <html>Log in</html>",
    ),
    "a page in bytes": (b"<html>", F.MALFORMED, "A page or a text came in the place of an answer: <html>"),
    "nothing": (None, F.EMPTY, "The answer was empty."),
    "no text": ("", F.EMPTY, "The answer was empty."),
    "an empty object": ({}, F.EMPTY, "The answer was empty."),
    "no choices": ({"choices": []}, F.EMPTY, "The answer has no choices."),
    "an SDK's object without what did not come": (
        ChatCompletion.model_construct(),
        F.EMPTY,
        "The answer has no choices.",
    ),
    "a prompt that Gemini blocked": (GenerateContentResponse(), F.EMPTY, "The answer has no candidates."),
    "no content": (Object(content=None, stop_reason=None), F.EMPTY, "The answer has no content."),
    "an error object": ({"error": {"message": "Down"}}, F.ERROR_EVENT, "Down"),
    "an error in words": ({"error": "Down"}, F.ERROR_EVENT, "Down"),
    "an error that an SDK passed on": (
        ChatCompletion.model_construct(error={"message": "Down"}),
        F.ERROR_EVENT,
        "Down",
    ),
    "an error that is an object": (Object(error=Object(message="Down", code="x"), output=[]), F.ERROR_EVENT, "Down"),
    "an odd error": ({"error": 5}, F.ERROR_EVENT, "The answer was an error without words."),
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_answer_is_a_fault_that_says_what_came(name: str) -> None:
    answer, kind, text = NONE[name]
    fault = fault_of_answer(answer, Phase.TEXT)
    assert fault is not None
    assert (fault.kind, fault.text, fault.phase) == (kind, text, Phase.TEXT)


def test_a_numeric_code_that_looks_like_a_status_is_one() -> None:
    fault = fault_of_answer({"error": {"message": "Slow down", "code": 429}}, Phase.PRE)
    assert fault is not None
    assert (fault.status, fault.code) == (429, "429")


ANSWERS: list[Any] = [
    {"choices": [{"message": {"content": ""}}]},
    {"choices": [{}], "error": None},
    Object(content=[], stop_reason="end_turn"),
    Object(output=[], status="incomplete", error=None),
    {"message": {"content": "of another kind"}, "done": True},
    Object(text="of another kind"),
    iter(()),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_passes(answer: object) -> None:
    assert fault_of_answer(answer, Phase.PRE) is None
