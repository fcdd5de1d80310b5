"""Headers of models.json whose values stand elsewhere: in the environment, or in what a command prints."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import NamedTuple, TypeAlias, TypeVar

from pi_fallback.config.problems import Problem
from pi_fallback.config.schema import ModelOverride, ModelsFile, ProviderConfig
from pi_fallback.credentials.sources import Command, Literal, Source, Template, Variable, filled, read_text

HeaderSources: TypeAlias = Mapping[tuple[str, str], Mapping[str, Source]]
"""By provider and model ("" for all of its models): the values that are found when a request is sent."""

Owner = TypeVar("Owner", ProviderConfig, ModelOverride)


class Resolved(NamedTuple):
    """The file with the values that are known; `closed` says which providers cannot be used, and why."""

    file: ModelsFile
    sources: HeaderSources
    closed: Mapping[str, str]
    problems: tuple[Problem, ...]


def resolved(file: ModelsFile, environ: Mapping[str, str]) -> Resolved:
    """Find the values of all headers in `file` that `environ` has; no command is run yet.

    No value that means something else stays in the file, so none can be sent as it is written.
    """
    work = _Work(environ)
    providers = {name: work.provider(name, config) for name, config in file.providers.items()}
    return Resolved(file.model_copy(update={"providers": providers}), work.sources, work.closed, tuple(work.problems))


class _Work:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.sources: dict[tuple[str, str], Mapping[str, Source]] = {}
        self.closed: dict[str, str] = {}
        self.problems: list[Problem] = []

    def provider(self, name: str, config: ProviderConfig) -> ProviderConfig:
        where = f"providers.{name}"
        whole = self.owner(name, "", where, config)
        models = [self.owner(name, item.id, f"{where}.models[{i}]", item) for i, item in enumerate(config.models)]
        overrides = {
            model: self.owner(name, model, f"{where}.modelOverrides.{model}", change)
            for model, change in config.model_overrides.items()
        }
        return whole.model_copy(update={"models": tuple(models), "model_overrides": overrides})

    def owner(self, provider: str, model: str, where: str, owner: Owner) -> Owner:
        values, commands = dict[str, str](), dict[str, Source]()
        for header, source in self.found(provider, where, owner.headers):
            if isinstance(source, Command):
                commands[header] = source
            else:
                values[header] = source.value
        if commands or (provider, "") in self.sources:
            # What a model says plainly goes over a command of its provider.
            plain: dict[str, Source] = {header: Literal(value) for header, value in values.items()} if model else {}
            before = self.sources.get((provider, model), {})
            self.sources[provider, model] = {**before, **plain, **commands}
        return owner.model_copy(update={"headers": values})

    def found(self, provider: str, where: str, headers: Mapping[str, str]) -> Iterator[tuple[str, Literal | Command]]:
        for header, text in headers.items():
            source = read_text(text)
            try:
                match source:
                    case Literal() | Command():
                        yield header, source
                    case Variable() | Template():
                        yield header, Literal(filled(source, self.environ))
            except LookupError as missing:
                field, message = f"{where}.headers.{header}", f"the environment variable {missing.args[0]} is not set"
                self.closed[provider] = f"{message} (models.json, {field})"
                remedy = f"Set {missing.args[0]}, or take the header out."
                self.problems.append(Problem(PurePath("models.json"), None, field, message, remedy))
