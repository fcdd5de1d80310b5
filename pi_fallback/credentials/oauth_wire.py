"""The wire to a login's server: a request goes out, a JSON object comes back, or one of two ways to fail."""

import json
from collections.abc import Mapping
from typing import cast

from pi_fallback.config.schema import endpoint
from pi_fallback.credentials.oauth_requests import Body, word
from pi_fallback.http import Http, Response, WireError
from pi_fallback_hookspecs import FaultKind, Key, origin_of

HEAD_S = 12.0  # these servers answer in one or two
UNSENT = frozenset({FaultKind.CONNECT, FaultKind.CONNECT_TIMEOUT, FaultKind.KEY, FaultKind.OTHER})
TROUBLES = frozenset({"server_error", "temporarily_unavailable"})  # RFC 6749 §4.1.2.1; some say it here too
TRY_LATER = frozenset({408, 425, 429})
UNKNOWN = "unknown_token"  # our word for a token that an exchange does not know
GONE = frozenset(
    {
        UNKNOWN,
        "invalid_grant",  # RFC 6749 §5.2
        "refresh_token_expired",  # OpenAI's words for it
        "refresh_token_reused",
        "refresh_token_invalidated",
        "bad_refresh_token",  # GitHub's
    }
)


class Refused(Exception):
    """The server has said no; `code` is its word for why, such as `invalid_grant`."""

    def __init__(self, code: str, interval_s: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.interval_s = interval_s

    @property
    def is_final(self) -> bool:
        """Whether the same token will be refused for ever. All else may be the client's, or pass."""
        return self.code in GONE


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
            return _answer(response.status, await _text(response))
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
            if response.status == 401:
                raise Refused(UNKNOWN)
            return _answer(response.status, await _text(response))
    except WireError as error:
        raise _unheard(error) from None


async def _text(response: Response) -> str:
    """The body: of a good answer however long it takes, because with it goes what a spent token was given for."""
    return await (response.text() if response.status < 300 else response.error_text())


def _answer(status: int, text: str) -> Mapping[str, object]:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):  # a gateway's page, or an answer that broke off
        raise NoAnswer(f"it answered with status {status} and nothing that counts", lost=status < 300)
    answer = cast("Mapping[str, object]", found)
    code = _code(answer)
    is_trouble = status >= 500 or status in TRY_LATER or code in TROUBLES
    if status < 300 and not is_trouble and not answer.get("error"):
        return answer
    if is_trouble or not code:  # without a word of the protocol it may be a gateway, or a limit of requests
        said = f"it says {code}" if code in TROUBLES else f"it answered with status {status}"
        raise NoAnswer(said, lost=False)
    interval = answer.get("interval")
    raise Refused(code, interval if isinstance(interval, int | float) else None)


def _code(answer: Mapping[str, object]) -> str:
    error = answer.get("error")
    if isinstance(error, dict):
        error = cast("Mapping[str, object]", error).get("code")
    return word(error) if isinstance(error, str) else ""


def _unheard(error: WireError) -> NoAnswer:
    fault = error.fault
    return NoAnswer(f"it could not be heard ({fault.kind.value})", lost=fault.kind not in UNSENT)
