"""Tracing: every event, decision, timer and switch as a line of the log."""

import logging
from collections.abc import Callable

from pi_fallback.runtime import feed
from pi_fallback.runtime.signals import Signals
from pi_fallback_hookspecs import AgentEnd, Event, RequestFailed

log = logging.getLogger("pi_fallback.trace")


def trace(signals: Signals, now: Callable[[], float]) -> None:
    """Write what `signals` tell, for as long as they live."""

    def event_happened(_sender: object, *, hook: str, event: Event) -> None:
        match event:
            case RequestFailed(failure=failure, attempts=attempts):
                log.debug("%s: attempt %d, %s: %s", hook, attempts, failure, failure.reason)
            case AgentEnd():
                log.debug(
                    "%s: %s, will_retry_at=%s, recoverable=%s",
                    hook,
                    event.stop_reason.value,
                    event.will_retry_at,
                    event.recoverable,
                )
            case _:
                log.debug("%s: on %s", hook, event.view.current)

    def timer_changed(_sender: object, *, plugin: str, name: str, at: float | None, fired: bool) -> None:
        if at is not None:
            log.debug("timer %s.%s: fires in %.1f s", plugin, name, at - now())
        else:
            log.debug("timer %s.%s: %s", plugin, name, "fired" if fired else "gone")

    def told(what: str) -> Callable[..., None]:
        def receive(_sender: object, **facts: object) -> None:
            log.debug("%s: %s", what, ", ".join(f"{key}={value}" for key, value in facts.items()))

        return receive

    def updated(_sender: object, *, item: feed.FeedItem) -> None:
        match item:
            case feed.Withdrawn(failure):
                log.debug("attempt failed in phase %s: %s (%s)", failure.phase.value, failure, failure.reason)
            case feed.RetryScheduled():
                log.debug("backoff: try %d of %d in %.1f s", item.attempt, item.max_attempts, item.delay_s)
            case feed.Noticed(text, level):
                log.debug("notice (%s): %s", level, text)
            case _:
                pass

    signals.event.connect(event_happened, weak=False)
    signals.timer.connect(timer_changed, weak=False)
    signals.update.connect(updated, weak=False)
    for name in ("switched", "rested", "woke", "resumed", "gave_up", "plugin_fault"):
        getattr(signals, name).connect(told(name), weak=False)
