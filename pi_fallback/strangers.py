"""Strangers: what a project's folder brings that is not used, or not without a word of the user's own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic.alias_generators import to_camel

from pi_fallback.config.problems import shown
from pi_fallback.config.schema import OAuthConfig
from pi_fallback.config.store import Configuration
from pi_fallback_hookspecs import Provider, origin_of

_NEVER_READ = ("auth.json", "models.json", "subswitch.json", "trust.json", "agent", "pi-fallback")

_LOGIN_URLS = ("token_url", "exchange_url", "device_url", "authorize_url")  # they get tokens, codes or the user


def unread(project: Path, agent_dir: Path, *, trusted: bool) -> Iterator[str]:
    """A sentence for each part of `.pi/` that would count in the agent directory, but never or not yet in a project."""
    here = project / ".pi"
    for name in _NEVER_READ:
        if (here / name).exists() and here / name not in (agent_dir, *agent_dir.parents):
            yield f"{shown(here / name)} is not read: accounts, keys and addresses come from your own files only."
    if not trusted and any((here / "plugins").glob("*.py")):
        yield f"{shown(here / 'plugins')}: ignored until you trust this folder (pi-fallback trust)."


class Vetted(NamedTuple):
    providers: tuple[Provider, ...]
    notices: tuple[str, ...]


def vetted(
    added: Sequence[Provider],
    configuration: Configuration,
    environ: Mapping[str, str],
    *,
    is_project: Callable[[str], bool],
) -> Vetted:
    """`added` without those for which plugins of the project want a key of the user's.

    Trust lets a folder's plugins run. That a key goes where they say needs a second yes: the address in the user's own
    models.json. `is_project` says of a provider's id whether it is such a plugin's.
    """
    passed: list[Provider] = []
    notices: list[str] = []
    for provider in added:
        wants_key = is_project(provider.id) and _has_key(provider, configuration, environ)
        unnamed = _unnamed(provider, configuration) if wants_key else None
        if unnamed is None:
            passed.append(provider)
        else:
            notices.append(
                f"A plugin of this folder wants the key of {provider.id} for {unnamed.where}, and does not get it. To "
                f"allow that, write the address {unnamed.how} of {provider.id} into your own models.json."
            )
    return Vetted(tuple(passed), tuple(notices))


def _has_key(provider: Provider, configuration: Configuration, environ: Mapping[str, str]) -> bool:
    config = configuration.models.providers.get(provider.id)
    in_files = provider.id in configuration.auth.root or provider.id in configuration.ha.stored()
    in_models = config is not None and bool(config.api_key or config.headers)
    return in_files or in_models or any(environ.get(name, "").strip() for name in provider.env)


class _Unnamed(NamedTuple):
    where: str
    how: str


def _unnamed(provider: Provider, configuration: Configuration) -> _Unnamed | None:
    """The first address of `provider`, for its keys or for its logins, that the user has not named."""
    config = configuration.models.providers.get(provider.id)
    if config is None or config.base_url is None:
        return _Unnamed(provider.base_url or "a wire of its own", "as the baseUrl")
    named = {_origin(config.base_url)}
    for address in (provider.base_url, *(model.base_url for model in provider.models)):
        if address and _origin(address) not in named:
            return _Unnamed(address, "as the baseUrl")
    own = config.oauth if isinstance(config.oauth, OAuthConfig) else None
    named |= {_origin(url) for field in _LOGIN_URLS if (url := getattr(own, field, None))}
    for field in _LOGIN_URLS if provider.oauth is not None else ():
        address = getattr(own, field, None) or getattr(provider.oauth, field)
        if address and _origin(address) not in named:
            return _Unnamed(address, f"as {to_camel(field)} in the oauth")
    return None


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:
        return url
