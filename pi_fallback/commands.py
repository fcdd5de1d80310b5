"""The commands of the command line: what each option means, and who does the work."""

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import anyio
import click

from pi_fallback import __version__, debugging
from pi_fallback.app import agent_of, decision_path, explained, keeper_of
from pi_fallback.auth_command import auth_command
from pi_fallback.config import store
from pi_fallback.config.trust import Trust, TrustState, has_project_files
from pi_fallback.core.clean import clean
from pi_fallback.core.explaining import since
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.errors import MissingExtra, SessionError, single
from pi_fallback.ha_command import ha_command
from pi_fallback.modes.json_mode import run_json
from pi_fallback.modes.print_mode import run_print
from pi_fallback.modes.rpc import run_rpc
from pi_fallback.modes.rpc_ui import RpcUi
from pi_fallback.modes.stdio import FdSink, FdSource, opened, stderr_on_terminal, take_stdin, take_stdout
from pi_fallback.preparing import Options, Setup, World, learn_secrets, load_registry, prepare, trust_state
from pi_fallback.runtime import session_files
from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.decision_log import read_rows
from pi_fallback.runtime.feed import FeedItem
from pi_fallback.runtime.nobody import Nobody
from pi_fallback.tui.ports import PastSession
from pi_fallback_hookspecs import Ui

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def real_world() -> World:
    redactor = click.get_current_context().find_object(Redactor) or Redactor()
    return World(environ=os.environ, home=Path.home(), redactor=redactor)


def _cwd(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path:
    return (value or _here()).resolve()


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise click.ClickException("This folder has been deleted. Change to another one, or name it: --cwd") from None


def _listed(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(part.strip() for part in value.split(",") if part.strip())


CWD = click.option(
    "--cwd",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    callback=_cwd,
    help="The folder to work in (default: this one).",
)
PLUGIN = click.option("--plugin", "plugins", multiple=True, metavar="FILE_OR_MODULE", help="Load this plugin too.")
NO_PLUGIN = click.option("--no-plugin", "without_plugins", multiple=True, metavar="NAME", help="Leave this one out.")


@click.command(
    "pi-fallback",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Commands: auth | classify | demo | explain | ha | models | plugins | trust | untrust, each with a --help.",
)
@click.argument("words", nargs=-1, metavar="[PROMPT]")
@click.option("-p", "--print", "print_mode", is_flag=True, help="Answer on stdout and exit; - reads the prompt.")
@click.option("--mode", type=click.Choice(["interactive", "print", "json", "rpc"]), help="How to speak with you.")
@click.option("--model", metavar="NAME", help="The model to start on: provider/id, an id, or a part of one name.")
@click.option("--models", callback=_listed, metavar="PATTERNS", help="The models to use, best first: a,b/*,c:high")
@click.option("--tools", callback=_listed, metavar="NAMES", help="Only these tools: read,grep,…")
@click.option("--ha-group", metavar="NAME", help="Use this group of ha.json, not its default one.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before write, edit and bash.")
@click.option("-c", "--continue", "go_on", is_flag=True, help="Go on with the last session in this folder.")
@click.option("-r", "--resume", metavar="SESSION", help="Go on with this session (a file, or the start of its id).")
@PLUGIN
@NO_PLUGIN
@CWD
@click.version_option(__version__, prog_name="pi-fallback")
def run(
    words: tuple[str, ...],
    print_mode: bool,
    mode: str | None,
    model: str | None,
    models: tuple[str, ...] | None,
    tools: tuple[str, ...] | None,
    yes: bool,
    go_on: bool,
    resume: str | None,
    ha_group: str | None,
    plugins: tuple[str, ...],
    without_plugins: tuple[str, ...],
    cwd: Path,
) -> int:
    """A coding agent that goes on when its model fails.

    Without options it opens the terminal app; with -p it answers and exits.
    """
    mode = mode or ("print" if print_mode else "interactive")
    world = real_world()
    options = Options(
        cwd=cwd,
        model=model,
        models=models or (),
        tools=tools,
        plugins=plugins,
        without_plugins=without_plugins,
        approval="always" if yes else "never" if mode in {"print", "json"} else "ask",
        session=_session(world, cwd, go_on=go_on, resume=resume),
        strict=mode != "interactive",
        ha_group=ha_group,
    )
    text = " ".join(words)
    if mode == "interactive":
        return _interactive(options, world, text)
    out = take_stdout()  # before plugins are imported, which may print
    if mode in {"print", "json"}:
        return _once(_prepared(options, world), _prompt(text), out, as_json=mode == "json")
    source = take_stdin()
    return _rpc(_prepared(options, world), source, out)


def _prepared(options: Options, world: World) -> Setup:
    setup = _synced(options, world)
    debugging.to_stderr(world.environ, setup.redactor.clean)
    return setup


def _synced(options: Options, world: World) -> Setup:
    """All that is found out before a session opens; what was logged in elsewhere is stored first."""
    problem = keeper_of(world).sync_at_start()
    setup = prepare(options, world)
    setup.notices += [problem] if problem else []
    return setup


def _session(world: World, cwd: Path, *, go_on: bool, resume: str | None) -> Path | None:
    if resume is not None and go_on:
        raise click.ClickException("Say either --continue or --resume, not both")
    if resume is not None:
        return session_files.find(world.agent_dir, str(cwd), resume)
    if not go_on:
        return None
    last = session_files.latest(world.agent_dir, str(cwd))
    if last is None:
        raise SessionError(f"There is no session in {cwd} to continue. Start one without --continue.")
    return last.path


def _prompt(text: str) -> str:
    if text not in {"", "-"}:
        return text
    if sys.stdin.isatty() and not text:
        raise click.ClickException('Say what to do: pi-fallback -p "…", or send it on standard input.')
    text = sys.stdin.read().strip()
    if not text:
        raise click.ClickException('The prompt is empty. Say what to do: pi-fallback -p "…"')
    return text


def _say_early(setup: Setup) -> None:
    for notice in setup.notices:
        click.echo(setup.redactor.clean(f"pi-fallback: {notice}"), err=True)
    setup.notices.clear()


def _once(setup: Setup, prompt: str, out: int, *, as_json: bool) -> int:
    async def work() -> int:
        async with agent_of(setup, Nobody(lambda text: click.echo(text, err=True))) as agent:
            _say_early(setup)
            if as_json:
                return await run_json(agent, prompt, out=FdSink(out), wall=setup.world.wall, signals=SIGNALS)
            with opened(out) as answer:
                return await run_print(agent, prompt, out=answer, err=sys.stderr, signals=SIGNALS)

    return _run(work)


def _rpc(setup: Setup, source: int, out: int) -> int:
    async def work() -> int:
        ui = RpcUi()
        async with agent_of(setup, ui) as agent:
            _say_early(setup)
            return await run_rpc(
                agent, ui, source=FdSource(source), out=FdSink(out), wall=setup.world.wall, signals=SIGNALS
            )

    return _run(work)


def _interactive(options: Options, world: World, prompt: str) -> int:
    try:
        from pi_fallback.tui.app import run_app
    except ImportError:
        raise MissingExtra("The terminal app", "app") from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.ClickException('The terminal app needs a terminal. For scripts: pi-fallback -p "…"')
    _ask_for_trust(options, world)
    setup = _synced(options, world)
    pane = debugging.to_file_and_pane(world.environ, world.agent_dir, setup.redactor.clean)

    @asynccontextmanager
    async def connect(ui: Ui, listen: Callable[[FeedItem], None]) -> AsyncGenerator[Agent, None]:
        async with agent_of(setup, ui, listen) as agent:
            if prompt:
                await agent.prompt(prompt)
            yield agent

    def sessions() -> list[PastSession]:
        found = session_files.sessions(world.agent_dir, str(options.cwd))
        return [PastSession(info.prompt, str(info.path)) for info in found]

    with stderr_on_terminal():
        _run(lambda: run_app(connect, sessions, pane.listen, world.redactor.clean))
    return 0


def _ask_for_trust(options: Options, world: World) -> None:
    """Ask once whether the folder's own settings and plugins may be used."""
    state = trust_state(options, world)
    if state in {TrustState.TRUSTED, TrustState.UNTRUSTED} or not has_project_files(options.cwd):
        return
    changed = " has changed since you trusted it and" if state is TrustState.CHANGED else ""
    click.echo(f"{options.cwd}/.pi{changed} brings settings or plugins, which run with all your rights.")
    trust = Trust(world.agent_dir)
    if click.confirm("Trust this folder?", default=False):
        trust.trust(options.cwd)
    else:
        trust.untrust(options.cwd)


T = TypeVar("T")


def _run(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work`; of a group of one error the error itself is raised."""
    try:
        return anyio.run(work)
    except BaseExceptionGroup as group:
        raise single(group) from None


@click.command("plugins")
@PLUGIN
@NO_PLUGIN
@CWD
def plugins_command(plugins: tuple[str, ...], without_plugins: tuple[str, ...], cwd: Path) -> int:
    """List the plugins with where they come from, their hooks and their faults, in the order they are asked."""
    world = real_world()
    options = Options(cwd=cwd, plugins=plugins, without_plugins=without_plugins)
    trusted = trust_state(options, world) is TrustState.TRUSTED
    configuration = store.load(world.agent_dir, cwd, trusted=trusted)
    learn_secrets(world, configuration)
    registry = load_registry(options, world, configuration, trusted=trusted)
    for row in registry.listing():
        version = f" {row.version}" if row.version else ""
        state = " (off)" if row.disabled else ""
        click.echo(f"{row.name}{version}{state}\n  from:  {row.origin}\n  hooks: {', '.join(row.hooks) or 'none'}")
        if row.fault:
            click.echo(world.redactor.clean(f"  fault: {row.fault}"))
    return 1 if any(row.fault for row in registry.listing()) else 0


@click.command("models")
@click.argument("words", nargs=-1, metavar="[PATTERN]")
@click.option("--all", "everything", is_flag=True, help="Also those that cannot be used, and all that providers list.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list, for programs.")
@click.option("--refresh", is_flag=True, help="Ask the providers now, not once a day.")
@PLUGIN
@NO_PLUGIN
@CWD
def models_command(
    words: tuple[str, ...],
    everything: bool,
    as_json: bool,
    refresh: bool,
    plugins: tuple[str, ...],
    without_plugins: tuple[str, ...],
    cwd: Path,
) -> int:
    """List the models in the order in which they are used: window, prices in dollars for a million tokens, what they
    take, and why one cannot be used. PATTERN is a part of a name or a glob."""
    from pi_fallback import models_command, overview

    options = Options(cwd=cwd, plugins=plugins, without_plugins=without_plugins, strict=False)
    setup = prepare(options, real_world(), needs_model=False)
    shown = _run(lambda: models_command.shown_models(setup, words, everything=everything, refresh=refresh))
    setup.notices += shown.notices
    _say_early(setup)
    for line in [overview.as_json(shown.rows)] if as_json else overview.as_text(shown.rows) if shown.rows else ():
        click.echo(line)
    return 0


@click.command("explain")
@click.option("--last", type=click.IntRange(min=1), default=5, show_default=True, help="How many decisions.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with what the ledger was told between.")
def explain_command(last: int, as_json: bool) -> int:
    """Say why the last requests of this user's agents went where they went: the choice, its cause, and why no other."""
    world = real_world()
    problems: list[str] = []
    rows = tuple(read_rows(decision_path(world), problems.append))
    for problem in problems:
        click.echo(f"pi-fallback: {problem}", err=True)
    if as_json:
        for row in since(rows, last):
            click.echo(clean(json.dumps(row, ensure_ascii=False)))
    elif rows or not problems:
        click.echo(clean(explained(rows, last)))
    return 1 if problems and not rows else 0


def _headers(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    from pi_fallback.classify_command import header_of

    try:
        return dict(map(header_of, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("classify")
@click.argument("words", nargs=-1, metavar="[TEXT]")
@click.option("--jsonl", is_flag=True, help="Read errors as JSON objects, one a line; answer one a line, in order.")
@click.option("--status", type=click.IntRange(100, 599), help="The HTTP status that came with it.")
@click.option("--header", "headers", multiple=True, callback=_headers, metavar="NAME:VALUE", help="A header of it.")
@click.option("--type", "error_type", metavar="NAME", help="The type in its error object, if the text shows none.")
@click.option("--code", "error_code", metavar="NAME", help="The code in its error object.")
@click.option("--provider", metavar="NAME", help="Who answered: tells whose code a mere number is.")
@click.option("--api", metavar="NAME", help="The dialect, for the same.")
def classify_command(words: tuple[str, ...], jsonl: bool, **known: Any) -> int:
    """Say what an error would be taken for, what would follow by default, and why. Without TEXT it is read from
    standard input."""
    from pi_fallback import classify_command
    from pi_fallback.core.classify import classify_error

    if jsonl:
        for line in classify_command.answers(sys.stdin.buffer):
            click.echo(line)
        return 0
    if not words and sys.stdin.isatty():
        raise click.ClickException('Give the text of an error: pi-fallback classify "…", or send it on standard input.')
    text = " ".join(words) if words else sys.stdin.buffer.read().decode("utf-8", "replace")
    now = datetime.fromtimestamp(real_world().wall()).astimezone()
    known["http_status"] = known.pop("status")
    click.echo(classify_command.shown(text, classify_error(text, now=now, **known), now))
    return 0


PATH = click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.command("trust")
@PATH
def trust_command(path: Path | None) -> int:
    """Trust a folder: its .pi/settings.json and .pi/plugins/ are used from now on, as they are now."""
    folder = (path or _here()).resolve()
    Trust(real_world().agent_dir).trust(folder)
    click.echo(f"{folder} is trusted until something in its .pi/ changes.")
    return 0


@click.command("untrust")
@PATH
def untrust_command(path: Path | None) -> int:
    """Stop trusting a folder."""
    folder = (path or _here()).resolve()
    Trust(real_world().agent_dir).untrust(folder)
    click.echo(f"{folder} is not trusted.")
    return 0


@click.command("demo")
def demo_command() -> int:
    """See an agent lose its model in the middle of its work and finish on the next one. No keys, no network."""
    from pi_fallback.demo import demo

    return _run(demo)


COMMANDS: dict[str, click.Command] = {
    "auth": auth_command,
    "classify": classify_command,
    "demo": demo_command,
    "explain": explain_command,
    "ha": ha_command,
    "models": models_command,
    "plugins": plugins_command,
    "trust": trust_command,
    "untrust": untrust_command,
}
