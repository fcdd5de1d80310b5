"""Nightwatch: for an agent that works while nobody looks.

It counts turns on the status line, refuses commands that cannot be undone, and goes to another
provider when an account is spent. Everything it does, it does through public hooks.
"""

import re

from pi_fallback_hookspecs import (
    AgentSettled,
    FailureKind,
    Notify,
    RequestFailed,
    Rest,
    Retry,
    Scope,
    ScopeKind,
    Status,
    ToolCallEvent,
    TurnEnd,
    hookimpl,
)

DANGEROUS = re.compile(r"\brm\s+-\w*[rR]\w*\s+[/~]|\bgit\s+push\b.*--force|\bmkfs\b|\bdd\b.*\bof=/dev/")
SPENT = {FailureKind.QUOTA_EXHAUSTED, FailureKind.AUTH}
REST_S = 3600.0  # a spent account does not come back within the hour


class Nightwatch:
    def __init__(self) -> None:
        self.turns = 0
        self.tokens = 0

    @hookimpl
    def turn_end(self, event: TurnEnd) -> Status:
        self.turns += 1
        self.tokens += event.message.usage.total
        return Status("turns", f"{self.turns} turns, {self.tokens} tokens")

    @hookimpl
    def tool_call(self, event: ToolCallEvent) -> str | None:
        command = event.call.arguments.get("command")
        if event.call.name == "bash" and isinstance(command, str) and DANGEROUS.search(command):
            return "this cannot be undone, and nobody is awake to ask; find another way"
        return None

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Retry | None:
        if event.failure.kind not in SPENT:
            return None
        spent = event.failure.route
        others = tuple(r for r in event.view.order if r.provider != spent.provider and event.view.usable(r))
        rest = Rest(Scope.of(ScopeKind.CREDENTIAL, spent), event.view.now + REST_S, "spent")
        return Retry(others, reason=f"{spent} is spent", effects=(rest,)) if others else None

    @hookimpl
    def agent_settled(self, event: AgentSettled) -> Notify:
        return Notify(f"Nightwatch: {self.turns} turns, {self.tokens} tokens, ended with {event.stop_reason}")


plugin = Nightwatch  # what `--plugin FILE` takes; the entry point names the class itself
