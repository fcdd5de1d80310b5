"""The known providers: data that the rest may rely on."""

import re
from pathlib import Path

import pytest

from pi_fallback.config.schema import endpoint
from pi_fallback.core.apis import DIALECTS
from pi_fallback.core.quirks import unread
from pi_fallback.providers.dialects import DIALECTS as SPOKEN
from pi_fallback.providers.known import KNOWN, LISTS_NOTHING
from pi_fallback.providers.placing import ADDRESS_VARIABLES
from pi_fallback_hookspecs import Provider, origin_of

DOCS = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()
WANTED = """anthropic openai openai-codex google google-gemini-cli google-vertex github-copilot azure-openai
amazon-bedrock openrouter groq deepseek mistral xai moonshot zai cerebras together fireworks huggingface nvidia
pollinations ollama lmstudio"""
PLACELESS = {"azure-openai", "azure-openai-responses"}


def test_every_provider_that_is_promised_is_there_once() -> None:
    ids = [provider.id for provider in KNOWN]
    assert set(WANTED.split()) <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("provider", KNOWN, ids=lambda provider: provider.id)
def test_a_provider_has_an_address_and_a_default_model_with_tools(provider: Provider) -> None:
    if provider.id not in PLACELESS:
        assert endpoint(provider.base_url) == provider.base_url
        assert origin_of(provider.base_url)
    default = next(model for model in provider.models if model.ref.id == provider.default_model)
    assert default.tools
    for model in provider.models:
        assert model.ref.provider == provider.id
        assert 0 < model.max_tokens < model.context_window
        dialect = model.dialect or provider.dialect
        assert dialect in DIALECTS
        assert not [*unread(model.compat, [dialect])]
    assert all(re.fullmatch(r"[A-Z_]+", name) for name in provider.env)
    if provider.dialect == "openai-completions":
        assert provider.compat["maxTokensField"] in ("max_tokens", "max_completion_tokens")
    assert f"`{provider.id}`" in DOCS
    assert f"`{provider.default_model}`" in DOCS
    assert all(f"`{name}`" in DOCS for name in (*provider.env, *ADDRESS_VARIABLES.get(provider.id, ())))


def test_the_dialects_that_files_may_name_are_those_that_are_spoken() -> None:
    assert tuple(dialect.name for dialect in SPOKEN) == DIALECTS


def test_those_that_only_a_login_opens_have_no_variable() -> None:
    logins = {provider.id: provider.env for provider in KNOWN if provider.login}
    assert logins == {"openai-codex": (), "google-gemini-cli": (), "github-copilot": ()}


def test_those_that_list_nothing_are_known() -> None:
    assert {provider.id for provider in KNOWN} > LISTS_NOTHING


def test_those_that_need_no_key_are_few() -> None:
    assert {provider.id for provider in KNOWN if not provider.needs_key} == {"pollinations", "ollama", "lmstudio"}
