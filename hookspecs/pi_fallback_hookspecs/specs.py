"""The hook specifications: when each fires, what to return, in which order plugins are asked."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import pluggy

from pi_fallback_hookspecs.effects import CompactAnswer, Decision, Effect
from pi_fallback_hookspecs.events import (
    AgentEnd,
    AgentSettled,
    AgentStart,
    BeforeCompact,
    ClassifyFailure,
    Compacted,
    EffectFailed,
    Input,
    MessageEnd,
    ModelSelect,
    OrderRoutes,
    RefuseRoutes,
    RequestFailed,
    SessionShutdown,
    SessionStart,
    TimerFired,
    ToolCallEvent,
    ToolResultEvent,
    TurnEnd,
    TurnStart,
    UserAborted,
)
from pi_fallback_hookspecs.extensions import Command, Provider, Tool
from pi_fallback_hookspecs.failures import ErrorRow, Judgement
from pi_fallback_hookspecs.messages import ToolResultMessage
from pi_fallback_hookspecs.routes import Route

PROJECT = "pi_fallback"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Shape(StrEnum):
    """How the answers of several plugins become one."""

    COLLECT = "collect"  # all are asked; their effects are gathered, then performed
    DECIDE = "decide"  # in order until one returns Retry or Stop
    FIRST = "first"  # the first answer counts
    FOLD = "fold"  # each gets what the one before returned
    VETO = "veto"  # any refusal holds
    EXTEND = "extend"  # asked once, when the plugin is loaded


Effects = Sequence[Effect] | Effect | None
F = TypeVar("F", bound=Callable[..., object])
SHAPES: dict[str, Shape] = {}


def shaped(shape: Shape) -> Callable[[F], F]:
    """Mark a hook specification with its shape."""

    def mark(function: F) -> F:
        SHAPES[function.__name__] = shape
        return hookspec(function)

    return mark


class Lifecycle:
    """What happens to an agent, from the opening of its session to the end."""

    @shaped(Shape.COLLECT)
    def session_start(self, event: SessionStart) -> Effects:
        """Fires once a session is open: at the start, after `/new`, after a resume.

        Returns: effects, or None for nothing to order.
        Order: built-in plugins of the failover kind, third parties in the order they were found,
        progress detection last; so for every hook.

        Example:
            def session_start(self, event):
                return Notify(f"working in {event.cwd}")
        """

    @shaped(Shape.FOLD)
    def input(self, event: Input) -> str | None:
        """Fires when the user said something, before it becomes a message. Not for an injected `continue`.

        Returns: the text to use instead; the next plugin sees it. None leaves it as it is.
        Order: each plugin gets the text that the one before it returned.

        Example:
            def input(self, event):
                return event.text.replace("@today", self.date)
        """

    @shaped(Shape.COLLECT)
    def agent_start(self, event: AgentStart) -> Effects:
        """Fires when a run begins: for a prompt, an injected message, a retry or a queued follow-up.

        Returns: effects; a `SwitchRoute` given here holds for the first request of the run. None for nothing.
        Order: as for `session_start`.

        Example:
            def agent_start(self, event):
                return CancelTimer("quiet") if event.cause == "prompt" else None
        """

    @shaped(Shape.COLLECT)
    def turn_start(self, event: TurnStart) -> Effects:
        """Fires before the first attempt of each turn: the agent makes progress.

        Returns: effects, or None. A repeat or a switch inside the turn does not fire it again.
        Order: as for `session_start`.

        Example:
            def turn_start(self, event):
                return CancelTimer("quiet")
        """

    @shaped(Shape.DECIDE)
    def request_failed(self, event: RequestFailed) -> Decision | None:
        """Fires when an attempt failed and the engine has judged it.

        Returns: `Retry` (the same request again, here or elsewhere) or `Stop`; its effects come with
        it. None passes: when everybody passes, the host's own backoff has its turn.
        Order: subswitch, high availability, third parties, progress detection; the first decision
        is taken whole and nobody after it is asked.

        Example:
            def request_failed(self, event):
                if event.failure.kind is FailureKind.QUOTA_EXHAUSTED:
                    others = [r for r in event.view.order if r.provider != event.failure.route.provider]
                    return Retry(tuple(others), reason="quota spent")
        """

    @shaped(Shape.COLLECT)
    def message_end(self, event: MessageEnd) -> Effects:
        """Fires when a user message, an answer or a tool result is complete and in the session.

        Returns: effects, or None. Not fired per streamed piece: streams have no hook.
        Order: as for `session_start`.

        Example:
            def message_end(self, event):
                if isinstance(event.message, AssistantMessage):
                    return Status("tokens", str(event.message.usage.total))
        """

    @shaped(Shape.VETO)
    def tool_call(self, event: ToolCallEvent) -> str | None:
        """Fires before a tool runs.

        Returns: a reason to refuse it, which the model gets as an error result. None lets it run.
        Order: all are asked; any refusal holds. A plugin that raises or hangs here refuses: it fails closed.

        Example:
            def tool_call(self, event):
                if event.call.name == "bash" and "rm -rf /" in str(event.call.arguments.get("command")):
                    return "that would delete everything"
        """

    @shaped(Shape.FOLD)
    def tool_result(self, event: ToolResultEvent) -> ToolResultMessage | None:
        """Fires when a tool has run, before its result is written and sent.

        Returns: another result of the same `call_id`; the next plugin sees it. None leaves it.
        Order: each plugin gets the result that the one before it returned.

        Example:
            def tool_result(self, event):
                return replace(event.result, content=(Text(mask(event.result.text)),))
        """

    @shaped(Shape.COLLECT)
    def turn_end(self, event: TurnEnd) -> Effects:
        """Fires when a turn is over: the answer is in the session and its tools have run.

        Returns: effects, or None.
        Order: as for `session_start`.

        Example:
            def turn_end(self, event):
                return Status("turn", str(event.index + 1))
        """

    @shaped(Shape.FIRST)
    def before_compact(self, event: BeforeCompact) -> CompactAnswer | None:
        """Fires when the older part of the history is about to be summarised.

        Returns: a `Summary` to use, so that no model is asked for one, or `KeepHistory` with the reason why nothing
        is to change. None lets a model write the summary.
        Order: the first answer counts.

        Example:
            def before_compact(self, event):
                if any("keep this" in message.text for message in event.older):
                    return KeepHistory("something in it is to be kept")
        """

    @shaped(Shape.COLLECT)
    def compacted(self, event: Compacted) -> Effects:
        """Fires when the history has been shortened, before the next request.

        Returns: effects, or None.
        Order: as for `session_start`.

        Example:
            def compacted(self, event):
                return Notify(f"about {event.tokens_before - event.tokens_after} tokens less")
        """

    @shaped(Shape.COLLECT)
    def agent_end(self, event: AgentEnd) -> Effects:
        """Fires when a run is over, well or not; before a retry of the host, with `will_retry_at`.

        Returns: effects, or None. A `Run` given here starts the next run at once.
        Order: as for `session_start`.

        Example:
            def agent_end(self, event):
                if event.stop_reason is StopReason.ERROR and event.recoverable:
                    return StartTimer("quiet", at=event.view.now + 20.0, holds=True)
        """

    @shaped(Shape.COLLECT)
    def agent_settled(self, event: AgentSettled) -> Effects:
        """Fires when nothing is left to wait for: no run, no retry, no holding timer.

        Returns: effects, or None. A `Run` given here starts after all plugins were asked.
        Order: as for `session_start`.

        Example:
            def agent_settled(self, event):
                return Notify("done")
        """

    @shaped(Shape.COLLECT)
    def user_aborted(self, event: UserAborted) -> Effects:
        """Fires when the user pressed Esc or sent an abort: during a run, a backoff, a timer, or idle.

        Returns: effects, or None. The host has ended the run or its own wait already; your timers are yours to cancel.
        Order: as for `session_start`.

        Example:
            def user_aborted(self, event):
                return CancelTimer("quiet")
        """

    @shaped(Shape.COLLECT)
    def timer_fired(self, event: TimerFired) -> Effects:
        """Fires when a timer that this plugin started has come to its moment. Nobody else is asked.

        Returns: effects, or None.
        Order: only the owner.

        Example:
            def timer_fired(self, event):
                return Run(event.view.order, say="continue") if event.name == "quiet" else None
        """

    @shaped(Shape.COLLECT)
    def model_select(self, event: ModelSelect) -> Effects:
        """Fires when the session's route has changed: by the user, by a failover, by a session being restored.

        Also when the user chooses the route that the session has: `previous` is the same then.

        Returns: effects, or None.
        Order: as for `session_start`.

        Example:
            def model_select(self, event):
                return Status("model", str(event.route)) if event.source == "failover" else None
        """

    @shaped(Shape.COLLECT)
    def effect_failed(self, event: EffectFailed) -> Effects:
        """Fires when an effect of this plugin could not be performed. Nobody else is asked.

        Returns: effects, or None. An effect that was ordered here and fails is only reported.
        Order: only the owner.

        Example:
            def effect_failed(self, event):
                return Notify(f"could not go on: {event.reason}", "error")
        """

    @shaped(Shape.COLLECT)
    def session_shutdown(self, event: SessionShutdown) -> Effects:
        """Fires when the session closes: the program ends, or another session takes its place.

        Returns: effects; only `Rest`, `Wake` and `Notify` are performed. None for nothing.
        Order: as for `session_start`.

        Example:
            def session_shutdown(self, event):
                self.report.close()
        """


class Failover:
    """What a failure is, and where a request may go."""

    @shaped(Shape.FIRST)
    def classify_failure(self, event: ClassifyFailure) -> Judgement | None:
        """Fires for each fault, before anybody decides. `event.failure` bears the built-in judgement.

        Returns: a `Judgement` to use instead. None leaves the built-in one.
        Order: the first answer counts.

        Example:
            def classify_failure(self, event):
                if event.failure.fault and event.failure.fault.code == "E-4711":
                    return Judgement(FailureKind.CAPACITY, ScopeKind.MODEL)
        """

    @shaped(Shape.FOLD)
    def order_routes(self, event: OrderRoutes) -> Sequence[Route] | None:
        """Fires when the configuration, the pool or the ledger has changed; not for each request.

        Returns: the routes in the order to use them, best first; a route that is left out is not
        used, one that was not there is ignored. None leaves the order.
        Order: each plugin gets the order that the one before it returned.

        Example:
            def order_routes(self, event):
                return sorted(event.order, key=lambda route: route.provider != "local")
        """

    @shaped(Shape.VETO)
    def refuse_routes(self, event: RefuseRoutes) -> Mapping[Route, str] | None:
        """Fires after `order_routes`, for all routes at once.

        Returns: route to reason, for each route that may not be used. None refuses nothing.
        Order: all are asked; any refusal holds. A plugin that fails here refuses nothing.

        Example:
            def refuse_routes(self, event):
                return {r: "not on this network" for r in event.order if r.provider == "intranet"}
        """


class Extension:
    """What a plugin adds. Asked once, when the plugin is loaded."""

    @shaped(Shape.EXTEND)
    def register_providers(self) -> Sequence[Provider] | None:
        """Fires when the plugin is loaded.

        Returns: providers. One with the id of a built-in provider replaces it; `models.json` comes
        after both. None for none.
        Order: a later plugin's provider replaces an earlier one of the same id, with a notice.

        Example:
            def register_providers(self):
                return [Provider("acme", "https://llm.acme.test/v1", env=("ACME_KEY",), default_model="acme-1")]
        """

    @shaped(Shape.EXTEND)
    def register_commands(self) -> Sequence[Command] | None:
        """Fires when the plugin is loaded.

        Returns: slash commands. None for none.
        Order: the first command of a name stays; a second one becomes a fault of its plugin.

        Example:
            def register_commands(self):
                return [Command("hello", "say hello", self.hello)]
        """

    @shaped(Shape.EXTEND)
    def register_tools(self) -> Sequence[Tool] | None:
        """Fires when the plugin is loaded.

        Returns: tools for the model. None for none.
        Order: the first tool of a name stays; a second one becomes a fault of its plugin.

        Example:
            def register_tools(self):
                return [Tool("clock", "Tell the time", {"type": "object", "properties": {}}, self.tell)]
        """

    @shaped(Shape.EXTEND)
    def register_error_rows(self) -> Sequence[ErrorRow] | None:
        """Fires when the plugin is loaded.

        Returns: rows for the classifier's table. They are asked before its own; waits are still read from the
        error. Who needs more than words answers `classify_failure`. None for none.
        Order: of two rows that fit, the one of the earlier plugin speaks.

        Example:
            def register_error_rows(self):
                return [ErrorRow("our budget", FailureKind.QUOTA_EXHAUSTED, ("tenant budget",), provider="acme")]
        """


SPECS: tuple[type, ...] = (Lifecycle, Failover, Extension)
