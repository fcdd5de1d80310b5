"""The cache of models: what providers said that they serve, for a day, in a file that holds no secret."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from pi_fallback.config import files, replacing
from pi_fallback.config.problems import shown
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Model, ModelRef, Provider

FRESH_S = 86_400.0
KEPT_S = 30 * FRESH_S  # then the provider is no longer used, or has moved


class _Record(BaseModel, frozen=True, strict=True, alias_generator=to_camel, populate_by_name=True, defer_build=True):
    pass


class CachedModel(_Record, frozen=True):
    """A model as its provider told of it; None is what it did not tell."""

    id: str
    name: str = ""
    context_window: int | None = None
    max_tokens: int | None = None
    images: bool | None = None
    tools: bool | None = None
    reasoning: bool | None = None


class Entry(_Record, frozen=True):
    """What one provider told at `at` (seconds since 1970)."""

    at: float
    models: tuple[CachedModel, ...]


class CacheFile(_Record, frozen=True):
    """models-cache.json, by provider and address."""

    version: int = 1
    entries: Mapping[str, Entry] = {}

    def entry(self, provider: Provider) -> Entry | None:
        return self.entries.get(key_of(provider))

    def is_fresh(self, provider: Provider, *, wall: float) -> bool:
        entry = self.entry(provider)
        return entry is not None and 0 <= wall - entry.at < FRESH_S


class Loaded(NamedTuple):
    file: CacheFile
    notice: str = ""


def path_in(agent_dir: Path) -> Path:
    return agent_dir / "pi-fallback" / "models-cache.json"


def key_of(provider: Provider) -> str:
    """The provider at its address: another address serves other models."""
    return f"{provider.id} {provider.base_url}"


def load(path: Path) -> Loaded:
    """Read the cache. What cannot be used counts as empty and is told."""
    try:
        data = files.bytes_of(path)
    except FileNotFoundError:
        return Loaded(CacheFile())
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        return Loaded(CacheFile(), f"{shown(path)} is not used: {reason}. Move it away.")
    try:
        return Loaded(CacheFile.model_validate_json(data))
    except ValidationError:
        return Loaded(CacheFile(), f"{shown(path)} is damaged and not used. `pi-fallback models` writes it anew.")


def save(path: Path, entries: Mapping[str, Entry], *, wall: float) -> None:
    """Put `entries` into the cache beside those of others; what is too old goes.

    Raises:
        ConfigError: it cannot be locked or written. It is as it was.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.locked(path):
            there = load(path).file.entries
            kept = {key: entry for key, entry in there.items() if 0 <= wall - entry.at < KEPT_S}
            cache = CacheFile(entries={**kept, **entries})
            replacing.sweep(path)
            replacing.write_private(path, cache.model_dump_json(by_alias=True, exclude_none=True) + "\n")
    except OSError as error:
        reason = (error.strerror or "it cannot be written").lower()
        raise ConfigError(f"{shown(path)} could not be written: {reason}. It is as it was.", path=path) from error


def models_of(cache: CacheFile, provider: Provider) -> tuple[Model, ...]:
    """The models that `provider` has told of, at the address where it is now."""
    entry = cache.entry(provider)
    return tuple(_model(ModelRef(provider.id, model.id), model) for model in (entry.models if entry else ()))


def _model(ref: ModelRef, told: CachedModel) -> Model:
    usual = Model(ref)
    return Model(
        ref,
        name=told.name,
        context_window=told.context_window or usual.context_window,
        max_tokens=told.max_tokens or usual.max_tokens,
        inputs=frozenset({"text", "image"}) if told.images else usual.inputs,
        tools=usual.tools if told.tools is None else told.tools,
        reasoning=bool(told.reasoning),
    )
