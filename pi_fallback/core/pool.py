"""The pool: every route that work may travel by, best first, when nobody wrote down an order."""

from collections.abc import Iterator, Mapping, Sequence

from pi_fallback.core.catalog import Catalog
from pi_fallback.core.patterns import Choice
from pi_fallback_hookspecs import ModelRef, Route


def pool(
    catalog: Catalog,
    credentials: Mapping[str, Sequence[str]],
    *,
    first: ModelRef | None = None,
    enabled: Sequence[Choice] | None = None,
) -> tuple[Route, ...]:
    """Order all routes of models that have usable credentials.

    `credentials` maps a provider to the labels of its accounts; its order is that of the providers.
    `first` is the session's model; behind it come the default models of the other providers, then
    all further models that take tools. `enabled` replaces this order, and `first` leads it only if it
    is not among them. A model's accounts stand side by side.
    """
    if enabled is None:
        models = [*_defaults(catalog, credentials, first), *_others(catalog, credentials)]
    else:
        models = [choice.ref for choice in enabled]
    head = [] if first is None or (enabled is not None and first in models) else [first]
    refs = dict.fromkeys([*head, *models])
    return tuple(Route(*ref, label) for ref in refs for label in credentials.get(ref.provider, ()))


def default_of(catalog: Catalog, provider: str) -> ModelRef | None:
    """The model of `provider` to begin with: the one it names, else the first that it has."""
    named = ModelRef(provider, catalog.providers[provider].default_model) if provider in catalog.providers else None
    if named in catalog.models:
        return named
    return next((ref for ref in catalog.models if ref.provider == provider), None)


def _defaults(catalog: Catalog, credentials: Mapping[str, Sequence[str]], first: ModelRef | None) -> Iterator[ModelRef]:
    for provider in credentials:
        default = default_of(catalog, provider)
        if default is not None and (first is None or provider != first.provider):
            yield default


def _others(catalog: Catalog, credentials: Mapping[str, Sequence[str]]) -> Iterator[ModelRef]:
    for provider in credentials:
        yield from (ref for ref, model in catalog.models.items() if ref.provider == provider and model.tools)
