"""Foreign exceptions: what some client raised for a model call, read into the fault that it tells of.

By duck typing alone: attributes that the well-known clients have, and names of classes. So no client
needs to be installed, and one that wraps another is understood as well.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import jiter

from pi_fallback.core.error_objects import Said, said_in
from pi_fallback.core.foreign_names import CONTROL, FINISHES, PHRASES, TELLING, VAGUE
from pi_fallback.core.foreign_origin import is_of_server, raised_in_client, speaking_names
from pi_fallback_hookspecs import Fault, FaultKind, Phase

TEXT_MAX = 64 * 1024
CHAIN_MAX = 20
GROUP_MAX = 1000  # links and members of groups in groups
COMPANY = ("response", "headers", "body", "details", "request_info")  # beside an HTTP status called `code` or `status`
KEPT = ("retry-after", "x-ratelimit-", "anthropic-ratelimit-", "x-request-id", "request-id", "x-should-retry")

Waits = Callable[[Mapping[str, str]], float | None]
"""How many seconds an answer's headers (lower-case names) ask to wait."""


def fault_of(
    error: BaseException,
    *,
    waits: Waits,
    phase: Phase = Phase.PRE,
    before: BaseException | None = None,
    told: bool = False,
) -> Fault | None:
    """Return what `error` tells of a model call that failed, or None if it is not recognisably one.

    Control flow and cancellation are None, and so is a group in which anything else is. An explicit
    cause (`raise … from …`) speaks for an exception that is not recognised; the mere context does not:
    a mistake in the code that handles a failure is a mistake. Python's own exceptions speak behind a
    client's, or raised in one: a broken pipe may as well be the caller's own. `before` is what was being
    handled when the call began: that, and what lies behind it, belongs to another story. With `told`
    somebody has said that this is the call's failure: then every name speaks.
    """
    faults = [_fault_of(one, waits, phase, before, told=told) for one in _members(error)]
    return None if None in faults else faults[0]


def _members(error: BaseException) -> list[BaseException]:
    """`error`, or all that lies in the group that it is."""
    found: list[BaseException] = []
    left = [error]
    while left and len(found) < GROUP_MAX:
        one = left.pop()
        if isinstance(one, ExceptionGroup):
            left += reversed(cast("ExceptionGroup[Exception]", one).exceptions)
        else:
            found.append(one)
    return found


def _fault_of(
    error: BaseException, waits: Waits, phase: Phase, before: BaseException | None, *, told: bool
) -> Fault | None:
    if not isinstance(error, Exception) or type(error).__name__ in CONTROL:
        return None
    facts = _Facts(speaks=told)
    for link, is_explicit in _chain(error, before):
        if not (is_explicit or facts.is_recognised):
            break
        facts.take(link)
    return facts.fault(error, phase, waits) if facts.is_recognised else None


@dataclass
class _Facts:
    """What the links of a chain tell together, the outermost first. With `speaks` names of Python's own count."""

    speaks: bool = False
    status: int | None = None
    response: object = None
    said: Said | None = None
    telling: FaultKind | None = None
    vague: FaultKind | None = None
    finish: str | None = None
    code: str | None = None
    type: str | None = None
    last: BaseException | None = None

    @property
    def is_recognised(self) -> bool:
        return self.status is not None or self.telling is not None or self.vague is not None

    def take(self, link: BaseException) -> None:
        self.last = link
        if not self.speaks and is_of_server(link):
            return
        response = _get(link, "response")
        names = speaking_names(link, every=self.speaks or self.is_recognised or raised_in_client(link))
        status = _status(link, response, has_company=_has_company(link, names))
        if self.status is None and status is not None and status >= 300:
            self.status = status
        if self.response is None and response is not None:
            self.response = response
        if self.telling is None:
            self.telling = _first(names, TELLING)
            if self.telling is FaultKind.MALFORMED and "RemoteProtocolError" in names:
                self.telling = next((kind for words, kind in PHRASES if words in _text(link)), self.telling)
            self.finish = next((FINISHES[name] for name in names if name in FINISHES), None)
        if self.vague is None:
            self.vague = _first(names, VAGUE)
        if self.said is None:
            self.said = _said(link, response)
        self.code = self.code or _word(_get(link, "code"))
        self.type = self.type or _word(_get(link, "type"))

    def fault(self, error: Exception, phase: Phase, waits: Waits) -> Fault:
        said = self.said or Said()
        headers = _headers(self.response) or _headers(error)
        asked_s = waits(headers)
        return Fault(
            self._kind(phase),
            (said.text or self._words(error))[:TEXT_MAX],
            status=self.status,
            code=said.code or self.code or self.finish,
            type=said.type or self.type,
            retry_after_s=said.retry_after_s if asked_s is None else asked_s,
            headers={name: value for name, value in headers.items() if name.startswith(KEPT)},
            phase=phase,
        )

    def _kind(self, phase: Phase) -> FaultKind:
        if self.status is not None:
            return FaultKind.STATUS if self.status >= 400 else FaultKind.REDIRECT
        if self.telling is None and self.said is not None:
            return FaultKind.ERROR_EVENT  # an error object came in an answer whose status was good
        kind = self.telling or self.vague or FaultKind.OTHER
        return kind if phase is Phase.PRE else _LATER.get(kind, kind)

    def _words(self, error: Exception) -> str:
        text = _text(error) or type(error).__name__
        root = _text(self.last) if self.last is not None else ""
        return text if not root or root in text else f"{text}: {root}"


# What is called the same before content and after it.
_LATER: Mapping[FaultKind, FaultKind] = {
    FaultKind.FIRST_CONTENT_TIMEOUT: FaultKind.QUIET_TIMEOUT,
    FaultKind.STALE: FaultKind.BROKEN,
    FaultKind.CONNECT: FaultKind.BROKEN,
}


def _chain(error: BaseException, before: BaseException | None) -> Iterator[tuple[BaseException, bool]]:
    """`error` and what lies behind it, up to `before`; whether each was named as the cause by the one in front."""
    link: BaseException | None = error
    is_explicit = True
    for _ in range(CHAIN_MAX):
        if link is None or link is before:
            return
        if isinstance(link, BaseExceptionGroup):  # several addresses were tried: the first speaks for all
            link = cast("BaseExceptionGroup[BaseException]", link).exceptions[0]
        yield link, is_explicit
        is_explicit = is_explicit and link.__cause__ is not None
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _has_company(link: BaseException, names: list[str]) -> bool:
    """Whether a number called `code` or `status` is one of HTTP: own exceptions have such numbers too."""
    known = any(name in TELLING or name in VAGUE for name in names)
    return known or any(_get(link, name) is not None for name in COMPANY)


def _status(link: BaseException, response: object, *, has_company: bool) -> int | None:
    """The HTTP status: `code` and `status` are words with some clients."""
    found = (_get(holder, name) for holder, name in _holders(link, response, has_company=has_company))
    return next((value for value in found if _is_status(value)), None)


def _holders(link: BaseException, response: object, *, has_company: bool) -> Iterator[tuple[object, str]]:
    for name in ("status_code", "status", "code", "http_status") if has_company else ("status_code", "http_status"):
        yield link, name
    for name in ("status_code", "status"):
        yield response, name
    yield _get(response, "ResponseMetadata"), "HTTPStatusCode"  # botocore's response is a mapping


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 600


def _said(link: BaseException, response: object) -> Said | None:
    """The error object that came with `link`: parsed by the client, or in a body that it has read."""
    for value in (_get(link, "body"), _get(link, "details"), response):
        if isinstance(value, dict | list) and (said := said_in(cast("object", value))) is not None:
            return said
    # The one name under which httpx and requests hold a body that was read; asking for `content` may read it.
    content = _get(response, "_content")
    if not isinstance(content, bytes):
        return None
    try:
        return said_in(jiter.from_json(content[: 16 * TEXT_MAX]))
    except ValueError:
        return None


def _headers(holder: object) -> dict[str, str]:
    headers: Any = _get(holder, "headers")
    if headers is None:
        headers = _get(_get(holder, "ResponseMetadata"), "HTTPHeaders")
    try:
        return {str(name).lower(): str(value) for name, value in headers.items()}
    except Exception:  # nothing of a stranger's may raise here
        return {}


def _get(holder: object, name: str) -> Any:
    """An attribute of a stranger's object, or an item of a mapping; None if it is not there or raises."""
    try:
        if isinstance(holder, Mapping):
            return cast("Mapping[str, Any]", holder).get(name)
        return getattr(holder, name, None)
    except Exception:  # a property may raise what it likes
        return None


def _first(names: list[str], table: Mapping[str, FaultKind]) -> FaultKind | None:
    return next((table[name] for name in names if name in table), None)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def named(error: BaseException) -> str:
    """`error` by its class and its words."""
    words = _text(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a stranger's `__str__`
        return ""
