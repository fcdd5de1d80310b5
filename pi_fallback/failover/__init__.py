"""Failover around calls that your own client makes: `for attempt in Failover([...]).attempts(): with attempt: ...`."""

from pi_fallback.config.policies import RetryPolicy
from pi_fallback.failover.attempt import Attempt
from pi_fallback.failover.errors import AttemptFailed, IncompleteAttempt, NoRouteLeft, RedactedError, RouteReport
from pi_fallback.failover.library import Failover
from pi_fallback.failover.loop import Attempts
from pi_fallback_hookspecs import Model, ModelRef, Phase, Request, Route

__all__ = [
    "Attempt",
    "AttemptFailed",
    "Attempts",
    "Failover",
    "IncompleteAttempt",
    "Model",
    "ModelRef",
    "NoRouteLeft",
    "Phase",
    "RedactedError",
    "Request",
    "RetryPolicy",
    "Route",
    "RouteReport",
]
