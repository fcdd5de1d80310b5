"""The host `llm`: models of that command line that stand in for each other, as one more model of it.

It loads at each start of `llm`, whatever that is to do: everything is imported when it is needed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click
import llm

if TYPE_CHECKING:
    from llm.models import ModelWithAliases


@llm.hookimpl
def register_models(register: Callable[..., None], model_aliases: "list[ModelWithAliases]") -> None:
    """Register each model of pi-fallback.json. A file that cannot be read must not stop the whole of llm."""
    if not (llm.user_dir() / "pi-fallback.json").exists():
        return
    from pi_fallback.errors import ConfigError
    from pi_fallback.hosts.llm_host import config
    from pi_fallback.hosts.llm_host.models import AsyncFallback, Fallback

    try:
        found = config.found()
    except ConfigError as error:
        config.warn(str(error))
        return
    for problem in found.problems:
        config.warn(problem)
    for name, members in found.models.items():
        register(Fallback(name, members, model_aliases), AsyncFallback(name, members, model_aliases))


@llm.hookimpl
def register_commands(cli: click.Group) -> None:
    cli.add_command(Commands("fallback", help="Models that stand in for each other when one fails"))


class Commands(click.Group):
    """`llm fallback`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._all)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._all.get(cmd_name)

    @property
    def _all(self) -> dict[str, click.Command]:
        from pi_fallback.hosts.llm_host.commands import COMMANDS

        return {str(command.name): command for command in COMMANDS}
