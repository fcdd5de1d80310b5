"""Refreshing: asks providers which models they serve, all at once, and keeps what they say for a day."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import anyio

from pi_fallback import models_cache
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import ConfigError, CredentialError
from pi_fallback.http import Http, WireError
from pi_fallback.models_cache import CachedModel, CacheFile, Entry
from pi_fallback.preparing import Setup
from pi_fallback.prices import Facts
from pi_fallback.providers.known import LISTS_NOTHING
from pi_fallback.providers.listing import MAX_MODELS, Listed, listed
from pi_fallback_hookspecs import ModelRef, Provider, Route

TIME_S = 5.0  # for all together: nobody waits longer for a list that is only looked at


class Refreshed(NamedTuple):
    """The cache as it is now, and a sentence for each list that could not be had, or not whole."""

    file: CacheFile
    said: tuple[str, ...]


async def refreshed(
    setup: Setup, http: Http, vault: Vault, facts: Facts, *, force: bool = False, time_s: float = TIME_S
) -> Refreshed:
    """Ask each provider that can be used and has said nothing for a day; with `force` each that can be used."""
    path = models_cache.path_in(setup.world.agent_dir)
    cache, wall = models_cache.load(path).file, setup.world.wall()
    asked = [provider for provider in _with_lists(setup) if force or not cache.is_fresh(provider, wall=wall)]
    entries: dict[str, Entry] = {}
    said: list[str] = []
    failures = {provider.id: f"no answer within {time_s:g} s" for provider in asked}

    async def ask(provider: Provider) -> None:
        route = Route(provider.id, "", setup.usable[provider.id][0])
        provider = vault.opened(route) or provider
        try:
            key = await vault.key_for(route, provider.base_url)
            headers = {**provider.headers, **await vault.headers_for(route)}
            told = await listed(http, provider, key, headers)
        except (WireError, CredentialError) as error:
            failures[provider.id] = setup.redactor.clean(str(error)).removesuffix(".")
            return
        del failures[provider.id]
        # A server that echoes what it was sent may list the key itself.
        safe = [model for model in told if setup.redactor.clean(model.id + model.name) == model.id + model.name]
        if len(safe) > MAX_MODELS:
            said.append(f"{provider.id} lists more than {MAX_MODELS:,} models. The first {MAX_MODELS:,} are kept.")
        entries[models_cache.key_of(provider)] = Entry(at=wall, models=_records(safe[:MAX_MODELS], provider, facts))

    with anyio.move_on_after(time_s):
        async with anyio.create_task_group() as tasks:
            for provider in asked:
                tasks.start_soon(ask, provider)
    said += [f"The list of {provider} could not be refreshed: {why}." for provider, why in failures.items()]
    if entries:
        try:
            models_cache.save(path, entries, wall=wall)
        except ConfigError as error:
            said.append(str(error))
    return Refreshed(CacheFile(entries={**cache.entries, **entries}), tuple(said))


def _with_lists(setup: Setup) -> Iterable[Provider]:
    providers: Mapping[str, Provider] = setup.catalog.providers
    usable = (providers[name] for name in setup.usable if name not in LISTS_NOTHING)
    return (provider for provider in usable if provider.base_url and provider.stream is None)


def _records(told: Iterable[Listed], provider: Provider, facts: Facts) -> tuple[CachedModel, ...]:
    return tuple(
        CachedModel(
            id=model.id,
            name=model.name,
            context_window=model.window or facts(ModelRef(provider.id, model.id), provider).window,
            max_tokens=model.output,
            images=model.images,
            tools=model.tools,
            reasoning=model.thinks,
        )
        for model in told
    )
