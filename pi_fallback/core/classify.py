"""Classification: which failure a fault is, from what status, code, headers and transport alone tell."""

from collections.abc import Mapping

from pi_fallback.core.error_codes import CODES, FINISHES, PAIRS, VAGUE
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
    names = [name for name in (fault.code, fault.type) if name]
    for name in names:
        if kind := _meaning(name.lower(), fault):
            return kind, f"code {name}"
    if fault.status is not None and fault.status >= 400:
        if kind := STATUSES.get(fault.status):
            return kind, f"status {fault.status}"
        if fault.status >= 500:
            return K.SERVER_ERROR, f"status {fault.status}"
    for name in names:
        if kind := VAGUE.get(name.lower()):
            return kind, f"code {name}"
    if fault.status is not None and fault.status >= 400:
        return K.UNKNOWN, f"status {fault.status}, which says little"
    if kind := TRANSPORT.get(fault.kind):
        return kind, fault.kind.value
    return K.UNKNOWN, fault.kind.value


def _meaning(name: str, fault: Fault) -> K | None:
    if fault.status is not None and (kind := PAIRS.get((fault.status, name))):
        return kind
    return (FINISHES.get(name) if fault.kind is FaultKind.FINISH else None) or CODES.get(name)
