"""The commands of the line protocol as values: what a client may send, and how a line becomes one."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, TypeAdapter, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from pi_fallback.core.pictures import why_not
from pi_fallback_hookspecs import Image


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")

    id: StrictStr | None = None


class ImageContent(BaseModel, frozen=True, alias_generator=to_camel):
    type: Literal["image"] = "image"
    data: StrictStr
    mime_type: StrictStr

    @property
    def image(self) -> Image:
        return Image(self.data, self.mime_type)


class _Said(_Command):
    message: StrictStr = Field(min_length=1)  # an empty one would be refused by the provider, for ever after
    images: tuple[ImageContent, ...] = ()

    @field_validator("images")
    @classmethod
    def _all_can_be_sent(cls, images: tuple[ImageContent, ...]) -> tuple[ImageContent, ...]:
        for image in images:
            if (why := why_not(image.image)) is not None:
                raise ValueError(why)
        return images

    @property
    def pictures(self) -> tuple[Image, ...]:
        return tuple(image.image for image in self.images)


class Prompt(_Said):
    """Start a run; while one is going on, `streamingBehavior` says what to do instead."""

    type: Literal["prompt"]
    streaming_behavior: Literal["steer", "followUp"] | None = None


class Steer(_Said):
    type: Literal["steer"]


class FollowUp(_Said):
    type: Literal["follow_up"]


class AbortRun(_Command):
    type: Literal["abort"]


class GetState(_Command):
    type: Literal["get_state"]


class GetMessages(_Command):
    type: Literal["get_messages"]


class GetLastAssistantText(_Command):
    type: Literal["get_last_assistant_text"]


class GetSessionStats(_Command):
    type: Literal["get_session_stats"]


class GetAvailableModels(_Command):
    type: Literal["get_available_models"]


class SetModel(_Command):
    type: Literal["set_model"]
    provider: StrictStr
    model_id: StrictStr


class CycleModel(_Command):
    type: Literal["cycle_model"]


class GetCommands(_Command):
    type: Literal["get_commands"]


class Compact(_Command):
    """Summarise the older part of the history. It is answered when that is done."""

    type: Literal["compact"]
    custom_instructions: StrictStr = ""


class NewSession(_Command):
    type: Literal["new_session"]


class SwitchSession(_Command):
    type: Literal["switch_session"]
    session_path: StrictStr


class AbortRetry(_Command):
    type: Literal["abort_retry"]


class SetAutoRetry(_Command):
    type: Literal["set_auto_retry"]
    enabled: StrictBool


class UiResponse(BaseModel, frozen=True):
    """The answer to the `extension_ui_request` of that `id`. It gets no response of its own."""

    type: Literal["extension_ui_response"]
    id: StrictStr
    value: StrictStr | None = None
    confirmed: StrictBool | None = None
    cancelled: StrictBool = False


Command: TypeAlias = (
    Prompt
    | Steer
    | FollowUp
    | AbortRun
    | GetState
    | GetMessages
    | GetLastAssistantText
    | GetSessionStats
    | GetAvailableModels
    | SetModel
    | CycleModel
    | GetCommands
    | Compact
    | NewSession
    | SwitchSession
    | AbortRetry
    | SetAutoRetry
)

_ADAPTER: TypeAdapter[Command | UiResponse] = TypeAdapter(Annotated[Command | UiResponse, Field(discriminator="type")])
_MODELS: tuple[type[BaseModel], ...] = (*cast("Any", Command).__args__, UiResponse)
NAMES: tuple[str, ...] = tuple(get_args(model.model_fields["type"].annotation)[0] for model in _MODELS)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no command: what to answer to it."""

    error: str
    command: str = "parse"
    id: str | None = None


def read_command(line: bytes) -> Command | UiResponse | BadLine:
    """Return what `line` says."""
    try:
        data: object = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return BadLine(f"This line is not JSON in UTF-8: {error}")
    if not isinstance(data, dict):
        return BadLine("This line is not a JSON object.")
    fields = cast("dict[str, object]", data)
    name, ident = fields.get("type"), fields.get("id")
    ident = ident if isinstance(ident, str) else None
    if not isinstance(name, str):
        return BadLine("`type` must be the name of a command.", id=ident)
    if name not in NAMES:
        return BadLine(f"There is no command {name!r}. The commands are: {', '.join(NAMES)}.", name, ident)
    try:
        return _ADAPTER.validate_python(fields)
    except ValidationError as error:
        return BadLine(_sentence(error), name, ident)


def _sentence(error: ValidationError) -> str:
    """Name the first wrong field, never its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"][1:])  # the first part is the discriminator
    return f"`{where}`: {first['msg'].removeprefix('Value error, ')}"
