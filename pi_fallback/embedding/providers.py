"""Providers given in code, as the catalogue, the accounts and the routes that the runtime works with."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, PositiveInt, StringConstraints
from pydantic.dataclasses import dataclass

from pi_fallback.config.schema import Headers, endpoint
from pi_fallback.core.overlay import THINKING_FIRST_CONTENT_S, finished
from pi_fallback.credentials import sources
from pi_fallback.credentials.accounts import PRIMARY, Account
from pi_fallback.embedding.settings import GIVEN, SaneLimits
from pi_fallback.errors import ConfigError
from pi_fallback.providers.known import KNOWN
from pi_fallback_hookspecs import Limits, Model, ModelRef, Provider, Route, origin_of

WHERE = "given in code"


def _address(url: str) -> str:
    if any(letter.isspace() or not letter.isprintable() for letter in url):
        raise ValueError("must be a URL without spaces and line breaks")
    return endpoint(url) if url else ""


def _secret(key: str) -> str:
    if not re.fullmatch("[\x21-\x7e]+", key):
        raise ValueError("is no key: it is empty, or holds spaces, line breaks or letters that no key has")
    return key


Name = Annotated[str, StringConstraints(pattern=r"^[^\s/]+$")]
Label = Annotated[str, StringConstraints(pattern=r"^\S+$")]


@dataclass(frozen=True, slots=True, kw_only=True, config=GIVEN)
class ModelConfig:
    """What is to be known of a model beside its name; None is what is known of it already, else the usual."""

    context_window: PositiveInt | None = None
    max_tokens: PositiveInt | None = None
    images: bool | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    prefill: bool | None = None  # takes the beginning of its own answer and goes on from there
    limits: SaneLimits | None = None
    headers: Headers = field(default_factory=dict[str, str], repr=False)
    compat: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, config=GIVEN)
class ProviderConfig:
    """An endpoint and its accounts: `keys` maps a label to a key, best first. Without keys none is sent.

    Where `base_url` or `dialect` is missing, the provider of that `id` must be one that is known. `auth` is how a key
    is sent, if not as the dialect usually has it. `models` needs to name only those of which there is something to say.
    """

    id: Name
    base_url: Annotated[str, AfterValidator(_address)] = ""
    dialect: str = ""
    keys: Mapping[Label, Annotated[str, AfterValidator(_secret)]] = field(default_factory=dict[str, str], repr=False)
    models: Mapping[str, ModelConfig] = field(default_factory=dict[str, ModelConfig])
    headers: Headers = field(default_factory=dict[str, str], repr=False)
    compat: Mapping[str, object] = field(default_factory=dict[str, object])
    auth: Literal["", "bearer", "x-api-key", "api-key", "x-goog-api-key"] = ""


def providers_of(configs: Sequence[ProviderConfig], dialects: Collection[str]) -> Mapping[str, Provider]:
    """Return the providers by id.

    Raises:
        ConfigError: one has no address, speaks no known dialect, or stands there twice.
    """
    known = {provider.id: provider for provider in KNOWN}
    providers: dict[str, Provider] = {}
    for config in configs:
        if config.id in providers:
            raise ConfigError(f"The provider {config.id!r} is given twice. Put all its keys into one ProviderConfig.")
        base = known.get(config.id)
        if not (config.base_url or (base and base.base_url)):
            raise ConfigError(f"The provider {config.id!r} has no address. Give it a base_url.")
        provider = _over(base or Provider(config.id), config)
        if provider.dialect not in dialects:
            names = ", ".join(sorted(dialects))
            raise ConfigError(
                f"The provider {config.id!r} speaks {provider.dialect!r}, which is no dialect. There are: {names}."
            )
        providers[config.id] = provider
    return providers


def _over(base: Provider, config: ProviderConfig) -> Provider:
    return replace(
        base,
        base_url=config.base_url or base.base_url,
        dialect=config.dialect or base.dialect,
        headers={**base.headers, **config.headers},
        compat={**base.compat, **config.compat},
        auth=config.auth or base.auth,
        needs_key=bool(config.keys),
    )


def accounts_of(configs: Sequence[ProviderConfig], providers: Mapping[str, Provider]) -> Iterator[Account]:
    """Yield an account for each key, in the order given, bound to the origin of its provider."""
    for config in configs:
        origin = origin_of(providers[config.id].base_url)
        if not config.keys:
            yield Account(config.id, PRIMARY, "none", sources.NoKey(), origin, "no key needed")
        for label, key in config.keys.items():
            yield Account(config.id, label, "api_key", sources.Literal(key), origin, WHERE)


def is_route(item: object) -> bool:
    return isinstance(item, Route) and all(isinstance(part, str) for part in cast("tuple[object, ...]", item))


def routes_of(order: Sequence[str | Route], labels: Mapping[str, Sequence[str]]) -> tuple[Route, ...]:
    """Return the routes best first. `provider/model` means one for each key, whose labels `labels` has.

    Raises:
        ConfigError: nothing is in `order`, or something that leads nowhere.
        TypeError: something in it is neither text nor a `Route`.
    """
    routes: dict[Route, None] = {}
    if isinstance(order, str) or not isinstance(order, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
        raise TypeError(f"`order` is a list of 'provider/model' or Route(...), not {type(order).__name__}.")
    for item in order:
        if not (isinstance(item, str) or is_route(item)):
            raise TypeError(f"`order` holds 'provider/model' or Route(...), not {item!r}.")
        try:
            ref = item.ref if isinstance(item, Route) else ModelRef.parse(item)
        except ValueError as error:
            raise ConfigError(f"The order cannot be used: {error}. Write it as in 'openai/gpt-x'.") from None
        if not ref.id.strip() or not ref.id.isprintable():
            raise ConfigError(f"The order names {str(ref)!r}, which is no model. Write it as in 'openai/gpt-x'.")
        there = labels.get(ref.provider)
        if there is None:
            names = ", ".join(labels) or "none"
            raise ConfigError(f"The order names {str(ref)!r}, but there is no such provider. There are: {names}.")
        wanted = [item.credential] if isinstance(item, Route) else there
        for label in wanted:
            if label not in there:
                raise ConfigError(f"The order names the key {label!r} of {ref}. Its keys are: {', '.join(there)}.")
            routes[Route(*ref, label)] = None
    if not routes:
        raise ConfigError("The order is empty. Name at least one model, as in order=['openai/gpt-x'].")
    return tuple(routes)


def models_of(
    configs: Sequence[ProviderConfig], providers: Mapping[str, Provider], order: Sequence[Route], limits: Limits | None
) -> Mapping[ModelRef, Model]:
    """Return the models of `order`, and those that `configs` say something of."""
    said = [ModelRef(config.id, name) for config in configs for name in config.models]
    known = {model.ref: model for provider in providers.values() for model in provider.models}
    refs = dict.fromkeys([*(route.ref for route in order), *said])
    by_id = {config.id: config for config in configs}
    return {ref: _model(known.get(ref, Model(ref)), providers[ref.provider], by_id, limits) for ref in refs}


def _model(base: Model, provider: Provider, by_id: Mapping[str, ProviderConfig], limits: Limits | None) -> Model:
    given = by_id.get(provider.id) or ProviderConfig(provider.id)
    config = given.models.get(base.ref.id) or ModelConfig()
    usual = limits or base.limits
    if limits is None and config.reasoning and not base.reasoning:
        usual = replace(usual, first_content_s=THINKING_FIRST_CONTENT_S)
    inputs = base.inputs if config.images is None else frozenset({"text", "image"} if config.images else {"text"})
    model = finished(base, provider, None, None)
    return replace(
        model,
        context_window=config.context_window or base.context_window,
        max_tokens=config.max_tokens or base.max_tokens,
        inputs=inputs,
        tools=base.tools if config.tools is None else config.tools,
        reasoning=base.reasoning if config.reasoning is None else config.reasoning,
        prefill=model.prefill if config.prefill is None else config.prefill,
        limits=config.limits or usual,
        headers={**model.headers, **config.headers},
        compat={**model.compat, **config.compat},
        # What is given for the whole provider holds for each of its models.
        base_url="" if given.base_url else base.base_url,
        dialect="" if given.dialect else base.dialect,
    )
