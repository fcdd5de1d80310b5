"""Progress detection: goes on with the next model when an error is followed by silence; `/cycle-model`."""

from collections.abc import Sequence

from pi_fallback.config.policies import ProgressSettings
from pi_fallback.core.progress import all_tried, has_failed, next_routes, quiet_until, recovery_at
from pi_fallback_hookspecs import (
    Abort,
    AgentEnd,
    AgentStart,
    CancelTimer,
    Command,
    CommandContext,
    Effect,
    Notify,
    Run,
    SessionShutdown,
    StartTimer,
    StopReason,
    SwitchRoute,
    TimerFired,
    TurnStart,
    UserAborted,
    View,
    hookimpl,
)

NAME = "progress"
QUIET = "quiet"
RECOVERY = "recovery"
ALL_TIMERS: tuple[Effect, ...] = (CancelTimer(QUIET), CancelTimer(RECOVERY))


class ProgressDetection:
    """The net under every other plugin: it classifies nothing, it only notices that nothing goes on.

    It keeps no state of its own: timers and ledger are the host's, so nothing can disagree with them.
    """

    def __init__(self, settings: ProgressSettings) -> None:
        self.settings = settings

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Sequence[Effect]:
        if event.stop_reason is not StopReason.ERROR:
            return ALL_TIMERS if self._waiting(event.view) else ()
        if event.stopped_by:
            return ALL_TIMERS
        at = quiet_until(event, self.settings)
        if at is None:
            return (*ALL_TIMERS, *(() if event.will_retry_at is not None else self._exhausted(event.view)))
        if at <= event.view.now:
            return (*ALL_TIMERS, self._go_on(event.view, "the host says that no retry is pending"))
        if event.will_retry_at is not None and len(event.view.models) <= 1:
            return ALL_TIMERS  # the host's own next try is all that there is: a countdown would promise more
        return (StartTimer(QUIET, at, holds=True, label="next model"),)

    @hookimpl
    def agent_start(self, event: AgentStart) -> Sequence[Effect] | None:
        """A prompt during the countdown goes to the model that cycling would choose, not to the broken one."""
        if event.cause != "prompt" or not self._waiting(event.view):
            return None
        routes = next_routes(event.view, self.settings, untried_only=False) if has_failed(event.view) else ()
        switch = (SwitchRoute(routes, "the model before it failed"),) if routes else ()
        return (*ALL_TIMERS, *switch)

    @hookimpl
    def turn_start(self, event: TurnStart) -> Sequence[Effect] | None:
        return ALL_TIMERS if self._waiting(event.view) else None

    @hookimpl
    def user_aborted(self, event: UserAborted) -> Sequence[Effect] | None:
        return ALL_TIMERS if self._waiting(event.view) else None

    @hookimpl
    def session_shutdown(self, event: SessionShutdown) -> Sequence[Effect]:
        return ALL_TIMERS

    @hookimpl
    def timer_fired(self, event: TimerFired) -> Effect:
        if event.name == RECOVERY:
            routes = next_routes(event.view, self.settings, untried_only=False)
            if event.view.current is not None and event.view.usable(event.view.current):
                routes = (*routes, event.view.current)
            return Run(routes, self.settings.prompt, "the first model may be tried again", fresh=True)
        return self._go_on(event.view, f"no progress for {self.settings.quiet_s:g} s")

    @hookimpl
    def register_commands(self) -> Sequence[Command]:
        return (
            Command(
                "cycle-model",
                "go on with the next model, or with the one named",
                self.cycle_model,
                complete=complete_models,
                argument="[model]",
            ),
        )

    async def cycle_model(self, context: CommandContext, argument: str) -> Sequence[Effect] | str:
        """The user's own choice: it marks nothing as failed."""
        view, wanted = context.view, argument.strip()
        routes = next_routes(view, self.settings, untried_only=False)
        if wanted:
            everything = (*routes, *((view.current,) if view.current else ()))
            routes = tuple(route for route in everything if wanted in {str(route.ref), route.model})
            if not routes:
                return f"There is no usable model {wanted!r}. `/model` lists those that are."
        elif not routes:
            return f"{view.current.ref if view.current else 'This'} is the only usable model: nothing to switch to."
        # The abort comes first: a request in flight must not outlive the switch.
        abort = (Abort("switching the model"),) if context.busy else ()
        return (*ALL_TIMERS, *abort, Run(routes, self.settings.prompt, "/cycle-model"))

    def _go_on(self, view: View, reason: str) -> Effect:
        routes = next_routes(view, self.settings, untried_only=True)
        return Run(routes, self.settings.prompt, reason)

    def _waiting(self, view: View) -> bool:
        return (NAME, QUIET) in view.timers or (NAME, RECOVERY) in view.timers

    def _exhausted(self, view: View) -> Sequence[Effect]:
        if not all_tried(view):
            return ()
        wakes = recovery_at(view, self.settings) if self.settings.wait_for_recovery else None
        timer = StartTimer(RECOVERY, wakes, holds=True, label="first model may be tried again") if wakes else None
        models = len(view.models)
        if not view.visited:
            notice = None  # nothing could be begun, because they rest: that is said with each one's time
        elif models <= 1:
            remedy = "Enable a second one, or add a key for another provider."
            notice = Notify(f"There is no other model to switch to. {remedy}", "warning")
        else:
            notice = Notify(f"All {models} models have failed.", "warning")
        return tuple(effect for effect in (notice, timer) if effect is not None)


def complete_models(view: View, prefix: str) -> Sequence[str]:
    names = [str(model) for model in view.models]
    return [name for name in names if prefix.lower() in name.lower()]
