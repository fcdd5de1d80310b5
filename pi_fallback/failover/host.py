"""What the loops of one `Failover` share: the engine under one lock, and its words to the log."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from pi_fallback.core import foreign
from pi_fallback.core.clean import clean_line
from pi_fallback.failover.asking import Plugins
from pi_fallback.failover.errors import RedactedError
from pi_fallback.http.retry_after import retry_after_s
from pi_fallback.runtime import engine
from pi_fallback.runtime.book import LedgerBook
from pi_fallback_hookspecs import Failure, Fault, Notify, Phase, Route

if TYPE_CHECKING:
    from pi_fallback.failover.attempt import Attempt
    from pi_fallback.failover.loop import Pause, Step

log = logging.getLogger("pi_fallback.failover")

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class WakeUp(NamedTuple):
    """A route that rests for so many seconds more."""

    route: Route
    seconds: float


class Host:
    """`patience_s` is how long a call may wait in all; threads wait with `sleep`; `redact` takes secrets out."""

    def __init__(
        self,
        engine: engine.Engine,
        book: LedgerBook,
        plugins: Plugins,
        *,
        patience_s: float,
        redact: Callable[[str], str] | None,
        sleep: Callable[[float], None],
    ) -> None:
        self.engine = engine
        self.book = book
        self.plugins = plugins
        self.patience_s = patience_s
        self.sleep = sleep
        self._redact = redact
        self._lock = RLock()

    def advance(self, step: "Step", answer: object) -> "engine.Ask | Pause | Attempt | None":
        """Run `step` to where it asks or waits, or return what it ends with. One call at a time: heaps are shared."""
        with self._lock:
            try:
                return step.send(answer)
            except StopIteration as end:
                return end.value

    def completed(self, booked: engine.Attempt) -> None:
        with self._lock:
            self.engine.complete(booked)

    def fault_of(
        self, error: BaseException, phase: Phase, before: BaseException | None, *, told: bool = False
    ) -> Fault | None:
        return foreign.fault_of(error, waits=_asked_s, phase=phase, before=before, told=told)

    def redacted(self, fault: Fault) -> Fault:
        if self._redact is None:
            return fault
        redact = self._redact
        return replace(
            fault,
            text=redact(fault.text),
            code=fault.code and redact(fault.code),
            type=fault.type and redact(fault.type),
            headers={name: redact(value) for name, value in fault.headers.items()},
        )

    def cause_of(self, error: Exception | None) -> Exception | None:
        """What the closing error is raised from: `error`, or its words alone where they may hold secrets."""
        if error is None or self._redact is None:
            return error
        return RedactedError(self._redact(foreign.named(error)[: foreign.TEXT_MAX]))

    def untried(self, episode: engine.Episode, *, besides: Route) -> int:
        """How many usable routes this call has not tried."""
        gone = {besides, *episode.visited}
        return sum(route not in gone and self.engine.usable(route) for route in self.engine.order)

    def other_model(self, episode: engine.Episode) -> Route | None:
        """The best usable route to a model that this call has not tried."""
        tried = {route.ref for route in episode.visited}
        return self.engine.first_usable([route for route in self.engine.order if route.ref not in tried])

    def first_wake(self, episode: engine.Episode) -> WakeUp | None:
        """The route that is ready first, of those that rest and that this call has not tried."""
        view = self.engine.view(None, episode)
        rests = {
            route: rest.until - view.now
            for route in view.order
            if route not in view.refusals
            and route not in view.visited
            and (rest := view.ledger.resting(route, now=view.now)) is not None
        }
        return min(
            (WakeUp(route, left_s) for route, left_s in rests.items()), key=lambda wake: wake.seconds, default=None
        )

    def perform(self, outcome: engine.Outcome) -> None:
        """Do what a plugin ordered beside its decision, as far as that can be done around a call."""
        for effect in outcome.effects:
            if isinstance(effect, Notify):
                text = effect.text if self._redact is None else self._redact(effect.text)
                log.log(_LEVELS[effect.level], "%s: %s", outcome.by, text)
            else:
                log.warning("%s ordered %s, which is not possible here", outcome.by, type(effect).__name__)

    def tell(self, cause: Failure | None, route: Route, reason: str, after_s: float = 0.0) -> None:
        """Make each repeat, switch and wait visible."""
        failed = "" if cause is None else f"{cause}; "
        wait = f" in {after_s:.1f} s" if after_s > 0.0 else ""
        log.warning("%s", clean_line(f"{failed}going on with {route}{wait}: {reason}"))


def _asked_s(headers: Mapping[str, str]) -> float | None:
    if not any(name.startswith("retry-after") for name in headers):
        return None
    return retry_after_s(headers, wall=time.time)  # noqa: TID251
