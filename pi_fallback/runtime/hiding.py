"""Hiding: what comes in is freed of known secrets before anything is stored, shown, run or sent on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast

from pi_fallback.runtime import feed
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    Fault,
    Image,
    Json,
    Message,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    frozen,
)

Clean = Callable[[str], str]
TELLING = 8  # characters of a secret: fewer tell nothing of it

M = TypeVar("M", bound=Message)
B = TypeVar("B", bound=Text | Thinking | ToolCall | Image)


class Secrets(Protocol):
    """All secrets that are known by now: `known` is how many."""

    @property
    def known(self) -> int: ...

    def clean(self, text: str) -> str:
        """`text` without any of them."""
        ...

    def passed(self, text: str) -> tuple[str, str]:
        """What of `text`, which goes on, can be shown already, cleaned; and the rest as it is."""
        ...


class NoSecrets:
    """Nothing is secret."""

    known = 0

    def clean(self, text: str) -> str:
        return text

    def passed(self, text: str) -> tuple[str, str]:
        return text, ""


class Veil:
    """Shows the deltas of one answer to `show`, without secrets, however a secret is cut into pieces.

    Held back is only what may be the beginning of one, and at the longest until `end`.
    """

    def __init__(self, secrets: Secrets, show: Callable[[Delta], None]) -> None:
        self._clean, self._passed = secrets.clean, secrets.passed
        self._show = show
        self._held = ""
        self._last: TextDelta | ThinkingDelta = TextDelta("")  # where what is held came from
        self._calls: dict[int, str] = {}  # what is held of the arguments of each call: calls may come interleaved

    def take(self, delta: Delta) -> None:
        if isinstance(delta, ToolCallDelta):
            self._take_call(delta)
            return
        text = delta.text
        if self._held:
            if type(delta) is type(self._last) and delta.index == self._last.index:
                text = self._held + text
            else:
                self._show(replace(self._last, text=self._held))
        shown, self._held = self._passed(text)
        if shown is delta.text:
            self._show(delta)
            return
        self._last = delta
        if shown:
            self._show(type(delta)(shown, delta.index))

    def end(self, *, whole: bool) -> None:
        """Show what is held; of an answer that broke off not what may be the greater part of a secret."""
        if self._held and (whole or len(self._held) < TELLING):
            self._show(replace(self._last, text=self._held))
        for index, held in self._calls.items():
            if held and (whole or len(held) < TELLING):
                self._show(ToolCallDelta(index, arguments=held))
        self._held = ""
        self._calls.clear()

    def _take_call(self, delta: ToolCallDelta) -> None:
        if self._held:
            self._show(replace(self._last, text=self._held))
            self._held = ""
        shown, held = self._passed(self._calls.get(delta.index, "") + delta.arguments)
        self._calls[delta.index] = held
        if shown or delta.name or delta.id or not held:
            self._show(replace(delta, name=self._clean(delta.name), arguments=shown))


def cleaned_item(item: feed.FeedItem, clean: Clean) -> feed.FeedItem:
    """`item` without secrets in what plugins and errors say. Messages and deltas have been cleaned as they came in."""
    field = _SAID.get(type(item))
    if field is None:
        return item
    said = cast("str | None", getattr(item, field))
    if not said or (text := clean(said)) == said:
        return item
    return replace(item, **{field: text})


_SAID: Mapping[type, str] = {
    feed.Noticed: "text",
    feed.StatusChanged: "text",
    feed.GaveUp: "text",
    feed.RouteSwitched: "reason",
    feed.TimerChanged: "label",
    feed.RetryEnded: "error",
    feed.CompactionEnded: "error",
}


def cleaned_message(message: M, clean: Clean) -> M:
    """`message` without secrets, the arguments of its tool calls included; the same object if it holds none."""
    content = tuple(_block(block, clean) for block in message.content)
    changes: dict[str, Any] = {} if content == message.content else {"content": content}
    if isinstance(message, AssistantMessage):
        for name in ("error", "response_id"):
            said = getattr(message, name)
            if said and (text := clean(said)) != said:
                changes[name] = text
    return replace(message, **changes) if changes else message


def cleaned_fault(fault: Fault, clean: Clean) -> Fault:
    return replace(
        fault,
        text=clean(fault.text),
        code=fault.code and clean(fault.code),
        type=fault.type and clean(fault.type),
        headers={name: clean(value) for name, value in fault.headers.items()},
    )


def _block(block: B, clean: Clean) -> B:
    match block:
        case Text():
            text, signature = clean(block.text), _untouched(block.signature, clean)
            is_same = text == block.text and signature == block.signature
            return block if is_same else replace(block, text=text, signature=signature)
        case Thinking():
            text, signature = clean(block.text), _untouched(block.signature, clean)
            if text == block.text and signature == block.signature:
                return block
            # A signature holds for the very words, and a provider refuses others under it.
            return replace(block, text=text, signature=signature if text == block.text else None)
        case ToolCall():
            arguments = cast("Mapping[str, Json]", _json(block.arguments, clean))
            signature, name = _untouched(block.signature, clean), clean(block.name)
            if arguments is block.arguments and name == block.name and signature == block.signature:
                return block
            return replace(block, name=name, arguments=frozen(arguments), signature=signature)
        case Image():
            return block


def _untouched(signature: str | None, clean: Clean) -> str | None:
    return signature if signature is None or clean(signature) == signature else None


def _json(value: Json, clean: Clean) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        named = {clean(key): _json(item, clean) for key, item in value.items()}
        return value if named == value else named
    if isinstance(value, Sequence):
        items = tuple(_json(item, clean) for item in value)
        return value if items == value else items
    return value
