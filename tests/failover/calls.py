"""Calls for tests: a client that does as it is told, and one driver for each kind of loop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pi_fallback.failover import Attempt, Failover, Request, Route


class ApiError(Exception):
    """What a client raises for a status, as the SDKs do."""

    def __init__(self, status: int, retry_after_s: float | None = None, code: str | None = None) -> None:
        super().__init__(f"HTTP {status}")
        self.status_code = status
        self.headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:.6f}"}
        self.body = {"error": {"message": f"HTTP {status}", "code": code}} if code else None


Move = BaseException | str
"""An exception to raise, or the finish reason of an answer."""


@dataclass
class Client:
    """Does the moves of a route one after the other, the last again and again; a route without any answers."""

    moves: Mapping[Route, Sequence[Move]] = field(default_factory=dict[Route, Sequence[Move]])
    asked: list[Route] = field(default_factory=list[Route])

    def answer(self, route: Route) -> str:
        """Return the finish reason."""
        index = self.asked.count(route)
        self.asked.append(route)
        moves = self.moves.get(route, ("stop",))
        move = moves[min(index, len(moves) - 1)]
        if isinstance(move, BaseException):
            raise move
        return move


Block = Callable[[Attempt], object]


class Drive(Protocol):
    """Runs `block` for each attempt of a call; returns the last attempt."""

    async def __call__(self, failover: Failover, block: Block, request: Request | None = None) -> Attempt: ...


async def by_for(failover: Failover, block: Block, request: Request | None = None) -> Attempt:
    last: Attempt | None = None
    for attempt in failover.attempts(request) if request else failover.attempts():
        last = attempt
        with attempt:
            block(attempt)
    assert last is not None
    return last


async def by_async_for(failover: Failover, block: Block, request: Request | None = None) -> Attempt:
    last: Attempt | None = None
    async for attempt in failover.attempts(request) if request else failover.attempts():
        last = attempt
        with attempt:
            block(attempt)
    assert last is not None
    return last
