"""Items of a response on their way in: messages, reasoning and function calls, by their place in its output."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import StringIO

from pi_fallback.providers.loose import Object, as_list, as_object, as_text
from pi_fallback.providers.partial import PartialContent
from pi_fallback.providers.reading import malformed
from pi_fallback.providers.responses_signatures import item_signature, reasoning_signature
from pi_fallback_hookspecs import Delta

MESSAGE, REASONING, CALL = "message", "reasoning", "function_call"
KINDS = (MESSAGE, REASONING, CALL)
_BETWEEN_THOUGHTS = "\n\n"

Part = tuple[str, object]


@dataclass(slots=True)
class _Item:
    number: int  # in the order in which they began; some hosts give every item the index 0
    kind: str
    come: StringIO = field(default_factory=StringIO)
    part: Part | None = None
    is_done: bool = False


class Items:
    """The items of one response. `taken`: ids of calls used before; `credential`: whose reasoning it is."""

    def __init__(self, taken: Iterable[str], credential: str) -> None:
        self.content = PartialContent(taken)
        self.count = 0
        self.is_mixed = False  # a piece of one came when the next had begun, and is missing here
        self._by_index: dict[int, _Item] = {}
        self._last: _Item | None = None
        self._last_index = 0
        self._credential = credential

    def index_in(self, event: Object) -> int:
        index = event.get("output_index")
        return index if isinstance(index, int) else self._last_index

    def begin(self, index: int, raw: Object) -> Sequence[Delta]:
        """Begin the item that is announced at `index`."""
        kind = as_text(raw.get("type"))
        if kind not in KINDS:
            return ()
        item = self._new(index, kind)
        return self._called(item, raw, arguments_of(raw)) if kind == CALL else ()

    def said(self, index: int, text: str) -> Sequence[Delta]:
        return self._grow(self._at(index, MESSAGE), text)

    def thought(self, index: int, text: str, part: Part) -> Sequence[Delta]:
        item = self._at(index, REASONING)
        if item.part not in (None, part) and text:
            text = _BETWEEN_THOUGHTS + text
        item.part = part
        return self._grow(item, text)

    def arguments(self, index: int, text: str, *, is_whole: bool = False) -> Sequence[Delta]:
        item = self._at(index, CALL)
        return self._called(item, {}, _rest(item, text) if is_whole else text)

    def settle(self, index: int, raw: Object) -> Sequence[Delta]:
        """Take the whole item at `index`; return what of it was not there yet."""
        kind = as_text(raw.get("type"))
        if kind not in KINDS:
            return ()
        item = self._by_index.get(index)
        if item is None or item.kind != kind:
            item = self._new(index, kind)
        elif item.is_done:
            return ()
        item.is_done = True
        if kind == CALL:
            return self._called(item, raw, _rest(item, arguments_of(raw)), item_signature(raw))
        deltas = self._grow(item, _rest(item, _text_of(raw) if kind == MESSAGE else _thoughts_of(raw)))
        if item is self._last:
            self._sign(item, raw)
        return deltas

    def _at(self, index: int, kind: str) -> _Item:
        item = self._by_index.get(index)
        is_open = item is not None and item.kind == kind and not item.is_done
        return item if item is not None and is_open else self._new(index, kind)

    def _new(self, index: int, kind: str) -> _Item:
        self.content.close()
        self._last = self._by_index[index] = _Item(self.count, kind)
        self._last_index = index
        self.count += 1
        return self._last

    def _grow(self, item: _Item, text: str) -> Sequence[Delta]:
        if not text:
            return ()
        if item is not self._last:
            self.is_mixed = True
            return ()
        item.come.write(text)
        return (self.content.text(text) if item.kind == MESSAGE else self.content.thinking(text),)

    def _called(self, item: _Item, raw: Object, arguments: str, signature: str = "") -> Sequence[Delta]:
        item.come.write(arguments)
        delta = self.content.call(
            index=item.number,
            wire_id=as_text(raw.get("call_id")) or as_text(raw.get("id")),
            name=as_text(raw.get("name")),
            arguments=arguments,
            signature=signature,
        )
        return () if delta is None else (delta,)

    def _sign(self, item: _Item, raw: Object) -> None:
        is_thinking = item.kind == REASONING
        signature = reasoning_signature(raw, self._credential) if is_thinking else item_signature(raw)
        if signature and item.come.tell():
            self.content.sign(signature, is_thinking=is_thinking)
        elif signature and is_thinking:
            self.content.redacted(signature)  # a thought without a summary: its encrypted form is all there is
        self.content.close()


def arguments_of(raw: Object) -> str:
    """Return the arguments of a call as JSON text.

    Raises:
        WireError: they are of no type that a host sends.
    """
    arguments = raw.get("arguments") or ""
    if isinstance(arguments, dict):  # some hosts parse them for us
        arguments = json.dumps(arguments)
    if not isinstance(arguments, str):
        raise malformed("arguments")
    return arguments


def _rest(item: _Item, whole: str) -> str:
    """Return what of `whole` has not come yet; nothing if other pieces came, which the last word on them will mend."""
    come = item.come.getvalue()
    return whole[len(come) :] if whole.startswith(come) else ""


def _text_of(raw: Object) -> str:
    parts = [as_object(part) for part in as_list(raw.get("content"))]
    return as_text(raw.get("content")) or "".join(as_text(p.get("text")) or as_text(p.get("refusal")) for p in parts)


def _thoughts_of(raw: Object) -> str:
    parts = (*as_list(raw.get("summary")), *as_list(raw.get("content")))
    return _BETWEEN_THOUGHTS.join(text for part in parts if (text := as_text(as_object(part).get("text"))))
