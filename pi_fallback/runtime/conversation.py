"""The conversation: messages, route and queue of one session, and where they are written."""

from dataclasses import dataclass, field
from typing import Protocol

from pi_fallback.core.compacting import Compaction
from pi_fallback.runtime.hiding import Secrets, cleaned_message
from pi_fallback_hookspecs import (
    AssistantMessage,
    Failure,
    Message,
    Request,
    Route,
    StopReason,
    ToolCall,
    ToolSpec,
    Usage,
    UserMessage,
)

UNSENT = frozenset({StopReason.ERROR, StopReason.ABORTED})


class Log(Protocol):
    """An append-only record. Each method returns when the record is safe, or when it has said that it cannot be."""

    @property
    def session_id(self) -> str: ...
    def is_in(self, path: str) -> bool: ...
    def message(self, message: Message) -> None: ...
    def compaction(self, compaction: Compaction) -> None: ...
    def route(self, route: Route) -> None: ...
    def failure(self, failure: Failure) -> None: ...
    def tool_started(self, call: ToolCall) -> None: ...
    def tool_finished(self, call: ToolCall) -> None: ...
    def close(self) -> None: ...


@dataclass
class Conversation:
    """One session's history, what is queued for it, and its route. `usage` is what its last answer cost."""

    log: Log
    system: str
    tools: tuple[ToolSpec, ...]
    messages: list[Message] = field(default_factory=list[Message])
    route: Route | None = None
    usage: Usage | None = None
    steering: list[UserMessage] = field(default_factory=list[UserMessage])
    follow_ups: list[UserMessage] = field(default_factory=list[UserMessage])
    _known: int = field(default=0, init=False)

    def hide(self, secrets: Secrets) -> None:
        """Take what has become a known secret since the last time out of what is sent from now on."""
        if secrets.known != self._known:
            self._known = secrets.known
            self.messages[:] = [cleaned_message(message, secrets.clean) for message in self.messages]

    def add(self, message: Message) -> None:
        """Write `message`, then take it into the history."""
        self.log.message(message)
        self.messages.append(message)
        if isinstance(message, AssistantMessage) and message.stop_reason not in UNSENT:
            self.usage = message.usage

    def compact(self, compaction: Compaction) -> None:
        """Write what the history is from now on, then let it be that."""
        self.log.compaction(compaction)
        self.messages[:] = compaction.messages
        self.usage = None

    def request(self, thinking: str | None) -> Request:
        return Request(tuple(self.messages), self.system, self.tools, thinking=thinking)

    def says_last(self, text: str) -> bool:
        """Whether `text` already is the last user message, and still waits for an answer."""
        sent = [m for m in self.messages if not (isinstance(m, AssistantMessage) and m.stop_reason in UNSENT)]
        if not sent or isinstance(sent[-1], AssistantMessage):
            return False
        last = next((m for m in reversed(sent) if isinstance(m, UserMessage)), None)
        return last is not None and last.text == text

    def take_steering(self) -> list[UserMessage]:
        taken, self.steering = self.steering, []
        return taken

    @property
    def has_queued(self) -> bool:
        return bool(self.steering or self.follow_ups)

    def take_next(self) -> UserMessage | None:
        """What is to be said once a run is over: steering that came too late for it goes first."""
        for queue in (self.steering, self.follow_ups):
            if queue:
                return queue.pop(0)
        return None

    def queue(self, message: UserMessage, *, steer: bool) -> None:
        (self.steering if steer else self.follow_ups).append(message)


@dataclass
class UnwrittenLog:
    """The log of a session that is not kept."""

    session_id: str = "unwritten"

    def is_in(self, path: str) -> bool:
        return False

    def message(self, message: Message) -> None:
        pass

    def compaction(self, compaction: Compaction) -> None:
        pass

    def route(self, route: Route) -> None:
        pass

    def failure(self, failure: Failure) -> None:
        pass

    def tool_started(self, call: ToolCall) -> None:
        pass

    def tool_finished(self, call: ToolCall) -> None:
        pass

    def close(self) -> None:
        pass
