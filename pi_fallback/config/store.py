"""The store: reads the user's and the project's files into one configuration."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast

from pydantic import BaseModel

from pi_fallback.config import files, jsonc
from pi_fallback.config.ha import HaFile, ProjectHa, narrowed, with_the_part
from pi_fallback.config.merge import NARROWING, merged, narrowing
from pi_fallback.config.ownership import is_readable_by_others
from pi_fallback.config.problems import Problem, shown, validated
from pi_fallback.config.replacing import sweep_folder
from pi_fallback.config.schema import AuthFile, ModelsFile, Settings
from pi_fallback.config.unknown import unknown_keys
from pi_fallback_hookspecs import Json, frozen_object

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the files say. A part that is wrong is left out and stands in `problems`.

    `settings_json` is settings.json as it is, user and trusted project merged; `project_models` are
    the patterns by which a folder that is not trusted yet narrows the models.
    """

    settings: Settings
    settings_json: Mapping[str, Json]
    models: ModelsFile
    auth: AuthFile
    project_models: tuple[str, ...] | None = None
    ha: HaFile = field(default_factory=HaFile)
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File(Generic[T]):
    """One file: as a model, as the JSON that was valid, and what is to be said of it."""

    model: T
    value: Mapping[str, Json]
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()


def agent_dir(environ: Mapping[str, str], home: Path) -> Path:
    """The folder of the user's files: PI_CODING_AGENT_DIR, else `~/.pi/agent`."""
    given = environ.get("PI_CODING_AGENT_DIR", "")
    if given == "~" or given.startswith("~/"):
        return home / given[2:]
    return Path(given) if given else home / ".pi" / "agent"


def load(agent_dir: Path, project_dir: Path, *, trusted: bool) -> Configuration:
    """Read all files. Nothing is raised: what is wrong loses only itself. What killed writers left is swept away."""
    for folder in (agent_dir, agent_dir / "pi-fallback"):
        sweep_folder(folder)
    user = _file(agent_dir / "settings.json", Settings, _field)
    models = _file(agent_dir / "models.json", ModelsFile, _provider, comments=True)
    auth = _file(agent_dir / "auth.json", AuthFile, _entry)
    ha = _file(agent_dir / "ha.json", HaFile, with_the_part)
    project = _file(project_dir / ".pi" / "settings.json", Settings, _field, anybodys=True)
    project_ha = _file(project_dir / ".pi" / "ha.json", ProjectHa, with_the_part, anybodys=True)
    read: tuple[_File[Settings] | _File[ModelsFile] | _File[AuthFile] | _File[HaFile], ...] = (user, models, auth, ha)
    problems = tuple(problem for file in read for problem in file.problems)
    notices = tuple(notice for file in read for notice in file.notices)
    notices += tuple(_open_to_others(agent_dir, auth.model, ha.model))
    notices += tuple(str(problem) for problem in project_ha.problems)
    if more := ", ".join(project_ha.model.model_extra or {}):
        where = shown(project_dir / ".pi" / "ha.json")
        notices += (f"{where}: a project may only reorder and narrow your groups; ignored: {more}.",)
    if trusted:
        value = merged(user.value, project.value)
        return Configuration(
            settings=Settings.model_validate(value),
            settings_json=frozen_object(value),
            models=models.model,
            auth=auth.model,
            ha=narrowed(ha.model, project_ha.model),
            problems=(*problems, *project.problems),
            notices=(*notices, *project.notices),
        )
    ignored = narrowing(project.value).ignored
    if ignored:
        where = shown(project_dir / ".pi" / "settings.json")
        notices += (f"{where}: ignored until you trust this folder (pi-fallback trust): {', '.join(ignored)}.",)
    return Configuration(
        settings=user.model,
        settings_json=frozen_object(user.value),
        models=models.model,
        auth=auth.model,
        project_models=project.model.enabled_models,
        ha=narrowed(ha.model, project_ha.model),
        problems=problems,
        notices=(*notices, *(_harmless(problem) for problem in project.problems)),
    )


def _open_to_others(agent_dir: Path, auth: AuthFile, ha: HaFile) -> Iterator[str]:
    """A sentence for each file with secrets that others can read."""
    for name, has_secrets in (("auth.json", bool(auth.root)), ("ha.json", bool(ha.credentials))):
        if has_secrets and is_readable_by_others(agent_dir / name):
            where = shown(agent_dir / name)
            yield f"{where} holds secrets and can be read by other users. Run: chmod 600 {where}"


def _harmless(problem: Problem) -> str:
    """What is wrong with a strange folder's file: that must not stop anything."""
    narrowing_is_lost = not problem.field or problem.field.startswith(NARROWING)
    return f"{problem} Until then this folder narrows no models." if narrowing_is_lost else str(problem)


def _file(
    path: Path,
    model: type[T],
    drop: Callable[[jsonc.Path], jsonc.Path],
    *,
    comments: bool = False,
    anybodys: bool = False,
) -> _File[T]:
    found = files.read(path, comments=comments, anybodys=anybodys)
    if found is None:
        return _File(model.model_validate({}), {})
    if isinstance(found, Problem):
        return _File(model.model_validate({}), {}, (found,))
    checked, value, problems = validated(model, found, path, drop=drop)
    unknown = ", ".join(unknown_keys(checked))
    notices = (f"{shown(path)}: nothing here reads {unknown}.",) if unknown else ()
    return _File(checked, cast("Mapping[str, Json]", value), problems, notices)


def _field(path: jsonc.Path) -> jsonc.Path:
    """Of settings.json the wrong setting goes; of a list the whole."""
    return path[: next((i for i, part in enumerate(path) if isinstance(part, int)), len(path))]


def _provider(path: jsonc.Path) -> jsonc.Path:
    return path[:2]


def _entry(path: jsonc.Path) -> jsonc.Path:
    return path[:1]
