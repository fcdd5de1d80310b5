"""The wire as a value: what a provider is asked, and what it may answer."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

from pi_fallback_hookspecs.failures import Fault
from pi_fallback_hookspecs.messages import AssistantMessage, Json, Message
from pi_fallback_hookspecs.routes import Model, Route


def origin_of(url: str) -> str:
    """Return `scheme://host:port` of `url`, in lower case and with the port always given.

    Raises:
        ValueError: `url` is not an http or https URL with a host.
    """
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = parts.port or usual
    if usual is None or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


class Key:
    """A secret and the one origin it may be sent to. It does not print."""

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str) -> None:
        self._value = value
        self.origin = origin

    def reveal(self, origin: str) -> str:
        """Return the secret, for a request to `origin`.

        Raises:
            PermissionError: the key belongs to another origin.
        """
        if origin != self.origin:
            raise PermissionError(f"this key is bound to {self.origin} and is not sent to {origin}")
        return self._value

    def __repr__(self) -> str:
        return f"Key(***, origin={self.origin!r})"

    def __reduce__(self) -> str:
        raise TypeError("a key cannot be pickled or copied")


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it; `parameters` is a JSON Schema of type `object`."""

    name: str
    description: str
    parameters: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model, in no dialect.

    `prefix` is the beginning of the answer, to go on from; it is sent only to models with `prefill`.
    """

    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int | None = None
    thinking: str | None = None  # off, minimal, low, medium, high, xhigh
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way: by which route, to which model and address, with which key.

    `auth` names the scheme of the key, if it is not the dialect's own (see `Provider.auth`). `fresh` asks for
    a connection that nothing has travelled by yet.
    """

    route: Route
    model: Model
    request: Request
    base_url: str = ""
    key: Key | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # a key may be in them
    auth: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call: the first of an `index` has its name, `arguments` is raw JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The protocol's terminal event came: this is the whole answer."""

    message: AssistantMessage


Delta: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta
StreamEvent: TypeAlias = Delta | Reply | Fault
"""A stream yields deltas and ends with exactly one `Reply` or `Fault`. It raises nothing."""

Stream: TypeAlias = Callable[[Call], AsyncGenerator[StreamEvent, None]]
