"""Prices: what the list that comes along knows of the models that come along."""

import subprocess
import sys

import pytest

from pi_fallback.prices import Fact, facts
from pi_fallback.providers.known import KNOWN
from pi_fallback_hookspecs import ModelRef, Price, Provider

KNOW = facts(1_795_000_000.0)  # November 2026
BY_ID = {provider.id: provider for provider in KNOWN}


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("anthropic/claude-opus-5-5", Price(4.0, 20.0, 0.2, 5.0)),
        ("openai-codex/gpt-6.1-sol", Price(2.0, 10.0, 0.1, 2.5)),
        ("google-vertex/gemini-3.8-flash", Price(0.75, 3.75, 0.075, 0.0)),
        ("amazon-bedrock/global.moonshotai.kimi-k3", Price(3.0, 15.0, 0.3, 3.75)),
        ("azure-openai/gpt-6-luna", Price(0.1, 0.5, 0.01, 0.125)),
        ("xai/grok-4.7", Price(2.0, 6.0, 0.5, 0.0)),
    ],
)
def test_a_known_model_has_its_price_and_window(name: str, price: Price) -> None:
    ref = ModelRef.parse(name)
    fact = KNOW(ref, BY_ID[ref.provider])
    assert fact.price == price
    assert fact.window is not None
    assert fact.window >= 200_000


def test_most_known_models_have_a_price() -> None:
    found = [KNOW(model.ref, provider).price for provider in KNOWN for model in provider.models]
    assert sum(price is not None for price in found) > 0.6 * len(found)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "https://nobody.example/v1", ""])
def test_a_model_elsewhere_has_no_price_because_it_has_a_known_name(url: str) -> None:
    assert KNOW(ModelRef("mine", "claude-opus-5-5"), Provider("mine", url)) == Fact()


def test_a_start_does_not_load_the_list() -> None:
    code = "import sys, pi_fallback.commands, pi_fallback.models_command; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
