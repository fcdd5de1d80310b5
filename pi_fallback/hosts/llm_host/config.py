"""The file pi-fallback.json in llm's own folder: which models stand in for each other, best first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias, cast

import llm
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from pi_fallback.config import files
from pi_fallback.config.problems import Problem, shown
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
Models: TypeAlias = Mapping[str, tuple[str, ...]]


class File(BaseModel, frozen=True, extra="allow"):
    models: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = {}


def path() -> Path:
    return llm.user_dir() / "pi-fallback.json"


def ledger_path() -> Path:
    """Where the rests of failed models are shared by all calls of `llm`."""
    return llm.user_dir() / "pi-fallback.sqlite3"


def models() -> Models:
    """Return the members of each model, best first.

    Raises:
        ConfigError: the file cannot be used.
    """
    found = files.read(path())
    if found is None:
        return {}
    if isinstance(found, Problem):
        raise ConfigError(str(found), path=path())
    try:
        return File.model_validate(found.value).models
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole of it"
        message = f'{shown(path())}, {where}: {first["msg"]}. Write it as {{"models": {{"fallback": ["one", "two"]}}}}.'
        raise ConfigError(message, path=path()) from None


def set_model(name: str, members: Sequence[str]) -> None:
    """Write that the model `name` has `members`.

    Raises:
        ConfigError: the file cannot be written.
    """
    models()  # a file that is not understood is not written over
    files.update(path(), lambda old: {**old, "models": {**_models_in(old), name: tuple(members)}})


def remove_model(name: str) -> None:
    """Write that there is no model `name`.

    Raises:
        ConfigError: the file cannot be written.
    """
    models()
    files.update(
        path(), lambda old: {**old, "models": {key: value for key, value in _models_in(old).items() if key != name}}
    )


def _models_in(old: Mapping[str, Json]) -> Mapping[str, Json]:
    return cast("Mapping[str, Json]", old.get("models") or {})
