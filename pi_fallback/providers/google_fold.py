"""Folding for `google-generative-ai`: the pieces of a `generateContent` answer become deltas and one message."""

import json
from collections.abc import Iterable, Sequence
from typing import cast

from pi_fallback.http import WireError
from pi_fallback.providers.ending import ending
from pi_fallback.providers.errors import ErrorBody, error_fault, error_in
from pi_fallback.providers.google_usage import usage_in
from pi_fallback.providers.loose import Object, as_object, as_text
from pi_fallback.providers.partial import PartialContent
from pi_fallback.providers.reading import json_in, malformed, not_json, object_in
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import AssistantMessage, Delta, Fault, FaultKind, Phase, Producer, StopReason

_STOPS = {"STOP": StopReason.STOP, "MAX_TOKENS": StopReason.LENGTH}
_UNSAID = (None, "", "FINISH_REASON_UNSPECIFIED")


class PartialAnswer:
    """One answer on its way in. `taken`: ids of tool calls that the conversation has used before."""

    def __init__(self, producer: Producer, *, taken: Iterable[str] = ()) -> None:
        self.is_ending = False  # a finish reason came
        self.is_doubtful = False  # it came with the first content, or before some
        self._stop = StopReason.STOP
        self._producer = producer
        self._content = PartialContent(taken)
        self._calls = 0
        self._usage: object = None  # as it came last: each piece brings one, and only the last counts
        self._response_id: str | None = None

    @property
    def phase(self) -> Phase:
        return self._content.phase

    def take(self, event: SseEvent) -> Sequence[Delta]:
        """Fold one piece, or all of them; return what is new.

        Raises:
            WireError: it is an error, or not what this dialect speaks.
        """
        try:
            pieces = _pieces(event.data)
        except ValueError as error:
            return self._not_json(event, error)
        deltas: list[Delta] = []
        for piece in pieces:
            inner = piece.get("response")  # Cloud Code Assist wraps each piece
            is_wrapped = isinstance(inner, dict) and not piece.get("error")
            self._piece(cast("Object", inner) if is_wrapped else piece, event, deltas)
        return deltas

    def message(self) -> AssistantMessage:
        """Return the answer after its terminal event.

        Raises:
            WireError: it cannot be used as it is.
        """
        if not self.is_ending:
            raise WireError(Fault(FaultKind.INCOMPLETE, "The answer ended without a finish reason."))
        content = self._content.finished(may_be_bare=self._stop is not StopReason.LENGTH)
        stop, usage = ending(content, self._stop), usage_in(self._usage)
        return AssistantMessage(content, stop, self._producer, usage, response_id=self._response_id)

    def _piece(self, piece: Object, event: SseEvent, deltas: list[Delta]) -> None:
        if usage := piece.get("usageMetadata"):
            self._usage = usage
        if self._response_id is None and isinstance(name := piece.get("responseId"), str):
            self._response_id = name
        candidates = piece.get("candidates")
        if not candidates or piece.get("error"):
            _check_without_candidate(piece, event)
            return
        first: object = cast("list[object]", candidates)[0] if isinstance(candidates, list) else None
        if not isinstance(first, dict):
            raise malformed("candidates")
        candidate = cast("Object", first)
        if candidate.get("index"):
            return  # a second candidate, which nobody asked for
        content, reason = candidate.get("content"), candidate.get("finishReason")
        is_end = reason not in _UNSAID
        if is_end and self._content.phase is Phase.PRE:
            self.is_doubtful = True  # some hosts stamp each piece (BerriAI/litellm#2195)
        if content:
            if not isinstance(content, dict):
                raise malformed("content")
            count = len(deltas)
            self._parts(cast("Object", content).get("parts"), deltas)
            if self.is_ending and len(deltas) > count:
                self.is_ending, self.is_doubtful = False, True  # content after the end: the next one may be none either
        if is_end:
            self._finish(reason, candidate)

    def _parts(self, parts: object, deltas: list[Delta]) -> None:
        if not parts:
            return  # an end often has none
        if not isinstance(parts, list):
            raise malformed("parts")
        for part in cast("list[object]", parts):
            if not isinstance(part, dict):
                raise malformed("parts")
            self._part(cast("Object", part), deltas)

    def _part(self, part: Object, deltas: list[Delta]) -> None:
        text, call = part.get("text"), part.get("functionCall")
        signature = part.get("thoughtSignature") or ""
        if not isinstance(signature, str):
            raise malformed("thoughtSignature")
        if call is not None:
            self._call(call, signature, deltas)
            return
        if not isinstance(text, str | None):
            raise malformed("text")
        is_thinking = part.get("thought") is True
        if text:
            deltas.append(self._content.thinking(text) if is_thinking else self._content.text(text))
        if signature:
            self._content.sign(signature, is_thinking=is_thinking)
            self._content.close()  # two signatures never stand on one block

    def _call(self, call: object, signature: str, deltas: list[Delta]) -> None:
        if not isinstance(call, dict):
            raise malformed("functionCall")
        function = cast("Object", call)
        if function.get("willContinue") or function.get("partialArgs"):
            raise malformed("partialArgs")  # arguments in pieces come only to those who ask for them
        args, name, wire_id = function.get("args"), function.get("name") or "", function.get("id") or ""
        if isinstance(args, dict):
            args = json.dumps(args)
        if not (isinstance(args, str | None) and isinstance(name, str) and isinstance(wire_id, str)):
            raise malformed("functionCall")
        # A part is a whole call, and a second one that says something else is another, whatever its name and id.
        delta = self._content.call(
            index=self._calls, wire_id=wire_id, name=name, arguments=args or "", signature=signature
        )
        self._calls += 1
        if delta is not None:
            deltas.append(delta)

    def _finish(self, reason: object, candidate: Object) -> None:
        if not isinstance(reason, str):
            raise malformed("finishReason")
        if reason not in _STOPS:
            raise WireError(_refusal("The answer ended with", reason, candidate.get("finishMessage")))
        self._stop = _STOPS[reason]
        self.is_ending = True

    def _not_json(self, event: SseEvent, error: ValueError) -> Sequence[Delta]:
        if event.data.strip() == b"[DONE]":  # a proxy's habit: the finish reason alone counts
            return ()
        if event.name == "error":
            raise WireError(error_fault(ErrorBody(event.data.decode())))
        if event.name not in ("", "message"):
            return ()  # some host's ping
        raise not_json(error)


def _pieces(data: bytes) -> Sequence[Object]:
    """Return the objects of an event: one, or all of an answer from a host that does not know `alt=sse`."""
    if not data.lstrip().startswith(b"["):
        return (object_in(data),)
    items = cast("list[object]", json_in(data))
    if not items or not all(isinstance(item, dict) for item in items):
        return (object_in(data),)  # which says what is wrong with it
    return cast("list[Object]", items)


def _check_without_candidate(piece: Object, event: SseEvent) -> None:
    """Usage comes without a candidate, and so do errors and refusals. Other events mean nothing."""
    error = error_in(piece)
    if error is None and (piece.get("error") or event.name == "error"):
        error = ErrorBody(event.data.decode())
    if error is not None:
        raise WireError(error_fault(error))
    feedback = as_object(piece.get("promptFeedback"))
    if (reason := feedback.get("blockReason")) and isinstance(reason, str):
        raise WireError(_refusal("The prompt was blocked for", reason, feedback.get("blockReasonMessage")))


def _refusal(what: str, reason: str, said: object) -> Fault:
    words = f": {said}" if as_text(said) else "."
    return Fault(FaultKind.FINISH, f"{what} {reason!r}{words}", code=reason)
