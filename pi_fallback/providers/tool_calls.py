"""Tool calls on their way in: pieces of several calls become whole ones, each with an id of ours.

Hosts differ: most send id and name first and then arguments by `index`; some send a call in one piece,
leave out the index or the id, repeat them in each piece, or give every call the index 0.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO
from typing import cast

import jiter

from pi_fallback.http import WireError
from pi_fallback.http.limits import ARGUMENT_CHARS, TOOL_CALLS
from pi_fallback_hookspecs import Fault, FaultKind, ToolCall, ToolCallDelta, frozen_object

_READ_CHARS = 256 * ARGUMENT_CHARS  # for a host that names a call in each of many pieces: each may begin the next one


@dataclass(slots=True)
class PartialCall:
    """A call that is still being written. `position` is its place in the message."""

    id: str
    wire_id: str
    position: int
    name: str = ""
    arguments: StringIO = field(default_factory=StringIO)
    ends_object: bool = False
    is_shown: bool = False
    signature: str = ""

    def add(self, name: str, arguments: str) -> ToolCallDelta | None:
        """Take a piece; return what to show of it, which begins once the name is known."""
        self.name = self.name or name
        self.arguments.write(arguments)
        if end := arguments.rstrip():
            self.ends_object = end[-1] == "}"
        if not self.name:
            return None
        if not self.is_shown:
            self.is_shown = True
            return ToolCallDelta(self.position, self.id, self.name, self.arguments.getvalue())
        return ToolCallDelta(self.position, arguments=arguments) if arguments else None

    def finished(self, *, may_be_bare: bool) -> ToolCall:
        """Return the whole call. No arguments at all mean `{}` only if the answer was not cut (`may_be_bare`)."""
        text = self.arguments.getvalue()
        arguments = {} if may_be_bare and not text.strip() else _arguments(text)
        if arguments is None:
            if _is_json(text):
                raise WireError(Fault(FaultKind.MALFORMED, f"The arguments of {self.name!r} are no JSON object."))
            raise WireError(Fault(FaultKind.INCOMPLETE, f"The call of {self.name!r} ended inside its arguments."))
        if not self.name:
            raise WireError(Fault(FaultKind.MALFORMED, "A tool call has no name."))
        return ToolCall(self.id, self.name, frozen_object(arguments), self.signature or None)


class PartialCalls:
    """The calls of one answer. `taken` are ids that the conversation has used before."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.all: list[PartialCall] = []
        self._taken = set(taken)
        self._size = 0
        self._read = 0
        self._by_index: dict[int, PartialCall] = {}

    def find(self, *, index: int | None, wire_id: str, name: str, position: int) -> PartialCall:
        """Return the call that a piece belongs to; a new one stands at `position`."""
        found = self._known(index, wire_id, name)
        if found is None:
            if len(self.all) >= TOOL_CALLS:
                raise WireError(Fault(FaultKind.TOO_LARGE, "The answer has too many tool calls."))
            found = PartialCall(self._new_id(wire_id), wire_id, position)
            self.all.append(found)
        found.wire_id = found.wire_id or wire_id
        if index is not None:
            self._by_index[index] = found
        return found

    def add(self, call: PartialCall, name: str, arguments: str) -> ToolCallDelta | None:
        """Take a piece of `call`, as `PartialCall.add` does, as long as all of them together are within the limit."""
        self._size += len(arguments)
        if self._size > ARGUMENT_CHARS:
            raise _too_large()
        return call.add(name, arguments)

    def _is_whole(self, call: PartialCall) -> bool:
        if not call.ends_object:
            return False
        text = call.arguments.getvalue()
        self._read += len(text)
        if self._read > _READ_CHARS:
            raise _too_large()
        return _arguments(text) is not None

    def _known(self, index: int | None, wire_id: str, name: str) -> PartialCall | None:
        if index is not None:
            call = self._by_index.get(index)
        elif wire_id:
            return next((call for call in self.all if call.wire_id == wire_id), None)
        else:
            call = self.all[-1] if self.all else None
        if call is None:
            return None
        is_other = wire_id not in ("", call.wire_id) and call.wire_id != ""
        # A name without an id, after a call that is complete, begins the next one.
        is_next = name != "" and wire_id == "" and call.name != "" and self._is_whole(call)
        return None if is_other or is_next else call

    def _new_id(self, wire_id: str) -> str:
        ours = wire_id
        number = len(self._taken)
        while not ours or ours in self._taken:
            number += 1
            ours = f"call_{number}"
        self._taken.add(ours)
        return ours


def _too_large() -> WireError:
    return WireError(Fault(FaultKind.TOO_LARGE, "The arguments of the tool calls are too large."))


def _is_json(text: str) -> bool:
    try:
        jiter.from_json(text.encode())
    except ValueError:
        return False
    return True


def _arguments(text: str) -> dict[str, object] | None:
    try:
        value: object = jiter.from_json(text.encode(), allow_inf_nan=False, cache_mode="keys")
        json.dumps(value, allow_nan=False)  # 1e999 is a number to the parser, and infinite
    except ValueError:
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None
