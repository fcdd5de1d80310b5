"""What is a secret in the files and in the environment, and what is a setting that texts may hold."""

from typing import Any

import pytest

from pi_fallback.config.schema import AuthFile, ModelsFile
from pi_fallback.credentials.secrecy import secrets_in
from pi_fallback_hookspecs import Provider

PROVIDERS = {"one": Provider("one", "https://one.example/v1", env=("ONE_KEY", "ONE_NAME"))}


def known(auth: Any = None, providers: Any = None, **environ: str) -> set[str]:
    files = AuthFile.model_validate(auth or {}), ModelsFile.model_validate({"providers": providers or {}})
    return set(secrets_in(*files, PROVIDERS, environ))


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("Authorization", "Bearer secret-words", {"secret-words", "Bearer"}),
        ("Cookie", "a=first; b=second", {"a=first", "b=second"}),
        ("x-pass", "correcthorse", {"correcthorse"}),
        ("CF-Access-Client-Secret", "88f.access", {"88f.access"}),
        ("x-any", "Bearer $SOME_TOKEN of $HOME", {"of-some-token"}),
        ("x-api-key", "${ANY}-and-more", {"of-any"}),
        ("x-any", "$ANY", set[str]()),
        ("x-run", "!command", set[str]()),
        ("X-Org", "acme-corp-42", set[str]()),
        ("x-base", "https://api.example.com/v1", set[str]()),
        ("x-tenant", "production", set[str]()),
        ("User-Agent", "agent/1.2 (linux)", set[str]()),
        ("anthropic-beta", "context-1m-2025-08-07", set[str]()),
    ],
)
def test_a_header_is_a_secret_if_its_name_or_that_of_its_variable_sounds_so(
    name: str, value: str, secrets: set[str]
) -> None:
    environ = {"SOME_TOKEN": "of-some-token", "ANY": "of-any", "HOME": "/home"}
    assert known(None, {"acme": {"headers": {name: value}}}, **environ) == secrets
    assert known(None, {"acme": {"models": [{"id": "m", "headers": {name: value}}]}}, **environ) == secrets
    assert known(None, {"acme": {"modelOverrides": {"m": {"headers": {name: value}}}}}, **environ) == secrets


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("AWS_SECRET_ACCESS_KEY", "abcd/efgh", True),
        ("ONE_NAME", "variable of a known provider", True),
        ("MY_OWN", "variable that the key names", True),
        ("AWS_REGION", "us-east-1", False),
        ("SIGNING_ZONE", "eu-gov-west-1", False),
        ("AUTH_SCOPE", "eu-gov-west-1", False),
        ("AWS_PROFILE", "default-dev1", False),
        ("AZURE_OPENAI_BASE_URL", "https://api.example.com/v1", False),
        ("AUTH_ISSUER", "https://login.example.com", False),
        ("TOKEN_HOST", "login.example.com", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/account.json", False),
    ],
)
def test_of_what_an_account_brings_along_a_setting_is_no_secret(name: str, value: str, is_secret: bool) -> None:
    entry = {"type": "api_key", "key": "$MY_OWN", "env": {name: value}}
    assert known({"amazon": entry}) - {""} == ({value} if is_secret else set())


def test_every_secret_that_is_known_is_told_to_the_redactor_before_it_is_used() -> None:
    auth = {
        "one": {"type": "api_key", "key": "literal", "env": {"X_TOKEN": "brought"}},
        "two": {"type": "oauth", "access": "access", "refresh": "refresh", "expires": 1},
        "six": {"type": "api_key", "key": "$VARIABLE"},
        "ten": {"type": "api_key", "key": "!command"},
        "mix": {"type": "api_key", "key": "${PART}-and-more"},
    }
    environ = {"PART": "in-part", "VARIABLE": "in-variable", "ONE_KEY": " in-environment\n", "HOME": "/home"}
    assert known(auth, {"acme": {"apiKey": "of-acme"}}, **environ) == {
        *("literal", "brought", "access", "refresh", "in-variable", "of-acme", "in-environment", "in-part"),
    }
