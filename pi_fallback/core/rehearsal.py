"""Rehearsal: faults as providers send them, to be played through the whole path in place of one request."""

from collections.abc import Mapping

from pi_fallback_hookspecs import Fault, FaultKind, Phase

SAID_BY = "(asked for with /ha-mock-error)"


def _status(status: int, code: str, text: str) -> Fault:
    return Fault(FaultKind.STATUS, f"{text} {SAID_BY}", status=status, code=code or None)


def _wire(kind: FaultKind, text: str) -> Fault:
    return Fault(kind, f"{text} {SAID_BY}", phase=Phase.PRE)


FAULTS: Mapping[str, Fault] = {
    "quota_exhausted": _status(429, "insufficient_quota", "You exceeded your current quota."),
    "rate_limit": _status(429, "rate_limit_exceeded", "Rate limit reached for requests."),
    "capacity": _status(529, "overloaded_error", "Overloaded"),
    "server_error": _status(500, "", "The server had an error while processing your request."),
    "auth": _status(401, "invalid_api_key", "Incorrect API key provided."),
    "context_overflow": _status(400, "context_length_exceeded", "Your input exceeds the context window of this model."),
    "model_not_found": _status(404, "model_not_found", "The model does not exist."),
    "network": _wire(FaultKind.BROKEN, "Connection reset by peer"),
    "timeout": _wire(FaultKind.FIRST_CONTENT_TIMEOUT, "No content came in time."),
}
