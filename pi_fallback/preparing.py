"""Preparing: what is found out before a session opens: files, plugins, accounts, models."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from pi_fallback import models_cache
from pi_fallback.config import store
from pi_fallback.config.problems import Problem, shown
from pi_fallback.config.schema import AuthFile, ModelsFile
from pi_fallback.config.store import Configuration
from pi_fallback.config.trust import Trust, TrustState
from pi_fallback.core.catalog import Catalog
from pi_fallback.core.selection import GroupWish, Selection, Wishes, select
from pi_fallback.credentials.accounts import Account, labels
from pi_fallback.credentials.headers import HeaderSources
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.credentials.secrecy import secrets_in
from pi_fallback.credentials.sources import Source
from pi_fallback.errors import ConfigError, NoUsableModel, PiFallbackError, PluginError
from pi_fallback.gathering import Gathered, gathered
from pi_fallback.plugins.ha import NAME as HA
from pi_fallback.plugins.ha import HighAvailability
from pi_fallback.plugins.pool import NAME as POOL
from pi_fallback.plugins.pool import PoolFailover
from pi_fallback.plugins.progress import NAME as PROGRESS
from pi_fallback.plugins.progress import ProgressDetection
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.providers.placing import known_providers
from pi_fallback.providers.streaming import AUTHS
from pi_fallback.runtime.discovery import discover
from pi_fallback.runtime.registry import Registry
from pi_fallback.runtime.toolbox import Approval
from pi_fallback.strangers import unread, vetted
from pi_fallback_hookspecs import ModelRef, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What surrounds the program. `wall` is seconds since 1970, `redactor` knows all secrets that are found here."""

    environ: Mapping[str, str] = field(repr=False)  # keys are in it
    home: Path
    wall: Callable[[], float] = time.time  # noqa: TID251  # the one place where wall time enters
    redactor: Redactor = field(default_factory=Redactor)

    @property
    def agent_dir(self) -> Path:
        return store.agent_dir(self.environ, self.home)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for on the command line. With `strict` a broken file stops the start."""

    cwd: Path
    model: str | None = None
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    plugins: tuple[str, ...] = ()
    without_plugins: tuple[str, ...] = ()
    approval: Approval = "ask"
    session: Path | None = None
    strict: bool = True
    ha_group: str | None = None


@dataclass
class Setup:
    """Everything that was found out before a session opens. `notices` grows until somebody shows them."""

    options: Options
    world: World
    configuration: Configuration
    registry: Registry
    catalog: Catalog
    accounts: tuple[Account, ...]
    selection: Selection
    redactor: Redactor
    ha: HighAvailability = field(default_factory=HighAvailability)
    headers: HeaderSources = field(default_factory=dict[tuple[str, str], Mapping[str, Source]])
    notices: list[str] = field(default_factory=list[str])

    @property
    def usable(self) -> Mapping[str, Sequence[str]]:
        return labels(self.accounts)

    def waits_out(self, wait_s: float) -> bool | None:
        """Whether a run that finds everything at rest for `wait_s` seconds waits; None: as `retry` has it."""
        progress = self.configuration.settings.fallback.progress()
        waits = self.ha.waits_out(wait_s)
        return True if waits is None and progress.enabled and progress.wait_for_recovery else waits


def trust_state(options: Options, world: World) -> TrustState:
    return Trust(world.agent_dir).state(options.cwd)


def high_availability(options: Options, world: World, configuration: Configuration) -> HighAvailability:
    """The plugin as ha.json wants it."""
    path, enabled = shown(world.agent_dir / "ha.json"), HA not in options.without_plugins
    return HighAvailability(configuration.ha.policy(), options.ha_group, path=path, enabled=enabled)


def load_registry(
    options: Options, world: World, configuration: Configuration, *, trusted: bool, ha: HighAvailability | None = None
) -> Registry:
    """Find and load the plugins. A group of the user's own is asked before third parties, the pool after them.

    Raises:
        PluginError: one that was asked for by name cannot be loaded, or one to leave out does not exist.
    """
    fallback = configuration.settings.fallback
    progress = fallback.progress()
    ha = ha or high_availability(options, world, configuration)
    last: list[tuple[str, object]] = [(POOL, PoolFailover(lambda: ha.group is None))] if fallback.pool else []
    last += [(PROGRESS, ProgressDetection(progress))] if progress.enabled else []
    found = discover(
        explicit=options.plugins,
        agent_dir=world.agent_dir,
        trusted_project=options.cwd if trusted else None,
    )
    registry = Registry.load(first=[(HA, ha)], found=found, last=last, deny=options.without_plugins)
    names = dict.fromkeys([*(row.name for row in registry.listing()), POOL, PROGRESS])
    for name in options.without_plugins:
        if name not in names:
            raise PluginError(f"There is no plugin {name!r}. The plugins are: {', '.join(names)}.", plugin=name)
    return registry


def learn_secrets(world: World, configuration: Configuration, providers: Mapping[str, Provider] | None = None) -> None:
    """Tell the redactor each secret of the files, and of the variables of `providers`, or of the known ones."""
    if providers is None:
        providers = {provider.id: provider for provider in known_providers(world.environ).providers}
    for secret in known_secrets(world, configuration, providers):
        world.redactor.add(secret)


def known_secrets(world: World, configuration: Configuration, providers: Mapping[str, Provider]) -> Iterator[str]:
    """Every secret that is known before anything is asked."""
    stored = configuration.ha.stored()
    kept = {f"{name}:{label}": entry for name, labelled in stored.items() for label, entry in labelled.items()}
    every = AuthFile.model_construct(root={**configuration.auth.root, **kept})
    yield from secrets_in(every, configuration.models, providers, world.environ)


def gather(
    options: Options, world: World, configuration: Configuration, registry: Registry, ha: HighAvailability
) -> Gathered:
    """The models and accounts of `configuration`, with the models that were asked for by name."""
    names = (*((options.model,) if options.model else ()), *options.models, *ha_entries(ha))
    cache = models_cache.load(models_cache.path_in(world.agent_dir))
    strange = options.cwd / ".pi"
    added = vetted(
        registry.providers(),
        configuration,
        world.environ,
        is_project=lambda name: strange in Path(registry.origin_of_provider(name)).parents,
    )
    there = gathered(configuration, added.providers, world.environ, cache, names=names, wall=world.wall())
    return there._replace(notices=(*added.notices, *there.notices))


def prepare(options: Options, world: World, *, needs_model: bool = True) -> Setup:
    """Read files, plugins and credentials, and choose the models.

    If it `needs_model` not, there may be none to start on, and a notice says why.

    Raises:
        ConfigError: a file is broken and the start is strict, or nothing usable is left of it.
        PluginError: a plugin that was asked for cannot be loaded.
        UnknownModel, NoUsableModel: there is nothing to start on.
    """
    trusted = trust_state(options, world) is TrustState.TRUSTED
    configuration = store.load(world.agent_dir, options.cwd, trusted=trusted)
    problems = configuration.problems
    if (problem := Trust(world.agent_dir).problem()) is not None:
        problems += (problem,)
    if options.strict:
        _refuse(problems)
    learn_secrets(world, configuration)  # before plugins are loaded, whose errors may quote one
    ha = high_availability(options, world, configuration)
    registry = load_registry(options, world, configuration, trusted=trusted, ha=ha)
    there = gather(options, world, configuration, registry, ha)
    catalog, found, not_usable = there.catalog, there.found, there.problems
    ha.accounts = there.rows()
    learn_secrets(world, configuration, catalog.providers)
    wishes = Wishes(options.model, options.models, configuration.project_models, options.strict, ha_wish(ha, options))
    try:
        selection = select(catalog, labels(found.accounts), configuration.settings, wishes)
        if needs_model and not selection.order:
            _refuse((*problems, *(_located(problem, world) for problem in not_usable)))
            why = "" if catalog.closed else ", because no key was found"
            raise NoUsableModel("\n".join((*catalog.notices, NOTHING.format(why=why))))
    except PiFallbackError as error:
        if needs_model:
            raise
        selection = Selection((), None, {}, (str(error),))
    notices = [
        *map(str, problems),
        *configuration.notices,
        *unread(options.cwd, world.agent_dir, trusted=trusted),
        *map(str, registry.faults),
        *registry.notices,
        *there.notices,
        *_replaced(configuration.models, catalog.providers, found.accounts),
        *(str(_located(problem, world)) for problem in not_usable),
        *selection.notices,
        *ha_notices(ha, options, catalog, selection),
    ]
    return Setup(
        options,
        world,
        configuration,
        registry,
        catalog,
        found.accounts,
        selection,
        world.redactor,
        ha,
        there.headers,
        list(dict.fromkeys(notices)),
    )


_OWN_AUTH = {dialect.name: dialect.auth for dialect in DIALECTS}


def _replaced(file: ModelsFile, providers: Mapping[str, Provider], found: Sequence[Account]) -> Iterator[str]:
    """A sentence for each header of `file` in whose place the key of an account is sent."""
    for account in found:
        config, provider = file.providers.get(account.provider), account.opened or providers[account.provider]
        if config is None or account.kind == "none" or account.unusable:
            continue
        spoken = {model.ref.id: model.dialect for model in provider.models}
        owners = [("", "", config.headers)]
        owners += [(f".models[{i}]", item.id, item.headers) for i, item in enumerate(config.models)]
        owners += [(f".modelOverrides.{name}", name, change.headers) for name, change in config.model_overrides.items()]
        for where, model, headers in owners:
            bears = AUTHS.get(provider.auth) or _OWN_AUTH.get(spoken.get(model) or provider.dialect)
            for name in headers:
                if bears is not None and name.lower() == bears[0]:
                    field = f"models.json, providers.{provider.id}{where}.headers.{name}"
                    yield f"{field} is not sent: the key of {account.found_in} goes in its place. Take one of them out."


def ha_entries(ha: HighAvailability) -> tuple[str, ...]:
    """The names of all models that a group asks for."""
    groups = ha.policy.groups.values()
    return tuple(dict.fromkeys(entry.id for group in groups for entry in group.entries))


def ha_wish(ha: HighAvailability, options: Options) -> GroupWish | None:
    """What the groups mean for the models in play and for the one to start on."""
    if ha.group is None:
        return None
    return GroupWish(ha_entries(ha), ha.group, asked_for=ha.group.name == options.ha_group)


def ha_notices(ha: HighAvailability, options: Options, catalog: Catalog, selection: Selection) -> Iterator[str]:
    """What is said in ha.json, or of it, that means nothing here."""
    names = [*map(str, catalog.models), *catalog.providers]
    for entry in ha_entries(ha):
        provider, _, model = entry.partition("/")
        if provider not in catalog.providers or (model and ModelRef(provider, model) not in catalog.models):
            near = get_close_matches(entry, names, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            yield f"{ha.path}: the entry {entry} names nothing that is known here{hint}; it is passed over."
    group = ha.group
    if group is not None and not any(group.index_of(route) is not None for route in selection.order):
        yield f"{ha.path}: no entry of the group {group.name} can be used; the other models are used instead."
    wanted = options.ha_group
    if wanted is not None and wanted not in ha.policy.groups:
        near = get_close_matches(wanted, ha.policy.groups, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        instead = f"{ha.group.name} is used" if ha.group else f"{ha.path} has none"
        yield f"There is no group {wanted!r}{hint}; {instead}."


NOTHING = (
    "There is no model to use{why}. Store a key: pi-fallback auth add PROVIDER. Or set a variable such as "
    "OPENAI_API_KEY, OPENROUTER_API_KEY or GROQ_API_KEY, or name a server of your own in models.json."
)


def _located(problem: Problem, world: World) -> Problem:
    """`problem` with the whole path, if it is one of a file: accounts are known by the bare name of theirs."""
    inside = problem.path.name in {"auth.json", "models.json", "ha.json"}
    return replace(problem, path=world.agent_dir / problem.path) if inside else problem


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ConfigError("\n".join(map(str, problems)), path=Path(problems[0].path))
