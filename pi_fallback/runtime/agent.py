"""The agent: one session, the acts of its user, and the task that carries out what is wanted."""

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import anyio
import anyio.abc

from pi_fallback.core.closing import closing_error
from pi_fallback.core.compacting import Compaction
from pi_fallback.errors import AgentBusy, CompactionFailed, single
from pi_fallback.runtime import feed
from pi_fallback.runtime.answers import effects_of
from pi_fallback.runtime.compaction import Compactor
from pi_fallback.runtime.conversation import Conversation
from pi_fallback.runtime.engine import Engine
from pi_fallback.runtime.faults import NonsenseError, told
from pi_fallback.runtime.host import Host
from pi_fallback.runtime.parts import ABILITIES, Backoff, CompactionOrder, End, Parts, Reopened, RunOrder, Source
from pi_fallback.runtime.plans import Episode
from pi_fallback.runtime.run import Run
from pi_fallback.runtime.signals import Signals
from pi_fallback.runtime.stage import Stage
from pi_fallback.runtime.waits import Waits
from pi_fallback_hookspecs import (
    Abort,
    AgentSettled,
    Command,
    CommandContext,
    Effect,
    Image,
    Message,
    Route,
    Scope,
    SessionShutdown,
    SessionStart,
    StartTimer,
    StopReason,
    UserAborted,
    View,
    Wake,
)
from pi_fallback_hookspecs import Run as RunEffect

__all__ = ["Agent", "Parts", "Reopened", "open_agent"]


@asynccontextmanager
async def open_agent(parts: Parts, past: Reopened | None = None) -> AsyncGenerator["Agent", None]:
    """Run an agent for as long as the block lasts; with `past` it goes on with that session."""
    try:
        async with anyio.create_task_group() as tasks:
            agent = Agent(parts, tasks)
            tasks.start_soon(parts.watchdog.run)
            tasks.start_soon(agent.serve)
            await agent.start("resume" if past else "startup", past)
            try:
                yield agent
            finally:
                with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 5.0):
                    await agent.shutdown("quit")
                tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise single(group) from None


class Agent:
    """A session that works. All methods are called from the event loop that runs it."""

    def __init__(self, parts: Parts, tasks: anyio.abc.TaskGroup) -> None:
        self.parts = parts
        self.stop_reason: StopReason | None = None
        self.final_error: str | None = None
        self._tasks = tasks
        self._host = Host(parts, tasks)
        self._waits = Waits(self._host.emit)
        self._backoff: Backoff | None = None
        self._last_end: End | None = None
        self._changing = anyio.Lock()  # one session takes another's place at a time
        self._run_over = anyio.Event()
        self._run_over.set()

    # What others may ask

    @property
    def busy(self) -> bool:
        """Whether a run or a compaction is going on or about to start. A wait for a retry or a timer is not busy."""
        return not self._run_over.is_set() or self._host.order is not None or self._host.wanted is not None

    @property
    def settled_now(self) -> bool:
        return self._host.is_settled

    @property
    def is_compacting(self) -> bool:
        """Whether the history is being shortened, or is about to be."""
        return self._host.is_compacting

    @property
    def route(self) -> Route | None:
        return self._host.conversation.route

    @property
    def conversation(self) -> Conversation:
        return self._host.conversation

    @property
    def messages(self) -> Sequence[Message]:
        return self._host.conversation.messages

    @property
    def backoff(self) -> Backoff | None:
        return self._backoff

    @property
    def engine(self) -> Engine:
        return self._host.engine

    @property
    def signals(self) -> Signals:
        return self._host.signals

    def view(self) -> View:
        return self._host.view()

    async def settled(self) -> None:
        """Return when no run, no retry and no holding timer is left."""
        await self._host.wait_settled()

    def subscribe(self, listener: Callable[[feed.FeedItem], None]) -> Callable[[], None]:
        """Call `listener` with each feed item; the result ends that."""
        return self._host.signals.listen(listener)

    # Acts of the user

    async def prompt(self, text: str, images: Sequence[Image] = (), *, source: Source = "interactive") -> None:
        """Start a run with what the user said. Returns when it is accepted, not when it is done.

        Raises:
            AgentBusy: a run is going on, or the session is being replaced.
        """
        if self._host.closing:
            raise AgentBusy("The session is being closed. Say it again in the next one.")
        if self.busy:
            raise AgentBusy("The agent is working. Steer it, queue a follow-up, or abort it first.")
        self._act("a new prompt")
        message = self._host.said(text, images)
        self._host.put(RunOrder("prompt", self._host.epoch, message, source, new_episode=True))

    def steer(self, text: str, images: Sequence[Image] = ()) -> None:
        """Say something to the run that is going on; it is heard before its next request."""
        self._queue(text, images, steer=True)

    def follow_up(self, text: str, images: Sequence[Image] = ()) -> None:
        """Say something once the run that is going on is over."""
        self._queue(text, images, steer=False)

    async def abort(self) -> None:
        """Esc: end the run, the host's wait, and let plugins end their timers. Nothing goes on by itself.

        Returns when the run is over.
        """
        self._drop_queue()
        await self._abort()

    async def abort_retry(self) -> None:
        """End the host's own wait, and let plugins end their timers. A run that works goes on; what is queued stays."""
        if self._backoff is not None or self._waits.in_turn:
            await self._abort()

    def set_auto_retry(self, enabled: bool) -> None:
        """Switch the host's own backoff on or off for this session."""
        self.engine.allow_backoff(enabled)

    async def select(self, name: str) -> Route:
        """Use the model `name` from now on: the user's own choice. A request in flight is not disturbed.

        A wait for another one is over: it was not for this model.

        Raises:
            UnknownModel: no model, or more than one, fits the name.
        """
        route = self.parts.find_model(name)
        previous = self._host.conversation.route
        await self._host.set_route(route, "user", "chosen")
        if route != previous:
            self._end_wait()
        return route

    async def compact(self, instructions: str = "") -> Compaction:
        """Have the older part of the history summarised: at once, or before the next request of the run that goes on.

        Returns when that is done. Who is cancelled meanwhile only stops waiting for it.

        Raises:
            CompactionFailed: the history is as it was; the message says why.
        """
        if self._host.closing or self._host.is_compacting:
            raise CompactionFailed("The history is being shortened already, or the session closes. Wait for that.")
        self._host.heard_from_user()
        order = CompactionOrder(instructions=instructions)
        self._host.want(order)
        await order.over.wait()
        if order.result is None:
            raise CompactionFailed(f"The history was not shortened: {order.error}.")
        return order.result

    async def command(self, line: str) -> bool:
        """Run a slash command; False if there is none of that name."""
        name, _, argument = line.removeprefix("/").partition(" ")
        command = self.parts.commands.get(name)
        if command is None:
            return False
        self.parts.book.refresh()  # what other agents have shared while this one was idle
        await self._host.plan(self.engine.refresh(self.route))
        epoch = self._host.epoch
        try:
            effects = await self._answer_of(command, argument.strip())
        except (Exception, SystemExit) as error:  # a third party's command
            reason = str(error) if isinstance(error, NonsenseError) else told(error)
            self._host.notify(f"/{name} failed: {reason}", "error")
            return True
        if self._host.epoch != epoch:
            return True  # the user has acted since
        if any(isinstance(effect, RunEffect | Abort) for effect in effects):
            self._act(f"/{name}")
            self._host.keep_order(self._host.epoch)
        elif any(isinstance(effect, StartTimer) for effect in effects):
            self._host.heard_from_user()
        stage, previous = Stage(self._host, self._host.epoch, by_user=True), self.route
        await self._host.perform([(self.parts.dispatcher.owner_of(name), effects)], stage)
        if self.route != previous or self._waits_for([effect.scope for effect in effects if isinstance(effect, Wake)]):
            self._end_wait()
        return True

    async def _answer_of(self, command: Command, argument: str) -> tuple[Effect, ...]:
        context = CommandContext(self.view(), self.parts.ui, self.parts.cwd, self.busy)
        answer = await command.run(context, argument)
        if isinstance(answer, str):
            self._host.notify(answer, "info")
            return ()
        return effects_of(answer)

    async def new_session(self) -> None:
        """Close this session and open an empty one on the user's own model."""
        await self._replace("new", Reopened(self.parts.open_log(), (), None))

    async def resume(self, path: str) -> bool:
        """Close this session and go on with the one in the file `path`. False if that is this one: it stays open.

        Raises:
            SessionError: the file cannot be read as a session.
        """
        if self.conversation.log.is_in(path):
            return False
        await self._replace("resume", self.parts.reopen(path))
        return True

    async def _replace(self, reason: Literal["new", "resume"], past: Reopened) -> None:
        """Put `past` in this session's place, in a task of the agent's own: who asked for it may end with the run."""
        done = anyio.Event()

        async def replaced() -> None:
            async with self._changing:
                await self.shutdown(reason)
                await self.start(reason, past, replaces=True)
            done.set()

        self._tasks.start_soon(replaced)
        await done.wait()

    # The session's life

    async def start(
        self, reason: Literal["startup", "new", "resume"], past: Reopened | None = None, *, replaces: bool = False
    ) -> None:
        """Open the session: an empty one, or `past`. With `replaces` observers hear that it took another's place."""
        log = past.log if past else self.parts.open_log()
        messages = past.messages if past else ()
        conversation = Conversation(log, self.parts.system, self.parts.toolbox.specs, list(messages))
        self._host.conversation, self._host.episode = conversation, Episode()
        self.stop_reason = self.final_error = self._last_end = None
        route = past.route if past else None
        self.engine.expect(conversation.request(None))
        await self._host.plan(self.engine.refresh(route))
        conversation.route = route if route in self.engine.order else self.parts.start_route
        self._host.closing = False
        if replaces:
            self._host.emit(feed.SessionChanged(log.session_id, tuple(messages)))
        await self._host.tell(
            "session_start",
            lambda view: SessionStart(
                view=view,
                can=ABILITIES,
                reason=reason,
                session_id=log.session_id,
                cwd=self.parts.cwd,
                settings=self.parts.settings,
            ),
        )

    async def shutdown(self, reason: Literal["quit", "new", "resume"]) -> None:
        """End what goes on, then the session. Until `start` nothing else begins."""
        host = self._host
        host.closing = True
        self._act("the session closes")
        host.order = self._last_end = None
        host.drop_compaction("the session was closed")
        self._drop_queue()
        if host.scope is not None:
            host.scope.cancel()
        elif not host.is_settled:
            self.stop_reason = StopReason.ABORTED
        await self._run_over.wait()
        host.timers.cancel_all()
        if not host.is_settled:
            await self._tell_settled()
            self._settled()
        stage = Stage(host, host.epoch, quiet=True)
        await host.tell(
            "session_shutdown", lambda view: SessionShutdown(view=view, can=ABILITIES, reason=reason), stage
        )
        host.timers.cancel_all()
        host.epoch += 1  # what is still on its way belongs to no session any more
        host.order = None
        host.conversation.log.close()
        host.stir()

    async def serve(self) -> None:
        """Carry out orders, waits and settling until cancelled."""
        host = self._host
        while True:
            if (order := host.order) is not None and not host.closing:
                await self._carry_out(order)
            elif (shorten := host.wanted) is not None and not host.closing:
                await self._compact(shorten)
            elif (backoff := self._backoff) is not None:
                await host.stirred(backoff.at)
                if self._backoff is backoff and anyio.current_time() >= backoff.at:
                    self._backoff = None
                    host.put(RunOrder("retry", host.epoch))
            elif self._may_go_on and (message := host.conversation.take_next()) is not None:
                host.queue_changed()
                host.put(RunOrder("follow_up", host.epoch, message, new_episode=True))
            else:
                if not host.closing:
                    await self._settle()
                await host.stirred(math.inf)

    @property
    def _may_go_on(self) -> bool:
        """Whether what is queued may be said: not to a model that has just failed."""
        failed = self.stop_reason in {StopReason.ERROR, StopReason.ABORTED}
        return not (failed or self._host.closing or self._host.timers.holding)

    async def _carry_out(self, order: RunOrder) -> None:
        self._run_over = anyio.Event()
        self._host.order = None
        if self._backoff is not None:  # a plugin was quicker
            self._backoff = None
            self._waits.over("another run began")
        try:
            if order.epoch != self._host.epoch:
                return
            self.final_error = None
            end = await Run(self._host, order, self._waits).carry_out()
            if end is not None:
                self.stop_reason, self._last_end = end.stop_reason, end
                self._backoff = end.retry
        finally:
            self._run_over.set()

    async def _compact(self, order: CompactionOrder) -> None:
        self._run_over = anyio.Event()
        scope = self._host.scope = anyio.CancelScope()
        try:
            with scope:
                await Compactor(self._host, self._waits).carry_out(order)
        finally:
            self._host.scope = None
            self._run_over.set()

    async def _settle(self) -> None:
        host = self._host
        if host.is_settled or host.timers.holding:
            return
        end, self._last_end = self._last_end, None
        if end is not None and end.stop_reason is StopReason.ERROR:
            self._give_up(end)
        await self._tell_settled()
        queued = self._may_go_on and host.conversation.has_queued
        if host.order is None and host.wanted is None and not (queued or host.timers.holding or host.closing):
            self._settled()

    async def _tell_settled(self) -> None:
        await self._host.tell(
            "agent_settled", lambda view: AgentSettled(view=view, can=ABILITIES, stop_reason=self.stop_reason)
        )

    def _settled(self) -> None:
        self._host.emit(feed.Settled(self.stop_reason))
        self._host.settle()

    def _give_up(self, end: End) -> None:
        incident = self._host.episode.incident
        failures = dict(incident.failures) if incident else {}
        text = end.error or ""
        if failures:
            has_images = any(isinstance(part, Image) for message in self.messages for part in message.content)
            text = closing_error(
                failures,
                self.view(),
                self.parts.clock_words,
                stopped_by=end.stopped_by,
                has_images=has_images,
                advice=self.parts.advice,
            )
        text = self.signals.clean(text)
        self.final_error = text
        self._host.emit(feed.GaveUp(text))
        self.signals.gave_up.send(self._host, text=text)

    # Small things

    def _act(self, what: str) -> None:
        """The user acts: what was asked for before is dropped, and the host's own wait ends."""
        self._host.acted()
        self._backoff = None
        self._waits.over(what)

    async def _abort(self) -> None:
        host, during = self._host, self._doing()
        self._act("aborted by the user")
        host.halted = True
        host.order = self._last_end = None
        host.drop_compaction("aborted")
        if host.scope is not None:
            host.scope.cancel()
        elif during != "idle":
            self.stop_reason = StopReason.ABORTED
        await host.tell("user_aborted", lambda view: UserAborted(view=view, can=ABILITIES, during=during))
        host.timers.cancel_all(holding_only=True)  # of plugins that let theirs run on
        host.stir()
        await self._run_over.wait()

    def _waits_for(self, woken: Sequence[Scope]) -> bool:
        """Whether the host's own wait has lost its reason with the rests of `woken`."""
        if self._backoff is None or not woken:
            return False
        if self._backoff.for_any:
            return self.engine.first_usable(self.engine.order) is not None
        return any(scope.covers(self._backoff.scheduled.route) for scope in woken)

    def _end_wait(self) -> None:
        """What the host waits for before its next try has come: the user has seen to it."""
        if self._backoff is not None:
            self._backoff = replace(self._backoff, at=anyio.current_time())
            self._host.stir()

    def _drop_queue(self) -> None:
        conversation = self._host.conversation
        if conversation.has_queued:
            conversation.steering, conversation.follow_ups = [], []
            self._host.queue_changed()

    def _queue(self, text: str, images: Sequence[Image], *, steer: bool) -> None:
        if self._host.closing:
            raise AgentBusy("The session is being closed. Say it again in the next one.")
        self._host.heard_from_user()
        if not self.busy and self.stop_reason in {StopReason.ERROR, StopReason.ABORTED}:
            self.stop_reason = None  # the user has spoken since: it is heard now
        self._host.conversation.queue(self._host.said(text, images), steer=steer)
        self._host.unsettle()
        self._host.queue_changed()

    def _doing(self) -> Literal["run", "backoff", "timer", "idle"]:
        if self._backoff is not None or self._waits.in_turn:
            return "backoff"
        if self.busy:
            return "run"
        return "timer" if self._host.timers.moments else "idle"
