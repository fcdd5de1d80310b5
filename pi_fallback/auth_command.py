"""`pi-fallback auth`: the accounts of all providers on the command line. No secret is ever shown."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import anyio
import click

from pi_fallback.account_rests import AccountRests
from pi_fallback.app import clock_time, keeper_of, ledger_path
from pi_fallback.core.selection import remedy
from pi_fallback.credentials import account_edits
from pi_fallback.credentials.accounts import Account
from pi_fallback.credentials.adding import add
from pi_fallback.credentials.entering import doubt_about, entry_from, entry_of, pi_reads
from pi_fallback.credentials.keeping import Edit, Keeper
from pi_fallback.credentials.login_store import AUTH, HA
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.syncing import Books
from pi_fallback.errors import ConfigError
from pi_fallback.hidden_line import ask_hidden
from pi_fallback.login_command import login_command, logout_command
from pi_fallback.preparing import Options, Setup, World, prepare


@dataclass
class Desk:
    """What all of these commands work with."""

    setup: Setup
    rests: AccountRests

    @property
    def keeper(self) -> Keeper:
        return keeper_of(self.setup.world, lambda text: _say([text]))

    def at(self, provider: str) -> list[Account]:
        """The accounts of `provider`, best first.

        Raises:
            ConfigError: there is no such provider.
        """
        known = self.setup.catalog.providers
        if provider not in known:
            near = get_close_matches(provider, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else "`pi-fallback models --all` shows them."
            raise ConfigError(f"There is no provider {provider!r}. {hint}")
        return [account for account in self.setup.accounts if account.provider == provider and account.kind != "none"]

    def one(self, provider: str, label: str) -> Account:
        """One account.

        Raises:
            ConfigError: there is no such provider or account.
        """
        accounts = self.at(provider)
        found = next((account for account in accounts if account.label == label), None)
        if found is None:
            there = ", ".join(account.label for account in accounts)
            raise ConfigError(f"{provider} has no account {label!r}. {f'It has {there}.' if there else 'It has none.'}")
        return found

    def check_ours(self, provider: str, *labels: str, remedy: str = "") -> None:
        """Make sure that none of these accounts stands where this program writes nothing. There may be no such one.

        Raises:
            ConfigError: there is no such provider, or one does.
        """
        for account in self.at(provider):
            if account.label in labels and not (account.stored or account.found_in == AUTH):
                remedy = remedy or f"To have it here too: pi-fallback auth add {provider}"
                raise ConfigError(f"{provider} {account.label} stands in {account.found_in}. {remedy}")

    def change(self, edit: Edit) -> Books:
        """Sync, then change auth.json and ha.json together."""
        return anyio.run(self.keeper.change, edit)


def opened(context: click.Context) -> Desk:
    """Read what there is, and say what is wrong with it."""
    world = World(environ=os.environ, home=Path.home(), redactor=context.find_object(Redactor) or Redactor())
    setup = prepare(Options(cwd=_cwd(), strict=False), world, needs_model=False)
    _say(setup.notices)
    return Desk(setup, AccountRests(ledger_path(world), world.wall, lambda text: _say([text])))


@click.group("auth", invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def auth_command(context: click.Context) -> None:
    """See and change accounts: several for one provider stand in for each other."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


auth_command.add_command(login_command)
auth_command.add_command(logout_command)


@auth_command.command("list", short_help="Show the accounts.")
@click.argument("provider", required=False)
@click.pass_context
def list_command(context: click.Context, provider: str | None) -> None:
    """Show the accounts in the order in which they are used, where each was found, and whether it can be used."""
    desk = opened(context)
    accounts = desk.setup.accounts if provider is None else desk.at(provider)
    _show(desk, [account for account in accounts if account.kind != "none"])


@auth_command.command("add", short_help="Add an account by its key.")
@click.argument("provider")
@click.option("--label", help="What to call it (default: primary, or the first backup-N that is free).")
@click.option("--from", "reference", metavar="REFERENCE", help="Where the key stands: $NAME, env:NAME, !command, …")
@click.pass_context
def add_command(context: click.Context, provider: str, label: str | None, reference: str | None) -> None:
    """Add an account by its key, which is asked for, or read from standard input."""
    desk = opened(context)
    there = desk.at(provider)
    if desk.setup.catalog.providers[provider].login:
        raise ConfigError(remedy(desk.setup.catalog, provider))
    if label is not None:
        account_edits.check_label(label)
    environ = desk.setup.world.environ
    entry = entry_of(_key(provider), environ) if reference is None else entry_from(reference, environ)
    kept = anyio.run(
        partial(
            add,
            desk.keeper,
            provider,
            entry,
            label=label,
            others=[account.label for account in there if account.found_in not in (AUTH, HA)],
            pi_reads=pi_reads(entry),
        )
    )
    click.echo(f"{provider} {kept.label} is stored in {kept.file}.")
    if doubt := doubt_about(entry, environ):
        _say([doubt])


@auth_command.command("remove")
@click.argument("provider")
@click.argument("label")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def remove_command(context: click.Context, provider: str, label: str, yes: bool) -> None:
    """Remove an account. If it is the one in auth.json, the next one takes its place there."""
    desk = opened(context)
    account = desk.one(provider, label)
    desk.check_ours(provider, label, remedy="Remove it there.")
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException(f"Nothing was removed. To remove {provider} {label} unasked, say --yes.")
        live = " It is the one in auth.json, which pi uses." if account.found_in == AUTH else ""
        click.confirm(f"Remove {provider} {label}?{live}", abort=True)
    books = desk.change(partial(account_edits.removed, provider=provider, label=label))
    desk.rests.forget(provider, label)
    still = () if account.found_in in (AUTH, HA) else (f"Its key still stands in {account.found_in}.",)
    click.echo("\n".join((f"{provider} {label} is removed.", *still, *books.said)))


@auth_command.command("rename")
@click.argument("provider")
@click.argument("old")
@click.argument("new")
@click.pass_context
def rename_command(context: click.Context, provider: str, old: str, new: str) -> None:
    """Give an account another label."""
    desk = opened(context)
    desk.check_ours(provider, old)
    desk.change(partial(account_edits.renamed, provider=provider, old=old, new=new))
    if old != new:
        desk.rests.forget(provider, old, under=new)
    _show_again(context, provider)


@auth_command.command("order", short_help="Put accounts first, in this order.")
@click.argument("provider")
@click.argument("labels", nargs=-1, required=True, metavar="LABEL…")
@click.pass_context
def order_command(context: click.Context, provider: str, labels: tuple[str, ...]) -> None:
    """Put accounts first, in this order. The one in auth.json is always the first: see activate."""
    desk = opened(context)
    desk.check_ours(provider, *labels)
    desk.change(partial(account_edits.reordered, provider=provider, labels=tuple(dict.fromkeys(labels))))
    _show_again(context, provider)


@auth_command.command("activate", short_help="Put an account into auth.json.")
@click.argument("provider")
@click.argument("label")
@click.pass_context
def activate_command(context: click.Context, provider: str, label: str) -> None:
    """Put a stored account into auth.json: it is used first from then on, by pi too."""
    desk = opened(context)
    desk.check_ours(provider, label)
    _say(desk.change(partial(account_edits.activated, provider=provider, label=label)).said)
    _show_again(context, provider)


@auth_command.command("sync", short_help="Let auth.json and ha.json know the same.")
@click.pass_context
def sync_command(context: click.Context) -> None:
    """Store in ha.json what was logged in elsewhere, and bring renewed logins to where they are missing."""
    desk = opened(context)
    said = anyio.run(desk.keeper.sync)
    click.echo("\n".join(said) or "auth.json and ha.json know the same accounts.")


def _cwd() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path.home()


def _say(notices: Sequence[str]) -> None:
    for notice in notices:
        click.echo(f"pi-fallback: {notice}", err=True)


def _show_again(context: click.Context, provider: str) -> None:
    desk = opened(context)
    _show(desk, desk.at(provider))


def _show(desk: Desk, accounts: Sequence[Account]) -> None:
    rows = [(a.provider, a.label, KINDS[a.kind], a.places, _state(desk, a)) for a in accounts]
    if not rows:
        click.echo("No account was found. Add one: pi-fallback auth add PROVIDER")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


KINDS: Mapping[str, str] = {"api_key": "key", "oauth": "login"}


def _state(desk: Desk, account: Account) -> str:
    if account.unusable:
        return account.unusable
    rest = desk.rests.of(account.provider, account.label)
    if rest is None:
        return "usable"
    wall = desk.setup.world.wall()
    return f"rests until {clock_time(rest.until - wall, wall).removeprefix('at ')}: {rest.reason}"


def _key(provider: str) -> str:
    """The key itself, typed by the user or sent on standard input: never an argument, which all users can see."""
    if sys.stdin.isatty():
        return ask_hidden(f"Key for {provider} (it is not shown)")
    return sys.stdin.read()
