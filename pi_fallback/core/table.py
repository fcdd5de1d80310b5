"""The route table: which route comes next, out of those that are ready."""

import heapq
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from pi_fallback_hookspecs import Ledger, Route


@dataclass
class RouteTable:
    """Routes by rank in a ready heap, resting ones in a wake heap: O(log n) a choice.

    A route moves to the wake heap when it is found resting, and back when its moment has come, or
    when the ledger's rests have changed: somebody may have ended one early.
    """

    order: Sequence[Route]
    refusals: Mapping[Route, str] = field(default_factory=dict[Route, str])
    _ready: list[tuple[int, Route]] = field(init=False)
    _wake: list[tuple[float, int, Route]] = field(default_factory=list[tuple[float, int, Route]], init=False)
    _rests: object = field(default=None, init=False)

    def __post_init__(self) -> None:
        # Ranks rise along the list, so it is a heap as it stands.
        self._ready = [(rank, route) for rank, route in enumerate(self.order) if route not in self.refusals]

    def best(self, ledger: Ledger, *, now: float, without: Set[Route] = frozenset()) -> Route | None:
        """The best route that neither rests at `now` nor is in `without`."""
        if self._rests is not ledger.rests:
            self._rests = ledger.rests
            for _, rank, route in self._wake:
                heapq.heappush(self._ready, (rank, route))
            self._wake.clear()
        while self._wake and self._wake[0][0] <= now:
            _, rank, route = heapq.heappop(self._wake)
            heapq.heappush(self._ready, (rank, route))
        passed: list[tuple[int, Route]] = []
        found: Route | None = None
        while self._ready:
            rank, route = self._ready[0]
            if (rest := ledger.resting(route, now=now)) is not None:
                heapq.heappop(self._ready)
                heapq.heappush(self._wake, (rest.until, rank, route))
            elif route in without:
                passed.append(heapq.heappop(self._ready))
            else:
                found = route
                break
        for item in passed:
            heapq.heappush(self._ready, item)
        return found
