"""Waits: the host's own pauses before it tries again."""

from collections.abc import Callable

import anyio

from pi_fallback.runtime import feed
from pi_fallback.runtime.plans import RetrySame, Switch
from pi_fallback_hookspecs import Route


class Waits:
    """The host's own waits of a session: what was announced is also said to be over.

    What is done in the midst of something else waits with its `inner` ones: each is announced on its own.
    """

    def __init__(self, emit: Callable[[feed.FeedItem], None]) -> None:
        self._emit = emit
        self._announced: int | None = None
        self._pausing = False
        self._inner: Waits | None = None

    @property
    def in_turn(self) -> bool:
        """Whether something waits now, without an end of the run."""
        return self._pausing or (self._inner is not None and self._inner.in_turn)

    def inner(self) -> "Waits":
        self._inner = Waits(self._emit)
        return self._inner

    def announce(self, scheduled: feed.RetryScheduled) -> None:
        self._announced = scheduled.attempt
        self._emit(scheduled)

    async def pause(self, scheduled: feed.RetryScheduled) -> None:
        """Wait here and now."""
        self.announce(scheduled)
        self._pausing = True
        try:
            await anyio.sleep_until(scheduled.at)
        finally:
            self._pausing = False

    def over(self, error: str | None) -> None:
        """The waiting is over: it helped, or `error` says why not."""
        if self._inner is not None:
            self._inner.over(error)
        if self._announced is not None:
            attempt, self._announced = self._announced, None
            self._emit(feed.RetryEnded(error is None, attempt, error))


def scheduled(outcome: Switch | RetrySame, route: Route, now: float) -> feed.RetryScheduled:
    """What is said of the wait before `route` is tried again."""
    same = isinstance(outcome, RetrySame)
    attempt, most = (outcome.attempt, outcome.max_attempts) if same else (0, 0)
    return feed.RetryScheduled(attempt, most, outcome.after_s, now + outcome.after_s, route, outcome.failure)
