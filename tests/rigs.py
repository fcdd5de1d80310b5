"""A rig: a whole agent over scripted models, made of the real parts, for tests in virtual time."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio

from pi_fallback.config.policies import CompactionPolicy
from pi_fallback.config.schema import ProgressSettings, RetryPolicy
from pi_fallback.core.booking import Entry
from pi_fallback.core.routing import Routing
from pi_fallback.plugins.progress import NAME, ProgressDetection
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent, Parts, Reopened, open_agent
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.conversation import Log, UnwrittenLog
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.hiding import Secrets
from pi_fallback.runtime.nobody import Nobody
from pi_fallback.runtime.plans import Pool
from pi_fallback.runtime.registry import Registry
from pi_fallback.runtime.signals import Signals
from pi_fallback.runtime.toolbox import Approval, Toolbox
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import NO_SECRETS, Keys, Wires
from pi_fallback.state.memory import MemoryLedger
from pi_fallback.state.store import LedgerStore
from pi_fallback.testing import Called, ScriptedProvider
from pi_fallback_hookspecs import Fault, Model, ModelRef, Price, Route, Tool, UserMessage

NO_RETRY = RetryPolicy(enabled=False)
P = "p"


class NoChance:
    """No jitter."""

    def random(self) -> float:
        return 0.0


@dataclass
class Rig:
    """An agent, its scripted models and all it has shown so far."""

    agent: Agent
    script: ScriptedProvider
    book: LedgerBook
    seen: list[tuple[float, feed.FeedItem]] = field(default_factory=list[tuple[float, feed.FeedItem]])
    entries: list[Entry] = field(default_factory=list[Entry])
    routings: list[Routing] = field(default_factory=list[Routing])

    @property
    def calls(self) -> list[tuple[str, float]]:
        """Which model was asked when."""
        return [(called.call.model.ref.id, called.at) for called in self.script.calls]

    @property
    def asked(self) -> list[str]:
        return [model for model, _ in self.calls]

    def call(self, index: int) -> Called:
        return self.script.calls[index]

    def of(self, kind: type[feed.FeedItem]) -> list[feed.FeedItem]:
        return [item for _, item in self.seen if isinstance(item, kind)]

    def said(self) -> list[str]:
        """The user's messages in the history."""
        return [message.text for message in self.agent.messages if isinstance(message, UserMessage)]

    async def until(self, moment: float) -> None:
        await anyio.sleep_until(moment)
        await anyio.wait_all_tasks_blocked()


def route(model: str) -> Route:
    return Route(P, model)


@asynccontextmanager
async def rig(
    script: ScriptedProvider,
    models: Sequence[str],
    *,
    current: str | None = None,
    progress: ProgressSettings | None = None,
    retry: RetryPolicy = NO_RETRY,
    plugins: Sequence[tuple[str, object]] = (),
    behind: Sequence[tuple[str, object]] = (),
    store: LedgerStore | None = None,
    tools: Mapping[str, Tool] | None = None,
    approval: Approval = "always",
    order: Sequence[Route] | None = None,
    past: Reopened | None = None,
    keys: Keys | None = None,
    inputs: Mapping[str, set[str]] | None = None,
    prefills: Sequence[str] = (),
    goes_on: bool = False,
    own_providers: bool = False,
    windows: Mapping[str, int] | None = None,
    compaction: CompactionPolicy | None = None,
    open_log: Callable[[], Log] = UnwrittenLog,
    prices: Mapping[str, Price] | None = None,
    version: Callable[[], int] = lambda: 1,
    instead: Callable[[Route], Fault | None] | None = None,
    secrets: Secrets = NO_SECRETS,
    waits_out: Callable[[float], bool | None] = lambda _wait_s: None,
) -> AsyncGenerator[Rig, None]:
    """Run an agent over `script`, with progress detection unless `progress` is switched off.

    All models are of one provider, or, with `own_providers`, each of one that bears its name in lower case. `version`
    is that of the pool; a fault of `instead` takes the place of a request. `plugins` are asked first, `behind` last.
    """
    refs = {model: ModelRef(model.lower() if own_providers else P, model) for model in models}
    settings = progress or ProgressSettings()
    last = [(NAME, ProgressDetection(settings))] if settings.enabled else []
    registry = Registry.load(first=list(plugins), last=[*behind, *last])
    dispatcher = Dispatcher(registry, runner="inline")
    takes = {model: frozenset((inputs or {}).get(model, {"text"})) for model in models}
    costs, sizes = prices or {}, windows or {}
    catalog = {
        ref: Model(
            ref,
            context_window=sizes.get(model, 128_000),
            inputs=takes[model],
            prefill=model in prefills,
            price=costs.get(model),
        )
        for model, ref in refs.items()
    }
    pool = Pool(tuple(order or [Route(*ref) for ref in refs.values()]), catalog)
    entries: list[Entry] = []
    routings: list[Routing] = []
    book = LedgerBook(store or MemoryLedger(), entries.append)
    engine = Engine(
        book=book,
        now=anyio.current_time,
        pool=lambda: replace(pool, version=version()),
        policy=retry,
        chance=NoChance(),
        asked=registry.asked,
        explain=routings.append,
        waits_out=waits_out,
    )
    watchdog = Watchdog()
    signals = Signals(secrets.clean)
    providers = {ref.provider: script.provider(ref.provider, *catalog.values()) for ref in refs.values()}

    async def no_key(_route: Route, _base_url: str) -> None:
        return None

    def find(name: str) -> Route:
        return Route(*ModelRef.parse(name))

    def reopen(path: str) -> Reopened:
        raise LookupError(path)

    parts = Parts(
        engine=engine,
        book=book,
        dispatcher=dispatcher,
        wires=Wires(providers, {}, catalog, keys or no_key, watchdog, secrets, instead=instead),
        watchdog=watchdog,
        toolbox=Toolbox(tools or {}, dispatcher, Nobody(), "/", approval, signals.emit, secrets.clean),
        commands={command.name: command for command in registry.commands()},
        ui=Nobody(),
        cwd="/",
        system="",
        open_log=open_log,
        start_route=Route(*refs[current or models[0]]),
        find_model=find,
        reopen=reopen,
        signals=signals,
        compaction=compaction or CompactionPolicy(),
        goes_on=goes_on,
    )
    seen: list[tuple[float, feed.FeedItem]] = []
    signals.listen(lambda item: seen.append((anyio.current_time(), item)))
    async with open_agent(parts, past) as agent:
        yield Rig(agent, script, book, seen, entries, routings)
