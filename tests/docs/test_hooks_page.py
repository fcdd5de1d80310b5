"""docs/hooks.md is what the contract says today, and says something about every part of it."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

import pi_fallback_hookspecs as contract

DOCS = Path(__file__).parents[2] / "docs"
PAGES: dict[str, Callable[[], str]] = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]
HOOKS = (DOCS / "hooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `just docs`"


@pytest.mark.parametrize("hook", contract.SHAPES)
def test_each_hook_says_when_it_fires_what_to_return_in_which_order_and_gives_an_example(hook: str) -> None:
    section = HOOKS.partition(f"\n### {hook}\n")[2].partition("\n### ")[0]
    assert f"*{contract.SHAPES[hook]}*" in section
    for part in ("Fires ", "**Returns:** ", "None", "**Order:** ", f"```python\n@hookimpl\ndef {hook}(self"):
        assert part in section
    example = section.partition("```python\n")[2].partition("```")[0]
    compile(example, hook, "exec")


@pytest.mark.parametrize("kind", [*get_args(contract.Effect), *get_args(contract.Decision)])
def test_each_effect_and_decision_has_a_paragraph(kind: type) -> None:
    section = HOOKS.partition(f"\n### {kind.__name__}\n")[2].partition("\n### ")[0]
    assert (kind.__doc__ or "").splitlines()[0] in section
