"""Streaming: what all dialects do alike, from the first byte sent to the one `Reply` or `Fault` at the end."""

import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

import anyio

from pi_fallback.http import BEARER, Http, Response, TransportError, WireError
from pi_fallback.http.limits import TAIL_S
from pi_fallback.providers.body import Body
from pi_fallback.providers.errors import check_status
from pi_fallback.providers.halves import Halves
from pi_fallback.providers.reading import NotJson
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Delta,
    Fault,
    FaultKind,
    Phase,
    Reply,
    Stream,
    StreamEvent,
)

log = logging.getLogger("pi_fallback.providers")

Auth = tuple[str, str]

AUTHS: Mapping[str, Auth] = {
    "bearer": BEARER,
    "x-api-key": ("x-api-key", ""),
    "api-key": ("api-key", ""),
    "x-goog-api-key": ("x-goog-api-key", ""),
}
"""The header that bears the key, and what stands before it, by `Provider.auth`."""


class Fold(Protocol):
    """An answer on its way in."""

    is_ending: bool
    """The event came that says that the answer is whole; what follows is usage at most."""

    is_doubtful: bool
    """This host says so too early: nothing but the end of the body proves it."""

    @property
    def phase(self) -> Phase: ...

    def take(self, event: SseEvent) -> Sequence[Delta]:
        """Fold an event, or the whole JSON of an answer that was not streamed; return what is new.

        Raises:
            WireError: it is an error, or not what the dialect speaks.
        """
        ...

    def message(self) -> AssistantMessage:
        """Return the answer.

        Raises:
            WireError: it is not whole, or cannot be used as it is.
        """
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire format: where a call goes, what its body is, and how the answer is read."""

    name: str
    url: Callable[[Call], str]
    body: Callable[[Call], bytes]
    fold: Callable[[Call], Fold]
    auth: Auth = BEARER
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def stream_of(http: Http, dialect: Dialect) -> Stream:
    """Return the stream of `dialect` over `http`."""

    async def stream(call: Call) -> AsyncGenerator[StreamEvent, None]:
        answer, halves = dialect.fold(call), Halves()
        try:
            async with http.post(
                dialect.url(call),
                body=dialect.body(call),
                headers={**dialect.headers, **call.model.headers, **call.headers},
                key=call.key,
                auth=AUTHS.get(call.auth, dialect.auth),
                connect_s=call.model.limits.connect_s,
                head_s=call.model.limits.head_s,
                fresh=call.fresh,
            ) as response:
                await check_status(response)
                body, chunks, is_open = Body(), response.chunks(), True
                while is_open:
                    async for chunk in chunks:
                        for event in body.feed(chunk):
                            try:
                                deltas = answer.take(event)
                            except NotJson as error:
                                deltas = answer.take(halves.joined(event, error.fault))
                            for delta in deltas:
                                yield delta
                        if body.is_over or (answer.is_ending and not answer.is_doubtful):
                            break
                    else:
                        response.is_read = True
                    if answer.is_ending and not answer.is_doubtful:
                        last = await _tail(response, body, answer, halves)
                        is_open = answer.is_doubtful and not response.is_read
                    else:
                        last, is_open = _last(body, answer, halves), False
                    for delta in last:
                        yield delta
                if body.is_json and not answer.is_ending:
                    raise WireError(Fault(FaultKind.MALFORMED, f"The JSON is no whole answer in {dialect.name}."))
                halves.check()
                end: StreamEvent = Reply(answer.message())
        except WireError as error:
            end = replace(error.fault, phase=answer.phase)
        except Exception as error:  # a stream raises nothing: the work goes on elsewhere
            log.debug("a defect in the stream of %s", dialect.name, exc_info=True)
            end = Fault(FaultKind.OTHER, f"{type(error).__name__} in {dialect.name}.", phase=answer.phase)
        yield end

    return stream


async def _tail(response: Response, body: Body, answer: Fold, halves: Halves) -> list[Delta]:
    """Read what follows the end: usage, a terminator, and the end of the body, which frees the connection.

    Neither a wait nor a lost connection can spoil the answer any more, unless content comes: then it was no end.
    """
    deltas: list[Delta] = []
    with anyio.move_on_after(TAIL_S), suppress(TransportError):
        async for chunk in response.chunks():
            deltas += taken(answer, halves, body.feed(chunk))
            if answer.is_doubtful:
                return deltas
        response.is_read = True
        with suppress(NotJson):  # half an event
            deltas += taken(answer, halves, body.finish())
    return deltas


def _last(body: Body, answer: Fold, halves: Halves) -> list[Delta]:
    """Fold what the end of the body completes, of an answer that has not said that it is whole."""
    try:
        return taken(answer, halves, body.finish())
    except NotJson as error:
        if body.is_json:
            raise
        raise WireError(Fault(FaultKind.INCOMPLETE, "The answer ended inside an event.")) from error


def taken(answer: Fold, halves: Halves, events: Iterable[SseEvent]) -> list[Delta]:
    """Fold `events` into `answer`; return what is new."""
    deltas: list[Delta] = []
    for event in events:
        try:
            deltas += answer.take(event)
        except NotJson as error:
            deltas += answer.take(halves.joined(event, error.fault))
    return deltas
