"""A wire of its own: repeats what the user said last, so that a setup can be tried without account or network."""

import re
from collections.abc import AsyncGenerator

from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Fault,
    FaultKind,
    Producer,
    Reply,
    StopReason,
    StreamEvent,
    Text,
    TextDelta,
    Usage,
    UserMessage,
)


async def rehearse(call: Call) -> AsyncGenerator[StreamEvent, None]:
    """Deltas, then one `Reply` or `Fault`; nothing is raised. "fail:" in front of a message makes it fail."""
    said = next((m.text for m in reversed(call.request.messages) if isinstance(m, UserMessage)), "")
    if said.startswith("fail:"):
        yield Fault(FaultKind.OTHER, said.removeprefix("fail:").strip())
        return
    text = f"You said: {said}"
    words = re.findall(r"\S+\s*", text)
    for word in words:
        yield TextDelta(word)
    yield Reply(
        AssistantMessage(
            content=(Text(text),),
            stop_reason=StopReason.STOP,
            producer=Producer(call.route.provider, call.route.model, "rehearsal"),
            usage=Usage(input=len(said.split()), output=len(words)),
        )
    )
