"""What a login's server knows: codes, devices and families of tokens, and what it answers to each request."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any, NamedTuple

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Reply(NamedTuple):
    status: int
    body: Mapping[str, Any]


def refusal(error: str, **more: Any) -> Reply:
    return Reply(400, {"error": error, "error_description": f"no: {error}", **more})


class Tokens(NamedTuple):
    access: str
    refresh: str


@dataclass
class Grants:
    """All that was ever given out. A refresh token is good for once: used again, all of its family are dead."""

    client_id: str
    life_s: float
    rotates: bool
    refreshes: int = 0
    reuses: int = 0
    live: set[str] = field(default_factory=set[str])  # access tokens
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    _families: dict[str, int] = field(default_factory=dict[str, int])  # by refresh token
    _current: dict[int, Tokens] = field(default_factory=dict[int, Tokens])
    _devices: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def issue(self, family: int | None = None) -> Tokens:
        """A new pair: of `family`, whose last one ends with it, or of a family of its own."""
        number = next(self._numbers)
        family = number if family is None else family
        before = self._current.get(family)
        if before is not None:
            self.live.discard(before.access)
        refresh = before.refresh if before is not None and not self.rotates else f"refresh-token-{number:06d}"
        tokens = self._current[family] = Tokens(f"access-token-{number:06d}", refresh)
        self._families[refresh] = family
        self.live.add(tokens.access)
        return tokens

    def code(self, asked: Mapping[str, str]) -> str:
        """A code for a question that the user has said yes to."""
        code = f"login-code-{next(self._numbers):06d}"
        self._codes[code] = asked
        return code

    def device(self, answers: Iterable[str]) -> str:
        """A device whose polls are answered with these errors, and then with tokens."""
        device = f"device-code-{next(self._numbers):06d}"
        self._devices[device] = list(answers)
        return device

    def answer(self, asked: Mapping[str, str]) -> Reply:
        """Answer a request to the token's endpoint."""
        if asked.get("client_id") != self.client_id:
            return refusal("invalid_client")
        match asked.get("grant_type"):
            case "authorization_code":
                return self._redeemed(asked)
            case "refresh_token":
                return self._refreshed(asked.get("refresh_token", ""))
            case grant if grant == DEVICE_GRANT:
                return self._polled(asked.get("device_code", ""))
            case _:
                return refusal("unsupported_grant_type")

    def _redeemed(self, asked: Mapping[str, str]) -> Reply:
        question = self._codes.pop(asked.get("code", ""), {})
        proof = sha256(asked.get("code_verifier", "").encode()).digest()
        proven = urlsafe_b64encode(proof).decode().rstrip("=") == question.get("code_challenge")
        if not proven or asked.get("redirect_uri") != question.get("redirect_uri"):
            return refusal("invalid_grant")
        return self._granted(self.issue())

    def _refreshed(self, refresh: str) -> Reply:
        family = self._families.get(refresh)
        current = self._current.get(family) if family is not None else None
        if family is None or current is None:
            return refusal("invalid_grant")
        if refresh != current.refresh:
            self.reuses += 1
            self.live.discard(current.access)
            del self._current[family]
            return refusal("invalid_grant")
        self.refreshes += 1
        return self._granted(self.issue(family))

    def _polled(self, device: str) -> Reply:
        answers = self._devices.get(device)
        if answers is None:
            return refusal("invalid_grant")
        if answers:
            answer = answers.pop(0)
            return refusal(answer, **({"interval": 0.05} if answer == "slow_down" else {}))
        del self._devices[device]
        return self._granted(self.issue())

    def _granted(self, tokens: Tokens) -> Reply:
        answer = {"access_token": tokens.access, "token_type": "Bearer", "expires_in": self.life_s}
        return Reply(200, {**answer, "refresh_token": tokens.refresh})
