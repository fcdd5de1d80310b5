"""Hosts for tests: a `Fallback` on a fault server, impatient and in memory."""

from collections.abc import Mapping
from typing import Any

from pi_fallback.embedding import Fallback, ProgressSettings, ProviderConfig, RetryPolicy, Settings
from pi_fallback.testing import FaultServer
from tests.canary import canary

AT_ONCE = Settings(retry=RetryPolicy(enabled=False), progress=ProgressSettings(enabled=False))
KEY_OF_TWO = canary("two")
TWO_KEYS = {"primary": canary("one"), "backup-1": canary("one again")}


def fallback(
    server: FaultServer, *order: str, keys: Mapping[str, str] = TWO_KEYS, settings: Settings = AT_ONCE, **more: Any
) -> Fallback:
    """One over the providers `one` (with `keys`) and `two`, both at `server`; by default `one/big`, then `two/mid`."""
    providers = [
        ProviderConfig("one", base_url=server.base_url, keys=keys),
        ProviderConfig("two", base_url=server.base_url, keys={"primary": KEY_OF_TWO}),
    ]
    return Fallback(providers=providers, order=order or ("one/big", "two/mid"), settings=settings, **more)
