"""Accounts: who may be asked, with what, and why not, found in auth.json, models.json and the environment."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal, NamedTuple, TypeAlias

from pi_fallback.config.problems import Problem
from pi_fallback.config.schema import ApiKeyEntry, AuthEntry, AuthFile, ModelsFile, OAuthEntry
from pi_fallback.credentials import keyrings, sources
from pi_fallback.credentials.oauth_requests import account_headers
from pi_fallback.credentials.sources import Login, NoKey, Source, Template, Variable
from pi_fallback.errors import MissingExtra
from pi_fallback_hookspecs import Provider, origin_of

Kind: TypeAlias = Literal["api_key", "oauth", "none"]
PRIMARY = "primary"
NEEDS_LOGIN = "needs a login"


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a provider. Its secret goes to `origin` only, and to those origins of single models in `also`.

    `unusable` says why it cannot be used; `found_in` tells people where it was found: a file or a variable. `opened`
    is its provider as this account asks it, if that is another way than that of a key. `stored` is whether ha.json
    has it, under this label.
    """

    provider: str
    label: str
    kind: Kind
    source: Source
    origin: str
    found_in: str
    unusable: str | None = None
    also: frozenset[str] = frozenset()
    opened: Provider | None = field(default=None, repr=False)
    stored: bool = False

    @property
    def places(self) -> str:
        """Where it stands. An account of auth.json is in ha.json too as soon as there are others: that says nothing."""
        both = self.stored and self.found_in not in ("auth.json", "ha.json")
        return f"{self.found_in}, ha.json" if both else self.found_in


Opens: TypeAlias = Callable[[Provider, OAuthEntry], Provider]
"""A provider as one asks it with a login."""


def as_it_is(provider: Provider, _login: OAuthEntry) -> Provider:
    """A provider that a login asks as a key does."""
    return provider


class Found(NamedTuple):
    accounts: tuple[Account, ...]
    notices: tuple[str, ...]
    problems: tuple[Problem, ...]


def accounts(
    auth: AuthFile,
    file: ModelsFile,
    providers: Mapping[str, Provider],
    environ: Mapping[str, str],
    *,
    wall: float,
    opens: Opens = as_it_is,
    named: Collection[str] = (),
    closed: Mapping[str, str] | None = None,
    address_variables: Mapping[str, Sequence[str]] | None = None,
) -> Found:
    """Find the account of each of `providers`: in `auth`, else in `file`, else in the environment, in this order.

    The first place that has one decides, even if that one cannot be used: nobody's work moves to an
    account that they did not choose. A provider that needs no key has an account if `file` has it or it
    is among `named`. `closed` says of some providers why they cannot be used, whatever their accounts;
    `address_variables` which variables may hold the address of one. `wall` is the time in seconds since 1970.
    `opens` gives a provider as a login asks it.
    """
    found: dict[str, Account] = {}
    notices: list[str] = []
    problems: list[Problem] = []

    def add(
        provider: Provider, kind: Kind, source: Source, where: str, field: str, login: OAuthEntry | None = None
    ) -> None:
        if provider.id in found:
            return
        why = _shut(provider, kind, (address_variables or {}).get(provider.id, ())) or _why_not(source, environ, wall)
        reason = (closed or {}).get(provider.id) or (why and why[0])
        opened = None if login is None else opens(provider, login)
        found[provider.id] = _account(provider, PRIMARY, kind, source, where, reason, opened)
        if why and provider.id not in (closed or {}):
            problems.append(Problem(PurePath(where), None, field, *why))

    for name, entry in auth.root.items():
        provider = providers.get(name)
        written = None if provider is None else _written(entry, provider, environ)
        if provider is None:
            notices.append(f"auth.json has an account for {name}, which is no provider that is known here.")
        elif written is not None:
            notices += [f"auth.json, {name}: {written.notice}"] if written.notice else []
            field = f"{name}.{'access' if entry.type == 'oauth' else 'key'}"
            login = entry if isinstance(entry, OAuthEntry) else None
            add(provider, entry.type, written.source, "auth.json", field, login)
        elif (problem := keyless(entry, "auth.json", name)) is not None:
            problems.append(problem)
    for name, config in file.providers.items():
        if config.api_key is not None and name in providers:
            written = sources.read(config.api_key.get_secret_value(), environ)
            notices += [f"models.json, {name}: {written.notice}"] if written.notice and name not in found else []
            add(providers[name], "api_key", written.source, "models.json", f"providers.{name}.apiKey")
    for provider in providers.values():
        variable = next((variable for variable in provider.env if environ.get(variable, "").strip()), None)
        if variable is not None:
            add(provider, "api_key", Variable(variable), f"${variable}", "")
    for provider in providers.values():
        if not provider.needs_key and (provider.id in file.providers or provider.id in named):
            add(provider, "none", NoKey(), "no key needed", "")
    return Found(tuple(found.values()), tuple(notices), tuple(problems))


def stored_account(
    provider: Provider,
    label: str,
    entry: AuthEntry,
    where: str,
    environ: Mapping[str, str],
    *,
    wall: float,
    opens: Opens = as_it_is,
    closed: str = "",
    variables: Sequence[str] = (),
) -> tuple[Account, tuple[str, str] | None] | None:
    """The account that `entry` is, and what is wrong with it, if anything; None if the entry has no key at all."""
    written = _written(entry, provider, environ)
    if written is None:
        return None
    why = _shut(provider, entry.type, variables) or _why_not(written.source, environ, wall)
    reason = closed or (why and why[0]) or None
    opened = opens(provider, entry) if isinstance(entry, OAuthEntry) else None
    account = _account(provider, label, entry.type, written.source, where, reason, opened)
    return account, None if closed else why


def keyless(entry: AuthEntry, where: str, field: str) -> Problem | None:
    """What is to be said of `entry`, which has no key: nothing, if it is there for the variables that it brings."""
    if not isinstance(entry, ApiKeyEntry) or entry.env:
        return None
    return Problem(PurePath(where), None, field, "has no key", 'Write "key" into it, or take it out.')


def _account(
    provider: Provider,
    label: str,
    kind: Kind,
    source: Source,
    where: str,
    unusable: str | None,
    opened: Provider | None,
) -> Account:
    base_url = (opened or provider).base_url
    origins = [_origin(url) for url in (base_url, *(model.base_url for model in provider.models))]
    also = frozenset(origins[1:]) - {"", origins[0]}
    return Account(provider.id, label, kind, source, origins[0], where, unusable, also, opened)


def labels(found: Sequence[Account]) -> Mapping[str, tuple[str, ...]]:
    """The labels of the usable accounts by provider, both in the order of `found`."""
    result: dict[str, tuple[str, ...]] = {}
    for account in found:
        if account.unusable is None:
            result[account.provider] = (*result.get(account.provider, ()), account.label)
    return result


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:  # a plugin's own wire, with no address of its own: it gets the key and no URL
        return ""


def _shut(provider: Provider, kind: Kind, variables: Sequence[str]) -> tuple[str, str] | None:
    """Why no account of this kind opens `provider`, and what to do about it; None if one does."""
    if provider.login and kind != "oauth":
        if provider.oauth is not None and provider.oauth.can_log_in:
            return NEEDS_LOGIN, f"Log in: /login {provider.id}"
        return NEEDS_LOGIN, "Log in with pi: its login in auth.json is used."
    if not provider.base_url and provider.stream is None:
        remedy = f"Set {' or '.join(variables)}, or give" if variables else "Give"
        return "it has no address", f'{remedy} it a "baseUrl" in models.json.'
    return None


def _written(entry: AuthEntry, provider: Provider, environ: Mapping[str, str]) -> sources.Written | None:
    if not isinstance(entry, ApiKeyEntry):
        renews = entry.refresh is not None and provider.oauth is not None and provider.oauth.can_renew
        endpoints = provider.oauth if renews else None
        headers = account_headers(provider.oauth, entry.model_extra or {})
        return sources.Written(Login(entry.access.get_secret_value(), entry.expires / 1000, endpoints, headers))
    own = {name: value.get_secret_value() for name, value in entry.env.items()}
    if entry.key is not None:
        return sources.read(entry.key.get_secret_value(), environ, own)
    name = next((name for name in provider.env if name in own), None)
    return None if name is None else sources.Written(Variable(name, own[name]))


def _why_not(source: Source, environ: Mapping[str, str], wall: float) -> tuple[str, str] | None:
    """Why `source` gives no secret now, and what to do about it; None if it may."""
    match source:
        case Variable(name, own) if not (own or environ.get(name, "")).strip():
            return f"the environment variable {name} is not set", f"Set {name}, or write the key itself."
        case sources.Literal(value) if not value:
            return "the key is empty", "Write the key, $NAME or !command."
        case Template(parts):
            unset = (part for part in parts if isinstance(part, Variable))
            return next((why for part in unset if (why := _why_not(part, environ, wall))), None)
        case sources.Command(line) if not line:
            return "there is no command behind the !", "Write !command."
        case sources.Keyring(_, ""):
            return "there is no name behind keyring:", "Write keyring:NAME or keyring:SERVICE/USER."
        case sources.Keyring() if not keyrings.is_installed():
            return "the key store needs more than is installed", str(MissingExtra(keyrings.WHAT, keyrings.EXTRA))
        case Login(_, expires, None) if expires <= wall:
            return "login needed: the access has expired", "Log in again, or use an API key."
        case _:
            return None
