"""The shape of ha.json: groups, what follows which error, and stored accounts, under that file's names and units."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, FiniteFloat, NonNegativeInt, SecretStr, ValidationInfo, field_validator

from pi_fallback.config.ha_policy import Action, ContextAction, Entry, Group, HaPolicy
from pi_fallback.config.schema import ApiKeyEntry, Dollars, FileModel, OAuthEntry

NEVER_MS = 4e15  # the year 128,725


def entry_id(text: str) -> str:
    """Return `text` if it is `provider` or `provider/model`.

    Raises:
        ValueError: it is neither.
    """
    provider, slash, model = text.partition("/")
    if not provider or bool(slash) != bool(model) or text.split() != [text]:
        raise ValueError('must be "provider/model" or "provider"')
    return text


class EntryConfig(FileModel, frozen=True):
    id: Annotated[str, AfterValidator(entry_id)]
    cooldown_ms: NonNegativeInt | None = None


class GroupConfig(FileModel, frozen=True):
    name: str | None = None
    entries: tuple[EntryConfig, ...] = Field((), strict=False)


class ErrorHandling(FileModel, frozen=True):
    capacity_error_action: Action = "next_key_then_provider"
    quota_error_action: Action = "next_key_then_provider"
    auth_error_action: Action = "next_key_then_provider"
    network_error_action: Action | None = None
    context_error_action: ContextAction | None = None
    retry_timeout_ms: NonNegativeInt = 300_000
    network_retry_delay_ms: NonNegativeInt = 1_000
    max_retries_per_turn: NonNegativeInt = 3
    max_episode_ms: NonNegativeInt = 600_000


class StoredLogin(FileModel, frozen=True):
    """A login. Without `expires` (milliseconds since 1970) it holds until a provider refuses it."""

    type: Literal["oauth"]
    access: SecretStr
    refresh: SecretStr | None = None
    expires: FiniteFloat | None = None

    def entry(self) -> OAuthEntry:
        expires = NEVER_MS if self.expires is None else self.expires
        more = self.model_extra or {}  # which account, project or address is meant
        return OAuthEntry(type="oauth", access=self.access, refresh=self.refresh, expires=expires, **more)


StoredAccount: TypeAlias = Annotated[ApiKeyEntry | StoredLogin, Field(discriminator="type")]


class AccountsMeta(FileModel, frozen=True):
    default_name: str | None = None


class StoredAccounts(FileModel, frozen=True):
    """The accounts of one provider by label, in the order in which they are to be used."""

    __pydantic_extra__: dict[str, StoredAccount]  # pyright: ignore[reportIncompatibleVariableOverride]  # pydantic's way to type extra keys

    type: Any = None
    meta: AccountsMeta = Field(AccountsMeta(), alias="__meta")

    def entries(self) -> Mapping[str, ApiKeyEntry | OAuthEntry]:
        """The accounts by label; the one that is named the default comes first."""
        stored = {
            label: account.entry() if isinstance(account, StoredLogin) else account
            for label, account in (self.__pydantic_extra__ or {}).items()
        }
        first = self.meta.default_name
        return {first: stored[first], **stored} if first in stored else stored


class HaFile(FileModel, frozen=True):
    """ha.json. Without a group it says nothing of failover."""

    groups: Mapping[str, GroupConfig] = {}
    default_group: str | None = None
    default_cooldown_ms: NonNegativeInt = 3_600_000
    error_handling: ErrorHandling = ErrorHandling()
    credentials: Mapping[str, StoredAccounts] = {}
    return_to_preferred: bool = True
    return_max_cost: Dollars = 0.10
    when_exhausted: Literal["stop", "wait"] = "stop"
    max_wait_ms: NonNegativeInt = 3_600_000

    @field_validator("default_group")
    @classmethod
    def _names_a_group(cls, name: str | None, info: ValidationInfo) -> str | None:
        groups: Mapping[str, GroupConfig] = info.data.get("groups", {})
        if name is not None and groups and name not in groups:
            near = get_close_matches(name, groups, n=1)
            hint = f" (did you mean {near[0]}?)" if near else f"; the groups are {', '.join(groups)}"
            raise ValueError(f"names no group{hint}")
        return name

    def stored(self) -> Mapping[str, Mapping[str, ApiKeyEntry | OAuthEntry]]:
        """The stored accounts by provider and label."""
        return {provider: accounts.entries() for provider, accounts in self.credentials.items()}

    def policy(self) -> HaPolicy:
        errors = self.error_handling
        groups = {
            name: Group(name, tuple(_entry(entry) for entry in group.entries), group.name or "")
            for name, group in self.groups.items()
        }
        return HaPolicy(
            groups=groups,
            default_group=self.default_group,
            cooldown_s=self.default_cooldown_ms / 1000,
            capacity=errors.capacity_error_action,
            quota=errors.quota_error_action,
            auth=errors.auth_error_action,
            network=errors.network_error_action,
            context=errors.context_error_action,
            retry_s=errors.retry_timeout_ms / 1000,
            network_retry_s=errors.network_retry_delay_ms / 1000,
            max_retries=errors.max_retries_per_turn,
            max_episode_s=errors.max_episode_ms / 1000,
            return_to_preferred=self.return_to_preferred,
            return_max_cost=self.return_max_cost,
            when_exhausted=self.when_exhausted,
            max_wait_s=self.max_wait_ms / 1000,
        )


class ProjectHa(FileModel, frozen=True):
    """The ha.json of a project, as far as it counts: both fields speak of the user's own groups."""

    groups: Mapping[str, GroupConfig] = {}
    default_group: str | None = None


def _entry(config: EntryConfig) -> Entry:
    return Entry(config.id, None if config.cooldown_ms is None else config.cooldown_ms / 1000)


def narrowed(user: HaFile, project: ProjectHa) -> HaFile:
    """`user` as a project may change it: another default group of the user's, and fewer entries in another order."""
    groups = dict(user.groups)
    for name, wanted in project.groups.items():
        if name in groups:
            known = {entry.id: entry for entry in groups[name].entries}
            entries = tuple(known[entry.id] for entry in wanted.entries if entry.id in known)
            groups[name] = groups[name].model_copy(update={"entries": entries or groups[name].entries})
    default = project.default_group if project.default_group in groups else user.default_group
    return user.model_copy(update={"groups": groups, "default_group": default})


def with_the_part(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """How much of ha.json is left out with the wrong field at `path`: an entry, an account, a group or a setting."""
    match path:
        case ("groups", _, "entries", _, *_):
            return path[:4]
        case ("credentials", *_):
            return path[:3]
        case _:
            return path[:2]
