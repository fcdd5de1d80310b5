"""Streaming: the deltas of one answer as pi's `assistantMessageEvent` objects."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pi_fallback.runtime.codec import JsonObject, block_to_json
from pi_fallback_hookspecs import AssistantMessage, Delta, TextDelta, ThinkingDelta, ToolCallDelta

Kind: TypeAlias = Literal["text", "thinking", "toolcall"]


@dataclass
class _Block:
    kind: Kind
    position: int
    pieces: list[str] = field(default_factory=list[str])


@dataclass
class Streaming:
    """The blocks of one provisional answer.

    `contentIndex` counts blocks as they begin, for a dialect numbers texts and tool calls each on their
    own. A text or a thought ends when another block begins; tool calls, which may come interleaved, end
    with the answer.
    """

    _open: dict[tuple[Kind, int], _Block] = field(default_factory=dict[tuple[Kind, int], _Block], init=False)
    _begun: int = field(default=0, init=False)

    def feed(self, delta: Delta) -> Iterator[JsonObject]:
        """Yield the events that `delta` is."""
        match delta:
            case TextDelta(text, index):
                kind, piece = "text", text
            case ThinkingDelta(text, index):
                kind, piece = "thinking", text
            case ToolCallDelta(index=index, arguments=arguments):
                kind, piece = "toolcall", arguments
        key: tuple[Kind, int] = (kind, index)
        block = self._open.get(key)
        if block is None:
            yield from self._end_prose()
            block = self._open[key] = _Block(kind, self._begun)
            self._begun += 1
            named = {"id": delta.id, "toolName": delta.name} if isinstance(delta, ToolCallDelta) else {}
            yield {"type": f"{kind}_start", "contentIndex": block.position, **named}
        if piece:
            if kind != "toolcall":
                block.pieces.append(piece)
            yield {"type": f"{kind}_delta", "contentIndex": block.position, "delta": piece}

    def end(self, message: AssistantMessage) -> Iterator[JsonObject]:
        """Yield the events that end the blocks, now that the whole `message` is there."""
        yield from self._end_prose()
        for block, call in zip(self._open.values(), message.tool_calls, strict=False):
            yield {"type": "toolcall_end", "contentIndex": block.position, "toolCall": block_to_json(call)}
        self._open.clear()

    def _end_prose(self) -> Iterator[JsonObject]:
        for key, block in tuple(self._open.items()):
            if block.kind != "toolcall":
                del self._open[key]
                yield {"type": f"{block.kind}_end", "contentIndex": block.position, "content": "".join(block.pieces)}
