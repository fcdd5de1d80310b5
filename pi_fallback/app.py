"""The composition root: reads what the user has, and makes an agent of it."""

import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import anyio

from pi_fallback.config import store
from pi_fallback.config.problems import Problem, shown
from pi_fallback.config.store import Configuration
from pi_fallback.config.trust import Trust, TrustState
from pi_fallback.core.catalog import Catalog, asked_for, build, named_providers
from pi_fallback.core.patterns import find
from pi_fallback.core.selection import Selection, Wishes, select
from pi_fallback.credentials.accounts import Account, accounts, labels, secrets_in
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import ConfigError, NoUsableModel, PiFallbackError, PluginError
from pi_fallback.http.client import Http
from pi_fallback.plugins.progress import NAME as PROGRESS
from pi_fallback.plugins.progress import ProgressDetection
from pi_fallback.providers.dialects import dialects
from pi_fallback.providers.known import known_providers
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent, Parts, Reopened, open_agent
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.discovery import discover
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Engine, Pool
from pi_fallback.runtime.registry import Registry
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback.runtime.signals import Signals
from pi_fallback.runtime.system_prompt import system_prompt
from pi_fallback.runtime.toolbox import Approval, Toolbox
from pi_fallback.runtime.tools.builtin import builtin_tools
from pi_fallback.runtime.tracing import trace
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import Wires
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import SHAPES, ModelRef, Route, Tool, Ui

RECHECK_S = 1.0  # how long an edit of settings.json may go unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What surrounds the program. `wall` is seconds since 1970."""

    environ: Mapping[str, str]
    home: Path
    wall: Callable[[], float] = time.time  # noqa: TID251  # the one place where wall time enters

    @property
    def agent_dir(self) -> Path:
        return store.agent_dir(self.environ, self.home)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for on the command line. With `strict` a broken file stops the start."""

    cwd: Path
    model: str | None = None
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    plugins: tuple[str, ...] = ()
    without_plugins: tuple[str, ...] = ()
    approval: Approval = "ask"
    session: Path | None = None
    strict: bool = True


@dataclass
class Setup:
    """Everything that was found out before a session opens. `notices` grows until somebody shows them."""

    options: Options
    world: World
    configuration: Configuration
    registry: Registry
    catalog: Catalog
    accounts: tuple[Account, ...]
    selection: Selection
    redactor: Redactor
    notices: list[str] = field(default_factory=list[str])

    @property
    def usable(self) -> Mapping[str, Sequence[str]]:
        return labels(self.accounts)


def trust_state(options: Options, world: World) -> TrustState:
    return Trust(world.agent_dir).state(options.cwd)


def load_registry(options: Options, world: World, configuration: Configuration, *, trusted: bool) -> Registry:
    """Find and load the plugins.

    Raises:
        PluginError: one that was asked for by name cannot be loaded, or one to leave out does not exist.
    """
    progress = configuration.settings.fallback.progress()
    last = [(PROGRESS, ProgressDetection(progress))] if progress.enabled else []
    found = discover(
        explicit=options.plugins,
        agent_dir=world.agent_dir,
        trusted_project=options.cwd if trusted else None,
    )
    registry = Registry.load(found=found, last=last, deny=options.without_plugins)
    names = dict.fromkeys([*(row.name for row in registry.listing()), PROGRESS])
    for name in options.without_plugins:
        if name not in names:
            raise PluginError(f"There is no plugin {name!r}. The plugins are: {', '.join(names)}.", plugin=name)
    return registry


def prepare(options: Options, world: World) -> Setup:
    """Read files, plugins and credentials, and choose the models.

    Raises:
        ConfigError: a file is broken and the start is strict, or nothing usable is left of it.
        PluginError: a plugin that was asked for cannot be loaded.
        UnknownModel, NoUsableModel: there is nothing to start on.
    """
    trusted = trust_state(options, world) is TrustState.TRUSTED
    configuration = store.load(world.agent_dir, options.cwd, trusted=trusted)
    problems = configuration.problems
    if (problem := Trust(world.agent_dir).problem()) is not None:
        problems += (problem,)
    if options.strict:
        _refuse(problems)
    registry = load_registry(options, world, configuration, trusted=trusted)
    settings = configuration.settings
    names = asked_for(settings, *((options.model,) if options.model else ()), *options.models)
    known = known_providers(world.environ)
    added = registry.providers()
    catalog = build(known.providers, added, configuration.models, names=names, quiet_s=settings.quiet_limit_s)
    keyless = (provider.id for provider in added if not provider.needs_key)
    named = (*known.named, *keyless, *named_providers(names, catalog.providers))
    found = accounts(
        configuration.auth,
        configuration.models,
        catalog.providers,
        world.environ,
        wall=world.wall(),
        named=named,
    )
    redactor = Redactor()
    for secret in secrets_in(configuration.auth, configuration.models, catalog.providers, world.environ):
        redactor.add(secret)
    wishes = Wishes(options.model, options.models, configuration.project_models)
    selection = select(catalog, labels(found.accounts), settings, wishes)
    if not selection.order:
        _refuse((*problems, *(_located(problem, world) for problem in found.problems)))
        raise NoUsableModel(NOTHING.format(auth=shown(world.agent_dir / "auth.json")))
    notices = [
        *map(str, problems),
        *configuration.notices,
        *map(str, registry.faults),
        *registry.notices,
        *known.notices,
        *catalog.notices,
        *found.notices,
        *(str(_located(problem, world)) for problem in found.problems),
        *selection.notices,
    ]
    return Setup(
        options,
        world,
        configuration,
        registry,
        catalog,
        found.accounts,
        selection,
        redactor,
        list(dict.fromkeys(notices)),
    )


NOTHING = (
    "There is no model to use, because no key was found. Set one such as OPENAI_API_KEY, OPENROUTER_API_KEY or "
    "GROQ_API_KEY, put it into {auth}, or name a server of your own in models.json."
)


def _located(problem: Problem, world: World) -> Problem:
    """`problem` with the whole path, if it is one of a file: accounts are known by the bare name of theirs."""
    inside = problem.path.name in {"auth.json", "models.json"}
    return replace(problem, path=world.agent_dir / problem.path) if inside else problem


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ConfigError("\n".join(map(str, problems)), path=Path(problems[0].path))


@dataclass
class LivePool:
    """The pool as the files say now: `enabledModels` is read anew when a settings file has changed."""

    setup: Setup
    signals: Signals
    now: Callable[[], float]
    _pool: Pool = field(init=False)
    _seen: tuple[float, ...] = field(init=False)
    _next_look: float = field(init=False)

    def __post_init__(self) -> None:
        self._pool = Pool(self.setup.selection.order, self.setup.catalog.models, 1)
        self._seen = self._stamps()
        self._next_look = self.now() + RECHECK_S

    def __call__(self) -> Pool:
        if self.now() >= self._next_look:
            self._next_look = self.now() + RECHECK_S
            if (seen := self._stamps()) != self._seen:
                self._seen = seen
                self._reload()
        return self._pool

    def _stamps(self) -> tuple[float, ...]:
        folders = (self.setup.world.agent_dir, self.setup.options.cwd / ".pi")
        return tuple(_stamp(folder / "settings.json") for folder in folders)

    def _reload(self) -> None:
        setup = self.setup
        trusted = trust_state(setup.options, setup.world) is TrustState.TRUSTED
        fresh = store.load(setup.world.agent_dir, setup.options.cwd, trusted=trusted)
        if fresh.problems:  # the last good configuration stays until the file is whole again
            self.signals.emit(
                feed.Noticed(f"{fresh.problems[0]} Until then the settings stay as they were.", "warning")
            )
            return
        wishes = Wishes(setup.options.model, setup.options.models, fresh.project_models)
        try:
            selection = select(setup.catalog, setup.usable, fresh.settings, wishes)
        except PiFallbackError as error:
            self.signals.emit(feed.Noticed(str(error), "warning"))
            return
        for notice in selection.notices:
            if notice not in setup.selection.notices:
                self.signals.emit(feed.Noticed(notice, "warning"))
        if not selection.order:
            return
        setup.selection = replace(selection, start=setup.selection.start)
        if selection.order != self._pool.order:
            self._pool = Pool(selection.order, self._pool.catalog, self._pool.version + 1)


def _stamp(path: Path) -> float:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0.0


@asynccontextmanager
async def agent_of(
    setup: Setup, ui: Ui, listen: Callable[[feed.FeedItem], None] | None = None
) -> AsyncGenerator[Agent, None]:
    """Open the agent of `setup`; `listen` hears the feed from its first item.

    Raises:
        SessionError: the session to go on with cannot be opened.
    """
    world, options, registry = setup.world, setup.options, setup.registry
    signals = Signals()
    if listen is not None:
        signals.listen(listen)

    early = True

    def problem(text: str) -> None:
        if early:  # nobody may be listening yet
            setup.notices.append(text)
        else:
            signals.emit(feed.Noticed(text, "warning"))

    trace(signals, anyio.current_time)
    book = LedgerBook(
        SqliteLedger(
            world.agent_dir / "pi-fallback" / "ledger.sqlite3",
            now=anyio.current_time,
            wall=world.wall,
            on_problem=problem,
        )
    )
    dispatcher = Dispatcher(registry, signals=signals, on_fault=lambda fault: problem(str(fault)))
    watchdog = Watchdog()
    vault = Vault(setup.accounts, world.environ, setup.redactor, wall=world.wall)
    tools = chosen_tools(setup)
    cwd = str(options.cwd)
    start_route = setup.selection.start

    def open_log() -> SessionLog:
        return SessionLog.create(world.agent_dir, cwd, wall=world.wall, on_problem=problem)

    def reopen(path: str) -> Reopened:
        log, session = SessionLog.reopen(Path(path), wall=world.wall, on_problem=problem)
        for line in session.bad_lines:
            problem(f"{path}, line {line.number}: {line.reason}. It is passed over.")
        for call in session.unfinished:
            problem(f"{call.name} was running when the session stopped: it may have run. Check before it is repeated.")
        return Reopened(log, session.messages, session.route)

    def clock_words(at: float) -> str:
        moment = datetime.fromtimestamp(world.wall() + at - anyio.current_time())  # the user's own clock
        return f"at {moment:%H:%M:%S}"

    async with Http(wall=world.wall) as http:
        parts = Parts(
            engine=Engine(
                book=book,
                now=anyio.current_time,
                pool=LivePool(setup, signals, anyio.current_time),
                policy=setup.configuration.settings.retry.policy(),
                chance=random.Random(),
                asked=frozenset(hook for hook in SHAPES if registry.impls(hook)),
            ),
            book=book,
            dispatcher=dispatcher,
            wires=Wires(
                setup.catalog.providers,
                dialects(http),
                setup.catalog.models,
                vault.key_for,
                watchdog,
                setup.redactor.clean,
            ),
            watchdog=watchdog,
            toolbox=Toolbox(tools, dispatcher, ui, cwd, options.approval, signals.emit, setup.redactor.clean),
            commands={command.name: command for command in registry.commands()},
            ui=ui,
            cwd=cwd,
            system=system_prompt(cwd, tools.values()),
            open_log=open_log,
            start_route=start_route,
            find_model=lambda name: route_to(setup, name),
            reopen=reopen,
            settings=setup.configuration.settings_json,
            thinking=lambda model: level_of(setup, model),
            clock_words=clock_words,
            signals=signals,
        )
        past = reopen(str(options.session)) if options.session else None
        if past and options.model and start_route and past.route != start_route:
            past.log.route(start_route)  # what the user asks for now goes over where the session was
            past = replace(past, route=start_route)
        opened = open_agent(parts, past) if past else open_agent(parts)
        try:
            async with opened as agent:
                early = False
                for notice in setup.notices if listen is not None else ():
                    signals.emit(feed.Noticed(notice, "warning"))
                yield agent
        finally:
            book.close()


def chosen_tools(setup: Setup) -> Mapping[str, Tool]:
    """The built-in tools and those of plugins, or only those that were asked for.

    Raises:
        ConfigError: one that was asked for does not exist.
    """
    built_in = builtin_tools(environ=setup.world.environ, secrets=lambda: _secrets(setup))
    tools = {tool.name: tool for tool in (*setup.registry.tools(), *built_in)}
    wanted = setup.options.tools
    if wanted is None:
        return tools
    unknown = [name for name in wanted if name not in tools]
    if unknown:
        raise ConfigError(f"There is no tool {unknown[0]!r}. The tools are: {', '.join(sorted(tools))}.")
    return {name: tools[name] for name in wanted}


def _secrets(setup: Setup) -> tuple[str, ...]:
    configuration = setup.configuration
    return tuple(secrets_in(configuration.auth, configuration.models, setup.catalog.providers, setup.world.environ))


def route_to(setup: Setup, name: str) -> Route:
    """The best route to the model that the user means by `name`.

    Raises:
        UnknownModel: nothing fits, or several do.
        NoUsableModel: it has no usable key.
    """
    choice = find(name, dict.fromkeys((*(route.ref for route in setup.selection.order), *setup.catalog.models)))
    usable = setup.usable.get(choice.ref.provider)
    if not usable:
        raise NoUsableModel(f"{choice.ref} has no usable key. Add {choice.ref.provider} to auth.json.")
    return Route(*choice.ref, usable[0])


def level_of(setup: Setup, model: ModelRef) -> str | None:
    return setup.selection.levels.get(model) or setup.configuration.settings.default_thinking_level
