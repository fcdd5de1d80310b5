"""Where known providers are, and how a login wants to be asked."""

from collections.abc import Mapping

import pytest

from pi_fallback.config.schema import OAuthEntry
from pi_fallback.providers.known import KNOWN
from pi_fallback.providers.placing import known_providers, opened
from pi_fallback_hookspecs import Provider


def placed(provider: str, environ: Mapping[str, str], login: Mapping[str, object] | None = None) -> Provider:
    found = next(found for found in known_providers(environ).providers if found.id == provider)
    entry = {"type": "oauth", "access": "a", "expires": 1.0, **(login or {})}
    return found if login is None else opened(found, OAuthEntry.model_validate(entry))


def test_without_variables_nothing_is_moved_and_nobody_is_named() -> None:
    assert known_providers({}) == (KNOWN, (), ())
    assert known_providers({"OLLAMA_HOST": " ", "AWS_REGION": ""}) == (KNOWN, (), ())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("127.0.0.1:99", "http://127.0.0.1:99/v1"),
        ("localhost", "http://localhost:11434/v1"),
        (":88", "http://localhost:88/v1"),
        ("0.0.0.0", "http://localhost:11434/v1"),
        ("http://localhost:5/", "http://localhost:5/v1"),
        ("[::1]:3", "http://[::1]:3/v1"),
        ("https://models.example", "https://models.example/v1"),
        ("https://models.example:8443/ollama/v1/", "https://models.example:8443/ollama/v1"),
    ],
)
def test_a_local_server_is_where_its_own_variable_says(value: str, expected: str) -> None:
    known = known_providers({"OLLAMA_HOST": value})
    assert placed("ollama", {"OLLAMA_HOST": value}).base_url == expected
    assert known.named == ("ollama",)


@pytest.mark.parametrize(
    "value", ["http://10.0.0.1:11434", "10.0.0.1", "ftp://localhost", "::1", "a:b", "http://u:p@localhost"]
)
def test_an_address_that_may_not_be_used_is_told_without_its_value(value: str) -> None:
    known = known_providers({"OLLAMA_HOST": value})
    assert known.providers == KNOWN
    assert known.named == ()
    assert known.notices[0].startswith("OLLAMA_HOST is not used: its address ")
    assert value not in known.notices[0]


@pytest.mark.parametrize(
    ("provider", "variable", "value", "expected"),
    [
        (
            "amazon-bedrock",
            "AWS_REGION",
            "eu-central-1",
            "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1",
        ),
        (
            "amazon-bedrock",
            "AWS_DEFAULT_REGION",
            "us-gov-west-1",
            "https://bedrock-runtime.us-gov-west-1.amazonaws.com/openai/v1",
        ),
        (
            "azure-openai",
            "AZURE_OPENAI_ENDPOINT",
            "https://r.openai.azure.com/",
            "https://r.openai.azure.com/openai/v1",
        ),
        ("azure-openai", "AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1"),
        ("azure-openai", "AZURE_OPENAI_BASE_URL", "https://gate.example/azure/v1", "https://gate.example/azure/v1"),
        ("azure-openai-responses", "AZURE_OPENAI_RESOURCE_NAME", "mine", "https://mine.openai.azure.com/openai/v1"),
        ("lmstudio", "LM_STUDIO_API_BASE", "http://localhost:1/v1", "http://localhost:1/v1"),
    ],
)
def test_a_provider_is_where_its_variable_says(provider: str, variable: str, value: str, expected: str) -> None:
    assert placed(provider, {variable: value}).base_url == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_REGION", "us-east-1.evil.example/"),
        ("AWS_REGION", "US"),
        ("AZURE_OPENAI_RESOURCE_NAME", "evil.example/x"),
        ("AZURE_OPENAI_ENDPOINT", "http://plain.example"),
        ("AZURE_OPENAI_ENDPOINT", "https://user:secret@r.openai.azure.com"),
    ],
)
def test_a_variable_cannot_send_a_key_just_anywhere(variable: str, value: str) -> None:
    known = known_providers({variable: value})
    assert known.providers == KNOWN
    assert len(known.notices) == 1
    assert known.notices[0].startswith(f"{variable} is not used: its address must ")
    assert value not in known.notices[0]


def test_a_login_is_asked_in_its_own_way() -> None:
    assert placed("anthropic", {}, {}).auth == "bearer"
    assert placed("anthropic", {}, {}).headers == {"anthropic-beta": "oauth-2025-04-20"}
    assert placed("google-gemini-cli", {}, {"projectId": "p-1"}).compat == {"codeAssist": True, "project": "p-1"}
    assert placed("groq", {}, {}) == placed("groq", {})


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ({"access": "tid=1;proxy-ep=proxy.business.githubcopilot.com;x=1"}, "https://api.business.githubcopilot.com"),
        ({"access": "tid=1;proxy-ep=proxy.evil.example"}, "https://api.individual.githubcopilot.com"),
        ({"enterpriseUrl": "company.ghe.com"}, "https://copilot-api.company.ghe.com"),
        ({"enterpriseUrl": "evil.example/x?"}, "https://api.individual.githubcopilot.com"),
        ({"enterpriseUrl": 7}, "https://api.individual.githubcopilot.com"),
    ],
)
def test_a_plan_of_copilot_has_its_own_address(login: Mapping[str, object], expected: str) -> None:
    assert placed("github-copilot", {}, login).base_url == expected
