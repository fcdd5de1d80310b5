"""JSON mode: the events of one prompt as JSON lines on stdout, the exit code tells."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from signal import Signals

import anyio

from pi_fallback.modes.catching import catching
from pi_fallback.modes.outbox import Sink, outbox_to
from pi_fallback.modes.outcome import FAILED, Outcome
from pi_fallback.modes.pi_events import PiEvents
from pi_fallback.modes.speaking import say
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.codec import JsonObject
from pi_fallback_hookspecs import Image


async def run_json(
    agent: Agent,
    prompt: str,
    images: Sequence[Image] = (),
    *,
    out: Sink,
    wall: Callable[[], float],
    signals: Sequence[Signals] = (),
) -> int:
    """Put `prompt` to `agent`, write each event until it is settled, and return the exit code of print mode.

    `wall` is Unix time. 1 also if nobody reads `out` any more; the agent is aborted then.
    """
    outcome = Outcome()
    events = PiEvents(wall, anyio.current_time)
    async with outbox_to(out) as outbox, catching(signals, agent.abort) as caught:
        outbox.put(header(agent.conversation.log.session_id, agent.parts.cwd, wall()))

        def hear(item: feed.FeedItem) -> None:
            outcome.hear(item)
            for event in events.events(item):
                outbox.put(event)

        unsubscribe = agent.subscribe(hear)
        try:
            await say(agent, prompt, images, "print")
            await agent.settled()
        finally:
            unsubscribe()
    if outbox.gone is not None:
        await agent.abort()
        return FAILED
    return outcome.exit_code if caught.exit_code is None else caught.exit_code


def header(session_id: str, cwd: str, wall: float) -> JsonObject:
    """Return the first line of the output. `wall` is Unix time in seconds."""
    timestamp = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": "session", "id": session_id, "timestamp": timestamp, "cwd": cwd}
