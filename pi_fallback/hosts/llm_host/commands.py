"""`llm fallback`: which models stand in for each other."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import ParamSpec, TypeVar

import click
import llm

from pi_fallback.errors import ConfigError
from pi_fallback.failover import Failover
from pi_fallback.hosts.llm_host import config
from pi_fallback.hosts.llm_host.members import known, route_of
from pi_fallback.hosts.llm_host.models import Fallback

P = ParamSpec("P")
T = TypeVar("T")


@click.command("list")
def list_() -> None:
    """Show each fallback model, its members best first, and which of them rest"""
    models, problems = _found()
    for problem in problems:
        config.warn(problem)
    if not models:
        click.echo("There is none yet. Say `llm fallback set fallback MODEL MODEL...`, then `llm -m fallback ...`.")
    for name, members in models.items():
        click.echo(name)
        for line in _states(members):
            click.echo(f"  {line}")


@click.command("set")
@click.argument("name")
@click.argument("models", nargs=-1, required=True)
def set_(name: str, models: Sequence[str]) -> None:
    """Let NAME stand for MODELS, best first"""
    if not config.is_name(name):
        raise click.ClickException(f"{name!r} is no name for a model. Choose one without spaces, as in `fallback`.")
    there = known(llm.get_models_with_aliases(), Fallback)
    if name in there:
        raise click.ClickException(f"There is a model {name!r} already. Choose another name.")
    for model in models:
        if model in _found().models:
            raise click.ClickException(f"{model!r} is a fallback itself. Name its members instead.")
        if model not in there:
            raise click.ClickException(f"There is no model {model!r}. `llm models` lists those that there are.")
    _asked(config.set_model, name, models)
    click.echo(f"{name}: {' → '.join(models)}. Use it with `llm -m {name} ...`.")


@click.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove the fallback model NAME; its members stay"""
    if name not in _asked(config.names):
        raise click.ClickException(f"There is no fallback model {name!r}. `llm fallback list` shows those that are.")
    _asked(config.remove_model, name)


COMMANDS: tuple[click.Command, ...] = (list_, set_, remove)


def _found() -> config.Found:
    return _asked(config.found)


def _asked(what: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return what(*args, **kwargs)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def _states(names: Sequence[str]) -> Iterator[str]:
    """Each of `names`, and why it would not be asked now."""
    there = known(llm.get_models_with_aliases(), Fallback)
    routes = {name: route_of(there[name].model) for name in names if name in there}
    if not routes:
        yield from (f"{name} (not installed)" for name in names)
        return
    with closing(Failover(routes.values(), state=config.ledger_path())) as failover:
        for name in names:
            rest = failover.ledger.resting(routes[name], now=time.monotonic()) if name in routes else None
            if name not in routes:
                yield f"{name} (not installed)"
            elif rest is None:
                yield name
            else:
                yield f"{name} (rests for another {rest.until - time.monotonic():.0f} s: {rest.reason})"
