"""What status, code and transport alone tell about a fault."""

import pytest

from pi_fallback.core.classify import SCOPES, classify
from pi_fallback_hookspecs import Fault, FaultKind, ScopeKind

STATUSES = [
    (400, "invalid_request"),
    (401, "auth"),
    (402, "quota_exhausted"),
    (403, "auth"),
    (404, "model_not_found"),
    (408, "timeout"),
    (413, "context_overflow"),
    (418, "unknown"),
    (429, "rate_limit"),
    (500, "server_error"),
    (502, "server_error"),
    (503, "server_error"),
    (504, "timeout"),
    (524, "timeout"),
    (529, "capacity"),
    (599, "server_error"),
]


@pytest.mark.parametrize(("status", "expected"), STATUSES)
def test_a_status_alone_names_the_failure(status: int, expected: str) -> None:
    assert classify(Fault(FaultKind.STATUS, "", status=status)).kind == expected


CODES = [
    (429, "insufficient_quota", "quota_exhausted"),
    (400, "invalid_api_key", "auth"),
    (400, "context_length_exceeded", "context_overflow"),
    (400, "content_filter", "content_policy"),
    (200, "overloaded_error", "capacity"),
    (None, "rate_limit_error", "rate_limit"),
    (400, "model_not_found", "model_not_found"),
    (429, "something_new", "rate_limit"),
]


@pytest.mark.parametrize(("status", "code", "expected"), CODES)
def test_a_known_code_says_more_than_the_status(status: int | None, code: str, expected: str) -> None:
    assert classify(Fault(FaultKind.ERROR_EVENT, "", status=status, code=code)).kind == expected
    assert classify(Fault(FaultKind.ERROR_EVENT, "", status=status, type=code)).kind == expected


TRANSPORT = [
    (FaultKind.CONNECT, "network"),
    (FaultKind.BROKEN, "network"),
    (FaultKind.INCOMPLETE, "network"),
    (FaultKind.HEAD_TIMEOUT, "timeout"),
    (FaultKind.QUIET_TIMEOUT, "timeout"),
    (FaultKind.TOTAL_TIMEOUT, "timeout"),
    (FaultKind.EMPTY, "server_error"),
    (FaultKind.MALFORMED, "server_error"),
    (FaultKind.KEY, "auth"),
    (FaultKind.OTHER, "unknown"),
]


@pytest.mark.parametrize(("kind", "expected"), TRANSPORT)
def test_without_a_status_the_transport_names_the_failure(kind: FaultKind, expected: str) -> None:
    assert classify(Fault(kind, "")).kind == expected


@pytest.mark.parametrize(("wait_s", "expected"), [(899.0, "rate_limit"), (901.0, "quota_exhausted")])
def test_a_rate_limit_of_over_fifteen_minutes_is_a_spent_quota(wait_s: float, expected: str) -> None:
    judged = classify(Fault(FaultKind.STATUS, "", status=429, retry_after_s=wait_s))
    assert judged.kind == expected
    assert judged.retry_after_s == wait_s


def test_every_kind_has_a_scope() -> None:
    assert set(SCOPES.values()) <= set(ScopeKind)
    assert classify(Fault(FaultKind.STATUS, "", status=429)).scope is ScopeKind.CREDENTIAL
    assert classify(Fault(FaultKind.STATUS, "", status=529)).scope is ScopeKind.MODEL
