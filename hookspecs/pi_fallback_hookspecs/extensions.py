"""What a plugin may add: providers, commands and tools."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from pi_fallback_hookspecs.effects import Effect, Level
from pi_fallback_hookspecs.logins import OAuthEndpoints
from pi_fallback_hookspecs.messages import Image, Json, Text
from pi_fallback_hookspecs.routes import Model
from pi_fallback_hookspecs.view import View
from pi_fallback_hookspecs.wire import Stream


@dataclass(frozen=True, slots=True)
class Provider:
    """An endpoint that serves models.

    `auth` is how a key is sent, if not as the dialect usually has it: `bearer`, or the name of the header
    that is to hold it (`x-api-key`, `api-key`, `x-goog-api-key`). `login` is the way in where a key alone
    does not open the door, `oauth` where one gets it. `env` names the environment variables that may
    hold its key, best first; a provider with `needs_key` false is used without one. `stream` replaces
    the dialect by the plugin's own wire: it gets a `Call` and yields deltas, then one `Reply` or `Fault`.
    """

    id: str
    base_url: str = ""
    dialect: str = "openai-completions"
    name: str = ""
    models: tuple[Model, ...] = ()
    default_model: str = ""
    env: tuple[str, ...] = ()
    needs_key: bool = True
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # a key may be in them
    compat: Mapping[str, object] = field(default_factory=dict[str, object])
    stream: Stream | None = None
    auth: Literal["", "bearer", "x-api-key", "api-key", "x-goog-api-key"] = ""
    login: Literal["", "oauth"] = ""
    oauth: OAuthEndpoints | None = None


class Ui(Protocol):
    """How a command or a tool speaks with the user. Without a screen the questions answer None or False."""

    def notify(self, text: str, level: Level = "info") -> None: ...

    async def confirm(self, title: str, detail: str = "") -> bool: ...

    async def select(self, title: str, options: Sequence[str]) -> str | None: ...

    async def input(self, title: str, placeholder: str = "") -> str | None: ...


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a command may look at."""

    view: View
    ui: Ui
    cwd: str
    busy: bool


CommandRun: TypeAlias = Callable[[CommandContext, str], Awaitable[Sequence[Effect] | str | None]]
Complete: TypeAlias = Callable[[View, str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command. `run` gets the context and the text behind the name.

    It answers with effects, with a text to show, or with None. It is an act of the user: what it
    orders starts a new episode.
    """

    name: str
    description: str
    run: CommandRun
    complete: Complete | None = None
    argument: str = ""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool answers to the model."""

    content: tuple[Text | Image, ...]
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Where a tool runs: `cwd` is absolute; `progress` shows text while it runs."""

    cwd: str
    ui: Ui
    progress: Callable[[str], None] = field(default=lambda _text: None)


ToolRun: TypeAlias = Callable[[ToolContext, Mapping[str, Json]], Awaitable["ToolOutput | str"]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool for the model. `parameters` is a JSON Schema of type `object`; an exception of `run` is an error result.

    With `asks` the user is asked before it runs, unless told otherwise; `preview` makes the
    question's detail from the arguments.
    """

    name: str
    description: str
    parameters: Mapping[str, Json]
    run: ToolRun
    asks: bool = False
    preview: Callable[[Mapping[str, Json]], str] | None = None
