"""docs/classifier.md: its options are those of the command, and its plugin works."""

import re
from pathlib import Path

import click
import pytest

from pi_fallback.commands import COMMANDS
from pi_fallback.core.classify import classify
from pi_fallback_hookspecs import (
    ClassifyFailure,
    Failure,
    FailureKind,
    Fault,
    FaultKind,
    Judgement,
    Phase,
    Route,
    View,
)

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "classifier.md").read_text(encoding="utf-8")
COMMAND_PAGE = (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "option", [name for p in COMMANDS["classify"].params if isinstance(p, click.Option) for name in p.opts]
)
def test_every_option_has_its_line(option: str) -> None:
    assert f"`{option}" in COMMAND_PAGE


@pytest.mark.parametrize(
    ("provider", "text", "kind"),
    [
        ("our-gateway", "Tenant budget is gone", FailureKind.QUOTA_EXHAUSTED),
        ("our-gateway", "GPU pool drained", FailureKind.CAPACITY),
        ("our-gateway", "something else", None),
        ("another", "Tenant budget is gone", None),
    ],
)
def test_the_plugin_of_the_page_judges_what_its_gateway_says(
    provider: str, text: str, kind: FailureKind | None
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    fault = Fault(FaultKind.STATUS, text, status=418)
    judged = classify(fault)
    failure = Failure(Route(provider, "big"), judged.kind, judged.scope, text, Phase.PRE, at=0.0, fault=fault)
    plugin = names["OurGateway"]()  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
    answer = plugin.classify_failure(ClassifyFailure(view=View(now=0.0), failure=failure))
    assert (answer.kind if isinstance(answer, Judgement) else None) is kind
