"""The composition root: reads what the user has, and makes an agent of it."""

import random
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pi_fallback import debugging
from pi_fallback.account_rests import AccountRests
from pi_fallback.core.explaining import Row, sentences, since
from pi_fallback.core.selection import meant
from pi_fallback.core.unanswered import unanswered
from pi_fallback.credentials.keeping import Keeper
from pi_fallback.credentials.logging_in import browser
from pi_fallback.credentials.pi_lock import unheard
from pi_fallback.credentials.refreshing import refresher
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import ConfigError, NoUsableModel
from pi_fallback.http.client import Http
from pi_fallback.live_pool import LivePool
from pi_fallback.login_port import Port
from pi_fallback.plugins.logins import Logins
from pi_fallback.preparing import Setup, World, known_secrets
from pi_fallback.providers.dialects import dialects
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent, Parts, Reopened, open_agent
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.calendar import calendar
from pi_fallback.runtime.clean_ui import CleanUi
from pi_fallback.runtime.clock import loop_clock
from pi_fallback.runtime.decision_log import DecisionLog
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.hiding import cleaned_message
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback.runtime.signals import Signals
from pi_fallback.runtime.system_prompt import system_prompt
from pi_fallback.runtime.toolbox import Toolbox
from pi_fallback.runtime.tools.builtin import builtin_tools
from pi_fallback.runtime.tracing import trace
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import Wires
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Command, CommandContext, CompactHistory, Effect, ModelRef, Route, Tool, Ui


@asynccontextmanager
async def agent_of(
    setup: Setup, ui: Ui, listen: Callable[[feed.FeedItem], None] | None = None
) -> AsyncGenerator[Agent, None]:
    """Open the agent of `setup`; `listen` hears the feed from its first item.

    Raises:
        SessionError: the session to go on with cannot be opened.
    """
    world, options, registry = setup.world, setup.options, setup.registry
    now, signals = loop_clock(), Signals(setup.redactor.clean)
    ui = CleanUi(ui, setup.redactor.clean)
    if listen is not None:
        signals.listen(listen)

    early = True

    def problem(text: str) -> None:
        if early:  # nobody may be listening yet
            setup.notices.append(text)
        else:
            signals.emit(feed.Noticed(text, "warning"))

    if debugging.wanted(world.environ):
        trace(signals, now)
    decisions = DecisionLog(
        decision_path(world), now=now, wall=world.wall, clean=setup.redactor.clean, on_problem=problem
    )
    book = LedgerBook(
        SqliteLedger(
            ledger_path(world),
            now=now,
            wall=world.wall,
            on_problem=problem,
        ),
        decisions.entry,
        setup.redactor.clean,
    )
    dispatcher = Dispatcher(registry, signals=signals, on_fault=lambda fault: problem(str(fault)))
    watchdog = Watchdog()
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
        if (notice := unanswered(session.messages)) is not None:
            problem(notice)
        # A key that was not known when it was written must not go to a provider now.
        messages = tuple(cleaned_message(message, setup.redactor.clean) for message in session.messages)
        return Reopened(log, messages, session.route)

    def clock_words(at: float) -> str:
        return clock_time(at - now(), world.wall())

    keeper = keeper_of(world, problem)
    setup.ha.when, setup.ha.keeper = clock_words, keeper
    async with (
        Http(wall=world.wall) as http,
        refresher(http, keeper.auth, keeper.ha, setup.redactor, world.wall, problem) as renews,
    ):
        vault = Vault(
            setup.accounts,
            world.environ,
            setup.redactor,
            wall=world.wall,
            headers=setup.headers,
            refresher=renews,
        )
        wires = Wires(
            setup.catalog.providers,
            dialects(http),
            setup.catalog.models,
            vault.key_for,
            watchdog,
            setup.redactor,
            vault.headers_for,
            setup.ha.mocked,
            vault.refused,
            vault.opened,
        )

        def follow_catalog() -> None:
            wires.providers, wires.catalog = setup.catalog.providers, setup.catalog.models

        pool = LivePool(setup, signals, now, vault, follow_catalog)
        at_terminal = sys.stdin is not None and sys.stdin.isatty()
        opens = browser(world.environ, sys.platform, at_terminal=at_terminal)
        logins = Logins(Port(setup, http, keeper, opens, pool.look_now))
        parts = Parts(
            engine=Engine(
                book=book,
                now=now,
                pool=pool,
                policy=setup.configuration.settings.retry.policy(),
                chance=random.Random(),
                asked=registry.asked,
                explain=decisions.routing,
                today=calendar(world.wall),
                error_rows=registry.error_rows(),
                waits_out=setup.waits_out,
            ),
            book=book,
            dispatcher=dispatcher,
            wires=wires,
            watchdog=watchdog,
            toolbox=Toolbox(tools, dispatcher, ui, cwd, options.approval, signals.emit, setup.redactor.clean),
            commands={
                command.name: command
                for command in (*registry.commands(), explain_command(decisions), COMPACT, *logins.commands())
            },
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
            compaction=setup.configuration.settings.compaction.policy(),
            goes_on=setup.configuration.settings.fallback.mid_stream == "continue",
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


def decision_path(world: World) -> Path:
    return world.agent_dir / "pi-fallback" / "decisions.jsonl"


def keeper_of(world: World, say: Callable[[str], None] = unheard) -> Keeper:
    """Who keeps the accounts of this user's auth.json and ha.json alike. A label that is given anew does not rest.

    `say` hears that another process has locked them.
    """
    rests = AccountRests(ledger_path(world), world.wall, lambda _text: None)  # whoever runs on it says what is wrong
    return Keeper.of(world.agent_dir, world.wall, random.Random(), rests.forget, say)


def ledger_path(world: World) -> Path:
    return world.agent_dir / "pi-fallback" / "ledger.sqlite3"


def explain_command(decisions: DecisionLog) -> Command:
    """`/explain [N]`: why the last requests of this agent went where they went."""

    async def explain(_context: CommandContext, argument: str) -> str:
        wanted = argument.strip() or "5"
        if not (wanted.isascii() and wanted.isdigit() and int(wanted)):
            return "How many decisions? Say `/explain 5`."
        return explained(tuple(decisions.rows), int(wanted))

    return Command("explain", "why the last requests went where they went", explain, argument="[N]")


async def _compact(_context: CommandContext, argument: str) -> Sequence[Effect]:
    return (CompactHistory(argument),)


COMPACT = Command(
    "compact", "have a model summarise the older part of the conversation", _compact, argument="[INSTRUCTIONS]"
)


def explained(rows: Sequence[Row], last: int) -> str:
    """The `last` decisions of `rows`, oldest first, as text."""
    lines = [line for row in since(rows, last) if row["type"] == "routing" for line in sentences(row, _moment)]
    return "\n".join(lines) if lines else "Nothing has been decided yet."


def _moment(wall: float) -> str:
    return f"{datetime.fromtimestamp(wall):%Y-%m-%d %H:%M:%S}"


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
    return tuple(known_secrets(setup.world, setup.configuration, setup.catalog.providers))


def route_to(setup: Setup, name: str) -> Route:
    """The best route to the model that the user means by `name`.

    Raises:
        UnknownModel: nothing fits, or several do.
        NoUsableModel: it has no usable key, or its provider cannot be used.
    """
    known = dict.fromkeys((*(route.ref for route in setup.selection.order), *setup.catalog.models))
    choice = meant(name, known, setup.catalog)
    usable = setup.usable.get(choice.ref.provider)
    if not usable:
        raise NoUsableModel(f"{choice.ref} has no usable key. Add {choice.ref.provider} to auth.json.")
    return Route(*choice.ref, usable[0])


def level_of(setup: Setup, model: ModelRef) -> str | None:
    return setup.selection.levels.get(model) or setup.configuration.settings.default_thinking_level


def clock_time(in_s: float, wall: float) -> str:
    """The moment `in_s` seconds from now on the user's own clock, with the date and year that are not today's."""
    try:
        now, moment = datetime.fromtimestamp(wall), datetime.fromtimestamp(wall + in_s)
    except (ValueError, OverflowError, OSError):  # which of them depends on the system
        return "beyond the end of the calendar"
    if moment.date() == now.date():
        return f"at {moment:%H:%M:%S}"
    return f"on {moment:%a %d %b at %H:%M}" if moment.year == now.year else f"on {moment:%a %d %b %Y at %H:%M}"
