"""The watchdog: one task that ends streams which bring no content in time."""

import math
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from pi_fallback.core.deadlines import after, due
from pi_fallback_hookspecs import FaultKind, Limits, Phase


@dataclass(slots=True)
class Watch:
    """One stream's deadlines. The driver sets `last` to the time of the last content; None before the first."""

    limits: Limits
    started: float
    scope: anyio.CancelScope
    last: float | None = None
    phase: Phase = Phase.PRE
    expired: FaultKind | None = None

    def due(self) -> tuple[float, FaultKind]:
        """The next deadline as things stand, and what it would mean."""
        return due(self.limits, self.started, self.last)


@dataclass
class Watchdog:
    """Serves all streams of a host from one task, which sleeps until a deadline could be due.

    Several sessions may share one: each runs it, one of them serves, and another takes over when that one ends.
    """

    _by_id: dict[int, Watch] = field(default_factory=dict[int, Watch], init=False)
    _serving: anyio.Lock = field(default_factory=anyio.Lock, init=False)
    _nap: anyio.CancelScope | None = field(default=None, init=False)

    @contextmanager
    def watch(self, limits: Limits) -> Generator[Watch, None, None]:
        """Watch what happens inside: past a deadline it is cancelled and `expired` says why."""
        watch = Watch(limits, anyio.current_time(), anyio.CancelScope())
        self._by_id[id(watch)] = watch
        if self._nap is not None:
            # The first content moves the deadline to the quiet limit, which may be sooner.
            soonest = min(watch.due()[0], after(watch.started, limits.quiet_s))
            self._nap.deadline = min(self._nap.deadline, soonest)
        try:
            with watch.scope:
                yield watch
        finally:
            del self._by_id[id(watch)]

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self._serving:
            while True:
                with anyio.CancelScope(deadline=self._looked()) as self._nap:
                    await anyio.sleep_forever()

    def _looked(self) -> float:
        """End what is over its time; return the moment at which something else could be."""
        now = anyio.current_time()
        wake = math.inf
        for watch in tuple(self._by_id.values()):
            due, kind = watch.due()
            if due <= now:
                watch.expired = kind
                watch.scope.cancel()
            else:
                wake = min(wake, due, after(now, watch.limits.quiet_s))
        return wake
