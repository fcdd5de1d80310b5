"""`pi-fallback ha`: the groups of ha.json on the command line."""

import os
from collections.abc import Callable
from pathlib import Path

import click

from pi_fallback.config import files, ha_edits, store
from pi_fallback.config.ha_edits import File
from pi_fallback.config.problems import Problem, shown
from pi_fallback.errors import ConfigError


@click.group("ha", invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def ha_command(context: click.Context) -> None:
    """See and change ha.json: which models stand in for which, and in which order."""
    context.obj = store.agent_dir(os.environ, Path.home()) / "ha.json"
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@ha_command.group("group", invoke_without_command=True)
@click.pass_context
def group_command(context: click.Context) -> None:
    """The groups: each a chain of models, best first."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@group_command.command("list")
@click.pass_obj
def list_command(path: Path) -> None:
    """Show the groups with their entries, best first."""
    _show(path)


@group_command.command("add")
@click.argument("name")
@click.argument("entries", nargs=-1, metavar="[PROVIDER/MODEL | PROVIDER]…")
@click.option("--cooldown-ms", type=click.IntRange(min=0), help="How long these entries rest after a failure.")
@click.pass_obj
def add_command(path: Path, name: str, entries: tuple[str, ...], cooldown_ms: int | None) -> None:
    """Add a group, or entries behind those that it has. The first group becomes the default one."""
    _change(path, lambda file: ha_edits.added(file, name, entries, cooldown_ms))


@group_command.command("rename")
@click.argument("old")
@click.argument("new")
@click.pass_obj
def rename_command(path: Path, old: str, new: str) -> None:
    """Give a group another name."""
    _change(path, lambda file: ha_edits.renamed(file, old, new))


@group_command.command("remove")
@click.argument("name")
@click.argument("entries", nargs=-1, metavar="[ENTRY]…")
@click.pass_obj
def remove_command(path: Path, name: str, entries: tuple[str, ...]) -> None:
    """Remove entries of a group, or the whole of it."""
    _change(path, lambda file: ha_edits.removed(file, name, entries))


@group_command.command("order")
@click.argument("name")
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY…")
@click.pass_obj
def order_command(path: Path, name: str, entries: tuple[str, ...]) -> None:
    """Put entries of a group first, in this order."""
    _change(path, lambda file: ha_edits.reordered(file, name, entries))


@group_command.command("default")
@click.argument("name")
@click.pass_obj
def default_command(path: Path, name: str) -> None:
    """Choose the group that a start uses."""
    _change(path, lambda file: ha_edits.made_default(file, name))


def _change(path: Path, change: Callable[[File], File]) -> None:
    files.update(path, change)
    _show(path)


def _show(path: Path) -> None:
    found = files.read(path)
    if isinstance(found, Problem):
        raise ConfigError(str(found), path=path)
    file = found.value if found is not None and isinstance(found.value, dict) else {}
    lines = ha_edits.listed(file)
    click.echo("\n".join(lines) if lines else f"{shown(path)} has no group. Add one: pi-fallback ha group add NAME")
