"""The scene of a measurement: the server, and our parts put together as the program does it."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import anyio
import jiter

from benchmarks.raw import Question
from pi_fallback.app import agent_of
from pi_fallback.config.schema import RetryPolicy
from pi_fallback.core.booking import Worked
from pi_fallback.http import Http
from pi_fallback.preparing import Options, Setup, World, prepare
from pi_fallback.providers.dialects import dialects
from pi_fallback.providers.openai_render import rendered
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.plans import Episode, Pool, RetrySame, Switch, inline
from pi_fallback.runtime.registry import Builtin, Registry
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import Wires
from pi_fallback.state.memory import MemoryLedger
from pi_fallback_hookspecs import (
    Call,
    Delta,
    Key,
    Level,
    Model,
    ModelRef,
    Provider,
    Reply,
    Request,
    Route,
    Wake,
    origin_of,
    user_message,
)

QUESTION = "Why does the test in this folder fail?"


def body_of(request: Request) -> Question:
    """The question that `request` becomes on the wire, so that the raw call asks the same."""
    model = Model(ModelRef("raw", "big"))
    return jiter.from_json(rendered(Call(Route(*model.ref), model, request)))


def address_of(origin: str, kind: str) -> str:
    """The base URL at which the server gives answers of that `kind`; at `refused` nobody is there."""
    return "http://127.0.0.1:1/v1" if kind == "refused" else f"{origin}/{kind}/v1"


@contextmanager
def canned_server() -> Generator[str, None, None]:
    """Run the server; the value is its origin."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@dataclass
class Driver:
    """Begins attempts and asks on until one ends well, as a host without an agent does it."""

    engine: Engine
    wires: Wires
    dispatcher: Dispatcher
    prefer: Route
    request: Request
    book: LedgerBook

    async def ask(self, on_delta: Callable[[Delta], None]) -> Reply:
        episode, prefer = Episode(), self.prefer
        while True:
            attempt = inline(self.engine.begin(episode, self.request, prefer), self.dispatcher.ask_sync)
            assert attempt is not None
            result = await self.wires.send(attempt.route, self.request, on_delta, fresh=attempt.fresh)
            if isinstance(result, Reply):
                self.engine.complete(attempt)
                return result
            outcome = inline(self.engine.failed(attempt, result), self.dispatcher.ask_sync)
            assert isinstance(outcome, Switch | RetrySame), f"{outcome} after {result}"
            assert outcome.after_s == 0.0, outcome
            prefer = outcome.route if isinstance(outcome, Switch) else attempt.route


@asynccontextmanager
async def driver_over(
    origin: str, kinds: Sequence[str], request: Request, plugins: Sequence[Builtin] = ()
) -> AsyncGenerator[Driver]:
    """An engine whose routes lead to the `kinds` of answers that the server gives, in that order."""
    providers = {kind: Provider(kind, address_of(origin, kind)) for kind in kinds}
    order = tuple(Route(kind, "big") for kind in kinds)
    models = {route.ref: Model(route.ref) for route in order}
    registry = Registry.load(first=plugins)
    dispatcher = Dispatcher(registry)
    watchdog = Watchdog()
    pool = Pool(order, models, 1)
    keys = {kind: Key("sk-benchmark", origin_of(address_of(origin, kind))) for kind in kinds}

    async def key(route: Route, base_url: str) -> Key:
        return keys[route.provider]

    async with Http(wall=time.time) as http, anyio.create_task_group() as tasks:  # noqa: TID251
        tasks.start_soon(watchdog.run)
        book = LedgerBook(MemoryLedger())
        engine = Engine(
            book=book,
            now=anyio.current_time,
            pool=lambda: pool,
            policy=RetryPolicy(enabled=False),
            chance=Random(1),
            asked=registry.asked,
        )
        wires = Wires(providers, dialects(http), models, key, watchdog)
        yield Driver(engine, wires, dispatcher, order[0], request, book)
        tasks.cancel_scope.cancel()


class Nobody:
    """Nobody is asked and nobody reads."""

    def notify(self, text: str, level: Level = "info") -> None:
        pass

    async def confirm(self, title: str, detail: str = "") -> bool:
        return True

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        return None

    async def input(self, title: str, placeholder: str = "") -> str | None:
        return None


def next_request(agent: Agent) -> Request:
    """What the agent would ask if it were told `QUESTION` now."""
    messages = (*agent.messages, user_message(QUESTION))
    return replace(agent.conversation.request(None), messages=messages)


async def prompt(agent: Agent) -> None:
    await agent.prompt(QUESTION)
    await agent.settled()


def well_again(book: LedgerBook) -> None:
    """Let nothing rest and nothing have failed."""
    for scope in tuple(book.ledger.rests):
        book.enter(Wake(scope))
    for model in tuple(book.ledger.failures):
        book.enter(Worked(model, anyio.current_time()))


async def forget(agent: Agent) -> None:
    """Empty the history, so that each prompt sends the same; the session file grows on, as it does in life."""
    agent.conversation.messages.clear()


@asynccontextmanager
async def agent_over(
    origin: str,
    kinds: Sequence[str],
    plugins: Sequence[Builtin] = (),
    listen: Callable[[feed.FeedItem], None] = lambda _item: None,
    settings: Mapping[str, object] | None = None,
    limits: Mapping[str, float] | None = None,
) -> AsyncGenerator[Agent]:
    """The program's own agent with its files in a temporary folder, SQLite and session log included."""
    with tempfile.TemporaryDirectory(prefix="pi-fallback-benchmark-") as room:
        agent_dir = Path(room) / "agent"
        agent_dir.mkdir()
        own = {"apiKey": "sk-benchmark", "models": [{"id": "big", "limits": limits or {}}]}
        providers = {kind: {"baseUrl": address_of(origin, kind), **own} for kind in kinds}
        enabled = [str(ModelRef(kind, "big")) for kind in kinds]
        (agent_dir / "models.json").write_text(json.dumps({"providers": providers}))
        (agent_dir / "settings.json").write_text(json.dumps({"enabledModels": enabled, **(settings or {})}))
        world = World(environ={"PI_CODING_AGENT_DIR": str(agent_dir)}, home=Path(room))
        setup: Setup = prepare(Options(cwd=Path(room), approval="always"), world)
        if plugins:
            setup.registry = Registry.load(first=plugins)
        async with agent_of(setup, Nobody(), listen) as agent:
            yield agent
