"""The clock of one answer: how long it may go on in silence, for clients that never stop waiting."""

import math
import time
from dataclasses import dataclass, field, replace

from pi_fallback.core.deadlines import due, words
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
        moment, _kind = self._due()
        return None if moment == math.inf else max(0.0, moment - time.monotonic())

    def stalled(self) -> Stalled:
        """What the deadline means that has passed."""
        _moment, kind = self._due()
        return Stalled(Fault(kind, words(kind, self._own), phase=self.phase))

    def _due(self) -> tuple[float, FaultKind]:
        return due(self._own, self._started, self._last)

    @property
    def _own(self) -> Limits:
        """The limits of this answer: one that comes in one piece is silent until its end."""
        if self.streams:
            return self.limits
        total_s = min(self.limits.total_s or NOT_STREAMED_S, NOT_STREAMED_S)
        return replace(self.limits, first_content_s=0.0, quiet_s=0.0, total_s=total_s)
