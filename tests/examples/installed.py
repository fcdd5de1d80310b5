"""What an environment with both example plugins says: run in a process of its own."""

import json
import sys
from functools import partial

import anyio

from pi_fallback.runtime.discovery import discover
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.registry import Registry
from pi_fallback_hookspecs import (
    Call,
    Failure,
    FailureKind,
    Phase,
    Provider,
    Reply,
    Request,
    RequestFailed,
    Route,
    ScopeKind,
    TextDelta,
    ToolCall,
    ToolCallEvent,
    View,
    user_message,
)

A, B = Route("a", "big"), Route("b", "mid")
VIEW = View(now=0.0, order=(A, B))


async def rehearsed(provider: Provider, text: str) -> list[str]:
    """The pieces of an answer, then the kind of its end and the whole."""
    assert provider.stream is not None
    route = Route(provider.id, provider.default_model)
    call = Call(route, provider.models[0], Request((user_message(text),)))
    said: list[str] = []
    async for event in provider.stream(call):
        if isinstance(event, TextDelta):
            said.append(event.text)
        else:
            said += [
                type(event).__name__,
                event.message.text if isinstance(event, Reply) else str(getattr(event, "text", "")),
            ]
    return said


def main() -> None:
    registry = Registry.load(found=discover())
    dispatcher = Dispatcher(registry)
    rehearsal = next(provider for provider in registry.providers() if provider.id == "rehearsal")
    failure = Failure(A, FailureKind.QUOTA_EXHAUSTED, ScopeKind.CREDENTIAL, "spent", Phase.PRE, at=0.0)
    failed = RequestFailed(view=VIEW, failure=failure, request=Request(()), attempts=1)
    dangerous = ToolCall("1", "bash", {"command": "rm -rf / --no-preserve-root"})
    json.dump(
        {
            "listing": [(row.name, row.origin, row.version, row.faults) for row in registry.listing()],
            "providers": [provider.id for provider in registry.providers()],
            "said": anyio.run(partial(rehearsed, rehearsal, "hello there")),
            "failed": anyio.run(partial(rehearsed, rehearsal, "fail: no luck")),
            "decision": repr(dispatcher.ask_sync("request_failed", failed)),
            "refusals": dispatcher.ask_sync("tool_call", ToolCallEvent(view=VIEW, call=dangerous)),
            "allowed": dispatcher.ask_sync(
                "tool_call", ToolCallEvent(view=VIEW, call=ToolCall("2", "bash", {"command": "ls /"}))
            ),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
