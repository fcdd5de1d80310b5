"""Answers of llm's models: whether one is whole, and how it becomes the answer of the model that stands for them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from llm import AsyncResponse, Response
from llm.parts import StreamEvent

from pi_fallback_hookspecs import Fault, FaultKind, Phase

AnyResponse: TypeAlias = Response | AsyncResponse

UNTOLD = "stop"  # many plugins keep the reason to themselves: that nothing was raised is all there is
_TELLS_ALWAYS = "llm.default_plugins.openai_models"


def phase_of(event: StreamEvent) -> Phase | None:
    """How far the answer is with `event`; None if it holds nothing."""
    if event.type.startswith("tool_call"):
        return Phase.TOOL_ARGS
    return Phase.TEXT if event.chunk or event.redacted else None


def finish_reason(response: AnyResponse) -> str | None:
    """Why the answer ended, as far as its plugin tells; None if it should say so and does not."""
    told = response.response_json
    if not told:
        responses_api = type(response.model).__module__ == _TELLS_ALWAYS
        return None if responses_api else UNTOLD
    if str(told.get("object", "")).startswith("chat.completion"):
        return told.get("finish_reason") or _first(told.get("choices")).get("finish_reason")
    if told.get("object") == "response":
        return cast("Mapping[str, Any]", told.get("incomplete_details") or {}).get("reason") or told.get("status")
    if told.get("type") == "message" or "stop_reason" in told:
        return told.get("stop_reason")
    if "candidates" in told:
        return _first(told["candidates"]).get("finishReason")
    return UNTOLD


def emptiness(response: AnyResponse) -> Fault | None:
    """The fault of an answer that holds nothing."""
    if response.text_or_raise().strip() or response.tool_calls_or_raise():
        return None
    return Fault(FaultKind.EMPTY, "the answer was empty")


def take_over(answer: AnyResponse, outer: AnyResponse) -> None:
    """Make `answer`, which is whole, the answer of `outer`."""
    outer.response_json = answer.response_json
    outer.input_tokens, outer.output_tokens = answer.input_tokens, answer.output_tokens
    outer.token_details = vars(answer)["token_details"]  # llm types it as a bare dict
    outer.set_resolved_model(answer.resolved_model or answer.model.model_id)
    outer.attachments = answer.attachments
    for call in answer.tool_calls_or_raise():
        outer.add_tool_call(call)


def withdraw(outer: AnyResponse) -> None:
    """Forget what `outer` has streamed: it belongs to an answer that broke off."""
    # llm has no word for this. What it keeps of a response is rebuilt from these, and from nothing else.
    fresh: dict[str, object] = {
        "_chunks": [],
        "_stream_events": [],
        "_auto_index_max": -1,
        "_auto_last_index": None,
        "_auto_last_family": None,
        "_auto_tool_id_to_index": {},
        "_auto_last_message_index": 0,
    }
    vars(outer).update(fresh)


def _first(items: object) -> Mapping[str, Any]:
    found = cast("Sequence[Mapping[str, Any]]", items or [{}])
    return found[0]
