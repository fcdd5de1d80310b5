"""A message on its way in: pieces of text, thinking and tool calls become deltas and, at the end, content."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO

from pi_fallback.http import WireError
from pi_fallback.http.limits import ANSWER_CHARS, BLOCK_CHARS
from pi_fallback.providers.tool_calls import PartialCall, PartialCalls
from pi_fallback_hookspecs import (
    Fault,
    FaultKind,
    Phase,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
)


@dataclass(slots=True)
class PartialText:
    """A block of text or thinking; `position` is its place in the message.

    Its text is no list of pieces, because a piece of two characters takes sixty bytes.
    """

    position: int
    is_thinking: bool
    text: StringIO = field(default_factory=StringIO)
    signature: StringIO = field(default_factory=StringIO)
    redacted: bool = False
    is_closed: bool = False

    def finished(self) -> Text | Thinking:
        text, signature = self.text.getvalue(), self.signature.getvalue() or None
        return Thinking(text, signature, self.redacted) if self.is_thinking else Text(text, signature)


class PartialContent:
    """The blocks of one answer in the order in which they began. `taken`: ids of calls used before."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.phase = Phase.PRE
        self._blocks: list[PartialText | PartialCall] = []
        self._calls = PartialCalls(taken)
        self._size = 0

    def text(self, text: str) -> TextDelta:
        return TextDelta(text, self._grow(text, is_thinking=False))

    def thinking(self, text: str) -> ThinkingDelta:
        return ThinkingDelta(text, self._grow(text, is_thinking=True))

    def sign(self, signature: str, *, is_thinking: bool) -> None:
        """Take a piece of the signature of the last block of this kind; without one it stands in a block of its own."""
        self._count(len(signature))
        self._last(is_thinking=is_thinking).signature.write(signature)

    def redacted(self, data: str) -> None:
        """Take a thought that nobody may read."""
        self._count(len(data))
        self.close()
        block = self._last(is_thinking=True)
        block.redacted = True
        block.signature.write(data)
        self.close()

    def keep(self, data: bytes) -> None:
        """Count an event that is kept, parsed, until the answer ends. Its brackets become far larger than they are."""
        self._count(len(data) + BLOCK_CHARS * (data.count(b"{") + data.count(b"[")))

    def close(self) -> None:
        """End the last block, if it is of text or thinking: what comes next begins another."""
        if self._blocks and isinstance(block := self._blocks[-1], PartialText):
            block.is_closed = True

    def call(
        self, *, index: int | None, wire_id: str, name: str, arguments: str, signature: str = ""
    ) -> ToolCallDelta | None:
        """Take a piece of a tool call; return what to show of it, if anything yet."""
        self._count(len(wire_id) + len(name) + len(arguments) + len(signature))
        self.phase = Phase.TOOL_ARGS
        call, arguments = self._calls.take(
            index=index, wire_id=wire_id, name=name, arguments=arguments, position=len(self._blocks)
        )
        if call.position == len(self._blocks):
            self._count(BLOCK_CHARS)
            self._blocks.append(call)
        call.signature = call.signature or signature
        return call.add(name, arguments)

    def finished(self, *, may_be_bare: bool) -> tuple[Text | Thinking | ToolCall, ...]:
        """Return the content. `may_be_bare`: a call without any arguments is whole.

        Raises:
            WireError: a tool call is not whole.
        """
        return tuple(
            block.finished(may_be_bare=may_be_bare) if isinstance(block, PartialCall) else block.finished()
            for block in self._blocks
        )

    def _grow(self, text: str, *, is_thinking: bool) -> int:
        """Add `text` to the last block if it is open and of this kind, else to a new one; return its position."""
        block = self._last(is_thinking=is_thinking)
        if self.phase is Phase.PRE:
            self.phase = Phase.TEXT
        self._count(len(text))
        block.text.write(text)
        return block.position

    def _last(self, *, is_thinking: bool) -> PartialText:
        block = self._blocks[-1] if self._blocks else None
        if not isinstance(block, PartialText) or block.is_thinking is not is_thinking or block.is_closed:
            self._count(BLOCK_CHARS)
            block = PartialText(len(self._blocks), is_thinking)
            self._blocks.append(block)
        return block

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > ANSWER_CHARS:
            raise WireError(Fault(FaultKind.TOO_LARGE, "The answer is too large."))
