"""The host: one session's state, what plugins are asked about it, and what they may order."""

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

import anyio
import anyio.abc

from pi_fallback.runtime import feed
from pi_fallback.runtime.conversation import Conversation, UnwrittenLog
from pi_fallback.runtime.parts import ABILITIES, CompactionOrder, Parts, RunOrder
from pi_fallback.runtime.performer import Answers, EffectError, perform
from pi_fallback.runtime.plans import Ask, Episode
from pi_fallback.runtime.stage import Stage
from pi_fallback.runtime.timers import TimerKey, Timers
from pi_fallback_hookspecs import (
    EffectFailed,
    Event,
    Image,
    Level,
    Message,
    MessageEnd,
    ModelSelect,
    Rest,
    Route,
    TimerFired,
    UserMessage,
    View,
    Wake,
    user_message,
)

TAKEN_OUT = "A key or token that is known here was taken out of what you said: no session and no provider gets it."
GOING_ON_MAX = 100  # a night of waiting for a model to recover, tried every five minutes

T = TypeVar("T")
log = logging.getLogger(__name__)


class Host:
    """What a session and its runs share. Used from the event loop alone."""

    def __init__(self, parts: Parts, tasks: anyio.abc.TaskGroup) -> None:
        self.parts = parts
        self.engine = parts.engine
        self.signals = parts.signals
        self.timers = Timers(tasks, self._timer_fired, self._timer_changed, self.stir)
        self.engine.timers = lambda: self.timers.moments
        self.engine.can = ABILITIES
        self.conversation = Conversation(UnwrittenLog(), parts.system, parts.toolbox.specs)
        self.episode = Episode()
        self.epoch = 0  # rises with each act of the user
        self.order: RunOrder | None = None  # the next run
        self.scope: anyio.CancelScope | None = None  # of the run, or the compaction, that is going on
        self.wanted: CompactionOrder | None = None  # the next compaction
        self.compacting: CompactionOrder | None = None  # the one that is going on
        self.chosen: Sequence[Route] | None = None  # by a command of the user's, for a run that has not begun yet
        self.closing = False
        self.halted = False  # the user has aborted, and said nothing since: nothing goes on by itself
        self._went_on = 0  # runs that plugins have ordered since the user last acted
        self._stirred = anyio.Event()
        self._settled = anyio.Event()
        self._settled.set()

    # Waking and settling

    def stir(self) -> None:
        """Let whoever serves look again at what is to be done."""
        self._stirred.set()

    async def stirred(self, until: float) -> None:
        """Return when something has changed since the last call, or at the moment `until`."""
        with anyio.CancelScope(deadline=until):
            await self._stirred.wait()
        self._stirred = anyio.Event()

    @property
    def is_settled(self) -> bool:
        return self._settled.is_set()

    def settle(self) -> None:
        self._settled.set()

    def unsettle(self) -> None:
        """Something holds from now on."""
        if self._settled.is_set():
            self._settled = anyio.Event()
        self.stir()

    async def wait_settled(self) -> None:
        await self._settled.wait()

    def put(self, order: RunOrder) -> None:
        """Make `order` the next run."""
        self.order = order
        self.unsettle()

    @property
    def is_compacting(self) -> bool:
        """Whether a compaction is going on or about to."""
        return self.wanted is not None or self.compacting is not None

    def want(self, order: CompactionOrder) -> None:
        """Shorten the history before the next request, or at once if there is no run."""
        self.wanted = order
        self.unsettle()

    def drop_compaction(self, why: str) -> None:
        """Let the one that has not begun yet go."""
        if (order := self.wanted) is not None:
            self.wanted, order.error = None, why
            order.over.set()

    # Acts of the user

    def acted(self) -> None:
        """The user has acted: what was asked for before is void."""
        self.epoch += 1
        self.chosen = None
        self.heard_from_user()

    def heard_from_user(self) -> None:
        """The user wants work to go on: plugins may go on too."""
        self.halted, self._went_on = False, 0

    def may_go_on(self, plugin: str) -> bool:
        """Count a run that `plugin` orders; False if there were too many without a word of the user."""
        self._went_on += 1
        if self._went_on == GOING_ON_MAX + 1:
            self.notify(
                f"{plugin} has started {GOING_ON_MAX} runs since you last said something, so it was stopped. "
                "Say how to go on.",
                "warning",
            )
        return self._went_on <= GOING_ON_MAX

    def said(self, text: str, images: Sequence[Image] = ()) -> UserMessage:
        """What the user says, or a plugin in the user's place, without any known secret; one that was in it is told."""
        clean = self.signals.clean(text)
        if clean != text:
            self.notify(TAKEN_OUT, "warning")
        return user_message(clean, images)

    # What plugins are asked

    def view(self) -> View:
        return self.engine.view(self.conversation.route, self.episode)

    async def plan(self, plan: Generator[Ask, Any, T]) -> T:
        """Run an engine's plan, asking the plugins what it asks."""
        answer: object = None
        while True:
            try:
                question = plan.send(answer)
            except StopIteration as stop:
                return stop.value
            self.heard(question.hook, question.event)
            answer = await self.parts.dispatcher.ask(question.hook, question.event)

    def heard(self, hook: str, event: Event) -> None:
        """Tell observers that the plugins are about to be asked."""
        if self.signals.event.receivers:
            self.signals.event.send(self, hook=hook, event=event)

    async def tell(self, hook: str, make: Callable[[View], Event], stage: Stage | None = None) -> None:
        """Ask all plugins about an event and perform what they order on `stage`, by default one of this epoch."""
        asked = hook in self.engine.asked
        if not (asked or self.signals.event.receivers):
            return
        stage = stage or Stage(self, self.epoch)
        await self.plan(self.engine.refresh(self.conversation.route))
        event = make(self.view())
        self.heard(hook, event)
        if asked:
            await self.perform(await self.parts.dispatcher.collect(hook, event), stage)

    async def perform(self, answers: Answers, stage: Stage) -> None:
        """Perform `answers`; a plugin hears of what failed."""
        for failed in await perform(answers, stage):
            await self.effect_failed(failed.plugin, type(failed.effect).__name__, failed.reason, stage)

    async def effect_failed(self, plugin: str, effect: str, reason: str, stage: Stage) -> None:
        """Tell `plugin`, or the user if it does not listen. What it orders then has no more room than before."""
        event = EffectFailed(view=self.view(), can=ABILITIES, effect=effect, reason=reason)
        self.heard("effect_failed", event)
        if plugin not in self.parts.dispatcher.askers("effect_failed"):
            self.notify(f"{plugin}: {reason}" if plugin else reason, "warning")
            return
        for failed in await perform(await self.parts.dispatcher.only(plugin, "effect_failed", event), stage):
            self.notify(f"{failed.plugin}: {failed.reason}", "warning")

    # What changes

    async def add(self, conversation: Conversation, message: Message, stage: Stage | None = None) -> None:
        """Take `message` into `conversation`."""
        conversation.add(message)
        self.emit(feed.MessageEnded(message))
        await self.tell("message_end", lambda view: MessageEnd(view=view, can=ABILITIES, message=message), stage)

    async def switch_to(
        self, on: Sequence[Route], reason: str, source: Literal["user", "failover"] = "failover"
    ) -> None:
        """Make the first usable route of `on` the session's.

        Raises:
            EffectError: none of them can be used, or the user has chosen another while keys were looked for.
        """
        if on is self.chosen:
            source, self.chosen = "user", None
        conversation, before = self.conversation, self.conversation.route
        await self.plan(self.engine.refresh(self.conversation.route))
        reasons: list[str] = []
        for route in on:
            why = self.view().why_not(route) or await self.parts.wires.has_key(route)
            if self.conversation is not conversation or conversation.route != before:
                raise EffectError("another route was chosen meanwhile")
            if why is None:
                await self.set_route(route, source, reason)
                return
            reasons.append(f"{route}: {why}")
        raise EffectError("; ".join(reasons) or "there is no other model to switch to")

    async def set_route(self, route: Route, source: Literal["user", "failover", "restore"], reason: str) -> None:
        """Make `route` the session's. While plugins are told of it, they cannot choose another.

        They hear of it too when the user chooses the route that the session has: it is meant to stay there.
        """
        previous = self.conversation.route
        if route != previous:
            self.conversation.route = route
            self.conversation.log.route(route)
            self.emit(feed.RouteSwitched(route, previous, source, reason))
            self.signals.switched.send(self, route=route, previous=previous, source=source, reason=reason)
        elif source != "user":
            return
        await self.tell(
            "model_select",
            lambda view: ModelSelect(view=view, can=ABILITIES, route=route, previous=previous, source=source),
            Stage(self, self.epoch, selecting=True),
        )

    def booked(self, effect: Rest | Wake) -> None:
        """Tell observers of a rest or its end."""
        if isinstance(effect, Rest):
            self.signals.rested.send(self, scope=effect.scope, until=effect.until, reason=effect.reason)
        else:
            self.signals.woke.send(self, scope=effect.scope)

    def queue_changed(self) -> None:
        steering = tuple(message.text for message in self.conversation.steering)
        follow_ups = tuple(message.text for message in self.conversation.follow_ups)
        self.emit(feed.QueueChanged(steering, follow_ups))
        self.stir()

    def status(self, plugin: str, key: str, text: str | None) -> None:
        self.emit(feed.StatusChanged(f"{plugin}.{key}", text))

    def notify(self, text: str, level: Level) -> None:
        self.emit(feed.Noticed(text, level))

    def emit(self, item: feed.FeedItem) -> None:
        self.signals.emit(item)

    # Timers

    async def _timer_fired(self, plugin: str, name: str) -> None:
        self.signals.timer.send(self, plugin=plugin, name=name, at=None, fired=True)
        stage = Stage(self, self.epoch, only_when_idle=True)
        await self.plan(self.engine.refresh(self.conversation.route))
        event = TimerFired(view=self.view(), can=ABILITIES, name=name)
        self.heard("timer_fired", event)
        await self.perform(await self.parts.dispatcher.only(plugin, "timer_fired", event), stage)

    def _timer_changed(self, key: TimerKey, at: float | None, label: str) -> None:
        plugin, name = key
        self.emit(feed.TimerChanged(plugin, name, at, label))
        self.signals.timer.send(self, plugin=plugin, name=name, at=at, fired=False)
        if self.timers.holding:
            self.unsettle()
        self.stir()

    def keep_order(self, epoch: int) -> None:
        """Let a prompt that has not begun yet live on in `epoch`."""
        if self.order is not None:
            self.order = replace(self.order, epoch=epoch)
