"""History: a conversation made fit to send. Every dialect renders what `sendable` returns."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pi_fallback.http import WireError
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Fault,
    FaultKind,
    Message,
    Producer,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)

NO_RESULT = "There is no result: it is not known whether this call ran."
NO_CALL = "[A result of the tool {name}, whose call is no longer in this conversation:]"
NO_BEGINNING = "[The beginning of this conversation is not shown.]"
NO_IMAGES = "(an image, left out: this model takes none)"


def sendable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages that a provider may see, in an order that every dialect takes.

    Answers that ended in error or abort are left out, with the results of their calls. Every call is
    followed by exactly one result, under an id that no other call has: a missing result is made up and
    says so, a surplus one is left out, one without a call becomes the user's words.

    Raises:
        WireError: the order is still not one that a provider takes. Nothing was sent.
    """
    ordered = tuple(_repaired(messages))
    if (wrong := disorder(ordered)) is not None:
        raise WireError(Fault(FaultKind.OTHER, f"Nothing was sent, because the history is out of order: {wrong}."))
    return ordered


def disorder(messages: Sequence[Message]) -> str | None:
    """Return what no provider would take in the order of `messages`, or None."""
    if messages and not isinstance(messages[0], UserMessage):
        return "it does not begin with the user"
    seen: set[str] = set()
    waiting: deque[str] = deque()
    for message in messages:
        if isinstance(message, ToolResultMessage):
            if not waiting or waiting.popleft() != message.call_id:
                return f"a result of {message.name!r} does not follow its call"
            continue
        if waiting:
            break
        if isinstance(message, AssistantMessage):
            if message.stop_reason in (StopReason.ERROR, StopReason.ABORTED):
                return "an answer in it failed"
            waiting.extend(call.id for call in message.tool_calls)
            if len(seen | set(waiting)) < len(seen) + len(waiting):
                return "two calls have one id"
            seen.update(waiting)
    return "a call has no result" if waiting else None


def is_own(message: AssistantMessage, block: Text | Thinking | ToolCall, call: Call, dialect: str) -> bool:
    """Whether the model that `call` asks wrote `block` itself: only then its signature goes back."""
    return message.producer_of(block) == Producer(call.route.provider, call.model.ref.id, dialect)


def known_ids(messages: Sequence[Message]) -> frozenset[str]:
    """Return the ids of all calls in `messages`, which a new call must not take again."""
    return frozenset(call.id for m in messages if isinstance(m, AssistantMessage) for call in m.tool_calls)


def _repaired(messages: Sequence[Message]) -> Iterator[Message]:
    results: defaultdict[str, deque[ToolResultMessage]] = defaultdict(deque)
    for message in messages:
        if isinstance(message, ToolResultMessage):
            results[message.call_id].append(message)
    called = known_ids(messages)
    used: set[str] = set()
    begun = False
    for message in messages:
        if isinstance(message, UserMessage):
            begun = True
        elif not begun and isinstance(message, AssistantMessage) and not _is_left_out(message):
            begun = True
            yield UserMessage((Text(NO_BEGINNING),))
        match message:
            case UserMessage():
                yield message
            case AssistantMessage() if _is_left_out(message):
                # If a file gives two calls one id, each call still takes its own result.
                for call in message.tool_calls:
                    _take(results[call.id])
            case AssistantMessage():
                answered = [(call, _take(results[call.id]) or _no_result(call)) for call in message.tool_calls]
                ids = [_unused(call.id, used) for call, _result in answered]
                yield _with_ids(message, ids)
                for call_id, (_call, result) in zip(ids, answered, strict=True):
                    yield result if result.call_id == call_id else replace(result, call_id=call_id)
            case ToolResultMessage():
                if message.call_id not in called:
                    yield UserMessage((Text(NO_CALL.format(name=message.name)), *message.content))


def _is_left_out(message: Message) -> bool:
    return isinstance(message, AssistantMessage) and message.stop_reason in (StopReason.ERROR, StopReason.ABORTED)


def _take(results: deque[ToolResultMessage]) -> ToolResultMessage | None:
    return results.popleft() if results else None


def _no_result(call: ToolCall) -> ToolResultMessage:
    return ToolResultMessage(call.id, call.name, (Text(NO_RESULT),), is_error=True)


def _unused(wanted: str, used: set[str]) -> str:
    """Return `wanted`, or what comes nearest to it and is not in `used`; it is used from now on."""
    found, number = wanted, 1
    while found in used:
        number += 1
        found = f"{wanted}_{number}"
    used.add(found)
    return found


def _with_ids(message: AssistantMessage, ids: Sequence[str]) -> AssistantMessage:
    if ids == [call.id for call in message.tool_calls]:
        return message
    left = deque(ids)
    content = tuple(
        replace(block, id=left.popleft()) if isinstance(block, ToolCall) else block for block in message.content
    )
    return replace(message, content=content)
