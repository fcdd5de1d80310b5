"""The footing: what all sessions of a `Fallback` stand on, whether it was given in code or found in files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from pi_fallback.config.policies import RetryPolicy
from pi_fallback.credentials.accounts import Account, labels
from pi_fallback.credentials.keeping import Keeper
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.embedding.providers import ProviderConfig, accounts_of, models_of, providers_of, routes_of
from pi_fallback.embedding.settings import Actions, Settings
from pi_fallback.errors import ConfigError, PluginError
from pi_fallback.plugins.pool import NAME as POOL
from pi_fallback.plugins.pool import PoolFailover
from pi_fallback.plugins.progress import NAME as PROGRESS
from pi_fallback.plugins.progress import ProgressDetection
from pi_fallback.preparing import Setup
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.runtime.discovery import given, installed
from pi_fallback.runtime.registry import Builtin, Registry
from pi_fallback_hookspecs import Json, Model, ModelRef, Provider, Route

NOT_YET = (
    "Settings.actions is accepted, but takes effect with a later version. Until then each failure goes to the next "
    "route that may do better."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """Providers, models, accounts and plugins, the order of routes, and how patient to be.

    `models_for` knows the models of other routes than those of `order`; `waits_out` is the engine's; `keeper` has the
    files in which logins are renewed.
    """

    providers: Mapping[str, Provider]
    models: Mapping[ModelRef, Model]
    accounts: Sequence[Account]
    order: tuple[Route, ...]
    start: Route
    registry: Registry
    redactor: Redactor
    retry: RetryPolicy
    thinking: Callable[[ModelRef], str | None]
    goes_on: bool
    trust_env: bool
    models_for: Callable[[Sequence[Route]], Mapping[ModelRef, Model]] = lambda _routes: {}
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])
    notices: Sequence[str] = ()
    waits_out: Callable[[float], bool | None] = lambda _wait_s: None
    keeper: Keeper | None = None

    @property
    def labels(self) -> Mapping[str, Sequence[str]]:
        return labels(self.accounts)


def given_footing(
    configs: Sequence[ProviderConfig],
    order: Sequence[str | Route],
    settings: Settings,
    plugins: Mapping[str, object],
    *,
    installed_plugins: bool,
) -> Footing:
    """What is given in code, and nothing else.

    Raises:
        ConfigError: what is given does not fit together.
        PluginError: a plugin cannot be used.
    """
    registry = _registry(settings, plugins, installed_plugins=installed_plugins)
    providers = {
        **{provider.id: provider for provider in registry.providers()},
        **providers_of(configs, {dialect.name for dialect in DIALECTS}),
    }
    accounts = tuple(accounts_of(configs, providers))
    routes = routes_of(order, labels(accounts))
    redactor = Redactor()
    for config in configs:
        for key in config.keys.values():
            redactor.add(key)
    return Footing(
        providers=providers,
        models=models_of(configs, providers, routes, settings.limits),
        models_for=lambda others: models_of(configs, providers, others, settings.limits),
        accounts=accounts,
        order=routes,
        start=routes[0],
        registry=registry,
        redactor=redactor,
        retry=settings.retry,
        thinking=lambda _model: settings.thinking,
        goes_on=settings.mid_stream == "continue",
        trust_env=settings.trust_env,
        notices=[NOT_YET] if settings.actions != Actions() else [],
    )


def found_footing(setup: Setup) -> Footing:
    """What the user's files and environment say.

    Raises:
        ConfigError: no route is usable at the start.
    """
    selection, configuration = setup.selection, setup.configuration
    start = selection.start or next(iter(selection.order), None)
    if start is None:
        raise ConfigError("The user's files name no usable model. `pi-fallback models` shows what they make available.")
    default = configuration.settings.default_thinking_level
    return Footing(
        providers=setup.catalog.providers,
        models=setup.catalog.models,
        accounts=setup.accounts,
        order=selection.order,
        start=start,
        registry=setup.registry,
        redactor=setup.redactor,
        retry=configuration.settings.retry.policy(),
        thinking=lambda model: selection.levels.get(model) or default,
        goes_on=configuration.settings.fallback.mid_stream == "continue",
        trust_env=True,
        environ=setup.world.environ,
        settings=configuration.settings_json,
        notices=setup.notices,
        waits_out=setup.waits_out,
        keeper=Keeper.of(setup.world.agent_dir, setup.world.wall, Random()),
    )


def _registry(settings: Settings, plugins: Mapping[str, object], *, installed_plugins: bool) -> Registry:
    last: list[Builtin] = [(POOL, PoolFailover())]
    if settings.progress.enabled:
        last.append((PROGRESS, ProgressDetection(settings.progress)))
    found = [*(given(name, plugin) for name, plugin in plugins.items()), *(installed() if installed_plugins else ())]
    registry = Registry.load(found=found, last=last)
    for row in registry.listing():
        if row.origin == "given" and row.fault:
            raise PluginError(f"{row.fault} Correct it, or leave it out of `plugins`.", plugin=row.name)
    return registry
