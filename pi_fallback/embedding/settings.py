"""Settings: how patient an agent is, and what it does about a failure."""

import math
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, ConfigDict
from pydantic.dataclasses import dataclass

from pi_fallback.config.schema import ProgressSettings, RetryPolicy, ThinkingLevel
from pi_fallback_hookspecs import Limits

GIVEN = ConfigDict(
    extra="forbid",
    hide_input_in_errors=True,  # what is wrong may be a key
    revalidate_instances="always",  # a RetryPolicy or Limits that was made by itself has checked nothing
)

Action: TypeAlias = Literal["stop", "retry", "next_provider", "next_key_then_provider"]
ContextAction: TypeAlias = Literal["larger_model", "compact", "stop"]

T = TypeVar("T")


def _sane(value: T) -> T:
    """`value`, a dataclass, if each number in it is zero or more and finite."""
    for field in fields(value):  # pyright: ignore[reportArgumentType]  # a bound on dataclasses is a protocol of its own
        number: Any = getattr(value, field.name)
        if isinstance(number, int | float) and not (0 <= number < math.inf):
            raise ValueError(f"{field.name} must be zero or more, and finite")
    return value


SaneLimits: TypeAlias = Annotated[Limits, AfterValidator(_sane)]


@dataclass(frozen=True, slots=True, kw_only=True, config=GIVEN)
class Actions:
    """What follows a failure of each class; the names are those of `errorHandling` in ha.json.

    None is what ha.json means by an absent key. They are accepted now and take effect with a later version.
    """

    capacity: Action = "next_key_then_provider"
    quota: Action = "next_key_then_provider"
    auth: Action = "next_key_then_provider"
    context: ContextAction | None = None
    network: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=GIVEN)
class Settings:
    """What holds for all sessions of a `Fallback`.

    `limits`: the deadlines of each request, for models that have none of their own; None: those that the model is
    known to need. `retry`: waits of the agent's own, when no plugin has decided. `progress`: the net under everything
    else, which goes on with the next model after a silence. `mid_stream`: whether an answer that broke off is begun
    anew or continued where the next model can do that. `thinking`: how hard models that think are to think.
    With `trust_env` the proxy and certificate variables of the environment are honoured.
    """

    limits: SaneLimits | None = None
    retry: Annotated[RetryPolicy, AfterValidator(_sane)] = RetryPolicy()
    progress: Annotated[ProgressSettings, AfterValidator(_sane)] = ProgressSettings()
    actions: Actions = Actions()
    mid_stream: Literal["restart", "continue"] = "restart"
    thinking: ThinkingLevel | None = None
    trust_env: bool = False
