"""What a login's server is asked, and what its answers mean: values in, values out. authlib knows the protocol."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from pi_fallback.config.schema import endpoint
from pi_fallback.credentials.claims import claims_of
from pi_fallback.errors import CredentialError, MissingExtra
from pi_fallback_hookspecs import Json, OAuthEndpoints

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LIFE_S = (
    3600.0  # of a token whose server does not say how long it lives, but can renew it (RFC 6749 §5.1: its business)
)
LONG_LIFE_S = 365 * 86_400.0  # of one that nobody renews: until it is refused
SHORTEST_LIFE_S = 120.0  # a token that has just come is not expired, whatever our clock says


SHORTEST_CODE = 8  # a stray line is shorter than a code, which nobody must be able to guess


class NotTheAnswer(Exception):
    """What came is no answer to this login. The message says what it is."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that the answer belongs to the question. It does not print."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def new(cls) -> "Proof":
        security = _authlib("common.security")
        return cls(security.generate_token(32), security.generate_token(64))


class Body(NamedTuple):
    """What is posted, and the headers that say how it is written."""

    data: bytes
    headers: Mapping[str, str]


def authorization_url(endpoints: OAuthEndpoints, redirect: str, proof: Proof) -> str:
    """Where the user's browser is to go."""
    challenge = _authlib("oauth2.rfc7636").create_s256_code_challenge(proof.verifier)
    ours = {
        "uri": endpoint(endpoints.authorize_url),
        "client_id": endpoints.client_id,
        "response_type": "code",
        "redirect_uri": redirect,
        "scope": list(endpoints.scopes) or None,
        "state": proof.state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return _authlib("oauth2.rfc6749.parameters").prepare_grant_uri(**{**endpoints.params, **ours})


def code_in(answer: str, proof: Proof) -> str:
    """The code in what came back: the address that the browser was sent to, `code#state`, or the bare code.

    Raises:
        NotTheAnswer: there is none, or it belongs to another login.
        CredentialError: the user or the server has refused.
    """
    try:
        query = _query(answer.strip(), proof)
    except ValueError:  # no address at all
        query = ""
    said = {name: values[0] for name, values in parse_qs(query).items()}
    if (error := said.get("error")) and said.get("state", proof.state) == proof.state:
        refused = "you refused it" if error == "access_denied" else f"the server answered {word(error)}"
        raise CredentialError(f"The login failed: {refused}. Start it again when you like.")
    base = _authlib("oauth2.base").OAuth2Error
    try:
        parameters = _authlib("oauth2.rfc6749.parameters")
        return parameters.parse_authorization_code_response(f"http://localhost/?{query}", proof.state)["code"]
    except base as error:
        wrong = "belongs to another login" if "state" in type(error).__name__.lower() else "holds no code"
        raise NotTheAnswer(f"What came back {wrong}.") from None


def _query(text: str, proof: Proof) -> str:
    if "://" not in text and not {"code", "error"} & parse_qs(text.lstrip("?")).keys():  # base64 ends in = too
        code, _, state = text.partition("#")
        if len(code) < SHORTEST_CODE or len(code.split()) != 1:
            return ""
        return urlencode({"code": code, "state": state or proof.state})
    return urlsplit(text).query or urlsplit(f"?{text}").query


def body(endpoints: OAuthEndpoints, grant: str, *, redirect: str | None = None, **fields: str) -> Body:
    """A request to the token's endpoint."""
    fields |= {"client_id": endpoints.client_id}
    if endpoints.client_secret:
        fields["client_secret"] = endpoints.client_secret
    form = _authlib("oauth2.rfc6749.parameters").prepare_token_request(grant, redirect_uri=redirect, **fields)
    return written(endpoints, dict(parse_qsl(form)))


def written(endpoints: OAuthEndpoints, fields: Mapping[str, str]) -> Body:
    """`fields` in the encoding that the server reads."""
    is_json = endpoints.encoding == "json"
    kind = "application/json" if is_json else "application/x-www-form-urlencoded"
    data = json.dumps(dict(fields)) if is_json else urlencode(fields)
    return Body(data.encode(), {**endpoints.headers, "content-type": kind, "accept": "application/json"})


def granted(
    answer: Mapping[str, object], endpoints: OAuthEndpoints, before: Mapping[str, Json], *, wall: float
) -> Mapping[str, Json]:
    """The account as it is kept once `answer` has come; what `before` knows of it beside the tokens stays.

    Raises:
        LookupError: there is no token in it.
    """
    exchanged = "token" in answer and "access_token" not in answer
    access = answer.get("token") if exchanged else answer.get("access_token")
    if not isinstance(access, str) or not access:
        raise LookupError("token")
    refresh = before.get("refresh") if exchanged else answer.get("refresh_token") or before.get("refresh")
    tokens: dict[str, Json] = {"type": "oauth", "access": access}
    if isinstance(refresh, str) and refresh:
        tokens["refresh"] = refresh
    tokens["expires"] = int(_expires(answer, wall, LIFE_S if "refresh" in tokens else LONG_LIFE_S) * 1000)
    told = [claims_of(access), claims_of(answer.get("id_token"))]
    for name, path in endpoints.claims.items():
        found = next((value for claims in told if (value := _at(claims, path)) is not None), None)
        if found is not None:
            tokens[name] = found
    return {**before, **tokens}


_CODE = re.compile(r"[a-z]+(?:_[a-z]+){0,5}")
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


def placed(endpoints: OAuthEndpoints, entry: Mapping[str, Json]) -> OAuthEndpoints:
    """`endpoints` where the account of `entry` lives, which may have a domain of its own."""
    field, usual = endpoints.account_domain or ("", "")
    said = entry.get(field)
    domain = said.removeprefix("https://").strip("/") if isinstance(said, str) else ""
    parts = urlsplit(endpoints.exchange_url)
    if not (_DOMAIN.fullmatch(domain) and parts.netloc.endswith(f".{usual}")):
        return endpoints
    own = parts._replace(netloc=parts.netloc.removesuffix(usual) + domain)
    return replace(endpoints, exchange_url=own.geturl())


def account_headers(endpoints: OAuthEndpoints | None, entry: Mapping[str, object]) -> Mapping[str, str]:
    """The headers by which a provider knows the account of `entry`."""
    wanted: Mapping[str, str] = {} if endpoints is None else endpoints.account_headers
    said = {name: entry.get(field) for name, field in wanted.items()}
    return {name: value for name, value in said.items() if isinstance(value, str) and value.isprintable() and value}


def _expires(answer: Mapping[str, object], wall: float, life_s: float) -> float:
    """When the token is worth nothing any more. A span is trusted before a moment, which is of another's clock."""
    for name in ("expires_in", "refresh_in"):
        seconds = answer.get(name)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e10:
            return wall + max(float(seconds), SHORTEST_LIFE_S)
    moment = answer.get("expires_at")
    if isinstance(moment, int | float) and not isinstance(moment, bool) and 0 < moment < 1e11:
        return max(float(moment), wall + SHORTEST_LIFE_S)
    return wall + life_s


def _at(claims: Mapping[str, object], path: tuple[str, ...]) -> str | None:
    found: object = claims
    for name in path:
        found = cast("Mapping[str, object]", found).get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= 1000 and found.isprintable() else None


def word(text: str) -> str:
    """An error's code, if it is one: neither a sentence of somebody else's, nor what may be a token."""
    return text if _CODE.fullmatch(text) else "an error"


def _authlib(module: str) -> Any:
    try:
        return import_module(f"authlib.{module}")
    except ImportError:
        raise MissingExtra("Logging in", "oauth") from None
