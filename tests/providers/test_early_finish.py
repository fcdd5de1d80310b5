"""A finish reason that comes too early: some hosts stamp each chunk with one, or an empty chunk before the text."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import anyio
import pytest

from pi_fallback_hookspecs import Fault, FaultKind, Phase, Reply, StreamEvent, TextDelta
from tests.http.wire import Peer, Script, answering, chunked, head
from tests.providers import chat, gemini
from tests.providers.chat import STREAM, sse

pytestmark = pytest.mark.anyio

LONGER_THAN_THE_TAIL_S = 0.6


class Say(Protocol):
    def __call__(self, text: str = "", *, finish: bool = False) -> object: ...


Run: TypeAlias = Callable[[Script], Awaitable[list[StreamEvent]]]


def openai(text: str = "", *, finish: bool = False) -> object:
    return chat.chunk({"content": text} if text else None, "stop" if finish else None)


def google(text: str = "", *, finish: bool = False) -> object:
    return gemini.piece(*([{"text": text}] if text else []), finish="STOP" if finish else None)


DIALECTS = pytest.mark.parametrize(("say", "run"), [(openai, chat.run), (google, gemini.run)], ids=["openai", "google"])


def events_of(say: Say, *said: str) -> list[bytes]:
    """Return a chunk for each of `said`, where a `#` at its end stands for a finish reason."""
    return [sse(say(text.rstrip("#"), finish=text.endswith("#"))) for text in said]


def slow(*chunks: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK", *STREAM))
        for number, chunk in enumerate(chunks):
            if number:
                await anyio.sleep(LONGER_THAN_THE_TAIL_S)  # of a real host, over a real socket
            await peer.send(chunked(chunk).removesuffix(chunked()))
        await peer.send(chunked())

    return script


def in_reads(*chunks: bytes) -> Script:
    """Send `chunks` so that each is likely to be a read of its own."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head("200 OK", *STREAM))
        for chunk in chunks:
            await peer.send(chunked(chunk).removesuffix(chunked()))
            await anyio.wait_all_tasks_blocked()  # the client has read it, for it runs in this loop
        await peer.send(chunked())

    return script


def torn(*chunks: bytes) -> Script:
    return answering(head("200 OK", *STREAM), chunked(*chunks).removesuffix(chunked()))


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@DIALECTS
@pytest.mark.parametrize(
    "said",
    [
        ("Once #", "upon a time.#"),
        ("#", "Once upon a time.#"),
        ("#", "Once upon a time.", "#"),
    ],
)
async def test_an_answer_is_waited_for_though_its_first_chunk_says_that_it_is_over(
    say: Say, run: Run, said: tuple[str, ...]
) -> None:
    *events, last = await run(slow(*events_of(say, *said)))
    assert isinstance(last, Reply), last
    assert last.message.text == text_of(events) == "Once upon a time."


@DIALECTS
@pytest.mark.parametrize(
    "said",
    [
        ("Once #", "upon #", "a time.#"),
        ("Once ", "upon #", "a time.", "#"),
        ("Once ", "#", "upon ", "a time.#"),
    ],
)
async def test_content_after_the_end_takes_the_end_back(say: Say, run: Run, said: tuple[str, ...]) -> None:
    chunks = events_of(say, *said)
    for script in (answering(head("200 OK", *STREAM), chunked(*chunks)), in_reads(*chunks)):
        *events, last = await run(script)
        assert isinstance(last, Reply), last
        assert last.message.text == text_of(events) == "Once upon a time."


@DIALECTS
@pytest.mark.parametrize(
    "said",
    [
        ("Once #", "upon #"),
        ("#", "Once upon "),
        ("Once ", "#", "upon "),
        ("Once ", "#", "upon ", "a #"),
    ],
)
async def test_what_breaks_off_after_an_end_that_was_none_is_a_fault(say: Say, run: Run, said: tuple[str, ...]) -> None:
    *_, last = await run(torn(*events_of(say, *said)))
    assert isinstance(last, Fault), last
    assert (last.kind, last.phase) == (FaultKind.BROKEN, Phase.TEXT)


@DIALECTS
async def test_content_after_the_end_and_no_other_end_is_incomplete(say: Say, run: Run) -> None:
    script = answering(head("200 OK", *STREAM), chunked(*events_of(say, "Once ", "#", "upon ")))
    *_, last = await run(script)
    assert isinstance(last, Fault), last
    assert (last.kind, last.phase) == (FaultKind.INCOMPLETE, Phase.TEXT)


async def test_done_ends_an_answer_of_a_host_that_stamps_each_chunk() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        chunks = [*events_of(openai, "Once #", "upon a time.#"), sse("[DONE]")]
        await peer.send(head("200 OK", *STREAM), chunked(*chunks).removesuffix(chunked()))
        await peer.closed()  # it never ends the body

    assert (await chat.reply_to(script)).message.text == "Once upon a time."


async def test_a_half_event_after_the_end_spoils_nothing() -> None:
    body = sse(openai("Once upon a time."), openai(finish=True), {"usage": {"prompt_tokens": 7}})
    fields = ("content-type: text/event-stream", "connection: close")
    assert (await chat.reply_to(answering(head("200 OK", *fields), body[:-9]))).message.text == "Once upon a time."
