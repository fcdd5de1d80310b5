"""The known providers: data that the rest may rely on."""

import re
from pathlib import Path

import pytest

from pi_fallback.config.schema import endpoint
from pi_fallback.providers.known import ADDRESS_VARIABLES, KNOWN, known_providers
from pi_fallback_hookspecs import Provider, origin_of

DOCS = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
WANTED = """openai openrouter groq deepseek mistral xai moonshot zai cerebras together fireworks huggingface nvidia
pollinations ollama lmstudio"""


def test_every_provider_that_is_promised_is_there_once() -> None:
    ids = [provider.id for provider in KNOWN]
    assert set(WANTED.split()) <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("provider", KNOWN, ids=lambda provider: provider.id)
def test_a_provider_has_an_address_and_a_default_model_with_tools(provider: Provider) -> None:
    assert endpoint(provider.base_url) == provider.base_url
    assert origin_of(provider.base_url)
    default = next(model for model in provider.models if model.ref.id == provider.default_model)
    assert default.tools
    for model in provider.models:
        assert model.ref.provider == provider.id
        assert 0 < model.max_tokens < model.context_window
    assert all(re.fullmatch(r"[A-Z_]+", name) for name in provider.env)
    assert provider.compat["maxTokensField"] in ("max_tokens", "max_completion_tokens")
    assert f"`{provider.id}`" in DOCS
    assert f"`{provider.default_model}`" in DOCS
    assert all(f"`{name}`" in DOCS for name in (*provider.env, *ADDRESS_VARIABLES.values()))


def test_those_that_need_no_key_are_few() -> None:
    assert {provider.id for provider in KNOWN if not provider.needs_key} == {"pollinations", "ollama", "lmstudio"}


def test_without_variables_nothing_is_moved_and_nobody_is_named() -> None:
    assert known_providers({}) == (KNOWN, (), ())
    assert known_providers({"OLLAMA_HOST": " "}) == (KNOWN, (), ())


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
    assert next(provider for provider in known.providers if provider.id == "ollama").base_url == expected
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
