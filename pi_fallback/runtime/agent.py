"""The agent: one session's runs, waits and timers, in one task that takes orders."""

import math
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import anyio
import anyio.abc

from pi_fallback.core.closing import closing_error
from pi_fallback.errors import AgentBusy
from pi_fallback.runtime import feed
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.runtime.conversation import Conversation, Log, UnwrittenLog
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.engine import Ask, Engine, Episode, GiveUp, RetrySame, Switch
from pi_fallback.runtime.performer import Answers, EffectError, perform
from pi_fallback.runtime.signals import Signals
from pi_fallback.runtime.timers import TimerKey, Timers
from pi_fallback.runtime.toolbox import Toolbox
from pi_fallback.runtime.watchdog import Watchdog
from pi_fallback.runtime.wires import Wires
from pi_fallback_hookspecs import (
    Ability,
    AgentEnd,
    AgentSettled,
    AgentStart,
    AssistantMessage,
    Cause,
    Command,
    CommandContext,
    Delta,
    EffectFailed,
    Event,
    Failure,
    Image,
    Input,
    Json,
    Level,
    Message,
    MessageEnd,
    ModelRef,
    ModelSelect,
    Producer,
    Reply,
    Rest,
    Route,
    Run,
    SessionShutdown,
    SessionStart,
    StartTimer,
    StopReason,
    TimerFired,
    ToolResultMessage,
    TurnEnd,
    TurnStart,
    Ui,
    UserAborted,
    UserMessage,
    View,
    Wake,
    user_message,
)

STAY_S = 2.0  # a wait up to this stays inside the turn; a longer one ends the run
ABILITIES: frozenset[Ability] = frozenset({"wait", "prompt", "switch", "timers", "notify", "ask"})
Source = Literal["interactive", "print", "rpc", "embedded"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run that is wanted: by whom, on which routes, with what to say."""

    cause: Cause
    epoch: int
    message: UserMessage | None = None
    source: Source = "interactive"
    on: tuple[Route, ...] = ()
    say: str | None = None
    by: str = ""
    reason: str = ""
    new_episode: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """The host waits until `at` before it tries again; `scheduled` is what is said of it."""

    at: float
    scheduled: feed.RetryScheduled


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended; `retry` is the host's own next try."""

    stop_reason: StopReason
    failure: Failure | None = None
    error: str | None = None
    retry: Backoff | None = None
    recoverable: bool = True


@dataclass(frozen=True, slots=True)
class Reopened:
    """A session that was read back."""

    log: Log
    messages: tuple[Message, ...]
    route: Route | None


@dataclass
class Parts:
    """What an agent is made of. The composition root fills it in."""

    engine: Engine
    book: LedgerBook
    dispatcher: Dispatcher
    wires: Wires
    watchdog: Watchdog
    toolbox: Toolbox
    commands: Mapping[str, Command]
    ui: Ui
    cwd: str
    system: str
    open_log: Callable[[], Log]
    start_route: Route | None
    find_model: Callable[[str], Route]
    reopen: Callable[[str], "Reopened"]
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])
    thinking: Callable[[ModelRef], str | None] = lambda _model: None
    clock_words: Callable[[float], str] = lambda at: f"at {at:.0f}"
    signals: Signals = field(default_factory=Signals)


@asynccontextmanager
async def open_agent(parts: Parts, past: Reopened | None = None) -> AsyncGenerator["Agent", None]:
    """Run an agent for as long as the block lasts; with `past` it goes on with that session."""
    async with anyio.create_task_group() as tasks:
        agent = Agent(parts, tasks)
        tasks.start_soon(parts.watchdog.run)
        await agent.start("resume" if past else "startup", past)
        tasks.start_soon(agent.serve)
        try:
            yield agent
        finally:
            with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 5.0):
                await agent.shutdown("quit")
            tasks.cancel_scope.cancel()


class Agent:
    """A session that works. All methods are called from the event loop that runs it."""

    def __init__(self, parts: Parts, tasks: anyio.abc.TaskGroup) -> None:
        self.parts = parts
        self.engine = parts.engine
        self.signals = parts.signals
        self.timers = Timers(tasks, self._timer_fired, self._timer_changed)
        self.engine.timers = lambda: self.timers.moments
        self.engine.can = ABILITIES
        self.conversation = Conversation(UnwrittenLog(), parts.system, parts.toolbox.specs)
        self.epoch = 0
        self.stop_reason: StopReason | None = None
        self.final_error: str | None = None
        self._episode = Episode()
        self._order: RunOrder | None = None
        self._backoff: Backoff | None = None
        self._last_end: End | None = None
        self._scope: anyio.CancelScope | None = None
        self._run_messages: list[Message] = []
        self._waiting = False
        self._commanding = False
        self._repeats = 0
        self._run_over = anyio.Event()
        self._poke = anyio.Event()
        self._settled = anyio.Event()
        self._settled.set()

    # What others may ask

    @property
    def busy(self) -> bool:
        """Whether a run is going on or about to start. A wait for a retry or a timer is not busy."""
        return self._scope is not None or self._order is not None

    @property
    def settled_now(self) -> bool:
        return self._settled.is_set()

    @property
    def route(self) -> Route | None:
        return self.conversation.route

    @property
    def messages(self) -> Sequence[Message]:
        return self.conversation.messages

    @property
    def backoff(self) -> Backoff | None:
        return self._backoff

    def view(self) -> View:
        return self.engine.view(self.route, self._episode)

    async def settled(self) -> None:
        """Return when no run, no retry and no holding timer is left."""
        await self._settled.wait()

    def subscribe(self, listener: Callable[[feed.FeedItem], None]) -> Callable[[], None]:
        """Call `listener` with each feed item; the result ends that."""
        return self.signals.listen(listener)

    # Acts of the user

    async def prompt(self, text: str, images: Sequence[Image] = (), *, source: Source = "interactive") -> None:
        """Start a run with what the user said. Returns when it is accepted, not when it is done.

        Raises:
            AgentBusy: a run is going on.
        """
        if self.busy:
            raise AgentBusy("The agent is working. Steer it, queue a follow-up, or abort it first.")
        self._act("a new prompt")
        message = user_message(text, images)
        self._put(RunOrder("prompt", self.epoch, message, source, new_episode=True))

    def steer(self, text: str, images: Sequence[Image] = ()) -> None:
        """Say something to the run that is going on; it is heard before its next request."""
        self.conversation.queue(text, images, steer=True)
        self._queue_changed()

    def follow_up(self, text: str, images: Sequence[Image] = ()) -> None:
        """Say something once the run that is going on is over."""
        self.conversation.queue(text, images, steer=False)
        self._queue_changed()

    async def abort(self) -> None:
        """Esc: end the run, the host's wait, and let plugins end their timers. Nothing goes on by itself."""
        during = self._doing()
        self._act("aborted by the user")
        self._order = None
        self._last_end = None
        if during in {"backoff", "timer"}:
            self.stop_reason = StopReason.ABORTED
        if self.conversation.steering or self.conversation.follow_ups:
            self.conversation.steering, self.conversation.follow_ups = [], []
            self._queue_changed()
        if self._scope is not None:
            self._scope.cancel()
        await self._tell("user_aborted", lambda view: UserAborted(view=view, can=ABILITIES, during=during))
        self._poke.set()

    async def abort_retry(self) -> None:
        """End the host's own wait, and nothing else."""
        if self._backoff is not None or self._waiting:
            await self.abort()

    def set_auto_retry(self, enabled: bool) -> None:
        """Switch the host's own backoff on or off for this session."""
        self.engine.policy = replace(self.engine.policy, enabled=enabled)

    async def select(self, name: str) -> Route:
        """Use the model `name` from now on: the user's own choice.

        Raises:
            UnknownModel: no model, or more than one, fits the name.
        """
        route = self.parts.find_model(name)
        await self._set_route(route, "user", "chosen")
        return route

    async def command(self, line: str) -> bool:
        """Run a slash command; False if there is none of that name."""
        name, _, argument = line.removeprefix("/").partition(" ")
        command = self.parts.commands.get(name)
        if command is None:
            return False
        await self._plan(self.engine.refresh(self.route))
        context = CommandContext(self.view(), self.parts.ui, self.parts.cwd, self.busy)
        try:
            answer = await command.run(context, argument.strip())
        except Exception as error:  # a third party's command
            self._notify(f"/{name} failed: {type(error).__name__}: {error}", "error")
            return True
        if isinstance(answer, str):
            self._notify(answer, "info")
        elif answer:
            self._act(f"/{name}")
            self._commanding = True
            try:
                await self._perform([(self._owner(command), tuple(answer))], self.epoch)
            finally:
                self._commanding = False
        return True

    async def new_session(self) -> None:
        """Close this session and open an empty one on the user's own model."""
        await self.shutdown("new")
        await self.start("new")

    async def resume(self, path: str) -> None:
        """Close this session and go on with the one in the file `path`.

        Raises:
            SessionError: the file cannot be read as a session.
        """
        past = self.parts.reopen(path)
        await self.shutdown("resume")
        await self.start("resume", past)

    # The session's life

    async def start(self, reason: Literal["startup", "new", "resume"], past: Reopened | None = None) -> None:
        """Open the session: an empty one, or `past`."""
        log = past.log if past else self.parts.open_log()
        messages = past.messages if past else ()
        self.conversation = Conversation(log, self.parts.system, self.parts.toolbox.specs, list(messages))
        self._episode = Episode()
        route = past.route if past else None
        await self._plan(self.engine.refresh(route))
        self.conversation.route = route if route in self.engine.order else self.parts.start_route
        log_id = log.session_id
        if reason != "startup":
            self._emit(feed.SessionChanged(log_id, messages))
        await self._tell(
            "session_start",
            lambda view: SessionStart(
                view=view,
                can=ABILITIES,
                reason=reason,
                session_id=log_id,
                cwd=self.parts.cwd,
                settings=self.parts.settings,
            ),
        )

    async def shutdown(self, reason: Literal["quit", "new", "resume"]) -> None:
        """End what goes on, then the session."""
        self._act("the session closes")
        self._order = None
        self._last_end = None
        if self._scope is not None:
            self._scope.cancel()
            await self._run_over.wait()
        self.timers.cancel_all()
        await self._tell("session_shutdown", lambda view: SessionShutdown(view=view, can=ABILITIES, reason=reason))
        self.timers.cancel_all()
        self.conversation.log.close()
        self._poke.set()

    async def serve(self) -> None:
        """Carry out orders, waits and settling until cancelled."""
        while True:
            self._poke = anyio.Event()
            if (order := self._order) is not None:
                self._order = None
                if order.epoch == self.epoch:
                    await self._run(order)
            elif (backoff := self._backoff) is not None:
                with anyio.CancelScope(deadline=backoff.at):
                    await self._poke.wait()
                if self._backoff is backoff and anyio.current_time() >= backoff.at:
                    self._backoff = None
                    self._put(RunOrder("retry", self.epoch))
            elif (message := self.conversation.take_next()) is not None:
                self._queue_changed()
                self._put(RunOrder("follow_up", self.epoch, message, new_episode=True))
            else:
                await self._settle()
                await self._poke.wait()

    async def _settle(self) -> None:
        if self._settled.is_set() or self.timers.holding:
            return
        end, self._last_end = self._last_end, None
        if end is not None and end.stop_reason is StopReason.ERROR:
            await self._give_up(end)
        await self._tell("agent_settled", lambda view: AgentSettled(view=view, stop_reason=self.stop_reason))
        if self._order is None and not self.timers.holding:
            self._emit(feed.Settled(self.stop_reason))
            self._settled.set()

    async def _give_up(self, end: End) -> None:
        incident = self._episode.incident
        failures = dict(incident.failures) if incident else {}
        text = closing_error(failures, self.view(), self.parts.clock_words) if failures else end.error or ""
        self.final_error = text
        self._emit(feed.GaveUp(text))
        self.signals.gave_up.send(self, text=text)

    # One run

    async def _run(self, order: RunOrder) -> None:
        if order.new_episode:
            self._episode = Episode()
        self._run_messages = []
        self.final_error = None
        scope = self._scope = anyio.CancelScope()
        self._run_over = anyio.Event()
        end: End | None = None
        try:
            with scope:
                end = await self._until_end(order)
        finally:
            self._scope = None
            self._run_over.set()
        if scope.cancelled_caught:
            end = End(StopReason.ABORTED, error="aborted")
        if end is not None:
            await self._finish(end)

    async def _until_end(self, order: RunOrder) -> End | None:
        say: list[Message] = [] if order.message is None else [order.message]
        if order.on:
            try:
                await self._switch_to(order.on, order.reason or order.by)
            except EffectError as error:
                await self._effect_failed(order.by, "Run", str(error))
                return None
            if order.say is not None and not self.conversation.says_last(order.say):
                say.append(user_message(order.say))
        if order.cause == "prompt" and order.message is not None:
            say = [await self._heard(order.message, order.source)]
        self._emit(feed.RunStarted(order.cause))
        await self._tell("agent_start", lambda view: AgentStart(view=view, can=ABILITIES, cause=order.cause))
        if order.cause == "continue":
            self.signals.resumed.send(self, route=self.route, by=order.by, reason=order.reason)
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
                self._queue_changed()
            elif not answer.tool_calls:
                return End(answer.stop_reason)
            index += 1

    async def _turn_started(self, index: int, cause: Cause) -> None:
        self._emit(feed.TurnStarted(index))
        await self._tell("turn_start", lambda view: TurnStart(view=view, can=ABILITIES, index=index, cause=cause))

    async def _turn_ended(self, index: int, message: AssistantMessage, results: tuple[ToolResultMessage, ...]) -> None:
        self._emit(feed.TurnEnded(index, message, results))
        await self._tell(
            "turn_end",
            lambda view: TurnEnd(view=view, can=ABILITIES, index=index, message=message, results=results),
        )

    async def _heard(self, message: UserMessage, source: Source) -> UserMessage:
        images = tuple(block for block in message.content if isinstance(block, Image))
        if "input" not in self.engine.asked:
            return message
        event = Input(view=self.view(), can=ABILITIES, text=message.text, images=images, source=source)
        text = await self.parts.dispatcher.fold("input", event, "text")
        return message if text == message.text else user_message(str(text), images)

    async def _answer(self) -> AssistantMessage | End:
        """Attempts until one ends well, or until waiting or giving up ends the run."""
        prefer = self.route
        while True:
            self.parts.book.refresh()
            thinking = None if prefer is None else self.parts.thinking(prefer.ref)
            request = self.conversation.request(thinking)
            attempt = await self._plan(self.engine.begin(self._episode, request, prefer))
            if attempt is None:
                return End(StopReason.ERROR, error=self._nothing_usable(), recoverable=False)
            if attempt.route != self.route:
                why = self.view().why_not(prefer) if prefer is not None else None
                await self._set_route(attempt.route, "failover", why or "the first usable model")
            self._emit(feed.AnswerStarted(attempt.route))
            while True:
                result = await self.parts.wires.send(attempt.route, request, self._streamed)
                if isinstance(result, Reply):
                    self.engine.complete(attempt)
                    self._retried(None)
                    return result.message
                outcome = await self._plan(self.engine.failed(attempt, result))
                if not (isinstance(outcome, RetrySame) and outcome.free):
                    break
            if outcome is None:
                return End(StopReason.ERROR, error="a newer request took its place")
            self._emit(feed.Withdrawn(outcome.failure))
            self.conversation.log.failure(outcome.failure)
            await self._perform([(outcome.by, outcome.effects)], self.epoch)
            end = await self._after(outcome)
            if end is not None:
                return end
            prefer = self.route

    async def _after(self, outcome: Switch | RetrySame | GiveUp) -> End | None:
        """Do what the engine said; an `End` if the run is over with it."""
        failure = outcome.failure
        if isinstance(outcome, GiveUp):
            self._retried(failure.text)
            return End(StopReason.ERROR, failure, str(failure), recoverable=outcome.recoverable)
        route = outcome.route if isinstance(outcome, Switch) else failure.route
        number = outcome.attempt if isinstance(outcome, RetrySame) else 0
        at = anyio.current_time() + outcome.after_s
        total = outcome.max_attempts if isinstance(outcome, RetrySame) else 0
        scheduled = feed.RetryScheduled(number, total, outcome.after_s, at, route, failure)
        if outcome.after_s > 0.0:
            self._repeats = number
        if route != self.route:
            await self._set_route(route, "failover", outcome.reason or failure.kind.value)
        if outcome.after_s > STAY_S:
            return End(StopReason.ERROR, failure, str(failure), retry=Backoff(at, scheduled))
        if outcome.after_s > 0.0:
            self._emit(scheduled)
            self._waiting = True
            try:
                await anyio.sleep_until(at)
            finally:
                self._waiting = False
        return None

    async def _run_tools(self, answer: AssistantMessage) -> tuple[ToolResultMessage, ...]:
        results: list[ToolResultMessage] = []
        calls = answer.tool_calls
        try:
            for call in calls:
                whole = answer.stop_reason is not StopReason.LENGTH
                result = await self.parts.toolbox.run(call, self.conversation.log, self.view(), whole=whole)
                results.append(result)
                await self._add(result)
        finally:
            # After an abort each call still has exactly one result.
            for call in calls[len(results) :]:
                result = self.parts.toolbox.aborted(call)
                self.conversation.add(result)
                self._run_messages.append(result)
                self._emit(feed.MessageEnded(result))
        return tuple(results)

    async def _finish(self, end: End) -> None:
        """Close a run: its failed answer, `agent_end`, and what follows from it."""
        epoch = self.epoch
        if end.stop_reason in {StopReason.ERROR, StopReason.ABORTED}:
            await self._add(self._failed_answer(end))
        if self.epoch != epoch:  # the user aborted while a plugin was asked
            end = End(StopReason.ABORTED, error="aborted")
            epoch = self.epoch
        self.stop_reason = end.stop_reason
        self._last_end = end
        self._backoff = end.retry
        will_retry_at = end.retry.at if end.retry else None
        messages = tuple(self._run_messages)
        self._emit(feed.RunEnded(end.stop_reason, messages, end.failure, will_retry_at, end.recoverable))
        if end.retry is not None:
            self._emit(end.retry.scheduled)
        await self._tell(
            "agent_end",
            lambda view: AgentEnd(
                view=view,
                can=ABILITIES,
                stop_reason=end.stop_reason,
                messages=messages,
                failure=end.failure,
                will_retry_at=will_retry_at,
                recoverable=end.recoverable,
            ),
            epoch,
        )
        if self.epoch != epoch:
            self._backoff = None

    def _failed_answer(self, end: End) -> AssistantMessage:
        route = end.failure.route if end.failure else self.route or Route("", "")
        provider = self.parts.wires.providers.get(route.provider)
        producer = Producer(route.provider, route.model, provider.dialect if provider else "")
        return AssistantMessage((), end.stop_reason, producer, error=end.error)

    def _nothing_usable(self) -> str:
        view = self.view()
        if not view.order:
            return "There is no model to use. Put a key into auth.json or the environment; `pi-fallback models` lists."
        return closing_error({}, view, self.parts.clock_words)

    # Routes

    async def _switch_to(self, on: Sequence[Route], reason: str) -> None:
        """Make the first usable route of `on` the session's; raises `EffectError` if there is none."""
        await self._plan(self.engine.refresh(self.route))
        reasons: list[str] = []
        for route in on:
            why = self.view().why_not(route) or await self.parts.wires.has_key(route)
            if why is None:
                await self._set_route(route, "failover", reason)
                return
            reasons.append(f"{route}: {why}")
        raise EffectError("; ".join(reasons) or "there is no other model to switch to")

    async def _set_route(self, route: Route, source: Literal["user", "failover", "restore"], reason: str) -> None:
        previous = self.route
        if route == previous:
            return
        self.conversation.route = route
        self.conversation.log.route(route)
        self._emit(feed.RouteSwitched(route, previous, source, reason))
        self.signals.switched.send(self, route=route, previous=previous, source=source, reason=reason)
        await self._tell(
            "model_select",
            lambda view: ModelSelect(view=view, can=ABILITIES, route=route, previous=previous, source=source),
        )

    # The stage on which effects take effect

    def book(self, effect: Rest | Wake) -> None:
        self.engine.booked(effect)
        if isinstance(effect, Rest):
            self.signals.rested.send(self, scope=effect.scope, until=effect.until, reason=effect.reason)
        else:
            self.signals.woke.send(self, scope=effect.scope)

    def start_timer(self, plugin: str, effect: StartTimer) -> None:
        if not math.isfinite(effect.at):
            raise EffectError(f"a timer cannot fire at {effect.at}")
        self.timers.start(plugin, effect.name, effect.at, holds=effect.holds, label=effect.label)

    def cancel_timer(self, plugin: str, name: str) -> None:
        self.timers.cancel(plugin, name)

    async def switch(self, plugin: str, on: Sequence[Route], reason: str) -> None:
        await self._switch_to(on, reason or plugin)

    def notify(self, text: str, level: Level) -> None:
        self._notify(text, level)

    def status(self, plugin: str, key: str, text: str | None) -> None:
        self._emit(feed.StatusChanged(f"{plugin}.{key}", text))

    def compact(self) -> None:
        self._notify("This host cannot compact a history yet.", "warning")

    def abort_run(self, reason: str) -> None:
        if self._scope is not None:
            self._scope.cancel()

    def run(self, plugin: str, effect: Run) -> None:
        if not effect.on:
            raise EffectError("there is no other model to go on with")
        if self._order is not None:
            self._notify(f"{plugin} wanted to go on; another run is about to start", "info")
            return
        self._backoff = None
        order = RunOrder(
            "continue",
            self.epoch,
            on=effect.on,
            say=effect.say,
            by=plugin,
            reason=effect.reason,
            new_episode=self._commanding,
        )
        self._put(order)

    # Asking and telling

    async def _plan(self, plan: Generator[Ask, Any, T]) -> T:
        answer: object = None
        while True:
            try:
                question = plan.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = await self.parts.dispatcher.ask(question.hook, question.event)

    async def _tell(self, hook: str, make: Callable[[View], Event], epoch: int | None = None) -> None:
        """Ask all plugins about an event and perform what they order, unless the user has acted since."""
        asked, heard = hook in self.engine.asked, bool(self.signals.event.receivers)
        if not (asked or heard):
            return
        epoch = self.epoch if epoch is None else epoch
        await self._plan(self.engine.refresh(self.route))
        event = make(self.view())
        if heard:
            self.signals.event.send(self, hook=hook, event=event)
        if asked:
            await self._perform(await self.parts.dispatcher.collect(hook, event), epoch)

    async def _perform(self, answers: Answers, epoch: int) -> None:
        if epoch != self.epoch:
            return
        for failed in await perform(answers, self):
            await self._effect_failed(failed.plugin, type(failed.effect).__name__, failed.reason)

    async def _effect_failed(self, plugin: str, effect: str, reason: str) -> None:
        if "effect_failed" not in self.engine.asked:
            self._notify(f"{plugin}: {reason}", "warning")
            return
        event = EffectFailed(view=self.view(), can=ABILITIES, effect=effect, reason=reason)
        for failed in await perform(await self.parts.dispatcher.only(plugin, "effect_failed", event), self):
            self._notify(f"{failed.plugin}: {failed.reason}", "warning")

    async def _timer_fired(self, plugin: str, name: str) -> None:
        self.signals.timer.send(self, plugin=plugin, name=name, at=None, fired=True)
        epoch = self.epoch
        await self._plan(self.engine.refresh(self.route))
        event = TimerFired(view=self.view(), can=ABILITIES, name=name)
        await self._perform(await self.parts.dispatcher.only(plugin, "timer_fired", event), epoch)

    def _timer_changed(self, key: TimerKey, at: float | None, label: str) -> None:
        plugin, name = key
        self._emit(feed.TimerChanged(plugin, name, at, label))
        self.signals.timer.send(self, plugin=plugin, name=name, at=at, fired=False)
        self._poke.set()

    async def _add(self, message: Message) -> None:
        self.conversation.add(message)
        self._run_messages.append(message)
        self._emit(feed.MessageEnded(message))
        await self._tell("message_end", lambda view: MessageEnd(view=view, can=ABILITIES, message=message))

    # Small things

    def _act(self, what: str) -> None:
        """The user acts: what was asked for before is dropped, and the host's own wait ends."""
        self.epoch += 1
        if self._backoff is not None:
            self._backoff = None
            self._retried(what)

    def _put(self, order: RunOrder) -> None:
        self._order = order
        if self._settled.is_set():
            self._settled = anyio.Event()
        self._poke.set()

    def _doing(self) -> Literal["run", "backoff", "timer", "idle"]:
        if self._backoff is not None or self._waiting:
            return "backoff"
        if self.busy:
            return "run"
        return "timer" if self.timers.moments else "idle"

    def _owner(self, command: Command) -> str:
        return self.parts.dispatcher.owner_of(command.name)

    def _retried(self, error: str | None) -> None:
        if self._repeats:
            repeats, self._repeats = self._repeats, 0
            self._emit(feed.RetryEnded(error is None, repeats, error))

    def _streamed(self, delta: Delta) -> None:
        self._emit(feed.Streamed(delta))

    def _queue_changed(self) -> None:
        steering = tuple(message.text for message in self.conversation.steering)
        follow_ups = tuple(message.text for message in self.conversation.follow_ups)
        self._emit(feed.QueueChanged(steering, follow_ups))
        self._poke.set()

    def _notify(self, text: str, level: Level) -> None:
        self._emit(feed.Noticed(text, level))

    def _emit(self, item: feed.FeedItem) -> None:
        self.signals.emit(item)
