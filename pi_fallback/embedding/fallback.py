"""The fallback: what sessions share, which is one ledger, one pool of connections and one watchdog."""

import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from uuid import uuid4

import anyio
from anyio import NoEventLoopError
from anyio.lowlevel import current_token

from pi_fallback.core.closing import Advice
from pi_fallback.core.explaining import sentences
from pi_fallback.core.patterns import find
from pi_fallback.credentials.refreshing import Refresher, refresher
from pi_fallback.credentials.vault import Vault
from pi_fallback.embedding.footing import Footing, found_footing, given_footing
from pi_fallback.embedding.functions import ToolFunction, tool_of
from pi_fallback.embedding.providers import ProviderConfig, routes_of
from pi_fallback.embedding.session import Session
from pi_fallback.embedding.settings import Settings
from pi_fallback.errors import ConfigError, UnknownModel
from pi_fallback.http.client import Http
from pi_fallback.preparing import Options, World, prepare
from pi_fallback.providers.dialects import dialects
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Parts, Reopened, open_agent
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.calendar import calendar
from pi_fallback.runtime.clean_ui import CleanUi
from pi_fallback.runtime.conversation import Log, UnwrittenLog
from pi_fallback.runtime.decision_log import DecisionLog
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.hiding import cleaned_message
from pi_fallback.runtime.nobody import Nobody
from pi_fallback.runtime.plans import Pool
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback.runtime.signals import Signals
from pi_fallback.runtime.toolbox import Toolbox
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import Wires
from pi_fallback.state.memory import MemoryLedger
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Route, Tool, Ui

Wall = Callable[[], float]
Tools = Sequence[ToolFunction | Tool]


@dataclass(frozen=True, slots=True)
class Shared:
    """What is open while a `Fallback` is entered."""

    book: LedgerBook
    decisions: DecisionLog
    wires: Wires
    dispatcher: Dispatcher
    watchdog: Watchdog


class Fallback:
    """An agent loop that goes on when a model fails: enter it, then open sessions.

    `order` holds the models, best first, as `provider/model`; a `Route` stands for one key alone. `tools` are async
    functions. `plugins` maps a name to a plugin: each serves all sessions; with `installed_plugins` those of installed
    packages serve too. `state_dir` is where sessions and what is known of failures are kept; without it no file is
    touched. Neither files of the user nor the environment are read. `ui` answers questions of tools and plugins.

    Raises:
        ConfigError: what is given does not fit together.
        PluginError: a plugin cannot be used.
        TypeError: something is no list, mapping or value where one belongs.
    """

    def __init__(
        self,
        *,
        providers: Sequence[ProviderConfig],
        order: Sequence[str | Route],
        tools: Tools = (),
        plugins: Mapping[str, object] | None = None,
        installed_plugins: bool = False,
        settings: Settings | None = None,
        state_dir: Path | str | None = None,
        cwd: Path | str | None = None,
        ui: Ui | None = None,
    ) -> None:
        _check(providers, settings, plugins)
        footing = given_footing(
            providers, order, settings or Settings(), plugins or {}, installed_plugins=installed_plugins
        )
        self._stand_on(footing, tools, state_dir, cwd, ui)

    @classmethod
    def from_user_files(
        cls,
        *,
        model: str | None = None,
        tools: Tools = (),
        cwd: Path | str | None = None,
        ui: Ui | None = None,
        environ: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> Self:
        """Return one on what the user has for the `pi-fallback` program: files, environment, plugins, state folder.

        `model` is the one to begin with. `environ` and `home` default to those of this process.

        Raises:
            ConfigError: a file is broken.
            PluginError: a plugin that was asked for cannot be loaded.
            UnknownModel, NoUsableModel: there is nothing to start on.
        """
        world = World(environ=os.environ if environ is None else environ, home=home or Path.home())
        setup = prepare(Options(cwd=_folder(cwd), model=model), world)
        self = cls.__new__(cls)
        self._stand_on(found_footing(setup), tools, world.agent_dir, cwd, ui)
        return self

    def _stand_on(
        self, footing: Footing, tools: Tools, state_dir: Path | str | None, cwd: Path | str | None, ui: Ui | None
    ) -> None:
        self._footing = footing
        self._tools = _by_name([*footing.registry.tools(), *_tools_of(tools)])
        self._state_dir = None if state_dir is None else Path(state_dir).absolute()
        self._cwd = str(_folder(cwd))
        self._ui: Ui = CleanUi(ui or Nobody(), footing.redactor.clean)
        self._wall: Wall = time.time  # noqa: TID251  # where wall time enters, as in `preparing.World`
        self._shared: Shared | None = None
        self._stack = AsyncExitStack()
        self._sessions: set[Signals] = set()
        self._open: set[Session] = set()
        self._untold = list(footing.notices)

    async def __aenter__(self) -> Self:
        if self._shared is not None:
            raise RuntimeError("This Fallback is entered already. Open sessions on it, or make another one.")
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(Http(wall=self._wall, trust_env=self._footing.trust_env))
            self._shared = self._opened(http, await self._refresher(http, stack))
            stack.callback(self._shared.book.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shared = None
        try:
            with anyio.CancelScope(shield=True):  # each is bounded
                for session in tuple(self._open):
                    await session.end()
        finally:
            await self._stack.aclose()

    async def _refresher(self, http: Http, stack: AsyncExitStack) -> Refresher | None:
        """Who renews the logins, if there are any: its tasks want us to be left in the task that entered us."""
        footing, keeper = self._footing, self._footing.keeper
        if keeper is None or all(account.kind != "oauth" for account in footing.accounts):
            return None
        opened = refresher(http, keeper.auth, keeper.ha, footing.redactor, self._wall, self._problem)
        return await stack.enter_async_context(opened)

    def _opened(self, http: Http, renews: Refresher | None) -> Shared:
        footing, now, wall = self._footing, anyio.current_time, self._wall
        folder = None if self._state_dir is None else self._state_dir / "pi-fallback"
        clean, problem = footing.redactor.clean, self._problem
        decisions = DecisionLog(
            folder and folder / "decisions.jsonl", now=now, wall=wall, clean=clean, on_problem=problem
        )
        store = (
            MemoryLedger()
            if folder is None
            else SqliteLedger(folder / "ledger.sqlite3", now=now, wall=wall, on_problem=problem)
        )
        vault = Vault(footing.accounts, footing.environ, footing.redactor, wall=wall, refresher=renews)
        watchdog = Watchdog()
        return Shared(
            LedgerBook(store, decisions.entry, clean),
            decisions,
            Wires(
                footing.providers,
                dialects(http),
                footing.models,
                vault.key_for,
                watchdog,
                footing.redactor,
                vault.headers_for,
                refused=vault.refused,
                opened=vault.opened,
            ),
            Dispatcher(footing.registry, on_fault=lambda fault: problem(str(fault))),
            watchdog,
        )

    @asynccontextmanager
    async def session(
        self,
        *,
        system: str = "",
        tools: Tools | None = None,
        order: Sequence[str | Route] | None = None,
        resume: Path | str | None = None,
    ) -> AsyncGenerator[Session, None]:
        """Open a session. `tools` and `order` take the place of those of the `Fallback`; `resume` is a session's file.

        Raises:
            ConfigError: a tool or a route cannot be used, or there is no state folder to go on in.
            SessionError: the session to go on with cannot be opened.
        """
        if not isinstance(system, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
            raise TypeError(f"`system` is a str, not {type(system).__name__}.")
        signals = Signals(self._footing.redactor.clean)
        parts = self._parts(signals, system, tools, order)
        past = None if resume is None else parts.reopen(str(resume))
        early: list[feed.FeedItem] = []
        stop = signals.listen(early.append)
        self._sessions.add(signals)
        try:
            async with open_agent(parts, past) as agent:
                stop()
                untold, self._untold = self._untold, []
                early += [feed.Noticed(text, "warning") for text in untold]
                session = Session(agent, early, guard=self._guard(), clean=self._footing.redactor.clean)
                self._open.add(session)
                try:
                    yield session
                finally:
                    self._open.discard(session)
        finally:
            self._sessions.discard(signals)

    def explain(self, last: int = 5) -> str:
        """Say in words why the last requests went where they went, oldest first."""
        if self._shared is None:
            raise RuntimeError(NOT_ENTERED)
        routings = [row for row in self._shared.decisions.rows if row["type"] == "routing"]
        lines = [line for row in routings[max(0, len(routings) - last) :] for line in sentences(row, _moment)]
        return "\n".join(lines) or "Nothing has been decided yet."

    def _parts(self, signals: Signals, system: str, tools: Tools | None, order: Sequence[str | Route] | None) -> Parts:
        shared, footing = self._shared, self._footing
        if shared is None:
            raise RuntimeError(NOT_ENTERED)
        own = self._tools if tools is None else _by_name([*footing.registry.tools(), *_tools_of(tools)])
        routes = footing.order if order is None else routes_of(order, footing.labels)
        models = footing.models if order is None else {**footing.models_for(routes), **footing.models}
        pool = Pool(routes, models, 1)
        return Parts(
            engine=Engine(
                book=shared.book,
                now=anyio.current_time,
                pool=lambda: pool,
                policy=footing.retry,
                chance=random.Random(),
                asked=footing.registry.asked,
                explain=shared.decisions.routing,
                today=calendar(self._wall),
                error_rows=footing.registry.error_rows(),
                waits_out=footing.waits_out,
            ),
            book=shared.book,
            dispatcher=shared.dispatcher,
            wires=replace(shared.wires, catalog=models),
            watchdog=shared.watchdog,
            toolbox=Toolbox(own, shared.dispatcher, self._ui, self._cwd, "ask", signals.emit, footing.redactor.clean),
            commands={command.name: command for command in footing.registry.commands()},
            ui=self._ui,
            cwd=self._cwd,
            system=footing.redactor.clean(system),
            open_log=self._open_log,
            start_route=footing.start if order is None else routes[0],
            find_model=lambda name: _route_to(name, routes),
            reopen=self._reopen,
            settings=footing.settings,
            thinking=footing.thinking,
            clock_words=self._clock_words,
            signals=signals,
            goes_on=footing.goes_on,
            advice=ADVICE,
        )

    def _guard(self) -> Callable[[], None]:
        """What refuses a session that is used after its end, or in another event loop."""
        shared, loop = self._shared, current_token()

        def guard() -> None:
            if self._shared is not shared:
                raise RuntimeError("The Fallback of this session was exited. Enter it again, and open a session.")
            try:
                here = current_token()
            except NoEventLoopError:
                here = None
            if here != loop:
                raise RuntimeError("This session belongs to another event loop. Use it in the loop that opened it.")

        return guard

    def _open_log(self) -> Log:
        if self._state_dir is None:
            return UnwrittenLog(uuid4().hex)
        return SessionLog.create(self._state_dir, self._cwd, wall=self._wall, on_problem=self._problem)

    def _reopen(self, path: str) -> Reopened:
        if self._state_dir is None:
            raise ConfigError("A session can be gone on with only where it is kept. Give the Fallback a state_dir.")
        log, session = SessionLog.reopen(Path(path), wall=self._wall, on_problem=self._problem)
        for line in session.bad_lines:
            self._problem(f"{path}, line {line.number}: {line.reason}. It is passed over.")
        for call in session.unfinished:
            self._problem(
                f"{call.name} was running when the session stopped: it may have run. Check before it repeats."
            )
        clean = self._footing.redactor.clean
        return Reopened(log, tuple(cleaned_message(message, clean) for message in session.messages), session.route)

    def _problem(self, text: str) -> None:
        """Tell all sessions, or the next one, of something that concerns them all."""
        if not self._sessions:
            self._untold.append(text)
        for signals in self._sessions:
            signals.emit(feed.Noticed(text, "warning"))

    def _clock_words(self, at: float) -> str:
        return f"at {datetime.fromtimestamp(self._wall() + at - anyio.current_time()):%Y-%m-%d %H:%M:%S}"


ADVICE = Advice("Choose one with `session.select()`.", "A new session starts without them.")
NOT_ENTERED = "Enter it first: `async with Fallback(...) as fallback:`."


def _check(providers: object, settings: object, plugins: object) -> None:
    listed = isinstance(providers, Sequence) and not isinstance(providers, str)
    if not listed or not all(isinstance(item, ProviderConfig) for item in cast("Sequence[object]", providers)):
        raise TypeError("`providers` is a list of ProviderConfig(...).")
    if settings is not None and not isinstance(settings, Settings):
        raise TypeError(f"`settings` is Settings(...) or None, not {type(settings).__name__}.")
    if plugins is not None and not isinstance(plugins, Mapping):
        raise TypeError("`plugins` maps a name to a plugin: plugins={'mine': plugin}.")


def _moment(wall: float) -> str:
    return f"{datetime.fromtimestamp(wall):%Y-%m-%d %H:%M:%S}"


def _folder(cwd: Path | str | None) -> Path:
    return Path(cwd or ".").absolute()


def _tools_of(tools: Tools) -> Sequence[Tool]:
    if not isinstance(tools, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
        raise TypeError(f"`tools` is a list of async functions, not {type(tools).__name__}.")
    return [tool_of(tool) for tool in tools]


def _by_name(tools: Sequence[Tool]) -> Mapping[str, Tool]:
    found: dict[str, Tool] = {}
    for tool in tools:
        if tool.name in found:
            raise ConfigError(f"There are two tools named {tool.name!r}. Rename one of them.")
        found[tool.name] = tool
    return found


def _route_to(name: str, routes: Sequence[Route]) -> Route:
    refs = dict.fromkeys(route.ref for route in routes)
    try:
        choice = find(name, refs)
    except UnknownModel as error:
        raise UnknownModel(name, error.near, f"The order has {', '.join(map(str, refs))}.") from None
    return next(route for route in routes if route.ref == choice.ref)
