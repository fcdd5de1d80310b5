"""Compat: what each quirk of an endpoint may hold; a word that nobody knows would pass for its opposite."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, StrictBool, StrictStr
from pydantic.alias_generators import to_camel

Level = Literal["minimal", "low", "medium", "high", "MINIMAL", "LOW", "MEDIUM", "HIGH"]


class Quirks(BaseModel, extra="allow", alias_generator=to_camel, hide_input_in_errors=True, defer_build=True):
    """Every key of `compat` that is read here, in any dialect. Others stay as they are."""

    supports_streaming: StrictBool = True
    supports_assistant_prefill: StrictBool = False
    requires_prefix_flag: StrictBool = False
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    supports_usage_in_streaming: StrictBool = True
    supports_reasoning_effort: StrictBool = True
    requires_tool_result_name: StrictBool = False
    requires_mistral_tool_ids: StrictBool = False
    requires_reasoning_content_on_assistant_messages: StrictBool = False
    supports_instructions: StrictBool = True
    requires_instructions: StrictBool = False
    supports_max_output_tokens: StrictBool = True
    reasoning_effort_map: Mapping[str, StrictStr | None] = {}
    thinking: Literal["adaptive", "budget", "none"] = "adaptive"
    thinking_off: Literal["disabled", "between_tools"] | None = None
    thinking_block_binding: StrictStr = ""
    supports_xhigh_effort: StrictBool = True
    supports_cache_control: StrictBool = True
    supports_eager_tool_input_streaming: StrictBool = False
    code_assist: StrictBool = False
    project: StrictStr = ""
    thinking_format: StrictStr = ""  # pi has words of its own for other dialects
    thinking_levels: tuple[Level, ...] = ()
    requires_thought_signatures: StrictBool = False
    supports_tool_call_ids: StrictBool = True
    supports_images_in_tool_results: StrictBool = True


def checked(compat: Mapping[str, object]) -> Mapping[str, object]:
    """Return `compat` as it is.

    Raises:
        ValidationError: a quirk holds what it cannot.
    """
    Quirks.model_validate(compat)
    return compat
