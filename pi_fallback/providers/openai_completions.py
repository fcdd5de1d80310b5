"""The dialect `openai-completions`: one chat completion, streamed."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import replace

import anyio

from pi_fallback.http import Http, TransportError, WireError
from pi_fallback.http.limits import TAIL_S
from pi_fallback.providers.body import Body
from pi_fallback.providers.errors import check_status
from pi_fallback.providers.openai_fold import PartialAnswer
from pi_fallback.providers.openai_render import known_ids, rendered
from pi_fallback.providers.sse import SseEvent
from pi_fallback_hookspecs import Call, Delta, Fault, FaultKind, Producer, Reply, Stream, StreamEvent

DIALECT = "openai-completions"


def openai_completions(http: Http) -> Stream:
    """Return the stream of this dialect over `http`."""

    async def stream(call: Call) -> AsyncGenerator[StreamEvent, None]:
        producer = Producer(call.route.provider, call.model.ref.id, DIALECT)
        answer = PartialAnswer(producer, taken=known_ids(call.request.messages))
        try:
            async with http.post(
                f"{call.base_url.rstrip('/')}/chat/completions",
                body=rendered(call),
                headers={**call.model.headers, **call.headers},
                key=call.key,
                head_s=call.model.limits.head_s,
            ) as response:
                await check_status(response)
                body, chunks = Body(), response.chunks()
                async for chunk in chunks:
                    for event in body.feed(chunk):
                        for delta in answer.take(event):
                            yield delta
                    if answer.is_ending or body.is_over:
                        break
                if answer.is_ending:
                    last = await _tail(chunks, body, answer)
                else:
                    last = _taken(answer, body.finish())
                    if body.is_json and not answer.is_ending:
                        raise WireError(Fault(FaultKind.MALFORMED, "The JSON answer is no whole chat completion."))
                for delta in last:
                    yield delta
                end: StreamEvent = Reply(answer.message())
        except WireError as error:
            end = replace(error.fault, phase=answer.phase)
        except Exception as error:  # a stream raises nothing: the work goes on elsewhere
            end = Fault(FaultKind.OTHER, f"{type(error).__name__} in {DIALECT}.", phase=answer.phase)
        yield end

    return stream


async def _tail(chunks: AsyncIterator[bytes], body: Body, answer: PartialAnswer) -> list[Delta]:
    """Read what follows a finish reason: usage, `[DONE]`, and the end, which frees the connection for the next call.

    Neither a wait nor a lost connection can spoil the answer any more.
    """
    deltas: list[Delta] = []
    with anyio.move_on_after(TAIL_S), suppress(TransportError):
        async for chunk in chunks:
            deltas += _taken(answer, body.feed(chunk))
        deltas += _taken(answer, body.finish())
    return deltas


def _taken(answer: PartialAnswer, events: Iterable[SseEvent]) -> list[Delta]:
    return [delta for event in events for delta in answer.take(event)]
