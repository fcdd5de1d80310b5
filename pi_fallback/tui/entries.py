"""Entries: what a conversation is on the screen, each with a number of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pi_fallback.core.compacting import summary_in
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Level,
    Message,
    StopReason,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the user said, or what was said in the user's name."""

    number: int
    text: str
    images: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says. While it is provisional, a failed attempt takes it off the screen."""

    number: int
    text: str = ""
    thinking: str = ""
    calling: str = ""  # the tool whose arguments are on their way
    state: Literal["provisional", "final", "aborted"] = "provisional"


@dataclass(frozen=True, slots=True)
class ToolUse:
    number: int
    call: ToolCall
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    output: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    number: int
    text: str
    level: Level = "info"


Entry: TypeAlias = Said | Answer | ToolUse | Notice


def entries_of(message: Message, number: int) -> tuple[Entry, ...]:
    """Return the entries of a message of the history; a tool's result is not one, see `with_result`."""
    match message:
        case UserMessage():
            if (summary := summary_in(message)) is not None:
                return (Notice(number, f"What was said before, in short:\n{summary}"),)
            images = sum(isinstance(block, Image) for block in message.content)
            return (Said(number, message.text, images),)
        case AssistantMessage():
            return _answer_entries(message, number)
        case ToolResultMessage():
            return ()


def _answer_entries(message: AssistantMessage, number: int) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    state = "aborted" if message.stop_reason in {StopReason.ERROR, StopReason.ABORTED} else "final"
    if message.text:
        entries.append(Answer(number, message.text, state=state))
    if state == "final":
        entries += [ToolUse(number + len(entries) + at, call) for at, call in enumerate(message.tool_calls)]
    return tuple(entries)


def with_result(entries: Sequence[Entry], result: ToolResultMessage) -> tuple[Entry, ...]:
    """Return `entries` in which the tool use that `result` belongs to is over."""
    state = "failed" if result.is_error else "done"
    return tuple(
        ToolUse(entry.number, entry.call, state, result.text)
        if isinstance(entry, ToolUse) and entry.call.id == result.call_id
        else entry
        for entry in entries
    )
