"""Classification: which failure a fault is, by codes, words, status and transport, in this order."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pi_fallback.core.error_codes import CLASSES, CODES, FINISHES, NUMBERS, OF_BYTES, OPEN, PAIRS, VAGUE, VENDORS
from pi_fallback.core.error_moments import moment_in, moment_in_headers
from pi_fallback.core.error_rows import Row, places_of
from pi_fallback.core.error_shapes import codes_in, names_in, plain, statuses_in
from pi_fallback.core.error_speakers import not_the_model
from pi_fallback.core.error_texts import LAST, TEXTS, USERS
from pi_fallback.core.error_waits import stated_wait_s, wait_in_headers
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

# Where somebody else's words stand in a fault. What happened to a connection is said in ours.
_WORDS = frozenset({FaultKind.STATUS, FaultKind.ERROR_EVENT, FaultKind.OTHER})
_WRAPPERS = frozenset({400, 402, 500, 502, 503})  # of gateways, around the status of what stands behind them
_QUOTED = frozenset({401, 402, 403, 404, 408, 413, 429, 500, 502, 504, 524, 529})
_CLOSED, _LIMITED = 499, 429
_CLASS = re.compile("|".join(CLASSES))
_OF_A_MODEL = re.compile(
    r"per_?(?:base_?)?model|(?:this|selected|that) model|limit reached for (?:model )?[`'\"]?[\w./:-]{0,80}[0-9]|"
    r"for (?:the )?model[ :`'\"]|model: ?[a-z]"
)
_OF_A_GATEWAY = re.compile(
    r"(?:request|payload|entity|body)(?: (?:body|entity|size|content))* (?:is )?too (?:large|big|long)|\bbytes\b|"
    r"[0-9] ?[km]i?b\b|(?:body|payload|request) size|length limit exceeded|exceeds the maximum (?:allowed )?size|"
    r"max body"
)
_OF_A_WINDOW = re.compile(r"token|context|prompt|window|conversation|history|messages")
_NUMBER = re.compile(r"[\"']?\bcode[\"']?\s?[:=]\s?[\"']?([0-9]{1,5})\b")
_RETRYING = re.compile(r"\bretrying\b|\bwill retry\b|\battempt #?([0-9]{1,3})(?: ?/ ?| of )([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error is. `until` is a moment in seconds since 1970, where a date or a time of day was stated.

    `is_final`: whoever reported it does not try again by itself. `source` says where `rule` comes from.
    """

    kind: K
    scope: ScopeKind
    retry_after_s: float | None = None
    until: float | None = None
    is_final: bool = True
    rule: str = ""
    source: str = ""


class _Said(NamedTuple):
    kind: K
    rule: str
    source: str
    scope: ScopeKind | None = None


def classify(fault: Fault, now: datetime | None = None, added: Sequence[Row] = ()) -> Judgement:
    """Judge `fault`: a code that is sure, then words, then other codes, then the status, then the transport.

    An answer of kind `unknown` is a fault that nothing here can name. `retry_after_s` is the server's own word;
    a stated date or time of day becomes one if `now` (aware) is given. The rows that are `added` are asked before all.
    """
    text = plain(fault.text) if fault.kind in _WORDS else ""
    wait_s = fault.retry_after_s
    if wait_s is None and fault.status == _LIMITED:  # of another error the windows of a limit say nothing
        wait_s = wait_in_headers(fault.headers)
    if wait_s is None and text:
        wait_s = stated_wait_s(text)
        if wait_s is None and now is not None and (until := _until(text, fault.headers, now)) is not None:
            wait_s = until - now.timestamp()
    codes = [name.lower() for name in (fault.code, fault.type) if name]
    said = _from_rows(added, text, fault.status, wait_s) or _from_codes(codes, fault.status, fault.kind)
    said = said or _from_rows(TEXTS, text, fault.status, wait_s) or _from_facts(codes, fault.status)
    said = said or _from_facts(names_in(text), None)
    if said is None and fault.status is not None and fault.status >= 400:
        said = _from_rows(LAST, text, fault.status, wait_s)
        said = said or _Said(K.UNKNOWN, f"status {fault.status}, which says little", "")
    elif said is None and (kind := TRANSPORT.get(fault.kind)):
        said = _Said(kind, fault.kind.value, "")
    elif said is None:
        said = _from_rows(LAST, text, fault.status, wait_s) or _Said(K.UNKNOWN, fault.kind.value, "")
    if fault.status == _CLOSED and said.kind in (K.ABORTED, K.UNKNOWN):  # nobody here has: who aborts reads no answer
        said = _Said(K.NETWORK, "status 499", "nginx: somebody on the way has closed the connection")
    said = _by_wait(said, wait_s)
    return Judgement(said.kind, _scope(said, text), wait_s, said.rule)


def classify_error(
    body: str,
    *,
    http_status: int | None = None,
    headers: Mapping[str, str] | None = None,
    error_type: str | None = None,
    error_code: str | None = None,
    provider: str | None = None,
    api: str | None = None,
    now: datetime | None = None,
) -> Verdict:
    """Judge the text of a stranger: what some client printed, with whatever else is known of it.

    It may be no failure of a model call at all. `provider` and `api` tell whose code a mere number is; `now` (aware)
    is asked for where a time of day or a date is stated, and without it there is no `until`.
    """
    text = plain(body)
    known = {name.lower(): value for name, value in (headers or {}).items()}
    codes = [name.lower() for name in (error_code, error_type) if name]
    status = http_status
    if status is None or status in _WRAPPERS:
        inside = statuses_in(text)
        if status is None:
            status = next((found for found in inside if found >= 400), None) or _status_of_class(text)
        else:
            status = next((found for found in inside if found in _QUOTED and found != http_status), status)
    spoken = not_the_model(body, has_status=http_status is not None or bool(codes))
    if spoken is not None:
        return Verdict(K.NOT_AN_ERROR, SCOPES[K.NOT_AN_ERROR], rule=spoken.name, source=spoken.source)
    wait_s = wait_in_headers(known)
    wait_s = stated_wait_s(text) if wait_s is None else wait_s
    until = None if now is None or wait_s is not None else _until(text, known, now)
    left_s = until - now.timestamp() if until is not None and now is not None else wait_s
    said = _stranger(text, status, [*codes, *codes_in(text)], _vendor(provider, api), left_s)
    said = _by_wait(said, left_s)
    if said.kind in (K.NOT_AN_ERROR, K.ABORTED):
        wait_s = until = None
    return Verdict(said.kind, _scope(said, text), wait_s, until, _is_final(text), said.rule, said.source)


def _stranger(text: str, status: int | None, codes: Sequence[str], vendor: str, wait_s: float | None) -> _Said:
    said = _from_rows(USERS, text, status, wait_s) or _from_codes(codes, status, FaultKind.OTHER)
    said = said or _from_numbers(vendor, codes, text) or _from_rows(TEXTS, text, status, wait_s)
    said = said or _from_facts(codes, status)
    if said is None and status == _CLOSED:
        return _Said(K.ABORTED, "status 499", "nginx: client closed request")
    said = said or _from_facts(names_in(text), None) or _from_rows(LAST, text, status, wait_s)
    if said is None and status is not None and status >= 400:
        return _Said(K.INVALID_REQUEST, f"status {status}", "RFC 9110: the client's fault")
    return said or _Said(K.NOT_AN_ERROR, "nothing here says that a model call failed", "")


def _from_codes(codes: Iterable[str], status: int | None, kind: FaultKind) -> _Said | None:
    """What a code says that is sure of it, or the pair of a status and a code."""
    for name in codes:
        if status is not None and (found := PAIRS.get((status, name))):
            return _Said(found, f"status {status} with code {name}", "error_codes.PAIRS")
        if name in OF_BYTES:
            return _Said(K.CONTEXT_OVERFLOW, f"code {name}", "error_codes.OF_BYTES", ScopeKind.PROVIDER)
        if kind is FaultKind.FINISH and (found := FINISHES.get(name)):
            return _Said(found, f"finish reason {name}", "error_codes.FINISHES")
        if name not in OPEN and (found := CODES.get(name)):
            return _Said(found, f"code {name}", "error_codes.CODES")
    return None


def _from_rows(rows: Sequence[Row], text: str, status: int | None, wait_s: float | None) -> _Said | None:
    if not text:
        return None
    places = places_of(status)
    for row in rows:
        if row.speaks(text, places, wait_s):
            return _Said(row.kind, row.name, row.source, row.scope)
    return None


def _from_facts(codes: Sequence[str], status: int | None) -> _Said | None:
    """What open codes say, then the status, then vague codes."""
    for name in codes:
        if found := CODES.get(name):
            return _Said(found, f"code {name}", "error_codes.CODES")
    if status is not None and status >= 400:
        if found := STATUSES.get(status):
            bare = ScopeKind.PROVIDER if found is K.CONTEXT_OVERFLOW else None  # a gateway's limit, it may be
            return _Said(found, f"status {status}", "classify.STATUSES", bare)
        if status >= 500:
            return _Said(K.SERVER_ERROR, f"status {status}", "RFC 9110: the server's fault")
    for name in codes:
        if found := VAGUE.get(name):
            return _Said(found, f"code {name}", "error_codes.VAGUE")
    return None


def _from_numbers(vendor: str, codes: Sequence[str], text: str) -> _Said | None:
    if not vendor:
        return None
    for number in (*codes, *_NUMBER.findall(text)):
        if found := NUMBERS.get((vendor, number)):
            return _Said(found, f"code {number} of {vendor}", "error_codes.NUMBERS")
    return None


def _vendor(provider: str | None, api: str | None) -> str:
    names = f"{provider or ''} {api or ''}".lower()
    return next((vendor for part, vendor in VENDORS.items() if part in names), "")


def _status_of_class(text: str) -> int | None:
    found = _CLASS.search(text)
    return CLASSES[found[0]] if found else None


def _by_wait(said: _Said, wait_s: float | None) -> _Said:
    if said.kind is K.RATE_LIMIT and wait_s is not None and wait_s > LONG_WAIT_S:
        return said._replace(kind=K.QUOTA_EXHAUSTED, rule=f"{said.rule}, and a wait of over 15 minutes")
    return said


def _scope(said: _Said, text: str) -> ScopeKind:
    if said.scope is not None:
        return said.scope
    usual = SCOPES[said.kind]
    if said.kind in (K.RATE_LIMIT, K.QUOTA_EXHAUSTED) and "model" in text and _OF_A_MODEL.search(text):
        return ScopeKind.CREDENTIAL_MODEL
    if said.kind is K.CONTEXT_OVERFLOW and not _OF_A_WINDOW.search(text) and _OF_A_GATEWAY.search(text):
        return ScopeKind.PROVIDER
    return usual


def _until(text: str, headers: Mapping[str, str], now: datetime) -> float | None:
    moment = moment_in_headers(headers, now)
    return moment_in(text, now) if moment is None else moment


def _is_final(text: str) -> bool:
    """False if a client says that it goes on by itself: attempt 1 of 4, "retrying in 5s"."""
    found = _RETRYING.search(text)
    return found is None or (found[1] is not None and int(found[1]) >= int(found[2]))
