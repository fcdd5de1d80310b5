"""`pi-fallback auth login` and `auth logout`: a login in a shell, without the app."""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import anyio
import click
from anyio.to_thread import run_sync

from pi_fallback.app import keeper_of
from pi_fallback.core.clean import clean
from pi_fallback.credentials.logging_in import browser
from pi_fallback.errors import CredentialError, single
from pi_fallback.http import Http
from pi_fallback.login_port import Port
from pi_fallback.preparing import Options, World, prepare
from pi_fallback_hookspecs import Level


class Shell:
    """The `Ui` of a program in a shell. Ctrl-C is the answer to every question that nobody is to answer."""

    def notify(self, text: str, level: Level = "info") -> None:
        click.echo(clean(text), err=True)

    async def confirm(self, title: str, detail: str = "") -> bool:
        return await self.input(f"{title} [y/N]") in ("y", "yes")

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        if len(options) == 1:  # to wait or to stop
            await anyio.sleep_forever()
        if not sys.stdin.isatty():
            return options[-1]  # nobody is there to choose: the way that overwrites nothing stands last
        self.notify("\n".join((title, *(f"  {number}. {option}" for number, option in enumerate(options, 1)))))
        numbers = {str(number): option for number, option in enumerate(options, 1)}
        while answer := (await self.input("Which one? Its number, or an empty line for none") or "").strip():
            if answer in numbers:
                return numbers[answer]
        return None

    async def input(self, title: str, placeholder: str = "") -> str | None:
        self.notify(title)
        line = await run_sync(sys.stdin.readline, abandon_on_cancel=True) if sys.stdin.isatty() else ""
        if not line:  # nobody is there to answer: a browser may still come back
            await anyio.sleep_forever()
        return line.rstrip("\n")


@click.command("login")
@click.argument("provider", required=False)
def login_command(provider: str | None) -> None:
    """Log in to a provider, in a browser or with a code. Without PROVIDER: to which one can."""

    async def work(port: Port, ui: Shell) -> str:
        if provider is None:
            lines = (f"{name:20} {title}".rstrip() for name, title in port.choices().items())
            return "\n".join(("One can log in to:", *lines))
        return await port.login(provider, ui)

    _run(work)


@click.command("logout")
@click.argument("provider")
@click.argument("label", required=False, default="")
def logout_command(provider: str, label: str) -> None:
    """Delete a login: LABEL, or the only one of PROVIDER, or the one in auth.json."""
    _run(lambda port, _ui: port.logout(provider, label))


def _run(work: Callable[[Port, Shell], Awaitable[str]]) -> None:
    world = World(environ=os.environ, home=Path.home())
    setup = prepare(Options(cwd=Path.cwd(), strict=False), world, needs_model=False)

    async def with_port() -> str:
        async with Http(wall=world.wall) as http:
            opens = browser(world.environ, sys.platform, at_terminal=sys.stdin.isatty())
            shell = Shell()
            return await work(Port(setup, http, keeper_of(world, shell.notify), opens), shell)

    try:
        click.echo(clean(setup.redactor.clean(anyio.run(with_port))))
    except BaseExceptionGroup as group:
        raise single(group) from None
    except CredentialError as error:
        raise type(error)(setup.redactor.clean(str(error))) from None
