"""Host events: what the host did beside the messages, each as one JSON object."""

from typing import TypeAlias

from pi_fallback.core.compacting import Compaction
from pi_fallback.runtime import feed
from pi_fallback.runtime.codec import JsonObject, stop_reason_name
from pi_fallback_hookspecs import Route

HostItem: TypeAlias = (
    feed.RetryScheduled
    | feed.RetryEnded
    | feed.CompactionStarted
    | feed.CompactionEnded
    | feed.RouteSwitched
    | feed.Noticed
    | feed.StatusChanged
    | feed.TimerChanged
    | feed.QueueChanged
    | feed.GaveUp
    | feed.Settled
)


def host_event(item: HostItem, *, now: float) -> JsonObject:
    """Return `item` as an event; `now` is the moment (monotonic seconds) from which a timer counts down."""
    match item:
        case feed.RetryScheduled():
            return {
                "type": "auto_retry_start",
                "attempt": item.attempt,
                "maxAttempts": item.max_attempts,
                "delayMs": round(item.delay_s * 1000),
                "errorMessage": str(item.failure),
            }
        case feed.RetryEnded(success, attempt, error):
            final = {} if error is None else {"finalError": error}
            return {"type": "auto_retry_end", "success": success, "attempt": attempt, **final}
        case feed.CompactionStarted(reason):
            return {"type": "compaction_start", "reason": reason}
        case feed.CompactionEnded(reason, result, error):
            shortened = {} if result is None else {"result": compaction_json(result)}
            failed = {} if error is None else {"errorMessage": error}
            state = {"reason": reason, "aborted": item.aborted, "willRetry": item.will_retry}
            return {"type": "compaction_end", **state, **shortened, **failed}
        case feed.RouteSwitched(route, previous, source, reason):
            before = {} if previous is None else _named(previous, "previousProvider", "previousModelId")
            to = _named(route, "provider", "modelId")
            accounts = {"credential": route.credential, "source": source, "reason": reason}
            return {"type": "model_select", **to, **before, **accounts}
        case feed.Noticed(text, level):
            return {"type": "notice", "message": text, "level": level}
        case feed.StatusChanged(key, text):
            return {"type": "status", "statusKey": key, "statusText": text}
        case feed.TimerChanged(plugin, name, at, label):
            left = None if at is None else max(0, round((at - now) * 1000))
            return {"type": "timer", "plugin": plugin, "name": name, "label": label, "remainingMs": left}
        case feed.QueueChanged(steering, follow_ups):
            return {"type": "queue_update", "steering": list(steering), "followUp": list(follow_ups)}
        case feed.GaveUp(text):
            return {"type": "gave_up", "message": text}
        case feed.Settled(stop_reason):
            reason = None if stop_reason is None else stop_reason_name(stop_reason)
            return {"type": "agent_settled", "stopReason": reason}


def compaction_json(compaction: Compaction) -> JsonObject:
    before, after = compaction.tokens_before, compaction.tokens_after
    return {"summary": compaction.summary, "tokensBefore": before, "tokensAfter": after}


def _named(route: Route, provider: str, model: str) -> JsonObject:
    return {provider: route.provider, model: route.model}
