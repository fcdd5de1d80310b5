"""The summariser: has a record summarised by models that can still answer, with all the care that a request gets."""

from collections.abc import Mapping
from dataclasses import replace

import anyio

from pi_fallback.core.compacting import Cut, room_in
from pi_fallback.core.summarising import LEAST, most_of, question, record_of, summary_of, taken
from pi_fallback.runtime.host import Host
from pi_fallback.runtime.plans import Attempt, Episode, GiveUp, Outcome, RetrySame
from pi_fallback.runtime.stage import Stage
from pi_fallback.runtime.waits import Waits, scheduled
from pi_fallback_hookspecs import (
    Ability,
    Delta,
    FailureKind,
    Fault,
    FaultKind,
    Model,
    ModelRef,
    Notify,
    Phase,
    Reply,
    Request,
    Route,
    Status,
)

WINDOW = Model(ModelRef("", "")).context_window  # of a model that nobody knows
# What plugins may count on while a summary is written: they start no run with it, and no other compaction.
ABLE: frozenset[Ability] = frozenset({"wait", "switch", "notify"})
NO_SUMMARY = Fault(FaultKind.INCOMPLETE, "the model wrote no summary", phase=Phase.DONE)


class CannotCompact(Exception):
    """The history stays as it is; the message says why."""


class TooMuchAtOnce(Exception):
    """The piece is too long for the models that were asked; the message is what the last one said."""


class Summariser:
    """Writes one summary for `host`, with its own pauses among `waits`.

    `windows` are those that are known better than the catalogue knows them.
    """

    def __init__(self, host: Host, waits: Waits, windows: Mapping[ModelRef, int]) -> None:
        self.host = host
        self._windows = windows
        self._waits = waits.inner()
        self._route = host.conversation.route

    async def summary(self, cut: Cut, instructions: str) -> str:
        """Summarise what is older in `cut`, on top of its former summary; in pieces, if the model needs it so.

        Raises:
            CannotCompact: no model could.
        """
        summary, record = cut.former, record_of(cut.older)
        instructions = self.host.signals.clean(instructions)
        most: int | None = None
        while record:
            room = room_in(self._window(), self.host.parts.compaction)
            fits = most_of(room, summary, instructions)
            piece, rest = taken(record, fits if most is None else min(fits, most))
            try:
                summary = await self._asked(question(piece, summary, instructions, room))
            except TooMuchAtOnce as error:
                if len(piece) <= LEAST:
                    raise CannotCompact(f"no model could summarise it: {error}") from None
                most = max(LEAST, len(piece) // 2)
            else:
                record = rest
        if not summary:
            raise CannotCompact("there is nothing in it to summarise")
        return summary

    def _window(self) -> int:
        """The window of the route that is to be asked next."""
        engine, route = self.host.engine, self._route
        if route is None or not engine.usable(route):
            route = self._route = engine.first_usable(engine.order)
        return WINDOW if route is None else self._window_of(route)

    def _window_of(self, route: Route) -> int:
        return self._windows.get(route.ref) or self._model(route).context_window

    def _model(self, route: Route) -> Model:
        return self.host.parts.wires.catalog.get(route.ref) or Model(route.ref)

    async def _asked(self, request: Request) -> str:
        """Ask until a model has answered."""
        host, episode, prefer = self.host, Episode(can=ABLE), self._route
        while True:
            attempt = await host.plan(host.engine.begin(episode, request, prefer))
            if attempt is None:
                failures = episode.incident.failures.values() if episode.incident else ()
                why = "; ".join(map(str, failures)) or "no model may be used now"
                self._waits.over(why)
                raise CannotCompact(f"no model could summarise it: {why}")
            outcome = await self._attempted(attempt)
            if isinstance(outcome, str):
                self._waits.over(None)
                self._route = attempt.route
                return outcome
            prefer = await self._next(attempt, outcome)

    async def _attempted(self, attempt: Attempt) -> str | Outcome:
        host, route = self.host, attempt.route
        most = min(attempt.request.max_tokens or 0, self._model(route).max_tokens)
        request = replace(attempt.request, max_tokens=most)
        while True:
            result = await host.parts.wires.send(route, request, _unseen, fresh=attempt.fresh)
            if isinstance(result, Reply):
                if summary := summary_of(result.message):
                    host.engine.complete(attempt)
                    return summary
                result = NO_SUMMARY
            outcome = await host.plan(host.engine.failed(attempt, result))
            assert outcome is not None, "nobody else begins attempts in this episode"
            if not (isinstance(outcome, RetrySame) and outcome.free):
                return outcome

    async def _next(self, attempt: Attempt, outcome: Outcome) -> Route | None:
        """Do what the engine said; return the route to prefer, or None for any that was not tried."""
        host, failure = self.host, outcome.failure
        host.conversation.log.failure(failure)
        for effect in outcome.booked:
            host.booked(effect)
        told = [effect for effect in outcome.effects if isinstance(effect, Notify | Status)]
        await host.perform([(outcome.by, told)], Stage(host, host.epoch))
        if isinstance(outcome, GiveUp):
            self._waits.over(failure.text)
            if failure.kind is FailureKind.CONTEXT_OVERFLOW:
                raise TooMuchAtOnce(str(failure))
            if outcome.stopped or not outcome.recoverable:
                raise CannotCompact(f"no model could summarise it: {failure}")
            return None
        route = attempt.route if isinstance(outcome, RetrySame) else outcome.route
        if outcome.after_s > 0.0:
            await self._waits.pause(scheduled(outcome, route, anyio.current_time()))
        return route


def _unseen(_delta: Delta) -> None:
    """A summary is not shown while it is written."""
