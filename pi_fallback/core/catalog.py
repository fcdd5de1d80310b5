"""The catalogue: every provider and model there is, from the known ones, from plugins and from models.json."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pi_fallback.config.schema import ModelOverride, ModelsFile, ProviderConfig, Settings
from pi_fallback.core.patterns import is_glob, split_level
from pi_fallback_hookspecs import Model, ModelRef, Provider

THINKING_FIRST_CONTENT_S = 300.0  # a model that thinks may do so in silence


@dataclass(frozen=True, slots=True)
class Catalog:
    """Providers by id and models by name, each in the order in which they are to be thought of."""

    providers: Mapping[str, Provider]
    models: Mapping[ModelRef, Model]
    notices: tuple[str, ...] = ()


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
) -> Catalog:
    """Build the catalogue. `added` are those of plugins; what `file` says of a provider goes over what others say.

    `names` are models that were asked for: one that is new is accepted as it is, at a provider that
    does not list its models or that is `known`. `quiet_s` is the quiet limit where `file` sets none.
    """
    providers = {provider.id: provider for provider in (*known, *added)}
    notices: list[str] = []
    for name, config in file.providers.items():
        base = providers.get(name)
        if base is None and config.base_url is None:
            notices.append(f'The provider {name} is not used: it has no address. Give it a "baseUrl" in models.json.')
        else:
            providers[name] = _configured(base or Provider(name, needs_key=False), config)
    models = {model.ref: model for provider in providers.values() for model in provider.models}
    open_ids = {provider.id for provider in known} | {name for name, found in providers.items() if not found.models}
    for name in names:
        ref = _exact_ref(name)
        if ref is not None and ref.provider in open_ids:
            models.setdefault(ref, Model(ref))
    finished = {ref: _finished(model, providers[ref.provider], file, quiet_s) for ref, model in models.items()}
    return Catalog(providers, finished, tuple(notices))


def _exact_ref(name: str) -> ModelRef | None:
    try:
        return None if is_glob(name) else ModelRef.parse(split_level(name)[0])
    except ValueError:
        return None


def _configured(base: Provider, config: ProviderConfig) -> Provider:
    """`base` with what models.json says. The models that it lists come first: they are what the user wants."""
    there = {model.ref.id: model for model in base.models}
    listed = {item.id: there.get(item.id, Model(ModelRef(base.id, item.id))) for item in config.models}
    return replace(
        base,
        base_url=config.base_url or base.base_url,
        dialect=config.api or base.dialect,
        name=config.name or base.name,
        models=tuple({**listed, **there}.values()),
        default_model=next(iter(listed), base.default_model),
        headers={**base.headers, **config.headers},
        compat={**base.compat, **config.compat},
    )


def _finished(model: Model, provider: Provider, file: ModelsFile, quiet_s: float | None) -> Model:
    """`model` as the settings and models.json want it, with all that its provider's models have in common."""
    model = replace(
        model,
        limits=model.limits if quiet_s is None else replace(model.limits, quiet_s=quiet_s),
        headers={**provider.headers, **model.headers},
        compat={**provider.compat, **model.compat},
    )
    config = file.providers.get(model.ref.provider)
    if config is None:
        return model
    listed = (item for item in config.models if item.id == model.ref.id)
    for change in (*listed, config.model_overrides.get(model.ref.id)):
        model = model if change is None else _changed(model, change)
    return model


def _changed(model: Model, change: ModelOverride) -> Model:
    limits = model.limits
    if change.reasoning:
        limits = replace(limits, first_content_s=THINKING_FIRST_CONTENT_S)
    return replace(
        model,
        name=change.name or model.name,
        context_window=change.context_window or model.context_window,
        max_tokens=change.max_tokens or model.max_tokens,
        inputs=model.inputs if change.input is None else frozenset(change.input),
        tools=model.tools if change.tools is None else change.tools,
        reasoning=model.reasoning if change.reasoning is None else change.reasoning,
        limits=change.limits.over(limits),
        headers={**model.headers, **change.headers},
        compat={**model.compat, **change.compat},
    )
