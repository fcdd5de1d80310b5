"""What a loop of attempts raises.

PiFallbackError
├── IncompleteAttempt  a block was left without saying how the call ended
├── AttemptFailed      ends a block whose attempt has failed; the `with` takes it
├── NoRouteLeft        every route has failed, rests, or may not be used
└── RedactedError      the words of a client's exception, without secrets
"""

from collections.abc import Mapping
from typing import NamedTuple

from pi_fallback.core.clean import clean_line
from pi_fallback.core.closing import one_line
from pi_fallback.errors import PiFallbackError
from pi_fallback_hookspecs import Failure, FailureKind, Fault, Route, View

PASSING: Mapping[FailureKind, str] = {
    FailureKind.RATE_LIMIT: "a rate limit",
    FailureKind.CAPACITY: "a full model",
    FailureKind.SERVER_ERROR: "a server error",
    FailureKind.TIMEOUT: "a silence",
    FailureKind.NETWORK: "a broken connection",
}
"""What waiting may mend, though nobody has said how long."""


class IncompleteAttempt(PiFallbackError):
    """A block was left without `complete` and without an error: nobody knows whether there is an answer."""

    def __init__(self, route: Route) -> None:
        super().__init__(
            f"The attempt on {route} was left without saying how it ended. "
            "Make `attempt.complete(finish_reason)` the last line of `with attempt:`, before any return or break."
        )
        self.route = route


class AttemptFailed(PiFallbackError):
    """The attempt has failed: the rest of its block is not run. The `with` of the attempt swallows this."""

    def __init__(self, route: Route, fault: Fault) -> None:
        super().__init__(f"{route}: {fault.text} Let this leave `with attempt:`, and the loop goes on.")
        self.route = route
        self.fault = fault


class RouteReport(NamedTuple):
    """Why `route` did not give an answer. `failure` is what it failed with in this call, if it was tried."""

    route: Route
    reason: str
    failure: Failure | None = None
    again_in_s: float | None = None

    def __str__(self) -> str:
        again = "" if self.again_in_s is None else f" (again in {self.again_in_s:.0f} s)"
        return f"{self.route}: {one_line(clean_line(self.reason))}{again}"


class NoRouteLeft(PiFallbackError):
    """No route gave an answer. `again_in_s` says when the first of those that rest may be used again.

    Raised `from` the last exception of a call, if one was raised; with `redact` from a `RedactedError` of its words.
    """

    def __init__(self, reports: tuple[RouteReport, ...], reason: str) -> None:
        self.reports = reports
        self.reason = reason
        self.again_in_s = min((r.again_in_s for r in reports if r.again_in_s is not None), default=None)
        head = f"No route is left: {one_line(clean_line(reason))}."
        super().__init__("\n".join([head, *(f"  {report}" for report in reports), _advice(reports, self.again_in_s)]))


class RedactedError(PiFallbackError):
    """Stands for an exception of a client that may show a secret in a traceback: its class and its redacted words."""


def _advice(reports: tuple[RouteReport, ...], again_in_s: float | None) -> str:
    if again_in_s is not None:
        return f"Try again in {again_in_s:.0f} s."
    passing = {PASSING[kind] for report in reports if report.failure and (kind := report.failure.kind) in PASSING}
    if not passing:
        return "Read the reasons above: none of them passes by waiting."
    return f"{' or '.join(sorted(passing)).capitalize()} may pass by itself: try again in a little while."


def reports(view: View, failures: Mapping[Route, Failure]) -> tuple[RouteReport, ...]:
    """Say of every route of `view` why it gave no answer."""
    return tuple(_report(route, view, failures.get(route)) for route in view.order)


def _report(route: Route, view: View, failure: Failure | None) -> RouteReport:
    rest = None if route in view.refusals else view.ledger.resting(route, now=view.now)
    until = rest.until if rest is not None else failure.until if failure is not None else None
    again_in_s = None if until is None or until <= view.now else until - view.now
    if failure is not None:
        return RouteReport(route, f"{failure.kind.value}: {failure.text}", failure, again_in_s)
    return RouteReport(route, f"not tried: {view.why_not(route) or 'no more attempts were made'}", None, again_in_s)
