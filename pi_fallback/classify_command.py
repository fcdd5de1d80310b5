"""The command `classify`: what an error would be taken for, what would follow, and which rule says so."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import cast

import jiter

from pi_fallback.core.classify import Verdict, classify_error
from pi_fallback.core.clean import clean
from pi_fallback.core.pooling import RESTS_S
from pi_fallback_hookspecs import FailureKind as K
from pi_fallback_hookspecs import ScopeKind

FOLLOWS: Mapping[K, str] = {
    K.RATE_LIMIT: "another account of the same model, then another provider",
    K.QUOTA_EXHAUSTED: "another account of the same model, then another provider",
    K.CAPACITY: "another model, of any provider",
    K.SERVER_ERROR: "the same route once more, then another provider",
    K.AUTH: "another account, then another provider; the key or login is yours to mend",
    K.CONTEXT_OVERFLOW: "a model whose context is larger; without one it stops and says so",
    K.OUTPUT_LIMIT: "another model; after three that fail so it stops",
    K.CONTENT_POLICY: "another model; after three that refuse it stops",
    K.INVALID_REQUEST: "another model; after three that refuse it stops",
    K.MODEL_NOT_FOUND: "another model, of any provider",
    K.NETWORK: "the same route once more over a fresh connection, then another provider",
    K.TIMEOUT: "another provider",
    K.ABORTED: "nothing: it was stopped on purpose",
    K.NOT_AN_ERROR: "nothing: no call of a model has failed",
    K.UNKNOWN: "no guess: progress detection waits for silence",
}
OF_BYTES = "another provider: this one's gateway takes no more bytes, which says nothing of windows"
_RESTING = {
    "credential": "the account",
    "credential_model": "the account, for this model only",
    "model": "the model at this provider",
    "provider": "the provider",
}


def explained(verdict: Verdict, now: datetime) -> str:
    """What `verdict` means, in a few lines for a reader."""
    of_bytes = verdict.kind is K.CONTEXT_OVERFLOW and verdict.scope is ScopeKind.PROVIDER
    lines = [verdict.kind.value, f"  then:  {OF_BYTES if of_bytes else FOLLOWS[verdict.kind]}"]
    if waits := _waits(verdict, now):
        lines.append(f"  rests: {waits}")
    if not verdict.is_final:
        lines.append("  not final: whoever reported it tries again by itself, so nothing is done yet")
    source = f" ({verdict.source})" if verdict.source else ""
    return "\n".join([*lines, f"  why:   {verdict.rule}{source}"])


def answers(lines: Iterable[bytes]) -> Iterator[str]:
    """For each line, an error as a JSON object, one line: `{"label": …, "retry_after_s": …}`, or what is wrong with it.

    Fields: `body`, `http_status`, `headers`, `error_type`, `error_code`, `provider`, `api`; all may be missing or null.
    """
    for line in lines:
        if line.strip():
            yield json.dumps(_answer(line), ensure_ascii=False)


def header_of(text: str) -> tuple[str, str]:
    """Name and value of "Retry-After: 5" or "retry-after=5".

    Raises:
        ValueError: there is no name, or nothing between it and a value.
    """
    at = min((place for mark in ":=" if (place := text.find(mark)) > 0), default=0)
    if not text[:at].strip():
        raise ValueError(f"{text!r} is no header: write it as 'Retry-After: 5'")
    return text[:at].strip(), text[at + 1 :].strip()


def _answer(line: bytes) -> dict[str, object]:
    try:
        verdict = _judged(jiter.from_json(line.decode("utf-8", "replace").encode()))
    except ValueError as error:
        return {"label": None, "retry_after_s": None, "error": str(error)}
    return {"label": _label(verdict.kind), "retry_after_s": verdict.retry_after_s}


def _label(kind: K) -> str:
    return (K.NOT_AN_ERROR if kind is K.UNKNOWN else kind).value


def _judged(value: object) -> Verdict:
    if not isinstance(value, dict):
        raise ValueError("not an object with a field `body`")
    fields = cast("dict[str, object]", value)
    headers = fields.get("headers")
    if headers is not None and not isinstance(headers, dict):
        raise ValueError("`headers` is not an object")
    known = cast("dict[str, object]", headers or {})
    return classify_error(
        _text(fields, "body") or "",
        http_status=_status(fields.get("http_status")),
        headers={name: str(of) for name, of in known.items() if of is not None},
        error_type=_text(fields, "error_type"),
        error_code=_text(fields, "error_code"),
        provider=_text(fields, "provider"),
        api=_text(fields, "api"),
    )


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)  # a body that somebody has parsed
    return str(value)


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) == 3 else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 600 else None


def _waits(verdict: Verdict, now: datetime) -> str:
    what = _RESTING.get(verdict.scope.value, "nothing")
    usual_s = RESTS_S.get(verdict.kind)
    if usual_s is None:
        return ""
    if verdict.kind is K.TIMEOUT:
        what = _RESTING["model"]  # a stall says something of the model; its provider may serve others well
    if verdict.until is not None:
        moment = datetime.fromtimestamp(verdict.until, now.tzinfo)
        return f"{what}, until {moment:%Y-%m-%d %H:%M} as it says"
    if verdict.retry_after_s is not None:
        return f"{what}, for {_span(verdict.retry_after_s)} as it says"
    return f"{what}, for {_span(usual_s)}, as no time is stated"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} s"
    whole = round(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount)


def shown(text: str, verdict: Verdict, now: datetime) -> str:
    """`explained`, below the beginning of the error."""
    first = next((line.strip() for line in clean(text).splitlines() if line.strip()), "(no text)")
    return f"{first[:100]}{'…' if len(first) > 100 else ''}\n{explained(verdict, now)}"
