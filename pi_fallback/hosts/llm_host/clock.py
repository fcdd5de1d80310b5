"""The clock of one answer: how long it may go on in silence, for clients that never stop waiting."""

import time
from dataclasses import dataclass, field

from pi_fallback_hookspecs import Fault, FaultKind, Limits, Phase

NOT_STREAMED_S = 600.0  # an answer that comes in one piece shows nothing before its end


class Stalled(Exception):
    """A deadline has passed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


@dataclass
class Clock:
    """`heard` is told of content; `left_s` says how long to wait for more. 0 switches a limit off."""

    limits: Limits
    streams: bool
    phase: Phase = Phase.PRE
    _started: float = field(default_factory=time.monotonic, init=False)
    _last: float | None = field(default=None, init=False)

    def heard(self, phase: Phase) -> None:
        self._last, self.phase = time.monotonic(), phase

    def left_s(self) -> float | None:
        """Seconds until the next deadline, None if there is none."""
        deadlines = [moment for moment, _ in self._deadlines()]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def stalled(self) -> Stalled:
        """What the deadline means that has passed."""
        moment, kind = min(self._deadlines())
        seconds = moment - (self._last if kind is FaultKind.QUIET_TIMEOUT and self._last else self._started)
        what = {
            FaultKind.FIRST_CONTENT_TIMEOUT: "no content within",
            FaultKind.QUIET_TIMEOUT: "no more content for",
            FaultKind.TOTAL_TIMEOUT: "the answer took longer than",
        }[kind]
        return Stalled(Fault(kind, f"{what} {seconds:g} s", phase=self.phase))

    def _deadlines(self) -> list[tuple[float, FaultKind]]:
        limits, last = self.limits, self._last
        total_s = limits.total_s
        if not self.streams:
            total_s = min(total_s or NOT_STREAMED_S, NOT_STREAMED_S)
        found = [(self._started + total_s, FaultKind.TOTAL_TIMEOUT)] if total_s else []
        if self.streams and last is None and limits.first_content_s:
            found.append((self._started + limits.first_content_s, FaultKind.FIRST_CONTENT_TIMEOUT))
        if self.streams and last is not None and limits.quiet_s:
            found.append((last + limits.quiet_s, FaultKind.QUIET_TIMEOUT))
        return found
