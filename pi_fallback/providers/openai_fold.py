"""Folding for `openai-completions`: the chunks of a chat completion become deltas and one message."""

import json
from collections.abc import Iterable, Sequence
from typing import cast

from pi_fallback.http import WireError
from pi_fallback.providers.ending import ending
from pi_fallback.providers.errors import ErrorBody, error_fault, error_in
from pi_fallback.providers.loose import Object, as_list, as_object, as_text
from pi_fallback.providers.openai_usage import usage_in
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
    "stop": StopReason.STOP,
    "end": StopReason.STOP,
    "eos": StopReason.STOP,
    "length": StopReason.LENGTH,
    "tool_calls": StopReason.TOOL_USE,
    "function_call": StopReason.TOOL_USE,
}


class PartialAnswer:
    """One answer on its way in. `taken`: ids of tool calls that the conversation has used before."""

    def __init__(self, producer: Producer, *, taken: Iterable[str] = ()) -> None:
        self.is_ending = False  # a finish reason came, or `[DONE]`
        self.is_doubtful = False  # a finish reason came with the first content, or before some
        self.is_done = False  # `[DONE]` came
        self._finish_reason: str | None = None
        self._producer = producer
        self._content = PartialContent(taken)
        self._usage = Usage()
        self._response_id: str | None = None

    @property
    def phase(self) -> Phase:
        return self._content.phase

    def take(self, event: SseEvent) -> Sequence[Delta]:
        """Fold one chunk, or a whole completion, into the answer; return what is new.

        Raises:
            WireError: it is an error, or not what this dialect speaks.
        """
        if self.is_done:
            return ()
        try:
            chunk = object_in(event.data)
        except ValueError as error:
            return self._not_json(event, error)
        choices = chunk.get("choices")
        if not choices or chunk.get("error"):
            return self._without_choice(chunk, event)
        first: object = cast("list[object]", choices)[0] if isinstance(choices, list) else None
        if not isinstance(first, dict):
            raise malformed("choices")
        choice = cast("Object", first)
        if choice.get("index"):
            return ()  # a second choice, which nobody asked for
        piece, whole, reason = choice.get("delta"), choice.get("message"), choice.get("finish_reason")
        if reason and self._content.phase is Phase.PRE:
            self.is_doubtful = True  # some hosts stamp each chunk (BerriAI/litellm#2195)
        deltas: Sequence[Delta] = ()
        if delta := piece or whole:
            if not isinstance(delta, dict):
                raise malformed("delta")
            deltas = self._delta(cast("Object", delta), is_whole=not piece)
        if self.is_ending and deltas:
            self._go_on()
        if usage := chunk.get("usage") or choice.get("usage"):
            self._usage = usage_in(usage)
        if reason:
            self._finish(reason, choice)
        if self._response_id is None and isinstance(name := chunk.get("id"), str):
            self._response_id = name
        return deltas

    def message(self) -> AssistantMessage:
        """Return the answer after its terminal event.

        Raises:
            WireError: it cannot be used as it is.
        """
        if not self.is_ending:
            raise WireError(Fault(FaultKind.INCOMPLETE, "The answer ended without a finish reason."))
        stop = _STOPS[self._finish_reason or "stop"]
        # An answer without a reason, or cut at its limit, proves nothing about a call that has no arguments.
        may_be_bare = self._finish_reason is not None and stop is not StopReason.LENGTH
        content = self._content.finished(may_be_bare=may_be_bare)
        return AssistantMessage(
            content, ending(content, stop), self._producer, self._usage, response_id=self._response_id
        )

    def _delta(self, delta: Object, *, is_whole: bool) -> Sequence[Delta]:
        content = delta.get("content")
        if content and len(delta) == 1 + ("role" in delta) and isinstance(content, str):
            return (self._content.text(content),)  # what nearly all are
        deltas: list[Delta] = []
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            if not isinstance(thought, str):
                raise malformed("reasoning")
            deltas.append(self._content.thinking(thought))
        for part in (content, delta.get("refusal")):
            if part:
                deltas += self._parts(part)
        calls = delta.get("tool_calls")
        if not calls and (function := delta.get("function_call")):
            calls = [{"index": 0, "function": function}]  # the shape before tools
        if calls:
            if not isinstance(calls, list):
                raise malformed("tool_calls")
            for number, piece in enumerate(cast("list[object]", calls)):
                self._call(piece, number if is_whole else None, deltas)
        return deltas

    def _parts(self, content: object) -> list[Delta]:
        """Fold content that is text, or a list of parts: Mistral's thinking models send those."""
        if isinstance(content, str):
            return [self._content.text(content)] if content else []
        if parts := as_list(content):
            return [delta for part in parts for delta in self._parts(part)]
        if not (part := as_object(content)):
            raise malformed("content")
        if part.get("type") == "thinking":
            thinking = part.get("thinking")
            pieces = [as_text(as_object(piece).get("text")) for piece in as_list(thinking)]
            text = as_text(thinking) or "".join(pieces)
            return [self._content.thinking(text)] if text else []
        text = part.get("text")
        if text is None and "type" in part:
            return []  # a reference, and what may come
        if not isinstance(text, str):
            raise malformed("content")
        return [self._content.text(text)] if text else []

    def _call(self, piece: object, number: int | None, deltas: list[Delta]) -> None:
        """Take a piece of a call, or a whole one that is the `number`-th."""
        if not (call := as_object(piece)):
            raise malformed("tool_calls")
        function = as_object(call.get("function"))
        index, wire_id, name = call.get("index"), call.get("id") or "", function.get("name") or ""
        arguments = function.get("arguments") or ""
        if isinstance(arguments, dict):  # some hosts parse them for us
            arguments = json.dumps(arguments)
        if not (isinstance(wire_id, str) and isinstance(name, str) and isinstance(arguments, str)):
            raise malformed("tool_calls")
        place = index if isinstance(index, int) and number is None else number
        delta = self._content.call(index=place, wire_id=wire_id, name=name, arguments=arguments)
        if delta is not None:
            deltas.append(delta)

    def _finish(self, reason: object, choice: Object) -> None:
        if not isinstance(reason, str):
            raise malformed("finish_reason")
        if reason == "error":
            error = error_in({"error": choice.get("error")})
            raise WireError(error_fault(error or ErrorBody("The answer ended in an error.", code=reason)))
        if reason not in _STOPS:
            raise WireError(Fault(FaultKind.FINISH, f"The answer ended with {reason!r}.", code=reason))
        self._finish_reason = reason
        self.is_ending = True

    def _go_on(self) -> None:
        """Take the end back: content came after it, so that the next one is not to be trusted either."""
        self.is_ending, self.is_doubtful, self._finish_reason = False, True, None

    def _without_choice(self, chunk: Object, event: SseEvent) -> Sequence[Delta]:
        """Usage comes without a choice, and so do errors. Other events, such as a filter's notes, mean nothing."""
        error = error_in(chunk)
        if error is None and (chunk.get("error") or event.name == "error"):
            error = ErrorBody(event.data.decode())
        if error is not None:
            raise WireError(error_fault(error))
        if usage := chunk.get("usage"):
            self._usage = usage_in(usage)
        return ()

    def _not_json(self, event: SseEvent, error: ValueError) -> Sequence[Delta]:
        if event.data.strip() == b"[DONE]":
            self.is_done = self.is_ending = True
            self.is_doubtful = False
            return ()
        if event.name == "error":
            raise WireError(error_fault(ErrorBody(event.data.decode())))
        if event.name not in ("", "message"):
            return ()  # some host's ping
        raise not_json(error)
