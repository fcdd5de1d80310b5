"""Session records: what the lines of a session file say, and the history that they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from pi_fallback.runtime.codec import message_from_json
from pi_fallback_hookspecs import (
    AssistantMessage,
    Message,
    Route,
    StopReason,
    Text,
    ToolCall,
    ToolResultMessage,
)

VERSION = 1

MAY_HAVE_RUN = "It may or may not have run: the program stopped while it was running. Check before you run it again."
RESULT_LOST = "It ran, but its result was lost when the program stopped. Check before you run it again."
NOT_RUN = "It was not run: the program stopped before it began."


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: whose session this is. `pid` is the process that made the file."""

    id: str
    cwd: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The process `pid` took the session up again."""

    pid: int


@dataclass(frozen=True, slots=True)
class ToolStarted:
    call_id: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    call_id: str


@dataclass(frozen=True, slots=True)
class Shortened:
    """The history was compacted: it is these messages from here on."""

    messages: tuple[Message, ...]


Record: TypeAlias = Header | Opened | Message | Shortened | Route | ToolStarted | ToolFinished


@dataclass(frozen=True, slots=True)
class History:
    """What a session was when it stopped: each tool call in `messages` has exactly one result.

    `unfinished` are the calls of the last turn that had begun and not ended.
    """

    messages: tuple[Message, ...]
    route: Route | None
    unfinished: tuple[ToolCall, ...]


def record_of(data: Mapping[str, object]) -> Record | None:
    """Return the record in `data` (parsed JSON), or None for a kind that nothing is built from.

    Raises:
        ValueError: it is a record of ours, but not a whole one.
    """
    match data:
        case {"type": "session", "version": int(version)} if version != VERSION:
            raise ValueError(f"it has version {version}, and this program reads version {VERSION}")
        case {"type": "session", "version": int(), "id": str(id_), "cwd": str(cwd)}:
            pid = data.get("pid")
            return Header(id_, cwd, pid if isinstance(pid, int) else None)
        case {"type": "opened", "pid": int(pid)}:
            return Opened(pid)
        case {"type": "message"}:
            return message_from_json(data.get("message"))
        case {"type": "compaction", "messages": list()}:
            return Shortened(tuple(map(message_from_json, cast("list[object]", data["messages"]))))
        case {"type": "model_change", "provider": str(provider), "modelId": str(model)}:
            return Route(provider, model, str(data.get("credential", "primary")))
        case {"type": "tool_started", "callId": str(call_id)}:
            return ToolStarted(call_id)
        case {"type": "tool_finished", "callId": str(call_id)}:
            return ToolFinished(call_id)
        case {"type": "session" | "opened" | "compaction" | "model_change" | "tool_started" | "tool_finished" as kind}:
            raise ValueError(f"a field of the {cast('str', kind)} record is missing or of the wrong type")
        case {"type": str()}:
            return None
        case _:
            raise ValueError("`type` is missing")


def history_of(records: Iterable[Record]) -> History:
    """Return what `records` add up to; what the program was doing when it stopped gets a result that says so."""
    messages: list[Message] = []
    route: Route | None = None
    started: set[str] = set()
    finished: set[str] = set()
    for record in records:
        match record:
            case Route():
                route = record
            case ToolStarted():
                started.add(record.call_id)
            case ToolFinished():
                finished.add(record.call_id)
            case Shortened():
                messages = list(record.messages)
            case Header() | Opened():
                pass
            case _:
                messages.append(record)

    mended: list[Message] = []
    waiting: dict[str, ToolCall] = {}

    def settle() -> None:
        for call in waiting.values():
            text = RESULT_LOST if call.id in finished else MAY_HAVE_RUN if call.id in started else NOT_RUN
            mended.append(ToolResultMessage(call.id, call.name, (Text(text),), is_error=True))

    for message in messages:
        match message:
            case ToolResultMessage():
                # A result whose call stood on a line that is lost has nothing that it answers.
                if waiting.pop(message.call_id, None) is not None:
                    mended.append(message)
                continue
            case AssistantMessage() if message.stop_reason not in {StopReason.ERROR, StopReason.ABORTED}:
                calls = message.tool_calls
            case _:
                calls = ()
        settle()
        mended.append(message)
        waiting = {call.id: call for call in calls}
    settle()
    unfinished = tuple(call for call in waiting.values() if call.id in started)
    return History(tuple(mended), route, unfinished)
