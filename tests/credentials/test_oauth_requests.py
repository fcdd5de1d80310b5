"""What a login's server is asked and what its answers mean: tables of both, and laws for hostile ones."""

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pi_fallback.credentials.oauth_requests import (
    LIFE_S,
    LONG_LIFE_S,
    SHORTEST_LIFE_S,
    NotTheAnswer,
    Proof,
    account_headers,
    authorization_url,
    body,
    code_in,
    granted,
    placed,
    word,
)
from pi_fallback.errors import CredentialError
from pi_fallback.providers.logins import LOGINS, NOT_OURS
from pi_fallback_hookspecs import OAuthEndpoints

WALL = 1_000_000.0
PLAIN = OAuthEndpoints("https://e/token", "me", authorize_url="https://e/authorize")
NAMES = ("access_token", "token", "refresh_token", "expires_in", "expires_at", "id_token")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def jwt(claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{middle}.signature"


@pytest.mark.parametrize(
    ("answer", "expires_s"),
    [
        ({"expires_in": 600}, WALL + 600),
        ({"expires_in": 600, "expires_at": 5}, WALL + 600),
        ({"refresh_in": 1500, "expires_at": 5}, WALL + 1500),
        ({"expires_at": WALL + 900}, WALL + 900),
        ({"expires_at": 5}, WALL + SHORTEST_LIFE_S),  # by a clock that is behind ours
        ({"expires_in": 1}, WALL + SHORTEST_LIFE_S),
        ({}, WALL + LIFE_S),
        ({"expires_in": "600"}, WALL + LIFE_S),
        ({"expires_in": -5}, WALL + LIFE_S),
        ({"expires_in": True}, WALL + LIFE_S),
        ({"refresh_token": None}, WALL + LONG_LIFE_S),
    ],
    ids=str,
)
def test_when_a_token_ends(answer: Mapping[str, Any], expires_s: float) -> None:
    tokens = {"access_token": "a", "refresh_token": "r", **answer}
    assert granted(tokens, PLAIN, {}, wall=WALL)["expires"] == int(expires_s * 1000)


def test_what_was_known_of_an_account_stays_and_a_missing_refresh_token_is_the_old_one() -> None:
    before = {"type": "oauth", "access": "old", "refresh": "r", "expires": 1, "email": "me@example.com"}
    entry = granted({"access_token": "new", "expires_in": 600}, PLAIN, before, wall=WALL)
    assert entry == {**before, "access": "new", "expires": int((WALL + 600) * 1000)}


@pytest.mark.parametrize("where", ["access_token", "id_token"])
def test_the_codex_login_knows_its_account_from_either_token(where: str) -> None:
    told = jwt({"https://api.openai.com/auth": {"chatgpt_account_id": "acc-1"}})
    codex = LOGINS["openai-codex"]
    entry = granted({"access_token": "a", "refresh_token": "r", where: told}, codex, {}, wall=WALL)
    assert entry["accountId"] == "acc-1"
    assert account_headers(codex, entry) == {"chatgpt-account-id": "acc-1"}


def test_the_key_of_copilot_takes_the_place_of_the_access_token_and_the_token_of_github_stays() -> None:
    copilot = LOGINS["github-copilot"]
    before = {"type": "oauth", "access": "tid=old", "refresh": "ghu_token", "expires": 1}
    entry = granted({"token": "tid=new", "expires_at": 5, "refresh_in": 1500}, copilot, before, wall=WALL)
    assert (entry["access"], entry["refresh"], entry["expires"]) == ("tid=new", "ghu_token", int((WALL + 1500) * 1000))
    assert copilot.can_renew
    assert not copilot.can_log_in


@pytest.mark.parametrize(
    ("said", "host"),
    [
        (None, "api.github.com"),
        ("company.ghe.com", "api.company.ghe.com"),
        ("https://company.ghe.com/", "api.company.ghe.com"),
        ("evil.example/?x=", "api.github.com"),
        ("user@evil.example", "api.github.com"),
        (7, "api.github.com"),
    ],
)
def test_an_enterprise_is_asked_at_its_own_address(said: Any, host: str) -> None:
    assert urlsplit(placed(LOGINS["github-copilot"], {"enterpriseUrl": said}).exchange_url).hostname == host


def test_the_question_cannot_be_bent_by_more_parameters() -> None:
    proof = Proof.new()
    theirs = {"state": "mine", "redirect_uri": "https://evil.example", "uri": "x", "code_challenge": "x"}
    params = {**theirs, "audience": "y"}
    endpoints = OAuthEndpoints("https://e/token", "me", authorize_url="https://e/authorize", params=params)
    url = authorization_url(endpoints, "http://127.0.0.1:1/back", proof)
    asked = parse_qs(urlsplit(url).query)
    assert (asked["state"], asked["audience"]) == ([proof.state], ["y"])
    assert asked["redirect_uri"] == ["http://127.0.0.1:1/back"]
    assert url.startswith("https://e/authorize?")
    assert proof.verifier not in url
    assert proof.state not in repr(proof)


def test_a_secret_of_a_public_client_goes_along_where_there_is_one() -> None:
    with_secret = OAuthEndpoints("https://e/token", "me", client_secret="no-secret")
    assert b"client_secret=no-secret" in body(with_secret, "refresh_token", refresh_token="r").data
    assert b"client_secret" not in body(PLAIN, "refresh_token", refresh_token="r").data
    assert "no-secret" not in repr(with_secret)


def test_each_login_of_a_known_provider_is_there_or_says_why_not() -> None:
    for name, endpoints in LOGINS.items():
        assert endpoints.can_log_in or name in NOT_OURS
        urls = (endpoints.token_url, endpoints.authorize_url, endpoints.device_url, endpoints.exchange_url)
        assert all(url.startswith("https://") for url in urls if url)


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_answer_is_an_account_or_no_token(answer: Mapping[str, Any]) -> None:
    try:
        entry = granted(answer, LOGINS["openai-codex"], {}, wall=WALL)
    except LookupError:
        return
    assert isinstance(entry["access"], str)
    assert isinstance(entry["expires"], int)


@given(json_values)
def test_any_claims_are_read(claims: Any) -> None:
    granted({"access_token": jwt(claims)}, LOGINS["openai-codex"], {}, wall=WALL)


@pytest.mark.parametrize(
    "paste",
    [
        "YWJjZA==",
        "YWJjZA==#state",
        "code=YWJjZA%3D%3D&state=state",
        "?code=YWJjZA%3D%3D&state=state",
        "http://localhost:1455/auth/callback?code=YWJjZA%3D%3D&state=state",
    ],
)
def test_a_code_is_known_however_it_is_pasted(paste: str) -> None:
    assert code_in(paste, Proof("state", "verifier")) == "YWJjZA=="


@given(st.text())
@example("http://[")
@example("?")
@example("#")
def test_any_paste_is_a_code_or_no_login(text: str) -> None:
    with suppress(CredentialError, NotTheAnswer):
        assert code_in(text, Proof("state", "verifier"))


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("invalid_grant", "invalid_grant"),
        ("refresh_token_reused", "refresh_token_reused"),
        ("rt_0123456789abcdef", "an error"),
        ("Bad things, and sk-secret", "an error"),
    ],
)
def test_of_a_servers_words_only_a_code_is_repeated(code: str, shown: str) -> None:
    assert word(code) == shown
