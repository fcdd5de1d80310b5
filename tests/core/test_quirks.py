"""The table of quirks: what it names is read, and what is read it names."""

import re
from pathlib import Path

import pytest

from pi_fallback.core.quirks import QUIRKS

ROOT = Path(__file__).parents[2]
FILES = {
    "openai-completions": "openai_[!r]*.py openai_render.py",
    "openai-responses": "openai_responses.py responses_*.py",
    "anthropic-messages": "anthropic_*.py",
    "google-generative-ai": "google_*.py",
}
READ = re.compile(r"""compat\.get\(\s*"(\w+)\"""")
PREFILL = "supportsAssistantPrefill"  # read when the catalogue is built


def read_by(dialect: str) -> set[str]:
    folder = ROOT / "pi_fallback" / "providers"
    texts = [path.read_text() for pattern in FILES[dialect].split() for path in folder.glob(pattern)]
    names = {name for text in texts for name in READ.findall(text)}
    return names | {PREFILL} if any("model.prefill" in text for text in texts) else names


@pytest.mark.parametrize("dialect", QUIRKS)
def test_the_table_has_just_the_quirks_that_the_dialect_reads(dialect: str) -> None:
    assert set(QUIRKS[dialect]) == read_by(dialect)


@pytest.mark.parametrize("dialect", QUIRKS)
def test_every_quirk_stands_in_the_documentation(dialect: str) -> None:
    docs = (ROOT / "docs" / "providers.md").read_text()
    section = docs.partition(f"### `{dialect}`")[2].partition("\n### ")[0]
    for name, meaning in QUIRKS[dialect].items():
        assert f"| `{name}` | {meaning} |" in section
