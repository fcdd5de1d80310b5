"""Moves: what a scripted provider does with one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pi_fallback_hookspecs import Call, Fault, FaultKind, Json, Phase, StopReason, Usage

USAGE = Usage(input=10, output=5)


@dataclass(frozen=True, slots=True)
class CallTool:
    """An answer that calls a tool; as a part of `Say`, one of several calls."""

    name: str
    arguments: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True)
class Say:
    """A whole answer. `stop` is its stop reason; None is the one that fits."""

    text: str = ""
    thinking: str = ""
    calls: Sequence[CallTool] = ()
    usage: Usage = USAGE
    stop: StopReason | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    fault: Fault


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing, for ever."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Text in pieces, with a wait before each; then the reply, or what `then` says in the middle of the answer."""

    texts: Sequence[str]
    every_s: float = 0.0
    then: Fail | Hang | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """`for_s` of nothing before `then`."""

    for_s: float
    then: "Move"


Move: TypeAlias = Say | CallTool | Fail | Hang | Pieces | Wait
Moves: TypeAlias = "Move | Callable[[Call], Move] | Sequence[Move | Callable[[Call], Move]]"
"""One move, or one a call, the last of them again and again. A function chooses a move from what was asked."""


def fail(
    text: str = "scripted failure",
    *,
    status: int | None = None,
    kind: FaultKind | None = None,
    code: str | None = None,
    retry_after_s: float | None = None,
    phase: Phase = Phase.PRE,
) -> Fail:
    """Return a failure with these facts. Its kind is `status` if there is one, else a broken connection."""
    fact = kind or (FaultKind.BROKEN if status is None else FaultKind.STATUS)
    return Fail(Fault(fact, text, status=status, code=code, retry_after_s=retry_after_s, phase=phase))
