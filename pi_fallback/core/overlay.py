"""Overlay: a provider and its models with what models.json says of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pi_fallback.config.schema import ModelConfig, ModelOverride, OAuthConfig, ProviderConfig
from pi_fallback.core.apis import APIS, Api, why_unspoken
from pi_fallback.core.quirks import unread
from pi_fallback_hookspecs import Model, ModelRef, Provider

THINKING_FIRST_CONTENT_S = 300.0  # a model that thinks may do so in silence


@dataclass(frozen=True, slots=True)
class Overlaid:
    """A provider as models.json has it; `closed` says why it cannot be used at all."""

    provider: Provider
    closed: str = ""
    notices: tuple[str, ...] = ()


def overlaid(base: Provider, config: ProviderConfig) -> Overlaid:
    """`base` with what `config` says. The models that it lists come first: they are what the user wants."""
    api = config.api or _common_api(config)
    spoken = Api(base.dialect) if api is None else APIS.get(api)
    if spoken is None:
        closed = why_unspoken(api or "")
        return Overlaid(base, closed, (f"The provider {base.id} of models.json is not used: {closed}",))
    address = base.base_url if config.base_url is None else spoken.address(config.base_url)
    provider = replace(
        base,
        base_url=address,
        dialect=spoken.dialect,
        name=config.name or base.name,
        default_model=config.models[0].id if config.models else base.default_model,
        headers={**base.headers, **config.headers},
        compat={**base.compat, **spoken.compat, **config.compat},
        auth="bearer" if config.auth_header else spoken.auth or base.auth,
        needs_key=base.needs_key or isinstance(config.oauth, OAuthConfig),
        oauth=config.oauth.over(base.oauth) if isinstance(config.oauth, OAuthConfig) else base.oauth,
    )
    there = {model.ref.id: model for model in base.models}
    listed: dict[str, Model] = {}
    notices: list[str] = []
    for item in config.models:
        if item.api is not None and item.api not in APIS:
            notices.append(f"The model {base.id}/{item.id} of models.json is not used: {why_unspoken(item.api)}")
        else:
            listed[item.id] = _placed(there.get(item.id, Model(ModelRef(base.id, item.id))), item, provider)
    left = [model for name, model in there.items() if name not in listed]
    return Overlaid(replace(provider, models=(*listed.values(), *left)), "", (*notices, *_unread(provider, config)))


def finished(model: Model, provider: Provider, config: ProviderConfig | None, quiet_s: float | None) -> Model:
    """`model` as the settings and models.json want it, with all that its provider's models have in common."""
    model = replace(
        model,
        limits=model.limits if quiet_s is None else replace(model.limits, quiet_s=quiet_s),
        headers={**provider.headers, **model.headers},
        compat={**provider.compat, **model.compat},
    )
    if config is not None:
        listed = (item for item in config.models if item.id == model.ref.id)
        for change in (*listed, config.model_overrides.get(model.ref.id)):
            model = model if change is None else _changed(model, change)
    return replace(model, prefill=bool(model.compat.get("supportsAssistantPrefill", model.prefill)))


def _common_api(config: ProviderConfig) -> str | None:
    """The one api of all models, where the provider names none: pi takes it at either place."""
    apis = {item.api for item in config.models}
    return apis.pop() if len(apis) == 1 else None


def _placed(model: Model, item: ModelConfig, provider: Provider) -> Model:
    if item.api is None:
        return model if item.base_url is None else replace(model, base_url=item.base_url)
    api = APIS[item.api]
    return replace(
        model,
        dialect="" if api.dialect == provider.dialect else api.dialect,
        base_url=model.base_url if item.base_url is None else api.address(item.base_url),
        compat={**model.compat, **api.compat},
    )


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
        price=model.price if change.cost is None else change.cost.over(model.price),
        limits=change.limits.over(limits),
        headers={**model.headers, **change.headers},
        compat={**model.compat, **change.compat},
    )


def _unread(provider: Provider, config: ProviderConfig) -> Iterator[str]:
    """A sentence for each part of `config` with keys of `compat` that its dialect does not read."""
    own = {item.id: APIS[item.api].dialect for item in config.models if item.api is not None and item.api in APIS}
    parts: list[tuple[str, Mapping[str, object], set[str]]] = [
        ("", config.compat, {provider.dialect, *own.values()}),
        *((f".models[{i}]", item.compat, {own.get(item.id, provider.dialect)}) for i, item in enumerate(config.models)),
        *(
            (f".modelOverrides.{name}", change.compat, {own.get(name, provider.dialect)})
            for name, change in config.model_overrides.items()
        ),
    ]
    for where, compat, dialects in parts:
        if keys := ", ".join(unread(compat, dialects)):
            yield f"models.json, providers.{provider.id}{where}.compat: nothing here reads {keys}."
