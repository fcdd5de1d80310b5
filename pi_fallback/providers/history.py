"""History: a conversation made fit to send. Every dialect renders what `sendable` returns."""

import operator
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from pi_fallback.http import WireError
from pi_fallback.providers.ids import wire_name
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Fault,
    FaultKind,
    Image,
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
NOTHING = "(nothing)"

_NO_RESULT = ToolResultMessage("", "", (Text(NO_RESULT),), is_error=True)
_Place: TypeAlias = tuple[int, int]  # of a call: of its message among all, and of itself in that


def sendable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages that a provider may see, in an order that every dialect takes.

    Answers that ended in error or abort are left out, with the results of their calls. Every call is
    followed by exactly one result, under an id that no other call has and a legal name: a missing result is made up and
    says so, a surplus one is left out, one without a call before it becomes the user's words. A conversation that
    begins with an answer gets an opening, and a message of the user that says nothing says so.

    Raises:
        WireError: the order is still not one that a provider takes. Nothing was sent.
    """
    ordered = tuple(_repaired(messages))
    if ordered and not isinstance(ordered[0], UserMessage):
        ordered = (UserMessage((Text(NO_BEGINNING),)), *ordered)
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
            if _is_failed(message):
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
    results, orphans = _matched(messages)
    used: set[str] = set()
    for place, message in enumerate(messages):
        match message:
            case UserMessage():
                yield _said(message)
            case AssistantMessage() if not _is_failed(message):
                said = _with_ids(message, used)
                yield said
                for number, call in enumerate(said.tool_calls):
                    result = results.get((place, number)) or _NO_RESULT
                    is_same = (result.call_id, result.name) == (call.id, call.name)
                    yield result if is_same else replace(result, call_id=call.id, name=call.name)
            case AssistantMessage():
                pass
            case ToolResultMessage():
                if place in orphans:
                    yield _said(UserMessage((Text(NO_CALL.format(name=message.name)), *message.content)))


def _matched(messages: Sequence[Message]) -> tuple[Mapping[_Place, ToolResultMessage], Collection[int]]:
    """Return the result of each call that has one, and where the results are that have no call before them.

    If a file gives two calls one id, each takes its own result: the earlier one first, but one of a failed answer
    last, because what a failed answer asked for is not run.
    """
    results: dict[_Place, ToolResultMessage] = {}
    orphans: set[int] = set()
    waiting: dict[str, deque[_Place]] = {}
    failed: dict[str, deque[_Place]] = {}
    for place, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            for number, call in enumerate(message.tool_calls):
                (failed if _is_failed(message) else waiting).setdefault(call.id, deque()).append((place, number))
        elif isinstance(message, ToolResultMessage):
            of_id = message.call_id
            if of_id not in waiting and of_id not in failed:
                orphans.add(place)
            elif calls := waiting.get(of_id) or failed.get(of_id):
                results[calls.popleft()] = message
    return results, orphans


def _is_failed(message: AssistantMessage) -> bool:
    return message.stop_reason in (StopReason.ERROR, StopReason.ABORTED)


def _said(message: UserMessage) -> UserMessage:
    """Return `message` without blocks that say nothing, which some providers refuse."""
    content = tuple(block for block in message.content if isinstance(block, Image) or _has_words(block.text))
    return message if content and content == message.content else UserMessage(content or (Text(NOTHING),))


def _has_words(text: str) -> bool:
    return bool(text) and not text.isspace()


def _unused(wanted: str, used: set[str]) -> str:
    """Return `wanted`, or what comes nearest to it and is not in `used`; it is used from now on."""
    found, number = wanted, 1
    while found in used:
        number += 1
        found = f"{wanted}_{number}"
    used.add(found)
    return found


def _with_ids(message: AssistantMessage, used: set[str]) -> AssistantMessage:
    """Return `message` with ids of calls that are not in `used`, and with names that every dialect takes."""
    content = tuple(_sendable_call(block, used) if isinstance(block, ToolCall) else block for block in message.content)
    return message if all(map(operator.is_, content, message.content)) else replace(message, content=content)


def _sendable_call(call: ToolCall, used: set[str]) -> ToolCall:
    call_id, name = _unused(call.id, used), wire_name(call.name)
    return call if (call_id, name) == (call.id, call.name) else replace(call, id=call_id, name=name)
