"""Selection: which models are in play for a session, at which level they think, and which one it starts on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from pi_fallback.config.ha_policy import Group
from pi_fallback.config.schema import Settings, ThinkingLevel
from pi_fallback.core.catalog import Catalog
from pi_fallback.core.groups import ordered
from pi_fallback.core.patterns import Choice, Resolution, find, narrowed, near, resolve, why_unknown
from pi_fallback.core.pool import default_of, pool
from pi_fallback.errors import NoUsableModel, UnknownModel
from pi_fallback_hookspecs import ModelRef, Route

Labels = Mapping[str, Sequence[str]]
"""The labels of the usable accounts by provider."""


@dataclass(frozen=True, slots=True)
class GroupWish:
    """What groups of routes want: `entries` of all of them in play, and a start in `group`.

    A default model elsewhere stays the start, unless the user has `asked_for` the group.
    """

    entries: tuple[str, ...]
    group: Group
    asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line and a folder that is not trusted say about models.

    With `strict` a wish of the settings that leaves no model is an error, not a notice. `group` is what ha.json wants.
    """

    model: str | None = None
    models: tuple[str, ...] = ()
    narrowed_to: tuple[str, ...] | None = None
    strict: bool = False
    group: GroupWish | None = None


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
        NoUsableModel: what they name has no usable credential, or the start is strict and `enabledModels` leaves none.
    """
    notices: list[str] = []
    enabled = _enabled(catalog, labels, settings, wishes, notices)
    levels: dict[ModelRef, ThinkingLevel] = {
        choice.ref: choice.level for choice in enabled or () if choice.level is not None
    }
    if wishes.model is not None:
        wanted = meant(wishes.model, catalog.models, catalog)
        if wanted.level is not None:
            levels[wanted.ref] = wanted.level
        if not labels.get(wanted.ref.provider):
            raise NoUsableModel(why_no_account(catalog, wanted.ref))
        first: ModelRef | None = wanted.ref
    else:
        first = _default(catalog, labels, settings, notices)
        if wishes.group is not None:
            first = _first_of(wishes.group, first, pool(catalog, labels, first=first, enabled=enabled))
    order = pool(catalog, labels, first=first, enabled=enabled)
    start = next((route for route in order if first is None or route.ref == first), None)
    return Selection(order, start, levels, tuple(notices))


def meant(name: str, models: Iterable[ModelRef], catalog: Catalog) -> Choice:
    """The one of `models` that the user means by `name`.

    Raises:
        UnknownModel: nothing fits, or several do.
        NoUsableModel: its provider cannot be used, so that nobody knows its models.
    """
    try:
        return find(name, models, listed=catalog.listed)
    except UnknownModel:
        if (why := catalog.closed.get(name.partition("/")[0])) is None:
            raise
        raise NoUsableModel(f"{name} cannot be used: {why}") from None


def why_no_account(catalog: Catalog, ref: ModelRef) -> str:
    """Why `ref`, whose provider has no usable account, cannot be used, and what to do about it."""
    if ref.provider in catalog.closed:
        return f"{ref} cannot be used: {catalog.closed[ref.provider]}"
    return f"{ref} has no usable key. {remedy(catalog, ref.provider)}"


def remedy(catalog: Catalog, provider: str) -> str:
    """Which variable or entry would give `provider` an account."""
    found = catalog.providers.get(provider)
    here = found is not None and found.oauth is not None and found.oauth.can_log_in
    if found is not None and (found.login or (here and not found.env)):
        return f"{provider} needs a login{f': `pi-fallback auth login {provider}`' if here else ' that pi has made'}."
    variables = " or ".join(found.env) if found else ""
    return f"Set {variables}, or add {provider} to auth.json." if variables else f"Add {provider} to auth.json."


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
        told = [f"{why_unknown(pattern, catalog.models, source)}" for pattern in resolution.unknown]
        if not usable:
            reasons = told or [why_no_account(catalog, resolution.choices[0].ref)]
            if wishes.strict:
                said = " ".join(dict.fromkeys(reasons))
                raise NoUsableModel(f"None of enabledModels can be used. {said} Correct it in settings.json.")
            notices.append("None of enabledModels can be used; all models with keys are used instead.")
        notices += [f"{sentence} It is passed over." for sentence in told]
        choices = usable or None
    if choices is not None and wishes.group is not None and not wishes.models:  # the groups' models are enabled too
        also = [Choice(ref) for ref in _models_of(wishes.group, catalog)]
        choices = tuple({c.ref: c for c in (*also, *choices) if labels.get(c.ref.provider)}.values())
    if wishes.narrowed_to is not None:
        known = choices or tuple(Choice(route.ref) for route in pool(catalog, labels))
        resolution = narrowed(known, wishes.narrowed_to)
        if known and not resolution.choices and wishes.narrowed_to:
            patterns = ", ".join(wishes.narrowed_to)
            notices.append(f"The project's enabledModels ({patterns}) names none of your models; it is passed over.")
        choices = resolution.choices or choices
    return choices


def _models_of(wish: GroupWish, catalog: Catalog) -> list[ModelRef]:
    """The models that the entries of the groups name; an entry of a whole provider names its default model."""
    named = (ModelRef.parse(entry) if "/" in entry else default_of(catalog, entry) for entry in wish.entries)
    return [ref for ref in named if ref is not None and ref in catalog.models]


def _first_of(wish: GroupWish, default: ModelRef | None, order: Sequence[Route]) -> ModelRef | None:
    """The model to start on: the user's default, unless there is none or another group was asked for."""
    if default is not None and not wish.asked_for:
        return default
    routes = ordered(wish.group, order)
    if default is not None and any(route.ref == default for route in routes):
        return default
    return routes[0].ref if routes else default


def _refuse(resolution: Resolution, catalog: Catalog) -> NoReturn:
    if not resolution.choices:
        if (why := catalog.closed.get(resolution.unknown[0].partition("/")[0])) is not None:
            raise NoUsableModel(f"{resolution.unknown[0]} cannot be used: {why}")
        raise UnknownModel(resolution.unknown[0], near(resolution.unknown[0], (*catalog.models, *catalog.listed)))
    raise NoUsableModel(why_no_account(catalog, resolution.choices[0].ref))


def _default(catalog: Catalog, labels: Labels, settings: Settings, notices: list[str]) -> ModelRef | None:
    provider, model = settings.default_provider, settings.default_model
    if provider is not None and provider not in catalog.providers:
        hint = _did_you_mean(get_close_matches(provider, catalog.providers, n=1))
        notices.append(f"The defaultProvider {provider!r} of settings.json is unknown{hint}; it is passed over.")
        return None
    if model is None:
        if provider is None:
            return None
        ref = default_of(catalog, provider)
    else:
        ref = ModelRef(provider, model) if provider else _by_name(model, catalog.models)
    if ref is None or ref not in catalog.models:
        wanted = f"{provider}/{model}" if provider else str(model)
        hint = _did_you_mean(near(wanted, catalog.models)[:1])
        notices.append(f"The defaultModel {wanted!r} of settings.json is unknown{hint}; the first usable one is used.")
        return None
    if not labels.get(ref.provider):
        notices.append(f"The default model cannot be used: {why_no_account(catalog, ref)}")
        return None
    return ref


def _by_name(model: str, models: Iterable[ModelRef]) -> ModelRef | None:
    return next((ref for ref in models if model in {ref.id, str(ref)}), None)


def _did_you_mean(names: Sequence[str]) -> str:
    return f" (did you mean {names[0]}?)" if names else ""
