"""Sessions: prompts to one agent, each an iterator of what comes of it."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import anyio

from pi_fallback.embedding.events import UNSEEN, SessionEvent
from pi_fallback.errors import AgentAborted, AgentBusy, AgentFailed, UnknownModel
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback_hookspecs import AssistantMessage, Failure, Image, Message, Route, StopReason

ABORT_S = 5.0  # a tool that does not end when it is cancelled holds nobody up for longer
_BAD = frozenset({StopReason.ERROR, StopReason.ABORTED})


class Prompt:
    """A prompt on its way: iterate over its events until it is settled, then ask for its `answer`.

    It is sent with the first step. Who is cancelled while waiting for an event aborts it, and so does who leaves
    an `async with` of it early.
    """

    def __init__(self, session: "Session", text: str, images: Sequence[Image]) -> None:
        self._session = session
        self._text = text
        self._images = images
        self._events: deque[SessionEvent] = deque()
        self._bell: anyio.Event | None = None
        self._is_waited_for = False
        self._sent = self._over = False
        self._answer: AssistantMessage | None = None
        self._failures: dict[Route, Failure] = {}
        self._closing = ""
        self._stop_reason: StopReason | None = None

    @property
    def is_over(self) -> bool:
        """Whether all its events have happened, seen or not."""
        return self._over

    def answer(self) -> AssistantMessage:
        """Return the answer.

        Raises:
            AgentFailed: there is none; every route and its reason are named.
            AgentAborted: it was aborted.
            AgentBusy: it is not over yet.
        """
        if not self._over:
            raise AgentBusy("This prompt is not over. Iterate to the end of its events first.")
        if self._stop_reason is StopReason.ABORTED:
            raise AgentAborted("The prompt was aborted. Say it again, or something else.")
        if self._answer is None or self._stop_reason is StopReason.ERROR:
            raise AgentFailed(self._closing or "Nothing was answered. Say it again.", self._failures)
        return self._answer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionEvent:
        if self._is_waited_for:
            raise AgentBusy("Somebody iterates over this prompt already. Let one task do it, and tell the others.")
        self._is_waited_for = True
        try:
            return await self._next()
        finally:
            self._is_waited_for = False

    async def _next(self) -> SessionEvent:
        if not self._sent:
            self._session.guard()
            self._sent = True
            await self._session.send(self, self._text, self._images)
        while not self._events:
            if self._over:
                raise StopAsyncIteration
            self._session.guard()
            self._bell = anyio.Event()
            try:
                await self._bell.wait()
            except anyio.get_cancelled_exc_class():
                await self._abort()
                raise
        return self._events.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sent and not self._over:
            await self._abort()

    async def _abort(self) -> None:
        with anyio.move_on_after(ABORT_S, shield=True):
            await self._session.abort()

    def hear(self, item: SessionEvent) -> None:
        """Take an event of the session."""
        match item:
            case feed.Withdrawn(failure):
                self._failures[failure.route] = failure
            case feed.MessageEnded(AssistantMessage() as message) if message.stop_reason in _BAD:
                self._closing = message.error or ""
            case feed.MessageEnded(AssistantMessage() as message):
                self._answer = message
            case feed.RunStarted():
                self._answer, self._closing = None, ""
            case feed.GaveUp(text):
                self._closing = text
            case feed.Settled(reason):
                self._stop_reason, self._over = reason, True
            case _:
                pass
        self._events.append(item)
        if self._bell is not None:
            self._bell.set()


class Session:
    """One conversation. Its prompts come one after the other; several sessions of a `Fallback` work at once."""

    def __init__(
        self, agent: Agent, early: Sequence[feed.FeedItem], *, guard: Callable[[], None], clean: Callable[[str], str]
    ) -> None:
        """`guard` raises where the session cannot be used, `clean` takes keys out of what plugins say."""
        self.guard = guard
        self._clean = clean
        self._agent = agent
        self._prompt: Prompt | None = None
        self._unheard: list[SessionEvent] = []  # notices that came while no prompt was going on
        for item in early:
            self._hear(item)
        agent.subscribe(self._hear)

    def prompt(self, text: str, images: Sequence[Image] = ()) -> Prompt:
        """Say something; iterate over the result for the events of it.

        Raises:
            TypeError: at once, if it is no text, or one of `images` is no `Image`.
            AgentBusy: at the first step, if a prompt of this session is not over.
        """
        _check(text, images)
        return Prompt(self, text, images)

    async def ask(self, text: str, images: Sequence[Image] = ()) -> AssistantMessage:
        """Say something and return the whole answer. Who is cancelled meanwhile aborts it.

        Raises:
            AgentFailed: there is none; every route and its reason are named.
            AgentAborted: it was aborted.
            AgentBusy: a prompt of this session is not over.
        """
        prompt = self.prompt(text, images)
        async for _ in prompt:
            pass
        return prompt.answer()

    def steer(self, text: str, images: Sequence[Image] = ()) -> None:
        """Say something to the prompt that is going on; the model hears it with its next request.

        Raises:
            TypeError: it is no text, or one of `images` is no `Image`.
            AgentBusy: none is going on.
        """
        _check(text, images)
        self.guard()
        if self._prompt is None:
            raise AgentBusy("No prompt is going on that could be steered. Use prompt() or ask().")
        self._agent.steer(text, images)

    async def abort(self) -> None:
        """End the prompt that is going on, its connection and its tools.

        Returns when they have ended, or after 5 s: a tool that shields itself from cancellation ends when it likes,
        and until then the session is busy.
        """
        self.guard()
        await self.end()

    async def end(self) -> None:
        with anyio.move_on_after(ABORT_S):
            await self._agent.abort()

    async def select(self, model: str) -> Route:
        """Go on with `model`, as in `provider/model`, from the next request on.

        Raises:
            UnknownModel: it is not in the session's order.
        """
        self.guard()
        if not isinstance(model, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
            raise TypeError(f"A model is named as in 'provider/model', not by {type(model).__name__}.")
        if not model.strip():
            raise UnknownModel(model, hint="Name one of the session's order, as in 'provider/model'.")
        return await self._agent.select(model)

    @property
    def route(self) -> Route | None:
        """What the last request travelled by, or the next one is to."""
        return self._agent.route

    @property
    def messages(self) -> Sequence[Message]:
        """The conversation so far."""
        return tuple(self._agent.messages)

    @property
    def id(self) -> str:
        return self._agent.conversation.log.session_id

    @property
    def path(self) -> Path | None:
        """The file that the session is written to, from its first message on; None without a state folder."""
        log = self._agent.conversation.log
        return log.path if isinstance(log, SessionLog) else None

    async def send(self, prompt: Prompt, text: str, images: Sequence[Image]) -> None:
        """Send `prompt`, which hears what comes of it."""
        if self._prompt is not None:
            raise AgentBusy("A prompt of this session is not over. Iterate to its end, abort it, or steer it.")
        self._prompt = prompt
        try:
            await self._agent.prompt(text, images, source="embedded")
        except BaseException:
            self._prompt = None
            raise
        for item in self._take_unheard():
            prompt.hear(item)

    def _take_unheard(self) -> list[SessionEvent]:
        unheard, self._unheard = self._unheard, []
        return unheard

    def _hear(self, item: feed.FeedItem) -> None:
        if isinstance(item, UNSEEN):
            return
        if isinstance(item, feed.Noticed):
            item = replace(item, text=self._clean(item.text))
        if self._prompt is not None:
            self._prompt.hear(item)
            if isinstance(item, feed.Settled):
                self._prompt = None
        elif isinstance(item, feed.Noticed):
            self._unheard.append(item)


def _check(text: object, images: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"A prompt is a str, not {type(text).__name__}.")
    if not isinstance(images, Sequence) or not all(map(_is_image, cast("Sequence[object]", images))):
        raise TypeError("`images` is a list of Image(data, mime_type); both are str, the data in base64.")


def _is_image(item: object) -> bool:
    return isinstance(item, Image) and isinstance(item.data, str) and isinstance(item.mime_type, str)  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
