"""An instant on two clocks: how moments of this process become wall time in a file, and back."""

from typing import NamedTuple

KEEP_S = 31 * 86_400.0  # no provider's quota lasts longer; a longer rest comes from a clock that jumped


class Instant(NamedTuple):
    """One instant as the monotonic clock (`now`) and the wall clock (`wall`) show it, in seconds.

    Taken anew for each exchange: a machine that sleeps stops its monotonic clock, not the wall.
    """

    now: float
    wall: float

    def stored_end(self, until: float) -> float:
        return self.wall + min(until - self.now, KEEP_S)

    def stored_mark(self, at: float) -> float:
        return self.wall - max(self.now - at, 0.0)

    def end(self, stored: float) -> float:
        return self.now + min(stored - self.wall, KEEP_S)

    def mark(self, stored: float) -> float:
        return self.now - max(self.wall - stored, 0.0)
