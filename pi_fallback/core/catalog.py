"""The catalogue: every provider and model there is, from the known ones, from plugins and from models.json."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pi_fallback.config.schema import ModelsFile, Settings
from pi_fallback.core.overlay import finished, overlaid
from pi_fallback.core.patterns import is_glob, named, split_level
from pi_fallback_hookspecs import Model, ModelRef, Provider


@dataclass(frozen=True, slots=True)
class Catalog:
    """Providers by id and models by name, each in the order in which they are to be thought of.

    `closed` says of a provider why it cannot be used; `listed` are models that providers have told of
    themselves: they are there for whoever asks for one by name.
    """

    providers: Mapping[str, Provider]
    models: Mapping[ModelRef, Model]
    notices: tuple[str, ...] = ()
    closed: Mapping[str, str] = field(default_factory=dict[str, str])
    listed: Mapping[ModelRef, Model] = field(default_factory=dict[ModelRef, Model])


def asked_for(settings: Settings, *names: str) -> tuple[str, ...]:
    """Every model that the settings, or `names` from elsewhere (a `--model`, a session), ask for by name."""
    default = f"{settings.default_provider or ''}/{settings.default_model or ''}".strip("/")
    return tuple(name for name in (*names, default, *(settings.enabled_models or ())) if name)


def named_providers(names: Iterable[str], providers: Collection[str]) -> tuple[str, ...]:
    """The providers of which `names` speak. One that needs no key is used only if somebody spoke of it."""
    heads = (name.partition("/")[0] for name in names)
    return tuple(dict.fromkeys(head for head in heads if head in providers))


def build(
    known: Sequence[Provider],
    added: Sequence[Provider],
    file: ModelsFile,
    *,
    names: Iterable[str] = (),
    quiet_s: float | None = None,
    told_by: Callable[[Provider], Iterable[Model]] = lambda _provider: (),
) -> Catalog:
    """Build the catalogue. `added` are those of plugins; what `file` says of a provider goes over what others say.

    `names` are models that were asked for: one that is new is accepted if its provider has told of it (`told_by`),
    or as it is at a provider that does not list its models or that is `known`. `quiet_s` is the quiet limit
    where `file` sets none.
    """
    providers = {provider.id: provider for provider in (*known, *added)}
    notices: list[str] = []
    closed: dict[str, str] = {}
    for name, config in file.providers.items():
        base = providers.get(name)
        if base is None and config.base_url is None:
            notices.append(f'The provider {name} is not used: it has no address. Give it a "baseUrl" in models.json.')
            continue
        result = overlaid(base or Provider(name, needs_key=False), config)
        providers[name] = result.provider
        notices += result.notices
        if result.closed:
            closed[name] = result.closed
    models = {model.ref: model for provider in providers.values() for model in provider.models}
    listed = {model.ref: model for provider in providers.values() for model in told_by(provider)}
    open_ids = {provider.id for provider in known} | {name for name, found in providers.items() if not found.models}
    open_ids -= closed.keys()
    for name in names:
        for ref in () if is_glob(name) or named(name, models) else named(name, listed):
            models[ref] = listed[ref]
        ref = _exact_ref(name)
        if ref is not None and ref.provider in open_ids:
            models.setdefault(ref, Model(ref))
    done = {
        ref: finished(model, providers[ref.provider], file.providers.get(ref.provider), quiet_s)
        for ref, model in models.items()
    }
    return Catalog(_with_models(providers, done), done, tuple(notices), closed, listed)


def _with_models(providers: Mapping[str, Provider], models: Mapping[ModelRef, Model]) -> dict[str, Provider]:
    return {
        name: replace(provider, models=tuple(model for ref, model in models.items() if ref.provider == name))
        for name, provider in providers.items()
    }


def _exact_ref(name: str) -> ModelRef | None:
    try:
        return None if is_glob(name) else ModelRef.parse(split_level(name)[0])
    except ValueError:
        return None
