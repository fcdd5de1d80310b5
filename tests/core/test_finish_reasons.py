"""Which words end an answer well, and which mean that there is none."""

from enum import Enum, IntEnum

import pytest

from pi_fallback.core.finish_reasons import CUT, WHOLE, fault_of_finish
from pi_fallback_hookspecs import FaultKind, Phase


class Reason(Enum):
    STOP = "STOP"
    SAFETY = "SAFETY"


class Number(IntEnum):  # as in `vertexai` and `google.generativeai`, whose enums are protobuf's
    FINISH_REASON_UNSPECIFIED = 0
    STOP = 1
    SAFETY = 3


@pytest.mark.parametrize("reason", [*sorted(WHOLE | CUT), "STOP", "MAX_TOKENS", Reason.STOP, Number.STOP])
def test_an_answer_with_such_a_reason_is_whole(reason: object) -> None:
    assert fault_of_finish(reason, Phase.TEXT) is None


@pytest.mark.parametrize("reason", [None, "", " ", Number.FINISH_REASON_UNSPECIFIED])
def test_an_answer_without_a_reason_is_incomplete(reason: object) -> None:
    fault = fault_of_finish(reason, Phase.TEXT)
    assert fault is not None
    assert (fault.kind, fault.code, fault.phase) == (FaultKind.INCOMPLETE, None, Phase.TEXT)


@pytest.mark.parametrize(
    "reason",
    [
        "content_filter",
        "refusal",
        "insufficient_system_resource",
        "failed",
        "incomplete",
        "model_context_window_exceeded",
        "RECITATION",
        Reason.SAFETY,
        Number.SAFETY,
        "?",
    ],
)
def test_any_other_word_is_a_failure_with_the_word_as_code(reason: object) -> None:
    fault = fault_of_finish(reason, Phase.TEXT)
    assert fault is not None
    assert (fault.kind, fault.code) == (FaultKind.FINISH, reason.name if isinstance(reason, Enum) else reason)


@pytest.mark.parametrize("reason", sorted(CUT))
def test_a_limit_in_the_middle_of_a_tool_call_is_a_failure(reason: str) -> None:
    fault = fault_of_finish(reason, Phase.TOOL_ARGS)
    assert fault is not None
    assert fault.text == f"The answer ended with {reason!r} in the middle of a tool call."


@pytest.mark.parametrize("reason", ["tool_calls", "tool_use", "STOP"])
def test_a_tool_call_that_ended_well_is_whole(reason: str) -> None:
    assert fault_of_finish(reason, Phase.TOOL_ARGS) is None
