"""Prices and windows of models, from the list of `genai-prices`, where nothing nearer knows them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from pi_fallback_hookspecs import ModelRef, Price, Provider

# What that list calls providers that it would find neither by their name nor by their address.
_NAMES: Mapping[str, str] = {
    "amazon-bedrock": "aws",
    "azure-openai": "azure",
    "azure-openai-responses": "azure",
    "google-gemini-cli": "google",
    "google-vertex": "google",
    "moonshot": "moonshotai",
    "openai-codex": "openai",
    "xai": "x-ai",
}


class Fact(NamedTuple):
    """What the list knows of a model: `window` in tokens; None is what it does not know."""

    price: Price | None = None
    window: int | None = None


Facts: TypeAlias = Callable[[ModelRef, Provider], Fact]


def facts(wall: float) -> Facts:
    """Return the list, as prices are at `wall` (seconds since 1970); one that knows nothing if it is not installed.

    Loading it takes a third of a second: never at the start of an agent.
    """
    try:
        from genai_prices.data_snapshot import get_snapshot
        from genai_prices.types import TieredPrices
    except ImportError:
        return lambda _ref, _provider: Fact()
    snapshot, now = get_snapshot(), datetime.fromtimestamp(wall, UTC)

    def fact(ref: ModelRef, provider: Provider) -> Fact:
        name = _NAMES.get(ref.provider, ref.provider)
        known = next((found for found in snapshot.providers if found.id == name), None)
        try:
            _, model = snapshot.find_provider_model(ref.id, known, None, provider.base_url or name)
        except LookupError:
            return Fact()
        prices = model.get_prices(now)

        def dollars(field: str) -> float | None:
            value: object = getattr(prices, field, None)
            value = value.base if isinstance(value, TieredPrices) else value
            return float(value) if isinstance(value, Decimal | int | float) else None

        given, taken = dollars("input_mtok"), dollars("output_mtok")
        if given is None or taken is None:
            return Fact(None, model.context_window)
        caches = dollars("cache_read_mtok") or 0.0, dollars("cache_write_mtok") or 0.0
        return Fact(Price(given, taken, *caches), model.context_window)

    return fact
