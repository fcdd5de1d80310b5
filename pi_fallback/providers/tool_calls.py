"""Tool calls on their way in: pieces of several calls become whole ones, each with an id of ours.

Hosts differ: most send id and name first and then arguments by `index`; some send a call in one piece, leave out
the index or the id, repeat them in each piece, give every call the index 0 or the same id, or send a call twice.
"""

import json
from collections.abc import Iterable, Mapping
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
    again: StringIO | None = None  # what came after the whole call under its name: the call once more, or the next one
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
        is_cut = self.again is not None and self.again.getvalue().strip() != ""
        arguments = None if is_cut else {} if may_be_bare and not text.strip() else _arguments(text)
        if arguments is None:
            if not is_cut and _is_json(text):
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

    def take(
        self, *, index: int | None, wire_id: str, name: str, arguments: str, position: int
    ) -> tuple[PartialCall, str]:
        """Return the call that a piece belongs to, and what it adds to its arguments: nothing if it repeats them.

        A new call stands at `position`.
        """
        self._size += len(arguments)
        if self._size > ARGUMENT_CHARS:
            raise _too_large()
        call, is_at = self._known(index, wire_id)
        if call is None or self._is_after(call, wire_id, name, is_at=is_at):
            call = self._new(wire_id, position)
        elif call.again is not None:
            text = self._other(call, call.again, arguments)
            if text is not None:
                call = self._new(call.wire_id, position, call.name)
            arguments = text or ""
        call.wire_id = call.wire_id or wire_id
        if index is not None:
            self._by_index[index] = call
        return call, arguments

    def _known(self, index: int | None, wire_id: str) -> tuple[PartialCall | None, bool]:
        """Return the call that a piece goes on with or stands after, and whether its place says so, not just its id."""
        if index is not None and index in self._by_index:
            return self._by_index[index], True
        if wire_id:
            return next((call for call in reversed(self.all) if call.wire_id == wire_id), None), index is None
        return self.all[-1] if index is None and self.all else None, True

    def _is_after(self, call: PartialCall, wire_id: str, name: str, *, is_at: bool) -> bool:
        """Say whether a piece begins another call. If it might, and no other name or id says so, open `call.again`."""
        if not (name or wire_id):
            return False  # what nearly all are: a piece of arguments
        if wire_id and call.wire_id and wire_id != call.wire_id:
            return True
        if not call.name:
            return False
        has_begun = call.arguments.tell() > 0
        if name not in ("", call.name):
            return not has_begun or self._is_whole(call)
        if call.again is None and has_begun and not (is_at and wire_id) and self._is_whole(call):
            call.again = StringIO()
        return False

    def _other(self, call: PartialCall, again: StringIO, arguments: str) -> str | None:
        """Return the arguments of the call after `call`, which has its name, once it is known that there is one.

        Some hosts repeat a name, or a whole call under another index (mudler/LocalAI#9722).
        """
        if not call.wire_id:
            return arguments if arguments.strip() else None
        again.write(arguments)
        if not arguments.rstrip().endswith("}") or (other := self._object(again.getvalue())) is None:
            return None
        if other != self._object(call.arguments.getvalue()):
            call.again = None
            return again.getvalue()
        call.again = StringIO()
        return None

    def _new(self, wire_id: str, position: int, name: str = "") -> PartialCall:
        if len(self.all) >= TOOL_CALLS:
            raise WireError(Fault(FaultKind.TOO_LARGE, "The answer has too many tool calls."))
        call = PartialCall(self._new_id(wire_id), wire_id, position, name)
        self.all.append(call)
        return call

    def _is_whole(self, call: PartialCall) -> bool:
        return call.ends_object and self._object(call.arguments.getvalue()) is not None

    def _object(self, text: str) -> Mapping[str, object] | None:
        self._read += len(text)
        if self._read > _READ_CHARS:
            raise _too_large()
        return _arguments(text)

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
