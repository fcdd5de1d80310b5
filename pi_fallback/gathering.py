"""Gathering: which models and accounts the files, the plugins and the environment make together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pi_fallback import models_cache
from pi_fallback.config.problems import Problem
from pi_fallback.config.store import Configuration
from pi_fallback.core.catalog import Catalog, asked_for, build, named_providers
from pi_fallback.core.ha_report import AccountRow
from pi_fallback.credentials.accounts import Found, accounts
from pi_fallback.credentials.headers import HeaderSources, resolved
from pi_fallback.credentials.stored import joined
from pi_fallback.models_cache import Loaded
from pi_fallback.providers.placing import ADDRESS_VARIABLES, known_providers, opened
from pi_fallback_hookspecs import Provider


class Gathered(NamedTuple):
    """All models and accounts there are; `problems` say of accounts and headers why they cannot be used."""

    catalog: Catalog
    found: Found
    headers: HeaderSources
    notices: tuple[str, ...]
    problems: tuple[Problem, ...]

    def rows(self) -> Sequence[AccountRow]:
        return [AccountRow(a.provider, a.label, a.kind, a.places, a.unusable) for a in self.found.accounts]


def gathered(
    configuration: Configuration,
    added: Sequence[Provider],
    environ: Mapping[str, str],
    cache: Loaded,
    *,
    names: Sequence[str],
    wall: float,
) -> Gathered:
    """Put together what there is. `added` are the providers of plugins; `names` are models that were asked for."""
    settings, stored = configuration.settings, configuration.ha.stored()
    names = asked_for(settings, *names)
    known = known_providers(environ)
    headers = resolved(configuration.models, environ)
    catalog = build(
        known.providers,
        added,
        headers.file,
        names=names,
        quiet_s=settings.quiet_limit_s,
        told_by=lambda provider: models_cache.models_of(cache.file, provider),
    )
    catalog = replace(catalog, closed={**headers.closed, **catalog.closed})
    keyless = (provider.id for provider in added if not provider.needs_key)
    found = accounts(
        configuration.auth,
        configuration.models,
        catalog.providers,
        environ,
        wall=wall,
        opens=opened,
        named=(*known.named, *keyless, *named_providers(names, catalog.providers)),
        closed=catalog.closed,
        address_variables=ADDRESS_VARIABLES,
    )
    found = joined(
        found,
        stored,
        catalog.providers,
        environ,
        wall=wall,
        opens=opened,
        closed=catalog.closed,
        address_variables=ADDRESS_VARIABLES,
    )
    notices = (*([cache.notice] if cache.notice else ()), *known.notices, *catalog.notices, *found.notices)
    return Gathered(catalog, found, headers.sources, notices, (*headers.problems, *found.problems))
