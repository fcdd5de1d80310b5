"""History: a conversation made fit to send. Every dialect renders what this returns."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from pi_fallback_hookspecs import AssistantMessage, Message, StopReason, Text, ToolCall, ToolResultMessage, UserMessage

NO_RESULT = "There is no result: it is not known whether this call ran."


def sendable(messages: Sequence[Message]) -> Iterator[Message]:
    """Yield the messages that a provider may see, in an order that every dialect takes.

    Answers that ended in error or abort are left out, with the results of their calls. Every call is
    followed by exactly one result: a missing one is made up and says so, a surplus one is left out.
    """
    results: defaultdict[str, deque[ToolResultMessage]] = defaultdict(deque)
    for message in messages:
        if isinstance(message, ToolResultMessage):
            results[message.call_id].append(message)
    for message in messages:
        match message:
            case UserMessage():
                yield message
            case AssistantMessage(stop_reason=StopReason.ERROR | StopReason.ABORTED):
                # Ids are unique in a session; if a file says otherwise, each call still takes its own result.
                for call in message.tool_calls:
                    _take(results[call.id])
            case AssistantMessage():
                yield message
                for call in message.tool_calls:
                    yield _take(results[call.id]) or _no_result(call)
            case ToolResultMessage():
                pass  # it went with its call


def _take(results: deque[ToolResultMessage]) -> ToolResultMessage | None:
    return results.popleft() if results else None


def _no_result(call: ToolCall) -> ToolResultMessage:
    return ToolResultMessage(call.id, call.name, (Text(NO_RESULT),), is_error=True)
