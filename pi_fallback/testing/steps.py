"""Steps: what the fault server does with one request. A script is a row of them.

`after=k` counts the events that carry content (text, thinking, tool calls); what opens a stream goes before and does
not count. A k beyond the last one means: all of the content, but not what ends the answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from pi_fallback.testing.received import Received
from pi_fallback_hookspecs import Json, Usage

USAGE = Usage(input=10, output=5)


@dataclass(frozen=True, slots=True)
class ToolCallScript:
    """A tool call of an answer. `arguments` as a string is sent as it is; without `id` the server makes one."""

    name: str
    arguments: Mapping[str, Json] | str = "{}"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Ok:
    """A whole answer. Without `text` it says "ok", or nothing if it thinks or calls tools.

    `chunk` is the number of characters an event carries, `pace_s` the wait between events. `finish` is the dialect's
    own finish word ("" sends none); `done=False` leaves out the terminator (`[DONE]`). `redacted`: its thinking, where
    the dialect has that, is one that nobody may read. Signatures are the server's own, and it knows them again.
    """

    text: str | None = None
    tools: Sequence[ToolCallScript] = ()
    thinking: str = ""
    redacted: bool = False
    chunk: int = 16
    pace_s: float = 0.0
    usage: Usage = USAGE
    finish: str | None = None
    done: bool = True

    @property
    def said(self) -> str:
        if self.text is None:
            return "" if self.tools or self.thinking else "ok"
        return self.text


LONG = Ok("An answer of several pieces, so that something can happen in the middle of it.")


@dataclass(frozen=True, slots=True)
class Status:
    """An answer with that status. Without `body` it is the dialect's own error object."""

    code: int
    headers: Mapping[str, str] | None = None
    body: str | bytes | Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    to: str
    code: int = 307


@dataclass(frozen=True, slots=True)
class Html:
    """200 with a web page, as a captive portal answers."""

    body: str = "<!doctype html><title>Sign in</title><p>Welcome to the guest network.</p>"


@dataclass(frozen=True, slots=True)
class Empty200:
    """200 with the right content type and no body."""


@dataclass(frozen=True, slots=True)
class HangBeforeHeaders:
    """Not one byte, until the client leaves or the server closes."""


@dataclass(frozen=True, slots=True)
class CutBeforeHeaders:
    """Not one byte, and the connection ends."""

    how: Literal["fin", "rst"] = "fin"


@dataclass(frozen=True, slots=True)
class Stall:
    """k events, then silence."""

    after: int = 1
    of: Ok = LONG


@dataclass(frozen=True, slots=True)
class CommentsOnly:
    """k events, then only comments (in an answer that is no stream: blanks)."""

    after: int = 1
    every_s: float = 1.0
    of: Ok = LONG


@dataclass(frozen=True, slots=True)
class Cut:
    """k events, then the end, without what ends an answer.

    `fin` and `rst` break the chunked body off; `clean` ends it properly, though the answer is not whole; `close` sends
    a body that only the end of the connection delimits.
    """

    after: int = 1
    how: Literal["fin", "rst", "clean", "close"] = "fin"
    of: Ok = LONG


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """k events, then an error object in the 200 stream, and a proper end of the body."""

    after: int = 1
    error: Mapping[str, Any] | None = None
    of: Ok = LONG


@dataclass(frozen=True, slots=True)
class Malformed:
    """k events, then `raw` as it is, then the rest of the answer as if nothing had happened."""

    after: int = 1
    raw: bytes = b'data: {"choices": [{"delta": {"content": "half\n\n'
    of: Ok = LONG


@dataclass(frozen=True, slots=True)
class Drip:
    """The whole answer, `size` bytes every `every_s`; with `headers` its head too."""

    every_s: float = 0.05
    size: int = 1
    headers: bool = False
    of: Ok = LONG


@dataclass(frozen=True, slots=True)
class Raw:
    """These bytes and nothing else, head included; then the end, or a hang."""

    data: bytes
    then: Literal["fin", "rst", "hang"] = "fin"


Step: TypeAlias = (
    Ok
    | Status
    | Redirect
    | Html
    | Empty200
    | HangBeforeHeaders
    | CutBeforeHeaders
    | Stall
    | CommentsOnly
    | Cut
    | ErrorEvent
    | Malformed
    | Drip
    | Raw
)
Play: TypeAlias = Step | Callable[[Received], Step]
"""A step, or a function that chooses one from what was asked."""


@dataclass(frozen=True, slots=True)
class Script:
    """Steps, one a request. `repeat` says what comes after the last: it again, or all of them again."""

    steps: Sequence[Play]
    repeat: Literal["last", "all"] = "last"

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a script needs at least one step")

    def at(self, index: int) -> Play:
        return self.steps[index % len(self.steps) if self.repeat == "all" else min(index, len(self.steps) - 1)]


class For(NamedTuple):
    """Whose requests a script answers; None is any. The most specific script wins: both, model, key, neither."""

    model: str | None = None
    key: str | None = None


Playable: TypeAlias = Script | Play | Sequence[Play]
Scripts: TypeAlias = Mapping[str, Playable] | Mapping[For, Playable] | Mapping[str | For, Playable]
"""Scripts by model (a string) or by `For`. (A mapping is invariant in its keys, hence three.)"""
