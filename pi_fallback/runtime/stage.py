"""The stage: where the effects of one answer take effect, unless the user has acted since it was asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pi_fallback.runtime.parts import CompactionOrder, RunOrder
from pi_fallback.runtime.performer import EffectError
from pi_fallback_hookspecs import CompactHistory, Level, Rest, Route, Run, StartTimer, Wake

if TYPE_CHECKING:
    from pi_fallback.runtime.host import Host


@dataclass
class Stage:
    """Performs on `host` what was asked for in `epoch`; an older order is dropped without a word.

    `by_user`: a command ordered it, so a run starts a new episode and takes the place of one that
    waits. `only_when_idle`: a run that is going on is not to be followed by another. `selecting`:
    plugins are told of a choice just made, and cannot make another. With `quiet`, and while a session
    closes, nothing may start any more; after an abort nothing that goes on, until the user says something. With
    `too_long` a request is to be repeated that has failed for its length.
    """

    host: "Host"
    epoch: int
    by_user: bool = False
    only_when_idle: bool = False
    selecting: bool = False
    quiet: bool = False
    too_long: bool = False

    @property
    def is_over(self) -> bool:
        return self.epoch != self.host.epoch

    def _check(self, what: str) -> None:
        if self.quiet or self.host.closing:
            raise EffectError(f"{what} now")

    def _check_going_on(self, what: str) -> None:
        self._check(what)
        if self.host.halted and not self.by_user:
            raise EffectError(f"{what}: the user has aborted")

    def book(self, effect: Rest | Wake) -> None:
        if self.is_over:
            return
        self.host.engine.booked(effect)
        self.host.booked(effect)

    def start_timer(self, plugin: str, effect: StartTimer) -> None:
        if self.is_over:
            return
        if effect.holds:
            self._check_going_on("no timer that holds can start")
        else:
            self._check("no timer can start")
        if not math.isfinite(effect.at):
            raise EffectError(f"a timer cannot fire at {effect.at}")
        self.host.timers.start(plugin, effect.name, effect.at, holds=effect.holds, label=effect.label)

    def cancel_timer(self, plugin: str, name: str) -> None:
        if not self.is_over:
            self.host.timers.cancel(plugin, name)

    async def switch(self, plugin: str, on: Sequence[Route], reason: str) -> None:
        if self.is_over:
            return
        self._check("no route can be chosen")
        if self.selecting:
            raise EffectError("a route was chosen just now")
        await self.host.switch_to(on, reason or plugin, "user" if self.by_user else "failover")

    def notify(self, text: str, level: Level) -> None:
        if not self.is_over:
            self.host.notify(text, level)

    def status(self, plugin: str, key: str, text: str | None) -> None:
        if not self.is_over:
            self.host.status(plugin, key, text)

    def compact(self, plugin: str, effect: CompactHistory) -> None:
        if self.is_over:
            return
        self._check_going_on("the history cannot be shortened")
        if self.too_long and (waiting := self.host.wanted) is not None:
            waiting.reason, waiting.will_retry = "overflow", True
            return
        if self.host.is_compacting:
            raise EffectError("the history is being shortened already")
        if self.by_user or self.host.may_go_on(plugin):
            reason = "overflow" if self.too_long else "manual"
            self.host.want(CompactionOrder(reason, effect.instructions, plugin, will_retry=self.too_long))

    def abort_run(self, reason: str) -> None:
        if not self.is_over and self.host.scope is not None:
            self.host.scope.cancel()

    def run(self, plugin: str, effect: Run) -> None:
        if self.is_over:
            return
        self._check_going_on("no run can start")
        if not effect.on:
            raise EffectError("there is no other model to go on with")
        host, waiting = self.host, self.host.order
        new_episode = self.by_user or effect.fresh
        if not new_episode and host.engine.is_spent(host.episode):
            raise EffectError("this has failed too often")
        if self.only_when_idle and (host.scope is not None or waiting is not None):
            raise EffectError("the agent is working already")
        if self.by_user:
            host.chosen = effect.on
        if waiting is not None and self.by_user:
            host.put(replace(waiting, on=effect.on, by=plugin, reason=effect.reason))
            return
        if waiting is not None:
            host.notify(f"{plugin} wanted to go on; another run is about to start", "info")
            return
        if not (self.by_user or host.may_go_on(plugin)):
            return
        order = RunOrder(
            "continue",
            self.epoch,
            on=effect.on,
            say=effect.say,
            by=plugin,
            reason=effect.reason,
            new_episode=new_episode,
        )
        host.put(order)
