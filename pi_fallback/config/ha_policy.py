"""What ha.json asks for, in the units that we work with. It loads no pydantic: whoever decides needs only this."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from pi_fallback_hookspecs import Route

Action: TypeAlias = Literal["stop", "retry", "next_provider", "next_key_then_provider"]
ContextAction: TypeAlias = Literal["larger_model", "compact", "stop"]
ACTIONS: tuple[Action, ...] = get_args(Action)
COOLDOWN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A step of a group: one model, or with `model` None its provider. The id splits at its first slash."""

    id: str
    cooldown_s: float | None = None

    @property
    def provider(self) -> str:
        return self.id.partition("/")[0]

    @property
    def model(self) -> str | None:
        return self.id.partition("/")[2] or None

    def covers(self, route: Route) -> bool:
        return route.provider == self.provider and self.model in (None, route.model)


@dataclass(frozen=True, slots=True)
class Group:
    """A chain of failover: its entries, best first. `title` is what people read."""

    name: str
    entries: tuple[Entry, ...] = ()
    title: str = ""

    def index_of(self, route: Route) -> int | None:
        """Where `route` stands: at the entry of just this model, else at one of its provider; None: nowhere."""
        covering = [index for index, entry in enumerate(self.entries) if entry.covers(route)]
        exact = (index for index in covering if self.entries[index].model is not None)
        return next(exact, covering[0] if covering else None)

    def entry_of(self, route: Route) -> Entry | None:
        index = self.index_of(route)
        return None if index is None else self.entries[index]


@dataclass(frozen=True, slots=True)
class HaPolicy:
    """How high availability acts; `_s` is seconds. The actions of `network` and `context` None: the best there is."""

    groups: Mapping[str, Group] = field(default_factory=dict[str, Group])
    default_group: str | None = None
    cooldown_s: float = COOLDOWN_S
    capacity: Action = "next_key_then_provider"
    quota: Action = "next_key_then_provider"
    auth: Action = "next_key_then_provider"
    network: Action | None = None
    context: ContextAction | None = None
    retry_s: float = 300.0
    network_retry_s: float = 1.0
    max_retries: int = 3
    max_episode_s: float = 600.0
    return_to_preferred: bool = True
    return_max_cost: float = 0.10
    when_exhausted: Literal["stop", "wait"] = "stop"
    max_wait_s: float = 3600.0

    def group(self, name: str | None = None) -> Group | None:
        """The group `name` if there is one, else the default one, else the first."""
        for wanted in (name, self.default_group):
            if wanted is not None and wanted in self.groups:
                return self.groups[wanted]
        return next(iter(self.groups.values()), None)
