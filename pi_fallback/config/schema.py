"""The shapes of settings.json, models.json and auth.json, under the names and units of those files."""

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Annotated, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    RootModel,
    SecretStr,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

from pi_fallback.addresses import is_metadata
from pi_fallback.config import compat
from pi_fallback.config.policies import CompactionPolicy, ProgressSettings, RetryPolicy
from pi_fallback_hookspecs import Limits, OAuthEndpoints, Price

ThinkingLevel: TypeAlias = Literal["off", "minimal", "low", "medium", "high", "xhigh"]
THINKING_LEVELS: tuple[ThinkingLevel, ...] = get_args(ThinkingLevel)


def is_loopback(host: str) -> bool:
    """Whether `host` (as a URL has it, without brackets) is this machine by its very name."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def endpoint(url: str) -> str:
    """Return `url` if it may be sent a key: https, or plain http to this machine.

    Raises:
        ValueError: it may not, and why.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must be a URL that starts with https://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be a URL without user name, query or fragment")
    if is_metadata(host):
        raise ValueError("must not be an address that serves a cloud machine's own credentials")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must use https, because plain http is for this machine only")
    return url.rstrip("/")


def loopback(url: str) -> str:
    """Return `url` if a browser that comes back to it comes back to this machine.

    Raises:
        ValueError: it does not.
    """
    parts = urlsplit(endpoint(url))
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise ValueError("must be a URL of this machine, such as http://127.0.0.1/callback")
    return url


_FRAMING = """
    accept-encoding connection content-encoding content-length expect host keep-alive proxy-connection te trailer
    transfer-encoding upgrade
"""
FRAMING = frozenset(_FRAMING.split())  # the client frames each message: another opinion would cut or join requests
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")  # RFC 9110 §5.6.2


def sendable(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return `headers` if a request may bear them.

    Raises:
        ValueError: it may not, and why. No value is in the message.
    """
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("must hold header names only: letters, digits and hyphens")
        if name.lower() in FRAMING:
            raise ValueError(f"must not hold {name}, which is set by the program itself")
        if not value.isprintable():
            raise ValueError(f"must not hold line breaks or control characters (in {name})")
    return headers


Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
MONTH_S = 31 * 86_400  # nothing waits longer: a provider's own word is cut there too, and no calendar ends before
Seconds: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=MONTH_S)]
Milliseconds: TypeAlias = Annotated[NonNegativeInt, Field(le=MONTH_S * 1000)]
Dollars: TypeAlias = Annotated[FiniteFloat, Field(ge=0)]
BaseUrl: TypeAlias = Annotated[str, AfterValidator(endpoint)]
Compat: TypeAlias = Annotated[Mapping[str, object], AfterValidator(compat.checked)]
Headers: TypeAlias = Annotated[Mapping[str, str], AfterValidator(sendable)]


class FileModel(
    BaseModel,
    frozen=True,
    strict=True,
    extra="allow",
    alias_generator=to_camel,
    hide_input_in_errors=True,
    defer_build=True,  # the validators of all files take 40 ms, and not every program reads each file
):
    """A part of a file: aliases are the file's names, keys that it does not know stay as they are."""


class RetryConfig(FileModel, frozen=True):
    enabled: bool = True
    max_retries: NonNegativeInt = 3
    base_delay_ms: Milliseconds = 2000
    max_agent_delay_ms: Milliseconds = 60_000

    def policy(self) -> RetryPolicy:
        return RetryPolicy(self.enabled, self.max_retries, self.base_delay_ms / 1000, self.max_agent_delay_ms / 1000)


class CompactionConfig(FileModel, frozen=True):
    enabled: bool = True
    reserve_tokens: NonNegativeInt = 16_384
    keep_recent_tokens: NonNegativeInt = 20_000

    def policy(self) -> CompactionPolicy:
        return CompactionPolicy(self.enabled, self.reserve_tokens, self.keep_recent_tokens)


class FallbackConfig(FileModel, frozen=True):
    enabled: bool = True
    quiet_seconds: Seconds = 20.0
    last_working_ttl_seconds: Seconds = 3600.0
    failed_cooldown_seconds: Seconds = 300.0
    prompt: Text = "continue"
    act_when_settled: bool = False
    wait_for_recovery: bool = False
    mid_stream: Literal["restart", "continue"] = "restart"
    pool: bool = True

    def progress(self) -> ProgressSettings:
        return ProgressSettings(
            enabled=self.enabled,
            quiet_s=self.quiet_seconds,
            last_working_ttl_s=self.last_working_ttl_seconds,
            failed_cooldown_s=self.failed_cooldown_seconds,
            prompt=self.prompt,
            act_when_settled=self.act_when_settled,
            wait_for_recovery=self.wait_for_recovery,
        )


class Settings(FileModel, frozen=True):
    """settings.json, as far as something here uses it."""

    default_provider: Text | None = None
    default_model: Text | None = None
    default_thinking_level: ThinkingLevel | None = None
    enabled_models: tuple[Text, ...] | None = Field(None, strict=False)
    http_idle_timeout_ms: Milliseconds | None = None
    retry: RetryConfig = RetryConfig()
    compaction: CompactionConfig = CompactionConfig()
    fallback: FallbackConfig = FallbackConfig()

    @property
    def quiet_limit_s(self) -> float | None:
        """The limit between two pieces of content; 0 is off, None the built-in one."""
        return None if self.http_idle_timeout_ms is None else self.http_idle_timeout_ms / 1000


class LimitsConfig(FileModel, frozen=True):
    connect_seconds: Seconds | None = None
    head_seconds: Seconds | None = None
    first_content_seconds: Seconds | None = None
    quiet_seconds: Seconds | None = None
    total_seconds: Seconds | None = None

    def over(self, base: Limits) -> Limits:
        """`base` with what this file says instead."""
        return Limits(
            base.head_s if self.head_seconds is None else self.head_seconds,
            base.first_content_s if self.first_content_seconds is None else self.first_content_seconds,
            base.quiet_s if self.quiet_seconds is None else self.quiet_seconds,
            base.total_s if self.total_seconds is None else self.total_seconds,
            base.connect_s if self.connect_seconds is None else self.connect_seconds,
        )


class CostConfig(FileModel, frozen=True):
    """US dollars for a million tokens."""

    input: Dollars | None = None
    output: Dollars | None = None
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None

    def over(self, base: Price | None) -> Price:
        """`base` with what this file says instead."""
        base = base or Price()
        return Price(
            base.input if self.input is None else self.input,
            base.output if self.output is None else self.output,
            base.cache_read if self.cache_read is None else self.cache_read,
            base.cache_write if self.cache_write is None else self.cache_write,
        )


class ModelOverride(FileModel, frozen=True):
    """What `modelOverrides` may say of a model; unset means: as it is."""

    name: Text | None = None
    reasoning: bool | None = None
    input: tuple[Literal["text", "image"], ...] | None = Field(None, strict=False)
    context_window: PositiveInt | None = None
    max_tokens: PositiveInt | None = None
    tools: bool | None = None
    cost: CostConfig | None = None
    limits: LimitsConfig = LimitsConfig()
    headers: Headers = Field({}, repr=False)  # a key may be in them
    compat: Compat = {}


class ModelConfig(ModelOverride, frozen=True):
    id: Text
    api: Text | None = None
    base_url: BaseUrl | None = None


class OAuthConfig(FileModel, frozen=True):
    """Where one logs in to a provider; what is not said is as it was."""

    client_id: Text | None = None
    token_url: BaseUrl | None = None
    authorize_url: BaseUrl | None = None
    device_url: BaseUrl | None = None
    exchange_url: BaseUrl | None = None
    scopes: tuple[Text, ...] | None = Field(None, strict=False)
    redirect: Annotated[str, AfterValidator(loopback)] | None = None
    params: Mapping[str, str] | None = None
    headers: Headers | None = None
    encoding: Literal["form", "json"] | None = None
    client_secret: SecretStr | None = None
    claims: Mapping[str, Annotated[tuple[Text, ...], Field(strict=False)]] | None = None
    account_headers: Headers | None = None

    def over(self, base: OAuthEndpoints | None) -> OAuthEndpoints:
        """`base` with what this file says instead."""
        said = {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
        if self.client_secret is not None:
            said["client_secret"] = self.client_secret.get_secret_value()
        return replace(base or OAuthEndpoints(), **said)


class ProviderConfig(FileModel, frozen=True):
    name: Text | None = None
    base_url: BaseUrl | None = None
    api_key: SecretStr | None = None
    api: Text | None = None
    auth_header: bool = False
    headers: Headers = Field({}, repr=False)  # a key may be in them
    compat: Compat = {}
    oauth: OAuthConfig | str | None = None  # pi knows a word here, and no object
    models: tuple[ModelConfig, ...] = Field((), strict=False)
    model_overrides: Mapping[str, ModelOverride] = {}


class ModelsFile(FileModel, frozen=True):
    """models.json."""

    providers: Mapping[str, ProviderConfig] = {}


class ApiKeyEntry(FileModel, frozen=True):
    """An account by key. `env` holds values that `$NAME` finds before the environment's own."""

    type: Literal["api_key"]
    key: SecretStr | None = None
    env: Mapping[str, SecretStr] = {}


class OAuthEntry(FileModel, frozen=True):
    """An account by login; `expires` is in milliseconds since 1970."""

    type: Literal["oauth"]
    access: SecretStr
    refresh: SecretStr | None = None
    expires: FiniteFloat


AuthEntry: TypeAlias = Annotated[ApiKeyEntry | OAuthEntry, Field(discriminator="type")]


class AuthFile(RootModel[dict[str, AuthEntry]], frozen=True, hide_input_in_errors=True, defer_build=True):
    """auth.json: one entry a provider, in the order in which the accounts are to be used."""

    root: dict[str, AuthEntry] = {}
