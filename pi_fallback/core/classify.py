"""Classification: which failure a fault is, from what status, code, headers and transport alone tell."""

from collections.abc import Mapping

from pi_fallback_hookspecs import FailureKind as K
from pi_fallback_hookspecs import Fault, FaultKind, Judgement, ScopeKind

LONG_WAIT_S = 15 * 60.0  # a "rate limit" with a longer wait than this is a spent plan

REPEATABLE = frozenset({K.RATE_LIMIT, K.CAPACITY, K.SERVER_ERROR, K.TIMEOUT, K.NETWORK})
"""What passes by itself: the host's own backoff repeats nothing else."""

SCOPES: Mapping[K, ScopeKind] = {
    K.RATE_LIMIT: ScopeKind.CREDENTIAL,
    K.QUOTA_EXHAUSTED: ScopeKind.CREDENTIAL,
    K.CAPACITY: ScopeKind.MODEL,
    K.SERVER_ERROR: ScopeKind.PROVIDER,
    K.AUTH: ScopeKind.CREDENTIAL,
    K.CONTEXT_OVERFLOW: ScopeKind.REQUEST,
    K.OUTPUT_LIMIT: ScopeKind.REQUEST,
    K.CONTENT_POLICY: ScopeKind.REQUEST,
    K.INVALID_REQUEST: ScopeKind.REQUEST,
    K.MODEL_NOT_FOUND: ScopeKind.MODEL,
    K.NETWORK: ScopeKind.NETWORK,
    K.TIMEOUT: ScopeKind.PROVIDER,
    K.ABORTED: ScopeKind.REQUEST,
    K.NOT_AN_ERROR: ScopeKind.REQUEST,
    K.UNKNOWN: ScopeKind.REQUEST,
}

# What the documented codes of the dialects say, whatever status they come with: a spent quota is
# sent as 429, a bad key as 400. Sources: the error-code pages of OpenAI, Anthropic and Google.
CODES: Mapping[str, K] = {
    "insufficient_quota": K.QUOTA_EXHAUSTED,
    "billing_hard_limit_reached": K.QUOTA_EXHAUSTED,
    "billing_not_active": K.QUOTA_EXHAUSTED,
    "usage_limit_reached": K.QUOTA_EXHAUSTED,
    "billing_error": K.QUOTA_EXHAUSTED,
    "quota_exhausted": K.QUOTA_EXHAUSTED,
    "payment_required": K.QUOTA_EXHAUSTED,
    "rate_limit_exceeded": K.RATE_LIMIT,
    "rate_limit_error": K.RATE_LIMIT,
    "overloaded_error": K.CAPACITY,
    "overloaded": K.CAPACITY,
    "engine_overloaded": K.CAPACITY,
    "model_overloaded": K.CAPACITY,
    "insufficient_system_resource": K.CAPACITY,  # DeepSeek: a finish reason
    "invalid_api_key": K.AUTH,
    "authentication_error": K.AUTH,
    "permission_error": K.AUTH,
    "permission_denied": K.AUTH,
    "unauthenticated": K.AUTH,
    "account_deactivated": K.AUTH,
    "unsupported_country_region_territory": K.AUTH,
    "context_length_exceeded": K.CONTEXT_OVERFLOW,
    "exceed_context_size_error": K.CONTEXT_OVERFLOW,
    "request_too_large": K.CONTEXT_OVERFLOW,
    "string_above_max_length": K.CONTEXT_OVERFLOW,
    "content_filter": K.CONTENT_POLICY,
    "content_policy_violation": K.CONTENT_POLICY,
    "cyber_policy": K.CONTENT_POLICY,
    "model_not_found": K.MODEL_NOT_FOUND,
    "not_found_error": K.MODEL_NOT_FOUND,
    "network_error": K.NETWORK,
    "timeout_error": K.TIMEOUT,
    "deadline_exceeded": K.TIMEOUT,
    "server_error": K.SERVER_ERROR,
    "internal_server_error": K.SERVER_ERROR,
    "unavailable": K.SERVER_ERROR,
}

# RFC 9110 and what gateways add: 520-524 Cloudflare, 529 Anthropic.
STATUSES: Mapping[int, K] = {
    400: K.INVALID_REQUEST,
    401: K.AUTH,
    402: K.QUOTA_EXHAUSTED,
    403: K.AUTH,
    404: K.MODEL_NOT_FOUND,
    408: K.TIMEOUT,
    410: K.MODEL_NOT_FOUND,
    413: K.CONTEXT_OVERFLOW,
    422: K.INVALID_REQUEST,
    429: K.RATE_LIMIT,
    504: K.TIMEOUT,
    522: K.TIMEOUT,
    524: K.TIMEOUT,
    529: K.CAPACITY,
}

TRANSPORT: Mapping[FaultKind, K] = {
    FaultKind.CONNECT: K.NETWORK,
    FaultKind.BROKEN: K.NETWORK,
    FaultKind.STALE: K.NETWORK,
    FaultKind.INCOMPLETE: K.NETWORK,
    FaultKind.CONNECT_TIMEOUT: K.TIMEOUT,
    FaultKind.HEAD_TIMEOUT: K.TIMEOUT,
    FaultKind.FIRST_CONTENT_TIMEOUT: K.TIMEOUT,
    FaultKind.QUIET_TIMEOUT: K.TIMEOUT,
    FaultKind.TOTAL_TIMEOUT: K.TIMEOUT,
    FaultKind.EMPTY: K.SERVER_ERROR,
    FaultKind.MALFORMED: K.SERVER_ERROR,
    FaultKind.TOO_LARGE: K.SERVER_ERROR,
    FaultKind.REDIRECT: K.SERVER_ERROR,
    FaultKind.KEY: K.AUTH,
}


def classify(fault: Fault) -> Judgement:
    """Judge `fault`: provider code first, then status, then what happened to the transport.

    An answer of kind `unknown` is a fault that nothing here can name. `retry_after_s` is the
    server's own word, untouched.
    """
    kind, reason = _kind(fault)
    if kind is K.RATE_LIMIT and fault.retry_after_s is not None and fault.retry_after_s > LONG_WAIT_S:
        kind, reason = K.QUOTA_EXHAUSTED, f"{reason}, and a wait of over 15 minutes"
    return Judgement(kind, SCOPES[kind], fault.retry_after_s, reason)


def _kind(fault: Fault) -> tuple[K, str]:
    for name in (fault.code, fault.type):
        if name and (kind := CODES.get(name.lower())):
            return kind, f"code {name}"
    if fault.status is not None and fault.status >= 400:
        if kind := STATUSES.get(fault.status):
            return kind, f"status {fault.status}"
        if fault.status >= 500:
            return K.SERVER_ERROR, f"status {fault.status}"
        return K.UNKNOWN, f"status {fault.status}, which says little"
    if kind := TRANSPORT.get(fault.kind):
        return kind, fault.kind.value
    return K.UNKNOWN, fault.kind.value
