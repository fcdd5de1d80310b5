"""One run: turns of question, answer and tools, from its order to its end."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import anyio

from pi_fallback.core.closing import closing_error
from pi_fallback.core.midstream import prefix_after, takes_prefix
from pi_fallback.runtime import feed
from pi_fallback.runtime.compaction import Compactor
from pi_fallback.runtime.conversation import Conversation
from pi_fallback.runtime.host import Host
from pi_fallback.runtime.parts import ABILITIES, ABORTED, Backoff, CompactionOrder, End, RunOrder, Source
from pi_fallback.runtime.performer import EffectError
from pi_fallback.runtime.plans import STAY_S, Attempt, GiveUp, Outcome, RetrySame, Switch
from pi_fallback.runtime.stage import Stage
from pi_fallback.runtime.waits import Waits, scheduled
from pi_fallback_hookspecs import (
    AgentEnd,
    AgentStart,
    AssistantMessage,
    Cause,
    Delta,
    Failure,
    Image,
    Input,
    Message,
    Producer,
    Reply,
    Route,
    StopReason,
    Text,
    TextDelta,
    ToolCall,
    ToolResultMessage,
    TurnEnd,
    TurnStart,
    UserMessage,
)

log = logging.getLogger("pi_fallback.trace")


class Partial:
    """The answer that is being streamed, as far as another model could go on from it."""

    def __init__(self) -> None:
        self.prefix = ""
        self.producer: Producer | None = None  # who wrote the prefix
        self._pieces: list[str] = []
        self._only_text = True

    def add(self, delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            self._pieces.append(delta.text)
        else:
            self._only_text = False

    def broke_off(self, failure: Failure, producer: Producer, *, go_on: bool) -> None:
        """The attempt failed: keep what the next one may go on from."""
        written = "".join(self._pieces)
        prefix = prefix_after(self.prefix, written, failure, only_text=self._only_text) if go_on else ""
        if prefix != self.prefix:
            self.prefix, self.producer = prefix, producer
        self._pieces, self._only_text = [], True

    def joined(self, message: AssistantMessage) -> AssistantMessage:
        """`message`, behind the prefix that it goes on from; some hosts repeat that themselves."""
        if not self.prefix or message.text.startswith(self.prefix):
            return message
        return replace(message, content=(Text(self.prefix, producer=self.producer), *message.content))


class Run:
    """Carries out one order on `host`.

    It keeps the conversation it began with: a session that takes its place cannot get its answer.
    """

    def __init__(self, host: Host, order: RunOrder, waits: Waits) -> None:
        self.host = host
        self.parts = host.parts
        self.order = order
        self.waits = waits
        self.conversation: Conversation = host.conversation
        self.messages: list[Message] = []
        self._begun: set[str] = set()  # the ids of the calls whose tools were started
        self._partial = Partial()
        self.compactor = Compactor(host, waits)
        self._keeps_short = True

    async def carry_out(self) -> End | None:
        """Run until the end. None if nothing was begun, because no route could be used."""
        if self.order.new_episode:
            self.host.episode = type(self.host.episode)()
        scope = self.host.scope = anyio.CancelScope()
        end: End | None = None
        try:
            with scope:
                end = await self._until_end()
        finally:
            self.host.scope = None
        # The abort may come in the very moment in which the request fails: then it still is an abort.
        if scope.cancelled_caught or (scope.cancel_called and end is not None and end.failure is not None):
            end = ABORTED
        return None if end is None else await self._finish(end)

    async def _until_end(self) -> End | None:
        order, say = self.order, list[Message]()
        if order.on:
            try:
                await self.host.switch_to(order.on, order.reason or order.by)
            except EffectError as error:
                await self.host.effect_failed(order.by, "Run", str(error), Stage(self.host, order.epoch))
                if order.message is None:
                    return None
            if order.say is not None and not self.conversation.says_last((said := self.host.said(order.say)).text):
                say.append(said)
        if order.message is not None:
            heard = await self._heard(order.message, order.source) if order.cause == "prompt" else order.message
            say.append(heard)
        if order.cause in {"retry", "continue"} and (steering := self.conversation.take_steering()):
            say += steering  # it was said while the host waited
            self.host.queue_changed()
        self.host.emit(feed.RunStarted(order.cause))
        await self.host.tell("agent_start", lambda view: AgentStart(view=view, can=ABILITIES, cause=order.cause))
        if order.cause == "continue":
            route = self.conversation.route
            self.host.signals.resumed.send(self.host, route=route, by=order.by, reason=order.reason)
        index = 0
        while True:
            await self._turn_started(index, order.cause)
            for message in say:
                await self._add(message)
            answer = await self._answer()
            if isinstance(answer, End):
                return answer
            await self._add(answer)
            results = await self._run_tools(answer)
            await self._turn_ended(index, answer, results)
            say = list(self.conversation.take_steering())
            if say:
                self.host.queue_changed()
            elif not answer.tool_calls:
                return End(answer.stop_reason)
            index += 1

    async def _turn_started(self, index: int, cause: Cause) -> None:
        self.host.emit(feed.TurnStarted(index))
        await self.host.tell("turn_start", lambda view: TurnStart(view=view, can=ABILITIES, index=index, cause=cause))

    async def _turn_ended(self, index: int, message: AssistantMessage, results: tuple[ToolResultMessage, ...]) -> None:
        self.host.emit(feed.TurnEnded(index, message, results))
        await self.host.tell(
            "turn_end",
            lambda view: TurnEnd(view=view, can=ABILITIES, index=index, message=message, results=results),
        )

    async def _heard(self, message: UserMessage, source: Source) -> UserMessage:
        asked = "input" in self.host.engine.asked
        if not (asked or self.host.signals.event.receivers):
            return message
        images = tuple(block for block in message.content if isinstance(block, Image))
        event = Input(view=self.host.view(), can=ABILITIES, text=message.text, images=images, source=source)
        self.host.heard("input", event)
        if not asked:
            return message
        text = await self.parts.dispatcher.fold("input", event, "text")
        return message if text == message.text else self.host.said(str(text), images)

    # One answer

    async def _answer(self) -> AssistantMessage | End:
        """Attempts until one ends well, or until waiting or giving up ends the run."""
        host, engine = self.host, self.host.engine
        if host.wanted is None and self._keeps_short and self.compactor.is_due:
            host.want(CompactionOrder("threshold"))
        if (shorten := host.wanted) is not None and not await self.compactor.carry_out(shorten):
            self._keeps_short = False  # what has just failed would fail before each request
        while True:
            self.parts.book.refresh()
            route = self.conversation.route
            self.conversation.hide(self.parts.wires.secrets)
            request = self.conversation.request(None if route is None else self.parts.thinking(route.ref))
            attempt = await host.plan(engine.begin(host.episode, request, route))
            if attempt is None:
                end = await self._nothing_to_begin()
                if end is not None:
                    return end
                continue
            if not takes_prefix(
                self.parts.wires.catalog.get(attempt.route.ref), self.parts.wires.dialect_of(attempt.route)
            ):
                self._partial = Partial()
            if attempt.route != route:
                why = host.view().why_not(route) if route is not None else None
                await host.set_route(attempt.route, "failover", why or "the first usable model")
            result = await self._attempted(attempt)
            if isinstance(result, AssistantMessage):
                self.waits.over(None)
                return result
            end = await self._after(attempt, result)
            if end is not None:
                return end

    async def _attempted(self, attempt: Attempt) -> AssistantMessage | Outcome:
        host, engine = self.host, self.host.engine
        host.emit(feed.AnswerStarted(attempt.route))
        partial = self._partial
        request = attempt.request
        if partial.prefix:
            request = replace(request, prefix=partial.prefix)
            host.emit(feed.Streamed(TextDelta(partial.prefix)))
        while True:
            result = await self.parts.wires.send(attempt.route, request, self._streamed, fresh=attempt.fresh)
            if isinstance(result, Reply):
                engine.complete(attempt)
                self._partial = Partial()
                return partial.joined(result.message)
            outcome = await host.plan(engine.failed(attempt, result))
            assert outcome is not None, "this run is the only one that begins attempts"
            if not (isinstance(outcome, RetrySame) and outcome.free):
                partial.broke_off(outcome.failure, self._producer(attempt.route), go_on=self.parts.goes_on)
                return outcome

    async def _after(self, attempt: Attempt, outcome: Outcome) -> End | None:
        """Do what the engine said; an `End` if the run is over with it."""
        host, failure = self.host, outcome.failure
        log.debug("decision: %s by %s: %s", type(outcome).__name__, outcome.by or "the host", outcome.reason)
        host.emit(feed.Withdrawn(failure))
        self.conversation.log.failure(failure)
        for effect in outcome.booked:
            host.booked(effect)
        goes_on = not isinstance(outcome, GiveUp)
        await host.perform([(outcome.by, outcome.effects)], Stage(host, self.order.epoch, too_long=goes_on))
        if isinstance(outcome, GiveUp):
            self.waits.over(failure.text)
            who = outcome.by or "the host"
            stopped_by = f"{who}: {outcome.reason}" if outcome.stopped else ""
            return End(StopReason.ERROR, failure, str(failure), None, outcome.recoverable, stopped_by)
        if (shorten := host.wanted) is not None and shorten.will_retry and not await self.compactor.carry_out(shorten):
            why = f"the host: the conversation is too long and cannot be shortened: {shorten.error}"
            return End(StopReason.ERROR, failure, str(failure), None, recoverable=False, stopped_by=why)
        if self.conversation.route != attempt.route:
            return None  # the user has chosen since: that counts, and at once
        if isinstance(outcome, Switch):
            await host.set_route(outcome.route, "failover", outcome.reason or failure.kind.value)
        if outcome.after_s <= 0.0:
            return None
        return await self._wait(scheduled(outcome, self.conversation.route or attempt.route, anyio.current_time()))

    async def _wait(self, wait: feed.RetryScheduled, *, asked: bool = True) -> End | None:
        """Wait inside the turn if that is short, else end the run until then."""
        if wait.delay_s > STAY_S:
            later = Backoff(wait.at, wait, for_any=not asked)
            return End(StopReason.ERROR, wait.failure, str(wait.failure), later, recoverable=asked, asked=asked)
        await self.waits.pause(wait)
        return None

    async def _nothing_to_begin(self) -> End | None:
        if (failure := self.host.engine.rest_to_wait_out(self.host.episode)) is not None:
            delay_s = failure.retry_after_s or 0.0
            at = anyio.current_time() + delay_s
            return await self._wait(feed.RetryScheduled(0, 0, delay_s, at, failure.route, failure), asked=False)
        view, incident = self.host.view(), self.host.episode.incident
        if not view.order:
            text = "There is no model to use. Put a key into auth.json or the environment; `pi-fallback models` lists."
        else:
            failures = incident.failures if incident else {}
            text = closing_error(failures, view, self.parts.clock_words, advice=self.parts.advice)
        return End(StopReason.ERROR, error=text, recoverable=False)

    def _streamed(self, delta: Delta) -> None:
        if self.parts.goes_on:
            self._partial.add(delta)
        self.host.emit(feed.Streamed(delta))

    # Tools

    async def _run_tools(self, answer: AssistantMessage) -> tuple[ToolResultMessage, ...]:
        whole = answer.stop_reason is not StopReason.LENGTH
        results: list[ToolResultMessage] = []
        calls = answer.tool_calls
        try:
            for call in calls:
                result = await self.parts.toolbox.run(
                    call, self.conversation.log, self.host.view(), whole=whole, begins=partial(self._begins, call)
                )
                results.append(result)
                self._ended(call, result)
                await self._add(result)
        finally:
            # After an abort each call still has exactly one result.
            self._abort_tools(calls[len(results) :])
        return tuple(results)

    def _abort_tools(self, calls: Sequence[ToolCall]) -> None:
        for call in calls:
            result = self.parts.toolbox.aborted(call, begun=call.id in self._begun)
            self.conversation.add(result)
            self.messages.append(result)
            self.host.emit(feed.MessageEnded(result))
            self._ended(call, result)

    def _begins(self, call: ToolCall) -> None:
        self._begun.add(call.id)
        self.host.emit(feed.ToolStarted(call))

    def _ended(self, call: ToolCall, result: ToolResultMessage) -> None:
        if call.id in self._begun:
            self.host.emit(feed.ToolEnded(call, result))

    # The end

    async def _finish(self, end: End) -> End:
        """Close the run: its failed answer, then `agent_end` with what follows from it."""
        if end.stop_reason in {StopReason.ERROR, StopReason.ABORTED} and end.asked:
            aborted = end.stop_reason is StopReason.ABORTED
            stage = Stage(self.host, self.host.epoch if aborted else self.order.epoch, quiet=aborted)
            await self._add(self._failed_answer(end), stage)
        if end.stop_reason is StopReason.ERROR and self.host.epoch != self.order.epoch:
            end = ABORTED  # the user acted while a plugin was asked
        aborted = end.stop_reason is StopReason.ABORTED
        if end.retry is None:
            self.waits.over(end.error)
        will_retry_at = end.retry.at if end.retry else None
        messages = tuple(self.messages)
        self.host.emit(feed.RunEnded(end.stop_reason, messages, end.failure, will_retry_at, end.recoverable))
        if end.retry is not None:
            self.waits.announce(end.retry.scheduled)
        # After an abort plugins may still tidy up; after any other act of the user nothing of this run counts.
        epoch = self.host.epoch if aborted else self.order.epoch
        await self.host.tell(
            "agent_end",
            lambda view: AgentEnd(
                view=view,
                can=ABILITIES,
                stop_reason=end.stop_reason,
                messages=messages,
                failure=end.failure,
                will_retry_at=will_retry_at,
                recoverable=end.recoverable,
                stopped_by=end.stopped_by,
            ),
            Stage(self.host, epoch, quiet=aborted),
        )
        if self.host.epoch == epoch:
            return end
        self.waits.over("aborted")
        return ABORTED if end.stop_reason is StopReason.ERROR else replace(end, retry=None)

    def _failed_answer(self, end: End) -> AssistantMessage:
        route = end.failure.route if end.failure else self.conversation.route or Route("", "")
        error = end.error and self.host.signals.clean(end.error)
        return AssistantMessage((), end.stop_reason, self._producer(route), error=error)

    def _producer(self, route: Route) -> Producer:
        return Producer(route.provider, route.model, self.parts.wires.dialect_of(route))

    async def _add(self, message: Message, stage: Stage | None = None) -> None:
        self.messages.append(message)
        await self.host.add(self.conversation, message, stage)
