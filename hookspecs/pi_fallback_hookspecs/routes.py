"""Routes: what a request travels by, and the scopes that a failure can concern."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self


class ModelRef(NamedTuple):
    """A model by name: `provider/id`, where the id may hold slashes of its own."""

    provider: str
    id: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split `text` at its first slash.

        Raises:
            ValueError: there is no slash, or nothing on one side of it.
        """
        provider, slash, model = text.partition("/")
        if not (provider and slash and model):
            raise ValueError(f"{text!r} is not of the form provider/model")
        return cls(provider, model)


class Route(NamedTuple):
    """Provider + model + credential. A key in every table, hence a tuple."""

    provider: str
    model: str
    credential: str = "primary"

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self.provider, self.model)

    def __str__(self) -> str:
        name = f"{self.provider}/{self.model}"
        return name if self.credential == "primary" else f"{name} ({self.credential})"


class ScopeKind(StrEnum):
    """What a failure concerns. A corpus of errors may call `credential` an account."""

    REQUEST = "request"
    MODEL = "model"
    CREDENTIAL = "credential"
    CREDENTIAL_MODEL = "credential_model"
    PROVIDER = "provider"
    NETWORK = "network"


class Scope(NamedTuple):
    """A set of routes, named by what they share. `request` and `network` hold no route: nothing of theirs can rest."""

    kind: ScopeKind
    provider: str = ""
    model: str = ""
    credential: str = ""

    @classmethod
    def of(cls, kind: ScopeKind, route: Route) -> Self:
        """Return the scope of that kind to which `route` belongs."""
        match kind:
            case ScopeKind.MODEL:
                return cls(kind, route.provider, route.model)
            case ScopeKind.CREDENTIAL:
                return cls(kind, route.provider, "", route.credential)
            case ScopeKind.CREDENTIAL_MODEL:
                return cls(kind, route.provider, route.model, route.credential)
            case ScopeKind.PROVIDER:
                return cls(kind, route.provider)
            case ScopeKind.REQUEST | ScopeKind.NETWORK:
                return cls(kind)

    @classmethod
    def all_of(cls, route: Route) -> tuple[Self, ...]:
        """The four scopes in which `route` can rest, widest first."""
        return tuple(cls.of(kind, route) for kind in _RESTABLE)

    def covers(self, route: Route) -> bool:
        return self.kind in _RESTABLE and self == Scope.of(self.kind, route)

    def __str__(self) -> str:
        name = "/".join(part for part in (self.provider, self.model) if part)
        account = f" ({self.credential})" if self.credential else ""
        return f"{name or self.kind.value}{account}"


_RESTABLE = (ScopeKind.PROVIDER, ScopeKind.MODEL, ScopeKind.CREDENTIAL, ScopeKind.CREDENTIAL_MODEL)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a stream may take, in seconds; 0 switches a limit off."""

    head_s: float = 60.0  # request sent → whole response head
    first_content_s: float = 120.0  # request sent → first text, thinking or tool call
    quiet_s: float = 60.0  # between two pieces of content; comments and pings do not count
    total_s: float = 1800.0
    connect_s: float = 10.0  # TCP and TLS, each


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float = 0.0
    output: float = 0.0
    cache_read: float = 0.0
    cache_write: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the catalogue knows it. `context_window` and `max_tokens` are tokens.

    `dialect` and `base_url` are given where they differ from the provider's. With `prefill` the model
    takes the beginning of its own answer and goes on from there. `price` None: not known.
    """

    ref: ModelRef
    name: str = ""
    context_window: int = 128_000
    max_tokens: int = 16_384
    inputs: frozenset[str] = frozenset({"text"})
    tools: bool = True
    reasoning: bool = False
    limits: Limits = Limits()
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # a key may be in them
    compat: Mapping[str, object] = field(default_factory=dict[str, object])
    dialect: str = ""
    base_url: str = ""
    prefill: bool = False
    price: Price | None = None
