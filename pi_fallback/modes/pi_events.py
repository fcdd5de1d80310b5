"""pi's events: the feed as JSON objects with pi's names and values, and a few of our own.

A `message_start` is followed by exactly one `message_end`, or by `message_withdrawn` (ours) when the
attempt behind it failed: then what was streamed is void. No two messages are open at once, and each
`tool_execution_start` has its end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pi_fallback.modes.host_events import host_event
from pi_fallback.modes.streaming import Streaming
from pi_fallback.runtime import feed
from pi_fallback.runtime.codec import JsonObject, block_to_json, message_to_json, stop_reason_name
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    Message,
    Producer,
    Route,
    StopReason,
    ToolCall,
    ToolResultMessage,
)


@dataclass
class PiEvents:
    """Folds the feed of one agent. `wall` is Unix time and `now` the monotonic clock, both in seconds."""

    wall: Callable[[], float]
    now: Callable[[], float]
    _streaming: Streaming | None = field(default=None, init=False)
    _running: dict[str, ToolCall] = field(default_factory=dict[str, ToolCall], init=False)
    # By identity, for equal messages are not the same one; the message stands beside it to keep its id taken.
    _stamps: dict[int, tuple[Message, int]] = field(default_factory=dict[int, tuple[Message, int]], init=False)

    def message(self, message: Message) -> JsonObject:
        """Return `message` with the time at which it ended, or without one if it is older than this program."""
        known = self._stamps.get(id(message))
        if known is not None:
            return message_to_json(message, timestamp_ms=known[1])
        fields = message_to_json(message, timestamp_ms=0)
        del fields["timestamp"]
        return fields

    def events(self, item: feed.FeedItem) -> Iterator[JsonObject]:
        """Yield the events that `item` is, in order."""
        match item:
            case feed.RunStarted(cause):
                yield {"type": "agent_start", "cause": cause}
            case feed.TurnStarted(index):
                yield {"type": "turn_start", "turnIndex": index, "timestamp": self._ms()}
            case feed.AnswerStarted(route):
                yield from self._answer_started(route)
            case feed.Streamed(delta):
                yield from self._streamed(delta)
            case feed.Withdrawn(failure):
                yield from self._withdrawn(str(failure))
            case feed.MessageEnded(message):
                yield from self._message_ended(message)
            case feed.ToolStarted(call):
                self._running[call.id] = call
                yield {"type": "tool_execution_start", **_call(call), "args": call.arguments}
            case feed.ToolProgressed(call_id, text):
                yield from self._tool_progressed(call_id, text)
            case feed.ToolEnded(_, result):
                yield from self._tool_ended(result)
            case feed.TurnEnded(index, message, results):
                ended, outcomes = self.message(message), [self.message(result) for result in results]
                yield {"type": "turn_end", "turnIndex": index, "message": ended, "toolResults": outcomes}
            case feed.RunEnded():
                yield from self._withdrawn("the run ended")
                yield self._agent_end(item)
            case feed.SessionChanged(session_id, messages):
                yield from self._withdrawn("the session was replaced")
                self._running.clear()
                self._stamps.clear()
                yield {"type": "session_changed", "sessionId": session_id, "messageCount": len(messages)}
            case _:
                yield host_event(item, now=self.now())

    def _answer_started(self, route: Route) -> Iterator[JsonObject]:
        if self._streaming is not None:  # the same attempt once more, over a fresh connection: nothing was shown
            return
        self._streaming = Streaming()
        empty = AssistantMessage((), StopReason.STOP, Producer(route.provider, route.model, ""))
        fields = {**message_to_json(empty, timestamp_ms=self._ms()), "stopReason": "pending"}
        del fields["api"]  # a route does not name it; `message_end` does
        yield {"type": "message_start", "message": fields}

    def _streamed(self, delta: Delta) -> Iterator[JsonObject]:
        if self._streaming is not None:
            for event in self._streaming.feed(delta):
                yield {"type": "message_update", "assistantMessageEvent": event}

    def _withdrawn(self, why: str) -> Iterator[JsonObject]:
        if self._streaming is not None:
            self._streaming = None
            yield {"type": "message_withdrawn", "errorMessage": why}

    def _message_ended(self, message: Message) -> Iterator[JsonObject]:
        self._stamps[id(message)] = (message, self._ms())
        ended = self.message(message)
        if self._streaming is not None and isinstance(message, AssistantMessage):
            for event in self._streaming.end(message):
                yield {"type": "message_update", "assistantMessageEvent": event}
            self._streaming = None
        else:
            yield from self._withdrawn("another message came")
            if isinstance(message, ToolResultMessage):
                yield from self._tool_ended(message)  # of a tool that was aborted, nobody else tells the end
            yield {"type": "message_start", "message": ended}
        yield {"type": "message_end", "message": ended}

    def _tool_progressed(self, call_id: str, text: str) -> Iterator[JsonObject]:
        if (call := self._running.get(call_id)) is not None:
            partial = {"content": [{"type": "text", "text": text}]}
            yield {"type": "tool_execution_update", **_call(call), "args": call.arguments, "partialResult": partial}

    def _tool_ended(self, result: ToolResultMessage) -> Iterator[JsonObject]:
        if (call := self._running.pop(result.call_id, None)) is not None:
            outcome = {"content": [block_to_json(block) for block in result.content]}
            yield {"type": "tool_execution_end", **_call(call), "result": outcome, "isError": result.is_error}

    def _agent_end(self, item: feed.RunEnded) -> JsonObject:
        last = next((message for message in reversed(item.messages) if isinstance(message, AssistantMessage)), None)
        error = {} if last is None or last.error is None else {"errorMessage": last.error}
        return {
            "type": "agent_end",
            "messages": [self.message(message) for message in item.messages],
            "willRetry": item.will_retry_at is not None,
            "stopReason": stop_reason_name(item.stop_reason),
            **error,
            "recoverable": item.recoverable,
        }

    def _ms(self) -> int:
        return round(self.wall() * 1000)


def _call(call: ToolCall) -> JsonObject:
    return {"toolCallId": call.id, "toolName": call.name}
