"""Wired: an agent on one fault server, each model at a provider of its own, in any dialect, over real sockets."""

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pi_fallback.embedding import (
    AgentFailed,
    AnswerStarted,
    AssistantMessage,
    Failure,
    Fallback,
    Limits,
    ModelConfig,
    ProgressSettings,
    ProviderConfig,
    RetryPolicy,
    Session,
    SessionEvent,
    Settings,
    Streamed,
    TextDelta,
    ToolStarted,
    Withdrawn,
)
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.testing import FaultServer, Received
from pi_fallback.testing.steps import Playable
from tests.canary import canary

NAMES = tuple(dialect.name for dialect in DIALECTS)
COMPLETIONS, RESPONSES, ANTHROPIC, GOOGLE = NAMES
PAIRS = [(name, to) for at, name in enumerate(NAMES) for to in (name, NAMES[at - 1])]
"""From each dialect to itself, and to another one."""

LONG = Limits(head_s=8.0, first_content_s=8.0, quiet_s=8.0, total_s=9.0)
ONE_KEY = {"primary": canary("primary")}
TWO_KEYS = {**ONE_KEY, "backup-1": canary("backup-1")}
AT_ONCE = Settings(retry=RetryPolicy(enabled=False), progress=ProgressSettings(enabled=False))
"""No waits of the host's own, and no net under it: what is decided is decided by the pool."""


@dataclass
class Heard:
    """What a prompt has come to."""

    events: list[SessionEvent] = field(default_factory=list[SessionEvent])
    answer: AssistantMessage | None = None
    error: str = ""

    @property
    def text(self) -> str:
        assert self.answer is not None, self.error
        return self.answer.text

    @property
    def failures(self) -> list[Failure]:
        return [event.failure for event in self.events if isinstance(event, Withdrawn)]

    @property
    def ran(self) -> list[str]:
        """The names of the tools that began."""
        return [event.call.name for event in self.events if isinstance(event, ToolStarted)]

    @property
    def shown(self) -> list[str]:
        """The text of each attempt, as it was shown."""
        texts: list[str] = []
        for event in self.events:
            match event:
                case AnswerStarted():
                    texts.append("")
                case Streamed(TextDelta(text)):
                    texts[-1] += text
                case _:
                    pass
        return texts


@dataclass
class Wired:
    """A session and the server it talks to."""

    server: FaultServer
    host: Fallback
    session: Session

    @property
    def asked(self) -> str:
        """The models in the order in which they were asked, each by its name."""
        return "".join(request.model for request in self.server.requests)

    async def hear(self, text: str = "go") -> Heard:
        """Say `text` and hear what comes, to the end."""
        heard = Heard()
        prompt = self.session.prompt(text)
        async for event in prompt:
            heard.events.append(event)
        try:
            heard.answer = prompt.answer()
        except AgentFailed as error:
            heard.error = str(error)
        return heard


@asynccontextmanager
async def wired(
    scripts: Mapping[str, Playable],
    dialects: str | Sequence[str],
    *,
    limits: Limits | Mapping[str, Limits] = LONG,
    windows: Mapping[str, int] | None = None,
    keys: Mapping[str, str] = ONE_KEY,
    tools: Sequence[Callable[..., Awaitable[object]]] = (),
    settings: Settings = AT_ONCE,
    state_dir: Path | None = None,
    images: bool = False,
) -> AsyncGenerator[Wired]:
    """Open a session whose order is that of `scripts`: model `A` is at the provider `a`, with `keys`, and so on.

    `limits` are those of all models, or of some by name.
    """
    spoken = [dialects] * len(scripts) if isinstance(dialects, str) else dialects
    async with FaultServer(scripts) as server:
        patience = {name: limits if isinstance(limits, Limits) else limits.get(name, LONG) for name in scripts}
        models = {
            name: ModelConfig(limits=patience[name], context_window=(windows or {}).get(name, 100_000), images=images)
            for name in scripts
        }
        providers = [
            ProviderConfig(name.lower(), server.base_url, dialect, keys, {name: models[name]})
            for name, dialect in zip(scripts, spoken, strict=True)
        ]
        order = [f"{name.lower()}/{name}" for name in scripts]
        host = Fallback(providers=providers, order=order, settings=settings, tools=tools, state_dir=state_dir)
        async with host, host.session() as session:
            yield Wired(server, host, session)


def at(addresses: Mapping[str, str], dialect: str, limits: Limits = LONG) -> Fallback:
    """Return an agent whose model `A` is at its own address, and so on."""
    providers = [
        ProviderConfig(name.lower(), url, dialect, ONE_KEY, {name: ModelConfig(limits=limits)})
        for name, url in addresses.items()
    ]
    return Fallback(providers=providers, order=[f"{name.lower()}/{name}" for name in addresses], settings=AT_ONCE)


@contextmanager
def full_house() -> Generator[int]:
    """The port of a listener that nobody gets through to: its queue is full, and it accepts nobody."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        guests = [socket.socket() for _ in range(4)]
        for guest in guests:
            guest.setblocking(False)
            guest.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for guest in guests:
                guest.close()


def times(request: Received, text: str) -> int:
    """How often the body of `request` holds `text`."""
    return request.raw.count(text.encode())


def patient(**limits: float) -> Limits:
    return replace(LONG, **limits)
