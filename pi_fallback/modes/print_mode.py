"""Print mode: the final answer on stdout, what happened on the way on stderr, the exit code tells."""

from collections.abc import Callable, Sequence
from signal import Signals
from typing import TextIO

from pi_fallback.core.clean import clean
from pi_fallback.core.closing import one_line
from pi_fallback.core.compacting import Compaction
from pi_fallback.modes.catching import catching
from pi_fallback.modes.outcome import Outcome
from pi_fallback.modes.speaking import say
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback_hookspecs import Image, StopReason


async def run_print(
    agent: Agent,
    prompt: str,
    images: Sequence[Image] = (),
    *,
    out: TextIO,
    err: TextIO,
    signals: Sequence[Signals] = (),
) -> int:
    """Put `prompt` to `agent`, wait until it is settled, and return the exit code.

    0 if the last run ended well, 1 if it failed or was aborted, 128 + n if it was ended by one of `signals`.
    """
    outcome = Outcome()

    def hear(item: feed.FeedItem) -> None:
        outcome.hear(item)
        if text := notice(item, agent.parts.clock_words):
            write(err, clean(text))

    unsubscribe = agent.subscribe(hear)
    try:
        async with catching(signals, agent.abort) as caught:
            await say(agent, prompt, images, "print")
            await agent.settled()
    finally:
        unsubscribe()
    answer = outcome.answer
    if caught.exit_code is not None:
        return caught.exit_code
    if outcome.exit_code == 0:
        if answer is not None and answer.text:
            write(out, clean(answer.text) if out.isatty() else answer.text)
            if answer.stop_reason is StopReason.LENGTH:
                write(
                    err, "warning: the answer was cut off at its length limit. Ask it to continue, or raise maxTokens."
                )
    elif outcome.closing is None:
        write(err, clean((answer and answer.error) or "The run did not end well."))
    return outcome.exit_code


def notice(item: feed.FeedItem, clock_words: Callable[[float], str]) -> str | None:
    """Return what to tell about `item` on stderr, if anything. `clock_words` says a moment: "at 14:05:09"."""
    match item:
        case feed.RouteSwitched(route, previous, "failover", reason) if previous is not None:
            return f"switched from {previous} to {route}" + (f": {reason}" if reason else "")
        case feed.RouteSwitched(route, _, "user", _):
            return f"using {route}"
        case feed.RetryScheduled():
            count = f" ({item.attempt} of {item.max_attempts})" if item.max_attempts else ""
            return f"waiting {item.delay_s:.1f} s: {item.route} again {clock_words(item.at)}{count}"
        case feed.Withdrawn(failure):
            return one_line(str(failure))  # what comes next tells that it goes on, not why it had to
        case feed.TimerChanged(plugin, name, at, label) if at is not None:
            return f"waiting: {label or f'{plugin} {name}'} {clock_words(at)}"
        case feed.CompactionEnded(result=Compaction() as shorter):
            return f"the conversation was shortened: {shorter.saving}"
        case feed.CompactionEnded(reason, error=str(error), aborted=False) if reason != "overflow":
            return f"warning: the conversation was not shortened: {error}"
        case feed.Noticed(text, level):
            return text if level == "info" else f"{level}: {text}"
        case feed.GaveUp(text):
            return text
        case _:
            return None


def write(stream: TextIO, text: str) -> None:
    """Write `text` as lines; what the stream's encoding cannot take becomes a question mark."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    if not text.endswith("\n"):
        stream.write("\n")
    stream.flush()
