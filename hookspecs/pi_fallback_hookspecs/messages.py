"""Messages: a conversation as neutral values that any dialect can render."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias, cast

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


def frozen(value: object) -> Json:
    """Return `value` (parsed JSON) with its lists as tuples and its dicts read-only, at any depth."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return MappingProxyType({key: frozen(item) for key, item in items})
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in cast("Sequence[object]", value))
    return cast("Json", value)


def frozen_object(value: Mapping[str, object]) -> Mapping[str, Json]:
    """`frozen` for a JSON object."""
    return cast("Mapping[str, Json]", frozen(value))


def thawed(value: object) -> object:
    """Return `value` as plain dicts and lists, ready for `json.dumps`."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: thawed(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [thawed(item) for item in cast("Sequence[object]", value)]
    return value


class StopReason(StrEnum):
    """How an assistant message ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_USE = "tool_use"
    ERROR = "error"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Producer:
    """Who wrote a block; signatures are sent back only to the same producer."""

    provider: str
    model: str
    dialect: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text. `producer` is given where it differs from that of the message, so for the two below."""

    text: str
    signature: str | None = None
    producer: Producer | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought; `signature` is valid for its producer alone. `redacted`: the signature is all there is."""

    text: str
    signature: str | None = None
    redacted: bool = False
    producer: Producer | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image: `data` is base64, `mime_type` like `image/png`."""

    data: str
    mime_type: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to run a tool; `id` is ours and unique in the session."""

    id: str
    name: str
    arguments: Mapping[str, Json] = field(default_factory=dict[str, Json])
    signature: str | None = None
    producer: Producer | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `input` counts what was not read from or written to a cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


@dataclass(frozen=True, slots=True)
class UserMessage:
    content: tuple[Text | Image, ...]

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.content if isinstance(block, Text))


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """An answer. One that ended in `error` or `aborted` stays in the session and is never sent."""

    content: tuple[Text | Thinking | ToolCall, ...]
    stop_reason: StopReason
    producer: Producer
    usage: Usage = Usage()
    error: str | None = None
    response_id: str | None = None

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.content if isinstance(block, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(block for block in self.content if isinstance(block, ToolCall))

    def producer_of(self, block: Text | Thinking | ToolCall) -> Producer:
        """Who wrote `block`: an answer that another model finished has two producers."""
        return block.producer or self.producer


@dataclass(frozen=True, slots=True)
class ToolResultMessage:
    """What a tool answered to the call `call_id`."""

    call_id: str
    name: str
    content: tuple[Text | Image, ...]
    is_error: bool = False

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.content if isinstance(block, Text))


Message: TypeAlias = UserMessage | AssistantMessage | ToolResultMessage


def user_message(text: str, images: Sequence[Image] = ()) -> UserMessage:
    return UserMessage((Text(text), *images))
