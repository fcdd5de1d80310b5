"""The file pi-fallback.json in llm's own folder: which models stand in for each other, best first."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias, cast

import click
import llm
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from pi_fallback.config import files
from pi_fallback.config.problems import Problem, shown
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

Member: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
Models: TypeAlias = Mapping[str, Sequence[str]]

SHAPE = '{"models": {"fallback": ["one", "two"]}}'
_NAME = re.compile(r"[^\s-]\S*")  # what can stand behind `llm -m`


class Found(NamedTuple):
    """What the file says: the members of each model, best first, and which entries cannot be used."""

    models: Models
    problems: Sequence[str] = ()


def path() -> Path:
    return llm.user_dir() / "pi-fallback.json"


def ledger_path() -> Path:
    """Where the rests of failed models are shared by all calls of `llm`."""
    return llm.user_dir() / "pi-fallback.sqlite3"


def found() -> Found:
    """Return what the file says. An entry that cannot be used takes no other with it.

    Raises:
        ConfigError: the file cannot be used.
    """
    models: dict[str, Sequence[str]] = {}
    problems: list[str] = []
    for name, value in _entries().items():
        try:
            members = TypeAdapter(Annotated[list[Member], Field(min_length=1)]).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, ("models", name, *first["loc"])))
            problems.append(f"{shown(path())}, {where}: {first['msg']}. Write it as {SHAPE}.")
            continue
        if is_name(name):
            models[name] = members
        else:
            problems.append(
                f"{shown(path())}: {name!r} is no name for a model. Remove it: `llm fallback remove {name!r}`."
            )
    return Found(models, problems)


def names() -> frozenset[str]:
    """The names in the file, of entries that cannot be used too.

    Raises:
        ConfigError: the file cannot be used.
    """
    return frozenset(_entries())


def is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and name.isprintable()


@cache
def warn(text: str) -> None:
    """Say it once, however often llm asks for its models."""
    click.echo(f"Warning: {text}", err=True)


def set_model(name: str, members: Sequence[str]) -> None:
    """Write that the model `name` has `members`.

    Raises:
        ConfigError: the file cannot be written.
    """
    _entries()  # a file that is not understood is not written over
    files.update(path(), lambda old: {**old, "models": {**_models_in(old), name: tuple(members)}})


def remove_model(name: str) -> None:
    """Write that there is no model `name`.

    Raises:
        ConfigError: the file cannot be written.
    """
    _entries()
    files.update(
        path(), lambda old: {**old, "models": {key: value for key, value in _models_in(old).items() if key != name}}
    )


def _entries() -> Mapping[str, Json]:
    read = files.read(path())
    if read is None:
        return {}
    if isinstance(read, Problem):
        raise ConfigError(str(read), path=path())
    whole = read.value
    entries = whole.get("models", {}) if isinstance(whole, Mapping) else None
    if not isinstance(entries, Mapping):
        where = "models" if isinstance(whole, Mapping) else "the whole of it"
        raise ConfigError(f"{shown(path())}, {where}: this must be an object. Write it as {SHAPE}.", path=path())
    return entries


def _models_in(old: Mapping[str, Json]) -> Mapping[str, Json]:
    return cast("Mapping[str, Json]", old.get("models") or {})
