"""Timers: named per plugin, each a task in a scope that this module owns."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import anyio
import anyio.abc

TimerKey: TypeAlias = tuple[str, str]
LONGEST_SLEEP_S = 86_400.0  # a later moment is reached in steps


@dataclass
class _Timer:
    at: float
    holds: bool
    scope: anyio.CancelScope


@dataclass
class Timers:
    """Runs timers in `tasks` and calls `fire(plugin, name)` at the moment.

    `changed` hears when a timer starts and when it is gone, `answered` when what it fired is done. A
    timer that was cancelled or restarted does not fire, even if its moment had come.
    """

    tasks: anyio.abc.TaskGroup
    fire: Callable[[str, str], Awaitable[None]]
    changed: Callable[[TimerKey, float | None, str], None]
    answered: Callable[[], None]
    _timers: dict[TimerKey, _Timer] = field(default_factory=dict[TimerKey, _Timer], init=False)
    _moments: dict[TimerKey, float] = field(default_factory=dict[TimerKey, float], init=False)
    _firing: int = field(default=0, init=False)

    @property
    def moments(self) -> Mapping[TimerKey, float]:
        """The running timers as they are now; a later change makes a new mapping."""
        return MappingProxyType(self._moments)

    @property
    def holding(self) -> bool:
        """Whether a timer that keeps the agent from being settled runs or is being answered."""
        return self._firing > 0 or any(timer.holds for timer in self._timers.values())

    def start(self, plugin: str, name: str, at: float, *, holds: bool, label: str = "") -> None:
        """Start the timer, in place of the one of that name."""
        key = (plugin, name)
        if (old := self._timers.pop(key, None)) is not None:
            old.scope.cancel()
        timer = self._timers[key] = _Timer(at, holds, anyio.CancelScope())
        self._moments = {**self._moments, key: at}
        self.tasks.start_soon(self._wait, key, timer)
        self.changed(key, at, label)

    def cancel(self, plugin: str, name: str) -> None:
        timer = self._forget((plugin, name))
        if timer is not None:
            timer.scope.cancel()
            self.changed((plugin, name), None, "")

    def cancel_all(self, *, holding_only: bool = False) -> None:
        """Cancel every timer, or every one that holds."""
        for (owner, name), timer in tuple(self._timers.items()):
            if timer.holds or not holding_only:
                self.cancel(owner, name)

    def _forget(self, key: TimerKey) -> _Timer | None:
        timer = self._timers.pop(key, None)
        self._moments = {other: at for other, at in self._moments.items() if other != key}
        return timer

    async def _wait(self, key: TimerKey, timer: _Timer) -> None:
        with timer.scope:
            while (left := timer.at - anyio.current_time()) > 0:  # noqa: ASYNC110  # a wait for time, not for a change
                await anyio.sleep(min(left, LONGEST_SLEEP_S))
        # A cancel may come after the sleep ends but before this line runs: then the cancel wins.
        if timer.scope.cancel_called:
            return
        self._forget(key)
        self._firing += 1
        try:
            self.changed(key, None, "")
            await self.fire(*key)
        finally:
            self._firing -= 1
            self.answered()
