"""docs/classifier.md: its options are those of the command, and its plugin works."""

import re
from pathlib import Path
from typing import Any

import click
import pytest

from pi_fallback.commands import COMMANDS
from pi_fallback.core.classify import classify
from pi_fallback.core.error_rows import rows_for
from pi_fallback.runtime.discovery import given
from pi_fallback.runtime.registry import Registry
from pi_fallback_hookspecs import Fault, FaultKind

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "classifier.md").read_text(encoding="utf-8")
COMMAND_PAGE = (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "option", [name for p in COMMANDS["classify"].params if isinstance(p, click.Option) for name in p.opts]
)
def test_every_option_has_its_line(option: str) -> None:
    assert f"`{option}" in COMMAND_PAGE


@pytest.mark.parametrize(
    ("provider", "text", "kind", "scope"),
    [
        ("our-gateway", "Tenant budget is gone", "quota_exhausted", "credential"),
        ("our-gateway", "GPU pool drained", "capacity", "provider"),
        ("another", "no GPU left", "capacity", "provider"),
        ("another", "Tenant budget is gone", "unknown", "request"),
    ],
)
def test_the_plugin_of_the_page_adds_what_its_gateway_says(provider: str, text: str, kind: str, scope: str) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    registry = Registry.load(found=[given("ours", names["OurGateway"]())])
    assert registry.faults == []
    judged = classify(Fault(FaultKind.STATUS, text, status=418), added=rows_for(provider, registry.error_rows()))
    assert (judged.kind, judged.scope) == (kind, scope)
