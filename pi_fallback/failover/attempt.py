"""An attempt in the hands of who makes the call: which route to take, and how it ended."""

import sys
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar

from pi_fallback.core import foreign
from pi_fallback.core.answer_objects import fault_of_answer
from pi_fallback.core.finish_reasons import fault_of_finish
from pi_fallback.failover.errors import AttemptFailed, IncompleteAttempt
from pi_fallback.runtime import engine
from pi_fallback_hookspecs import Failure, Fault, FaultKind, Phase, Route

if TYPE_CHECKING:
    from types import TracebackType

    from pi_fallback.failover.host import Host

A = TypeVar("A")


class Attempt:
    """One call on `route`, the `number`th of its loop, from 1. Use it as a context manager around the call.

    `cause` is the failure that led here, None for the first. `fault` and `error` say how it failed, `is_complete`
    that it did not; `error` is the client's exception as it came, unredacted. The first word counts: an answer that
    comes after the attempt was given up is ignored.
    """

    def __init__(self, host: "Host", booked: engine.Attempt, number: int, cause: Failure | None) -> None:
        self.route: Route = booked.route
        self.number = number
        self.cause = cause
        self.fault: Fault | None = None
        self.error: Exception | None = None
        self.is_complete = False
        self._host = host
        self._booked = booked
        self._phase = Phase.PRE
        self._is_inside = False
        self._before: BaseException | None = None

    @property
    def remaining(self) -> int:
        """How many other routes could be tried now if this one fails."""
        return self._host.untried(self._booked.episode, besides=self.route)

    def emitted(self, phase: Phase = Phase.TEXT) -> None:
        """Say that content has come: `Phase.TEXT`, or `Phase.TOOL_ARGS` for a piece of a tool call."""
        self._phase = phase

    def check(self, answer: A) -> A:
        """Return `answer`, as a client made it of a 200, if it is one: no page, no error object, not nothing.

        Raises:
            AttemptFailed: it is not: the rest of the block is not run.
        """
        fault = fault_of_answer(answer, self._phase)
        if fault is not None:
            self.failed(fault)
        return answer

    def complete(self, finish_reason: object) -> None:
        """Say that the answer is there, and the finish reason that came with it, as it came.

        Raises:
            AttemptFailed: there is no reason, or it means failure: the rest of the block is not run.
        """
        if self.is_complete or (self.fault is not None and not self._is_inside):
            return
        fault = self.fault or fault_of_finish(finish_reason, self._phase)
        if fault is not None:
            self.failed(fault)
        self.is_complete = True
        self._host.completed(self._booked)

    def failed(self, error: Exception | Fault | str) -> NoReturn:
        """Say that the call has failed where nothing else says so: by an exception of any kind, or in words.

        Raises:
            AttemptFailed: always, to end the block.
        """
        fault = self._host.redacted(self._fault_of(error))
        if not self.is_complete:
            fault = self._end(fault, error if isinstance(error, Exception) else None)
        raise AttemptFailed(self.route, fault)

    def __enter__(self) -> Self:
        self._is_inside = True
        self._before = sys.exception()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> bool:
        """Record how the call ended; the next step of the loop acts on it. True swallows its failure."""
        self._is_inside = False
        if error is None:
            if self.fault is None and not self.is_complete:
                raise IncompleteAttempt(self.route)
            return False
        if self.is_complete:
            return False  # the answer is there: what went wrong after it is the caller's own
        if isinstance(error, AttemptFailed) and self.fault is not None:
            return True
        fault = self._host.fault_of(error, self._phase, self._before)
        if fault is None or not isinstance(error, Exception):
            return False
        self._end(self._host.redacted(fault), error)
        return True

    def _fault_of(self, error: Exception | Fault | str) -> Fault:
        if isinstance(error, Fault):
            return error
        if isinstance(error, str):
            return Fault(FaultKind.OTHER, error, phase=self._phase)
        fault = self._host.fault_of(error, self._phase, self._before, told=True)
        return fault or Fault(FaultKind.OTHER, foreign.named(error), phase=self._phase)

    def _end(self, fault: Fault, error: Exception | None) -> Fault:
        if self.fault is None:
            self.fault, self.error = fault, error
        return self.fault
