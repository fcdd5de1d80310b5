"""docs/ha.md: its file is read without a complaint, and its report is what `/ha-status` says of it."""

import json
import re
from pathlib import Path

from pi_fallback.config.ha import HaFile
from pi_fallback.core.ha_report import AccountRow, Report
from pi_fallback_hookspecs import Ledger, Route, Scope, ScopeKind, View

PAGE = (Path(__file__).parents[2] / "docs" / "ha.md").read_text(encoding="utf-8")
FIRST, SECOND = (Route("anthropic", "claude-sonnet-5-5", label) for label in ("primary", "backup-1"))
OPENAI = Route("openai", "gpt-6.2-sol")


def test_the_report_is_what_the_page_shows() -> None:
    [file] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    [shown] = re.findall(r"```text\n(Group .*?)\n```", PAGE, re.DOTALL)
    policy = HaFile.model_validate(json.loads(file)).policy()
    ledger = Ledger()
    for route, until in ((FIRST, 9000.0), (OPENAI, 300.0)):
        reason = "quota_exhausted" if route == FIRST else "capacity"
        kind = ScopeKind.CREDENTIAL if route == FIRST else ScopeKind.MODEL
        ledger = ledger.rest(Scope.of(kind, route), until=until, reason=reason)
    accounts = [
        AccountRow("anthropic", "primary", "api_key", "ha.json"),
        AccountRow("anthropic", "backup-1", "api_key", "ha.json"),
        AccountRow("openai", "primary", "api_key", "$OPENAI_API_KEY"),
    ]
    view = View(now=0.0, current=SECOND, order=(FIRST, SECOND, OPENAI), ledger=ledger)
    clock = {9000.0: "at 20:58:19", 300.0: "at 18:33:19"}
    report = Report(view, view.order, accounts, clock.__getitem__, policy, policy.group())
    assert report.text() == shown
