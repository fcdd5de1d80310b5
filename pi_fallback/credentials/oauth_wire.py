"""The wire to a login's server: a request goes out, a JSON object comes back, or one of two ways to fail."""

import json
from collections.abc import Mapping
from typing import cast

from pi_fallback.config.schema import endpoint
from pi_fallback.credentials.oauth_requests import Body, word
from pi_fallback.http import Http, WireError
from pi_fallback_hookspecs import FaultKind, Key, origin_of

HEAD_S = 12.0  # these servers answer in one or two
UNSENT = frozenset({FaultKind.CONNECT, FaultKind.CONNECT_TIMEOUT, FaultKind.KEY, FaultKind.OTHER})
TROUBLES = frozenset({"server_error", "temporarily_unavailable"})  # RFC 6749 §4.1.2.1; some say it here too
TRY_LATER = frozenset({408, 425, 429})


class Refused(Exception):
    """The server has said no; `code` is its word for why, such as `invalid_grant`."""

    def __init__(self, code: str, interval_s: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.interval_s = interval_s


class NoAnswer(Exception):
    """The server said nothing that counts. With `lost` it may have acted all the same."""

    def __init__(self, reason: str, *, lost: bool) -> None:
        super().__init__(reason)
        self.lost = lost


async def posted(http: Http, url: str, body: Body, *, head_s: float = HEAD_S) -> Mapping[str, object]:
    """Post `body` to `url`.

    Raises:
        Refused: it says no.
        NoAnswer: it cannot be reached, has trouble of its own, or speaks of something else.
    """
    checked = endpoint(url)
    try:
        async with http.post(checked, body=body.data, headers=body.headers, head_s=head_s, fresh=True) as response:
            return _answer(response.status, await response.error_text())
    except WireError as error:
        raise _unheard(error) from None


async def exchanged(http: Http, url: str, token: str, headers: Mapping[str, str]) -> Mapping[str, object]:
    """Ask `url` for the key of a provider, with `token` as the proof of who asks.

    Raises:
        Refused, NoAnswer: as for `posted`.
    """
    checked = endpoint(url)
    key = Key(token, origin_of(checked))
    try:
        headers = {**headers, "accept": "application/json"}
        async with http.get(checked, headers=headers, key=key, head_s=HEAD_S) as response:
            return _answer(response.status, await response.error_text())
    except WireError as error:
        raise _unheard(error) from None


def _answer(status: int, text: str) -> Mapping[str, object]:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):  # a gateway's page, or an answer that broke off
        raise NoAnswer(f"it answered with status {status} and nothing that counts", lost=status < 300)
    answer = cast("Mapping[str, object]", found)
    code = _code(answer)
    if status >= 500 or status in TRY_LATER or code in TROUBLES:
        raise NoAnswer(f"it answered with status {status}", lost=False)
    if status >= 300 or "error" in answer:
        interval = answer.get("interval")
        raise Refused(code or f"status {status}", interval if isinstance(interval, int | float) else None)
    return answer


def _code(answer: Mapping[str, object]) -> str:
    error = answer.get("error")
    if isinstance(error, dict):
        error = cast("Mapping[str, object]", error).get("code")
    return word(error) if isinstance(error, str) else ""


def _unheard(error: WireError) -> NoAnswer:
    fault = error.fault
    return NoAnswer(f"it could not be heard ({fault.kind.value})", lost=fault.kind not in UNSENT)
