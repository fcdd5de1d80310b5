"""Selection: which models are in play for a session, at which level they think, and which one it starts on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from pi_fallback.config.schema import Settings, ThinkingLevel
from pi_fallback.core.catalog import Catalog
from pi_fallback.core.patterns import Choice, Resolution, find, narrowed, resolve
from pi_fallback.core.pool import default_of, pool
from pi_fallback.errors import NoUsableModel, UnknownModel
from pi_fallback_hookspecs import ModelRef, Route

Labels = Mapping[str, Sequence[str]]
"""The labels of the usable accounts by provider."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line and a folder that is not trusted say about models."""

    model: str | None = None
    models: tuple[str, ...] = ()
    narrowed_to: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The routes best first, the one to start on, thinking levels by model, and what the user should know."""

    order: tuple[Route, ...]
    start: Route | None
    levels: Mapping[ModelRef, ThinkingLevel]
    notices: tuple[str, ...] = ()


def select(catalog: Catalog, labels: Labels, settings: Settings, wishes: Wishes) -> Selection:
    """Resolve the pool and the start model: `--model`, else the settings' default, else the first of the pool.

    Raises:
        UnknownModel: `--model` names none, or several; `--models` names none.
        NoUsableModel: what they name has no usable credential.
    """
    notices: list[str] = []
    enabled = _enabled(catalog, labels, settings, wishes, notices)
    levels: dict[ModelRef, ThinkingLevel] = {
        choice.ref: choice.level for choice in enabled or () if choice.level is not None
    }
    if wishes.model is not None:
        wanted = find(wishes.model, catalog.models)
        if wanted.level is not None:
            levels[wanted.ref] = wanted.level
        if not labels.get(wanted.ref.provider):
            raise NoUsableModel(f"{wanted.ref} has no usable key. {_remedy(catalog, wanted.ref.provider)}")
        first: ModelRef | None = wanted.ref
    else:
        first = _default(catalog, labels, settings, notices)
    order = pool(catalog, labels, first=first, enabled=enabled)
    start = next((route for route in order if first is None or route.ref == first), None)
    return Selection(order, start, levels, tuple(notices))


def _enabled(
    catalog: Catalog, labels: Labels, settings: Settings, wishes: Wishes, notices: list[str]
) -> tuple[Choice, ...] | None:
    patterns = wishes.models or settings.enabled_models
    choices: tuple[Choice, ...] | None = None
    if patterns:
        source = "--models" if wishes.models else "enabledModels"
        resolution = resolve(patterns, catalog.models)
        usable = tuple(choice for choice in resolution.choices if labels.get(choice.ref.provider))
        if wishes.models and not usable:  # who names models on the command line wants no others
            _refuse(resolution, catalog)
        notices += [f"No model fits {pattern!r} of {source}; it is passed over." for pattern in resolution.unknown]
        if not usable:
            notices.append("None of enabledModels can be used; all models with keys are used instead.")
        choices = usable or None
    if wishes.narrowed_to is not None:
        known = choices or tuple(Choice(route.ref) for route in pool(catalog, labels))
        resolution = narrowed(known, wishes.narrowed_to)
        choices = resolution.choices or choices
    return choices


def _refuse(resolution: Resolution, catalog: Catalog) -> NoReturn:
    if not resolution.choices:
        raise UnknownModel(resolution.unknown[0])
    ref = resolution.choices[0].ref
    raise NoUsableModel(f"{ref} has no usable key. {_remedy(catalog, ref.provider)}")


def _default(catalog: Catalog, labels: Labels, settings: Settings, notices: list[str]) -> ModelRef | None:
    provider, model = settings.default_provider, settings.default_model
    if model is None:
        return default_of(catalog, provider) if provider and labels.get(provider) else None
    ref = ModelRef(provider, model) if provider else next((r for r in catalog.models if model in {r.id, str(r)}), None)
    if ref is None or ref not in catalog.models:
        notices.append(f"The default model {model!r} of settings.json is unknown; the first usable one is used.")
        return None
    if not labels.get(ref.provider):
        notices.append(f"The default model {ref} has no usable key. {_remedy(catalog, ref.provider)}")
        return None
    return ref


def _remedy(catalog: Catalog, provider: str) -> str:
    found = catalog.providers.get(provider)
    variables = " or ".join(found.env) if found else ""
    return f"Set {variables}, or add {provider} to auth.json." if variables else f"Add {provider} to auth.json."
