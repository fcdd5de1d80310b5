"""The log of the fault server: what came, and what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import anyio

if TYPE_CHECKING:
    from pi_fallback.testing.steps import Step

Outcome: TypeAlias = Literal["open", "answered", "left", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came. Header names are in lower case, `number` and `connection` count from 1.

    Moments are the server's `anyio.current_time`. `outcome`: still being answered; the step was played to its end; the
    client left before that, at `closed_at`; refused without a step, for the `violations` or because there is no script.
    """

    number: int
    connection: int
    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Mapping[str, Any] | None = None
    model: str = ""
    key: str = ""
    step: "Step | None" = None
    outcome: Outcome = "open"
    closed_at: float | None = None
    violations: tuple[str, ...] = ()

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation in `body`, in the dialect that was spoken."""
        return cast("Sequence[Mapping[str, Any]]", (self.body or {}).get("messages", ()))


class Log:
    """All requests, oldest first, and a bell that rings at each change."""

    def __init__(self) -> None:
        self._entries: list[Received] = []
        self._bell: anyio.Event | None = None

    @property
    def entries(self) -> Sequence[Received]:
        return self._entries

    def add(self, entry: Received) -> None:
        self._entries.append(entry)
        self._ring()

    def change(self, number: int, **changes: Any) -> None:
        """Replace the request with that number by one with `changes`."""
        self._entries[number - 1] = replace(self._entries[number - 1], **changes)
        self._ring()

    async def until(self, holds: Callable[[Sequence[Received]], object]) -> None:
        while not holds(self._entries):
            self._bell = self._bell or anyio.Event()
            await self._bell.wait()

    def _ring(self) -> None:
        if self._bell:
            self._bell.set()
            self._bell = None
