"""What status, code and transport alone tell about a fault."""

import pytest

from pi_fallback.core import error_codes
from pi_fallback.core.classify import SCOPES, classify
from pi_fallback.core.error_rows import rows_for
from pi_fallback_hookspecs import ErrorRow, FailureKind, Fault, FaultKind, ScopeKind

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
    (400, "invalid_api_key", "auth"),
    (400, "content_filter", "content_policy"),
    (200, "overloaded_error", "capacity"),
    (None, "rate_limit_error", "rate_limit"),
    (429, "something_new", "rate_limit"),
    # RF2: quota in disguise, by each API's own words.
    (429, "insufficient_quota", "quota_exhausted"),
    (429, "project_spend_limit_exceeded", "quota_exhausted"),
    (404, "usage_limit_reached", "quota_exhausted"),
    (400, "enforced_spend_limit_reached", "quota_exhausted"),
    (402, "billing_error", "quota_exhausted"),
    (429, "QUOTA_EXHAUSTED", "quota_exhausted"),
    (403, "BILLING_DISABLED", "quota_exhausted"),
    (400, "API_KEY_INVALID", "auth"),
    (400, "FAILED_PRECONDITION", "auth"),
    (403, "organization_on_hold", "auth"),
    # RF3: what all accounts share, and what one account spends.
    (503, "server_is_overloaded", "capacity"),
    (529, "overloaded_error", "capacity"),
    (503, "UNAVAILABLE", "capacity"),
    (429, "MODEL_CAPACITY_EXHAUSTED", "capacity"),
    (503, "slow_down", "rate_limit"),
    (429, "RESOURCE_EXHAUSTED", "rate_limit"),
    (429, "ramp_limit_exceeded", "rate_limit"),
    # RF4: too long for this model.
    (400, "context_length_exceeded", "context_overflow"),
    (413, "request_too_large", "context_overflow"),
    (413, "rate_limit_exceeded", "context_overflow"),
    (429, "rate_limit_exceeded", "rate_limit"),
    # RF5: the model is gone, or refuses.
    (400, "model_not_found", "model_not_found"),
    (404, "not_found_error", "model_not_found"),
    (404, "NOT_FOUND", "model_not_found"),
    (404, "DeploymentNotFound", "model_not_found"),
    (400, "content_policy_violation", "content_policy"),
    (400, "cyber_policy", "content_policy"),
    (None, "bio_policy", "content_policy"),
    (400, "invalid_prompt", "content_policy"),
    (None, "DEADLINE_EXCEEDED", "timeout"),
    (504, "timeout_error", "timeout"),
    (400, "invalid_encrypted_content", "invalid_request"),
    (None, "invalid_image", "invalid_request"),
]


@pytest.mark.parametrize(("status", "code", "expected"), CODES)
def test_a_known_code_says_more_than_the_status(status: int | None, code: str, expected: str) -> None:
    assert classify(Fault(FaultKind.ERROR_EVENT, "", status=status, code=code)).kind == expected
    assert classify(Fault(FaultKind.ERROR_EVENT, "", status=status, type=code)).kind == expected


def test_a_code_says_more_than_a_type() -> None:
    fault = Fault(FaultKind.STATUS, "", status=400, code="API_KEY_INVALID", type="INVALID_ARGUMENT")
    assert classify(fault).kind == "auth"
    assert classify(Fault(FaultKind.STATUS, "", status=429, code="new", type="insufficient_quota")).kind == (
        "quota_exhausted"
    )


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (None, "invalid_request_error", "invalid_request"),
        (None, "INVALID_ARGUMENT", "invalid_request"),
        (None, "api_error", "server_error"),
        (None, "INTERNAL", "server_error"),
        (418, "invalid_request_error", "invalid_request"),
        (401, "invalid_request_error", "auth"),
        (429, "invalid_request_error", "rate_limit"),
        (500, "invalid_request_error", "server_error"),
        (400, "api_error", "invalid_request"),
    ],
)
def test_a_vague_code_says_less_than_the_status(status: int | None, name: str, expected: str) -> None:
    assert classify(Fault(FaultKind.ERROR_EVENT, "", status=status, type=name)).kind == expected


FINISHES = [
    ("content_filter", "content_policy"),  # OpenAI
    ("network_error", "network"),
    ("cancelled", "server_error"),
    ("insufficient_system_resource", "capacity"),  # DeepSeek
    ("refusal", "content_policy"),  # Anthropic
    ("model_context_window_exceeded", "context_overflow"),
    ("SAFETY", "content_policy"),  # Google
    ("RECITATION", "content_policy"),
    ("PROHIBITED_CONTENT", "content_policy"),
    ("SPII", "content_policy"),
    ("MALFORMED_FUNCTION_CALL", "server_error"),
    ("MISSING_THOUGHT_SIGNATURE", "invalid_request"),
    ("PUP_LIMITED_DISABLED", "auth"),
    ("OTHER", "unknown"),
    ("something new", "unknown"),
]


@pytest.mark.parametrize(("reason", "expected"), FINISHES)
def test_rf5_what_an_answer_ended_with_names_the_failure(reason: str, expected: str) -> None:
    assert classify(Fault(FaultKind.FINISH, "", code=reason)).kind == expected


@pytest.mark.parametrize("code", ["language", "refusal", "cancelled", "incomplete"])
def test_a_finish_reason_is_none_of_the_codes(code: str) -> None:
    assert classify(Fault(FaultKind.STATUS, "", status=429, code=code)).kind == "rate_limit"


@pytest.mark.parametrize("code", ["context_length_exceeded", "model_not_found", "content_policy_violation", "refusal"])
def test_rf4_rf5_what_the_request_or_the_model_is_to_blame_for_burns_no_account(code: str) -> None:
    fault = Fault(FaultKind.FINISH if code == "refusal" else FaultKind.STATUS, "", status=None, code=code)
    assert classify(fault).scope in (ScopeKind.REQUEST, ScopeKind.MODEL)


def test_the_tables_are_in_lower_case_and_do_not_contradict_each_other() -> None:
    names = [*error_codes.CODES, *error_codes.VAGUE, *error_codes.FINISHES]
    assert all(name == name.lower() for name in names)
    assert len(names) == len(set(names))


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


WINDOWS = {
    "x-codex-primary-used-percent": "100",
    "x-codex-primary-reset-after-seconds": "7200",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "6m0s",
}


@pytest.mark.parametrize(("status", "stated_s", "wait_s"), [(429, None, 7200.0), (429, 5.0, 5.0), (500, None, None)])
def test_a_window_that_is_used_up_says_how_long_a_limit_lasts(
    status: int, stated_s: float | None, wait_s: float | None
) -> None:
    fault = Fault(FaultKind.STATUS, "", status=status, retry_after_s=stated_s, headers=WINDOWS)
    assert classify(fault).retry_after_s == wait_s


def test_every_kind_has_a_scope() -> None:
    assert set(SCOPES.values()) <= set(ScopeKind)
    assert classify(Fault(FaultKind.STATUS, "", status=429)).scope is ScopeKind.CREDENTIAL
    assert classify(Fault(FaultKind.STATUS, "", status=529)).scope is ScopeKind.MODEL


@pytest.mark.parametrize(
    ("status", "code", "text", "scope"),
    [
        (413, None, "", "provider"),
        (413, None, "Payload Too Large", "provider"),
        (413, "request_too_large", "Request exceeds the maximum size", "provider"),
        (400, None, "the request body is too large: 21 MB, the limit is 20 MB", "provider"),
        (413, None, "prompt is too long: 210000 tokens > 200000 maximum", "request"),
        (413, "context_length_exceeded", "", "request"),
        (413, "rate_limit_exceeded", "Request too large: tokens per minute: Limit 6000, Requested 9000", "request"),
        (400, None, "This model's maximum context length is 8191 tokens", "request"),
    ],
)
def test_a_gateways_limit_concerns_the_provider_and_a_window_the_request(
    status: int, code: str | None, text: str, scope: str
) -> None:
    judged = classify(Fault(FaultKind.STATUS, text, status=status, code=code))
    assert (judged.kind, judged.scope) == ("context_overflow", scope)


@pytest.mark.parametrize("text", ["", "client closed request", "context canceled"])
def test_a_499_that_reaches_us_was_closed_by_somebody_on_the_way(text: str) -> None:
    assert classify(Fault(FaultKind.STATUS, text, status=499)).kind == "network"


def test_a_limit_of_what_stands_behind_one_model_does_not_concern_the_provider() -> None:
    fault = Fault(FaultKind.STATUS, "google/gemma:free is temporarily rate-limited upstream.", status=429)
    assert (classify(fault).kind, classify(fault).scope) == ("rate_limit", "model")


ADDED = (
    ErrorRow("our budget", FailureKind.QUOTA_EXHAUSTED, ("Tenant  Budget",), provider="ours"),
    ErrorRow("no gpu", FailureKind.CAPACITY, ("gpu pool drained",), scope=ScopeKind.PROVIDER),
)


@pytest.mark.parametrize(
    ("provider", "text", "expected"),
    [
        ("ours", "the tenant\nbudget is gone, retry after 90 seconds", ("quota_exhausted", "credential", 90.0)),
        ("other", "the tenant budget is gone", ("invalid_request", "request", None)),
        ("other", "GPU pool drained", ("capacity", "provider", None)),
    ],
)
def test_added_rows_speak_first_and_only_of_their_provider(
    provider: str, text: str, expected: tuple[str, str, float | None]
) -> None:
    fault = Fault(FaultKind.STATUS, text, status=400, code="invalid_prompt" if "gpu" in text.lower() else None)
    judged = classify(fault, added=rows_for(provider, ADDED))
    assert (judged.kind, judged.scope, judged.retry_after_s) == expected
