"""The loop of attempts: one code for `for` and `async for`.

A step is a generator that yields what must be asked or waited for, so that who iterates may block or
await. Between two yields it does neither, and runs under the one lock of its host.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pi_fallback.failover.attempt import Attempt
from pi_fallback.failover.errors import IncompleteAttempt, NoRouteLeft, reports
from pi_fallback.runtime import engine
from pi_fallback.runtime.plans import Ask, Episode, GiveUp, Outcome, RetrySame, Switch
from pi_fallback_hookspecs import Failure, Request, Route

if TYPE_CHECKING:
    from pi_fallback.failover.host import Host


class Pause(NamedTuple):
    """A wait of so many seconds."""

    seconds: float


Step = Generator[Ask | Pause, Any, Attempt | None]


class Attempts:
    """The attempts of one call, best route first, until one is complete. Iterate once, in one task or thread.

    Raises:
        NoRouteLeft: nothing is left to try.
        IncompleteAttempt: nobody said how the last attempt ended.
    """

    def __init__(self, host: "Host", request: Request) -> None:
        self._host = host
        self._request = request
        self._episode = Episode()
        self._booked: engine.Attempt | None = None
        self._attempt: Attempt | None = None
        self._failures: dict[Route, Failure] = {}
        self._waited_s = 0.0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Attempt:
        step, answer = self._step(), None
        while True:
            asked = self._host.advance(step, answer)
            if isinstance(asked, Ask):
                answer = self._host.plugins.ask_sync(asked.hook, asked.event)
            elif isinstance(asked, Pause):
                self._host.sleep(asked.seconds)
            elif asked is None:
                raise StopIteration
            else:
                return asked

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        step, answer = self._step(), None
        while True:
            asked = self._host.advance(step, answer)
            if isinstance(asked, Ask):
                answer = await self._host.plugins.ask(asked.hook, asked.event)
            elif isinstance(asked, Pause):
                from anyio import sleep  # who iterates in threads alone never needs it

                await sleep(asked.seconds)
            elif asked is None:
                raise StopAsyncIteration
            else:
                return asked

    def _step(self) -> Step:
        """Act on how the last attempt ended; return the next, or None after a good end."""
        last, booked = self._attempt, self._booked
        if last is None or booked is None:
            return (yield from self._begin(None, None))
        if last.is_complete:
            return None
        if last.fault is None:
            raise IncompleteAttempt(last.route)
        outcome = yield from self._host.engine.failed(booked, last.fault)
        assert outcome is not None, "this loop alone begins attempts of its episode"
        self._failures[last.route] = outcome.failure
        if isinstance(outcome, RetrySame) and outcome.free:
            return self._handed(booked, outcome.failure)
        self._host.perform(outcome)
        return (yield from self._after(last.route, outcome))

    def _after(self, failed: Route, outcome: Outcome) -> Step:
        if isinstance(outcome, GiveUp):
            reason = f"{outcome.by}: {outcome.reason}" if outcome.stopped else outcome.reason
            return (yield from self._elsewhere(outcome.failure, reason, may_go_on=outcome.recoverable))
        if not self._may_wait(outcome.after_s):
            reason = f"a wait of {outcome.after_s:.0f} s is too long"
            return (yield from self._elsewhere(outcome.failure, reason, may_go_on=True))
        route = outcome.route if isinstance(outcome, Switch) else failed
        self._host.tell(outcome.failure, route, outcome.reason, outcome.after_s)
        if outcome.after_s > 0.0:
            yield self._pause(outcome.after_s)
        return (yield from self._begin(route, outcome.failure))

    def _elsewhere(self, failure: Failure, reason: str, *, may_go_on: bool) -> Step:
        """Go on with a model that was not tried yet: nobody can run this call again later."""
        route = self._host.other_model(self._episode) if may_go_on else None
        if route is None:
            raise self._no_route_left(reason) from self._cause
        self._host.tell(failure, route, "it was not tried yet")
        return (yield from self._begin(route, failure))

    def _begin(self, route: Route | None, cause: Failure | None) -> Step:
        self._host.book.refresh()
        while True:
            booked = yield from self._host.engine.begin(self._episode, self._request, route)
            if booked is not None:
                return self._handed(booked, cause)
            if self._host.engine.is_spent(self._episode):
                raise self._no_route_left("this has failed too often") from self._cause
            wake = self._host.first_wake(self._episode)
            if wake is None or not self._may_wait(wake.seconds):
                raise self._no_route_left("none may be used now") from self._cause
            route = wake.route
            self._host.tell(cause, route, "all others rest", wake.seconds)
            yield self._pause(wake.seconds)

    def _handed(self, booked: engine.Attempt, cause: Failure | None) -> Attempt:
        number = 1 if self._attempt is None else self._attempt.number + 1
        self._booked, self._attempt = booked, Attempt(self._host, booked, number, cause)
        return self._attempt

    def _may_wait(self, seconds: float) -> bool:
        return seconds <= 0.0 or self._waited_s + seconds <= self._host.patience_s

    def _pause(self, seconds: float) -> Pause:
        self._waited_s += seconds
        return Pause(seconds)

    @property
    def _cause(self) -> Exception | None:
        return None if self._attempt is None else self._host.cause_of(self._attempt.error)

    def _no_route_left(self, reason: str) -> NoRouteLeft:
        return NoRouteLeft(reports(self._host.engine.view(None, self._episode), self._failures), reason)
