"""Foreign code: each third party's hooks run in a thread of its own, one at a time, with a time limit.

`anyio.to_thread` costs twice as much, and a hook that never returns would keep the process alive.
"""

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from queue import SimpleQueue
from typing import Protocol, TypeAlias

import anyio
from anyio.from_thread import run_sync
from anyio.lowlevel import current_token

HOOK_LIMIT_S = 2.0
GRACE_S = 0.0005  # most hooks answer within it; a trip round the event loop would cost them twice the time

Function: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Answered:
    value: object


@dataclass(frozen=True, slots=True)
class Raised:
    error: BaseException


class Silent(Enum):
    """There is no answer: the function is over its time, or an earlier one has not returned."""

    TOO_SLOW = "does not return in time; it is asked again once it has returned"
    SUSPENDED = "has not returned from an earlier call"


Outcome: TypeAlias = Answered | Raised | Silent


def outcome_of(function: Function) -> Outcome:
    """Call `function` under guard. What cancels the caller passes."""
    try:
        return Answered(function())
    except (Exception, SystemExit) as error:
        return Raised(error)


class Runner(Protocol):
    """Runs functions of the plugin that is named; it raises nothing of theirs."""

    async def call(self, plugin: str, function: Function) -> Outcome: ...

    def call_sync(self, plugin: str, function: Function) -> Outcome: ...


class Inline:
    """Runs them where it is called, without a limit: for tests in virtual time."""

    async def call(self, plugin: str, function: Function) -> Outcome:
        return self.call_sync(plugin, function)

    def call_sync(self, plugin: str, function: Function) -> Outcome:
        return outcome_of(function)


class Threads:
    """Runs each plugin's functions in one daemon thread of its own. The threads end when this object goes."""

    def __init__(self, limit_s: float = HOOK_LIMIT_S) -> None:
        self.limit_s = limit_s
        self._workers: dict[str, _Worker] = {}
        self._lock = threading.Lock()

    async def call(self, plugin: str, function: Function) -> Outcome:
        worker = self._worker(plugin)
        if worker.is_suspended:
            return Silent.SUSPENDED
        job = worker.start(function)
        try:
            if not job.wait(min(GRACE_S, self.limit_s)):
                await job.wait_async(self.limit_s)
                await job.wait_async(job.left_s(self.limit_s))
            return job.outcome_now()
        finally:
            job.drop()

    def call_sync(self, plugin: str, function: Function) -> Outcome:
        worker = self._worker(plugin)
        if worker.is_suspended:
            return Silent.SUSPENDED
        job = worker.start(function)
        try:
            if not job.wait(self.limit_s):
                job.wait(job.left_s(self.limit_s))
            return job.outcome_now()
        finally:
            job.drop()

    def _worker(self, plugin: str) -> "_Worker":
        with self._lock:
            worker = self._workers.get(plugin)
            if worker is None:
                worker = self._workers[plugin] = _Worker()
                threading.Thread(target=worker.run, name=f"plugin {plugin}", daemon=True).start()
                weakref.finalize(self, worker.jobs.put, None)
            return worker


class _Job:
    """One function on its way through a worker, and the one task or thread that waits for it."""

    def __init__(self, function: Function) -> None:
        self.is_dropped = False
        self._function = function
        self._outcome: Outcome | None = None
        self._started_at: float | None = None
        self._wake: Callable[[], None] | None = None
        self._guard = threading.Lock()
        self._done = threading.Lock()  # held until there is an outcome: the quickest hand-over there is
        self._done.acquire()

    def run(self) -> None:
        self._started_at = time.monotonic()
        try:
            outcome: Outcome = Answered(self._function())
        except BaseException as error:  # the thread is the plugin's own: nobody else's cancellation comes here
            outcome = Raised(error)
        with self._guard:
            self._outcome = outcome
            wake = self._wake
        self._done.release()
        if wake is not None:
            wake()

    def wait(self, timeout_s: float) -> bool:
        return self._done.acquire(timeout=timeout_s)

    async def wait_async(self, timeout_s: float) -> None:
        event, token = anyio.Event(), current_token()

        def wake() -> None:
            try:
                run_sync(event.set, token=token)
            except RuntimeError:  # the loop is gone, and who waited with it
                return

        with self._guard:
            if self._outcome is not None:
                return
            self._wake = wake
        with anyio.move_on_after(timeout_s):
            await event.wait()

    def outcome_now(self) -> Outcome:
        if self._outcome is not None:
            return self._outcome
        # A job that still waits behind another is not slow itself.
        return Silent.SUSPENDED if self._started_at is None else Silent.TOO_SLOW

    def left_s(self, limit_s: float) -> float:
        """What is left of `limit_s` for a job that had to wait behind another before it began."""
        if self._outcome is not None or self._started_at is None:
            return 0.0
        return max(0.0, self._started_at + limit_s - time.monotonic())

    def drop(self) -> None:
        """Nobody waits any more."""
        with self._guard:
            self._wake = None
            self.is_dropped = self._outcome is None


class _Worker:
    """A queue of jobs and, in `run`, the thread that takes them."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._current: _Job | None = None

    @property
    def is_suspended(self) -> bool:
        """Whether a job that nobody waits for any more has not returned."""
        current = self._current
        return current is not None and current.is_dropped

    def start(self, function: Function) -> _Job:
        job = _Job(function)
        self.jobs.put(job)
        return job

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            if job.is_dropped:
                continue
            self._current = job
            job.run()
            self._current = None
