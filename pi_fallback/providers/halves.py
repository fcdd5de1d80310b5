r"""Halves: a character beyond U+FFFF that a host escaped as two (`"\ud83d"`, `"\ude00"`) and sent in two events.

No parser takes half a character, so nothing here is asked before one has refused an event.
"""

import re

from pi_fallback.http import WireError
from pi_fallback.providers.reading import NotJson
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import Fault, FaultKind

# What stands before it is an even number of backslashes: each pair of them is one that was meant.
_AT_END = re.compile(rb'(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})"')
_AT_START = re.compile(rb'(?<!\\)"(\\u[dD][c-fC-F][0-9a-fA-F]{2})')


class Halves:
    """Moves the first half of a character to where its second half is."""

    def __init__(self) -> None:
        self._first = b""

    def joined(self, event: SseEvent, fault: Fault) -> SseEvent:
        """Return `event` without the half that ends it, and with the one that ended an earlier event.

        Raises:
            NotJson: with `fault`, because it has no such half.
        """
        data = event.data
        if self._first:
            # A function, because a backslash in a template means something else.
            data = _AT_START.sub(lambda found: b'"' + self._first + found[1], data)
            if data == event.data:
                raise NotJson(fault)
            self._first = b""
        firsts = {found[2] for found in _AT_END.finditer(data)}
        if len(firsts) == 1:  # more than once, if the host says a thing in two fields
            self._first = firsts.pop()
            data = _AT_END.sub(rb'\1"', data)
        if data == event.data:
            raise NotJson(fault)
        return SseEvent(event.name, data)

    def check(self) -> None:
        """Raise a `WireError` if the answer ended inside a character."""
        if self._first:
            raise WireError(Fault(FaultKind.MALFORMED, "A character of the answer has only one half."))
