"""Folding for `anthropic-messages`: the events of a message become deltas and one message."""

import json
from collections.abc import Iterable, Sequence
from typing import cast

from pi_fallback.http import WireError
from pi_fallback.providers.anthropic_usage import usage_in
from pi_fallback.providers.ending import ending
from pi_fallback.providers.errors import ErrorBody, error_fault, error_in
from pi_fallback.providers.loose import Object, as_object, as_text
from pi_fallback.providers.partial import PartialContent
from pi_fallback.providers.reading import malformed, not_json, object_in
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    Fault,
    FaultKind,
    Phase,
    Producer,
    StopReason,
    Usage,
)

_STOPS = {
    "end_turn": StopReason.STOP,
    "stop_sequence": StopReason.STOP,
    "pause_turn": StopReason.STOP,  # a tool that the provider runs itself took long; we ask for none
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.LENGTH,
}
_OURS = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})


class PartialMessage:
    """One answer on its way in. `taken`: ids of tool calls that the conversation has used before."""

    def __init__(self, producer: Producer, *, taken: Iterable[str] = ()) -> None:
        self.is_ending = False  # `message_stop` came
        self.is_doubtful = False
        self._stop: StopReason | None = None
        self._producer = producer
        self._content = PartialContent(taken)
        self._usage = Usage()
        self._response_id: str | None = None
        self._is_ours = True  # the open block; one of a tool that the provider runs itself is not
        self._index: int | None = None
        self._input = ""  # of a call that came with its first event; counts if no pieces follow

    @property
    def phase(self) -> Phase:
        return self._content.phase

    def take(self, event: SseEvent) -> Sequence[Delta]:
        """Fold one event, or a whole message, into the answer; return what is new.

        Raises:
            WireError: it is an error, or not what this dialect speaks.
        """
        if self.is_ending:
            return ()
        try:
            data = object_in(event.data)
        except ValueError as error:
            return self._not_json(event, error)
        name = event.name if event.name != "message" else ""
        match data.get("type") or name:
            case "content_block_delta":
                return self._delta(data)
            case "content_block_start":
                return self._start(data)
            case "content_block_stop":
                return self._close()
            case "message_start":
                self._begin(as_object(data.get("message")))
                return ()
            case "message_delta":
                self._usage = usage_in(data.get("usage"), self._usage)
                self._finish(as_object(data.get("delta")))
                return ()
            case "message_stop":
                self.is_ending = True
                return self._close()
            case "message":
                return self._whole(data)
            case kind:
                return self._other(kind, data, event)

    def message(self) -> AssistantMessage:
        """Return the answer after its terminal event.

        Raises:
            WireError: it cannot be used as it is.
        """
        if not self.is_ending:
            raise WireError(Fault(FaultKind.INCOMPLETE, "The answer ended without `message_stop`."))
        # An answer without a reason, or cut at its limit, proves nothing about a call that has no arguments.
        may_be_bare = self._stop not in (None, StopReason.LENGTH)
        content = self._content.finished(may_be_bare=may_be_bare)
        stop = ending(content, self._stop or StopReason.STOP)
        return AssistantMessage(content, stop, self._producer, self._usage, response_id=self._response_id)

    def _begin(self, message: Object) -> None:
        self._usage = usage_in(message.get("usage"), self._usage)
        self._response_id = as_text(message.get("id")) or None

    def _start(self, data: Object) -> list[Delta]:
        """Begin a block. Its first event is usually empty, but some hosts put the whole block into it."""
        deltas = self._close()
        block, index = data.get("content_block"), data.get("index")
        if not isinstance(block, dict):
            raise malformed("content_block")
        block = cast("Object", block)
        kind = as_text(block.get("type"))
        self._is_ours = kind in _OURS
        self._index = index if isinstance(index, int) else None
        match kind:
            case "text":
                deltas += self._text(block)
            case "thinking":
                deltas += self._thinking(block)
                self._sign(block)
            case "redacted_thinking":
                self._content.redacted(_text_of(block, "data"))
            case "tool_use":
                deltas += self._call(_text_of(block, "id"), _text_of(block, "name"), "")
                self._input = _json_of(block, "input")
            case _:
                pass
        return deltas

    def _delta(self, data: Object) -> Sequence[Delta]:
        delta = data.get("delta")
        if not isinstance(delta, dict):
            raise malformed("delta")
        if not self._is_ours:
            return ()
        delta = cast("Object", delta)
        match delta.get("type"):
            case "text_delta":
                return self._text(delta)
            case "thinking_delta":
                return self._thinking(delta)
            case "signature_delta":
                self._sign(delta)
                return ()
            case "input_json_delta":
                pieces = _json_of(delta, "partial_json")
                self._input = "" if pieces else self._input
                self._index = index if isinstance(index := data.get("index"), int) else self._index
                return self._call("", "", pieces) if pieces else ()
            case _:
                return ()  # citations, and what may come

    def _text(self, block: Object) -> list[Delta]:
        text = _text_of(block, "text")
        return [self._content.text(text)] if text else []

    def _thinking(self, block: Object) -> list[Delta]:
        text = _text_of(block, "thinking")
        return [self._content.thinking(text)] if text else []

    def _sign(self, block: Object) -> None:
        if signature := _text_of(block, "signature"):
            self._content.sign(signature, is_thinking=True)

    def _call(self, wire_id: str, name: str, arguments: str) -> list[Delta]:
        delta = self._content.call(index=self._index, wire_id=wire_id, name=name, arguments=arguments)
        return [] if delta is None else [delta]

    def _close(self) -> list[Delta]:
        """End the open block: two of one kind stay two, because a signature is of one of them."""
        deltas = self._call("", "", self._input) if self._input else []
        self._input = ""
        self._content.close()
        return deltas

    def _finish(self, message: Object) -> None:
        """Note why the answer ended, if `message` says so."""
        reason = message.get("stop_reason")
        if not reason:
            return
        if not isinstance(reason, str):
            raise malformed("stop_reason")
        if reason not in _STOPS:
            details = as_object(message.get("stop_details"))
            text = f"The answer ended with {reason!r}. {as_text(details.get('explanation'))}".strip()
            category = as_text(details.get("category")) or None
            raise WireError(Fault(FaultKind.FINISH, text, code=reason, type=category))
        self._stop = _STOPS[reason]

    def _whole(self, message: Object) -> list[Delta]:
        """Fold an answer that was not streamed. Without a stop reason it is not whole."""
        content = message.get("content")
        if not isinstance(content, list):
            raise malformed("content")
        self._begin(message)
        deltas: list[Delta] = []
        for index, block in enumerate(cast("list[object]", content)):
            deltas += self._start({"index": index, "content_block": block})
        deltas += self._close()
        self._finish(message)
        self.is_ending = self._stop is not None
        return deltas

    def _other(self, kind: object, data: Object, event: SseEvent) -> Sequence[Delta]:
        """Errors come as events of their own. A ping, and events that we do not know, mean nothing."""
        is_error = kind == "error" or event.name == "error" or bool(data.get("error"))
        error = error_in(data) if is_error or not kind else None
        if error is None and is_error:
            error = ErrorBody(event.data.decode())
        if error is not None:
            raise WireError(error_fault(error))
        return ()

    def _not_json(self, event: SseEvent, error: ValueError) -> Sequence[Delta]:
        if event.name == "error":
            raise WireError(error_fault(ErrorBody(event.data.decode())))
        if event.name == "ping" or event.data.strip() == b"[DONE]":
            return ()  # some hosts end every stream as OpenAI does; here it says nothing
        raise not_json(error)


def _text_of(block: Object, field: str) -> str:
    text = block.get(field)
    if text is not None and not isinstance(text, str):
        raise malformed(field)
    return text or ""


def _json_of(block: Object, field: str) -> str:
    """Return a call's arguments, or a piece of them, as JSON text; an empty object is no text."""
    value = block.get(field)
    return json.dumps(value) if isinstance(value, dict) and value else "" if value == {} else _text_of(block, field)
