"""Folding for `openai-responses`: the events of a response become deltas and one message."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from pi_fallback.http import WireError
from pi_fallback.providers.ending import ending
from pi_fallback.providers.errors import ErrorBody, error_fault, error_in
from pi_fallback.providers.loose import Object, as_count, as_list, as_object, as_text
from pi_fallback.providers.reading import malformed, not_json, object_in
from pi_fallback.providers.responses_items import KINDS, Items, arguments_of
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import AssistantMessage, Delta, Fault, FaultKind, Phase, Producer, StopReason, Usage

_TOKEN_LIMITS = ("max_output_tokens", "max_tokens")
_Place: TypeAlias = tuple[int, str]  # of an item: some hosts give all of them the index 0, some leave out the ids
_NOT_YET = ("in_progress", "queued")  # some hosts forget to change the status in their last event


class PartialResponse:
    """One response on its way in. `taken`: ids of calls used before; `credential`: whose reasoning it will be."""

    def __init__(self, producer: Producer, *, credential: str = "primary", taken: Iterable[str] = ()) -> None:
        self.is_ending = False  # `response.completed` or `response.incomplete` came
        self.is_doubtful = False
        self._producer = producer
        self._credential = credential
        self._taken = frozenset(taken)
        self._items = Items(self._taken, credential)
        self._announced: set[_Place] = set()
        self._done: dict[_Place, Object] = {}
        self._stop = StopReason.STOP
        self._usage = Usage()
        self._response_id: str | None = None

    @property
    def phase(self) -> Phase:
        return self._items.content.phase

    def take(self, event: SseEvent) -> Sequence[Delta]:
        """Fold one event, or a whole response, into the answer; return what is new.

        Raises:
            WireError: it is an error, or not what this dialect speaks.
        """
        if self.is_ending:
            return ()  # the last word was spoken
        try:
            data = object_in(event.data)
        except ValueError as error:
            return self._not_json(event, error)
        items, index = self._items, self._items.index_in(data)
        match data.get("type") or event.name:
            case "response.output_text.delta" | "response.refusal.delta":
                return items.said(index, _delta(data))
            case "response.reasoning_summary_text.delta":
                return items.thought(index, _delta(data), ("summary", data.get("summary_index")))
            case "response.reasoning_text.delta":
                return items.thought(index, _delta(data), ("content", data.get("content_index")))
            case "response.function_call_arguments.delta":
                return items.arguments(index, _delta(data))
            case "response.function_call_arguments.done":
                return items.arguments(index, arguments_of(data), is_whole=True)
            case "response.output_item.added":
                item = as_object(data.get("item"))
                if item.get("type") in KINDS:
                    items.content.keep(event.data)
                    self._announced.add(_place(index, item, len(self._announced)))
                return items.begin(index, item)
            case "response.output_item.done":
                item = as_object(data.get("item"))
                if item.get("type") in KINDS:
                    items.content.keep(event.data)
                    self._done.setdefault(_place(index, item, len(self._done)), item)  # some hosts say it twice
                return items.settle(index, item)
            case "response.completed" | "response.done":
                return self._end(as_object(data.get("response")), "completed")
            case "response.incomplete":
                return self._end(as_object(data.get("response")), "incomplete")
            case "response.failed":
                raise _failed(as_object(data.get("response")))
            case str() as name:
                return self._other(name, data, event)
            case _:
                raise malformed("type")

    def message(self) -> AssistantMessage:
        """Return the answer after its terminal event.

        Raises:
            WireError: it cannot be used as it is.
        """
        if not self.is_ending:
            raise WireError(Fault(FaultKind.INCOMPLETE, "The response ended without `response.completed`."))
        if self._items.is_mixed:
            raise WireError(Fault(FaultKind.MALFORMED, "The items of the response came mixed up, and never whole."))
        content = self._items.content.finished(may_be_bare=self._stop is not StopReason.LENGTH)
        return AssistantMessage(
            content, ending(content, self._stop), self._producer, self._usage, response_id=self._response_id
        )

    def _end(self, response: Object, status: str) -> Sequence[Delta]:
        said = response.get("status")
        if isinstance(said, str) and said not in _NOT_YET:
            status = said
        if not status:
            raise WireError(Fault(FaultKind.INCOMPLETE, "The response does not say how it ended."))
        if status == "failed":
            raise _failed(response)
        if status != "completed":
            reason = as_text(as_object(response.get("incomplete_details")).get("reason")) or status
            if reason not in _TOKEN_LIMITS:
                raise WireError(Fault(FaultKind.FINISH, f"The response ended with {reason!r}.", code=reason))
            self._stop = StopReason.LENGTH
        self.is_ending = True
        self._usage = _usage_in(response.get("usage"))
        self._response_id = as_text(response.get("id")) or self._response_id
        items = enumerate(map(as_object, as_list(response.get("output"))))
        last_word = [(index, item) for index, item in items if item.get("type") in KINDS]
        if len(last_word) < max(len(self._announced), len(self._done)):
            # ChatGPT's Codex ends with an empty output (hermes-agent#5689), and a host may leave an item out. The items
            # that are done have to do; if some are not, the pieces.
            is_all = len(self._done) >= self._items.count
            done = sorted(self._done.items(), key=lambda pair: pair[0][0])
            last_word = [(index, item) for (index, _id), item in done] if is_all else []
            deltas = []
        else:
            deltas = [delta for index, item in last_word for delta in self._items.settle(index, item)]
        if last_word:
            # It holds what the pieces may lack, such as the encrypted reasoning of Azure (earendil-works/pi#6409).
            self._items = Items(self._taken, self._credential)
            for number, (_index, item) in enumerate(last_word):
                self._items.settle(number, item)
        return deltas

    def _other(self, name: str, data: Object, event: SseEvent) -> Sequence[Delta]:
        """Read a whole response, an error, or an event that tells of progress or is not known."""
        if name == "error" or (data.get("error") and not name.startswith("response.") and "output" not in data):
            raise _error_event(data, event)
        if name in ("", "message") and isinstance(data.get("output"), list):
            return self._end(data, as_text(data.get("status")))
        if name in ("", "message") and (error := error_in(data)) is not None:
            raise WireError(error_fault(error))
        if name.startswith("response."):
            self._response_id = self._response_id or as_text(as_object(data.get("response")).get("id")) or None
        return ()

    def _not_json(self, event: SseEvent, error: ValueError) -> Sequence[Delta]:
        if event.name == "error":
            raise WireError(error_fault(ErrorBody(event.data.decode())))
        is_ours = event.name in ("", "message") or event.name.startswith("response.")
        if not is_ours or event.data.strip() == b"[DONE]":
            return ()  # some host's ping or terminator, which says nothing
        raise not_json(error)


def _place(index: int, item: Object, number: int) -> _Place:
    return index, as_text(item.get("id")) or as_text(item.get("call_id")) or f"#{number}"


def _delta(data: Object) -> str:
    delta = data.get("delta")
    if not isinstance(delta, str):
        raise malformed("delta")
    return delta


def _error_event(data: Object, event: SseEvent) -> WireError:
    error = error_in({name: value for name, value in data.items() if name != "type"}) or ErrorBody(event.data.decode())
    status = data.get("status")  # ChatGPT's Codex has it beside the error
    if error.status is None and isinstance(status, int) and 400 <= status < 600:
        error = replace(error, status=status)
    return WireError(error_fault(error))


def _failed(response: Object) -> WireError:
    error = error_in({"error": response.get("error")})
    return WireError(error_fault(error or ErrorBody("The response failed, and nothing says why.")))


def _usage_in(value: object) -> Usage:
    usage = as_object(value)
    details = as_object(usage.get("input_tokens_details"))
    total_in = as_count(usage.get("input_tokens"))
    read = min(as_count(details.get("cached_tokens")), total_in)
    written = min(as_count(details.get("cache_write_tokens")), total_in - read)
    return Usage(
        input=total_in - read - written,
        output=as_count(usage.get("output_tokens")),
        cache_read=read,
        cache_write=written,
        reasoning=as_count(as_object(usage.get("output_tokens_details")).get("reasoning_tokens")),
    )
