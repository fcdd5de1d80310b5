"""Signals: what a host tells. Observers listen; nobody decides here.

Answers that matter are asked for with hooks. A status line, a log, a metric listens here.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any

from blinker import Signal

from pi_fallback.runtime.feed import FeedItem
from pi_fallback.runtime.hiding import Clean, cleaned_item

log = logging.getLogger(__name__)


class GuardedSignal(Signal):
    """A blinker signal whose receivers cannot hurt who sends: one that raises is logged, the others still hear."""

    def __init__(self, name: str, doc: str) -> None:
        super().__init__(doc)
        self.name = name

    def send(self, sender: Any = None, /, **facts: Any) -> list[tuple[Callable[..., Any], Any]]:
        if self.is_muted:
            return []
        answers: list[tuple[Callable[..., Any], Any]] = []
        for receiver in list(self.receivers_for(sender)):
            try:
                answer = receiver(sender, **facts)
                if inspect.iscoroutine(answer):
                    answer.close()
                    raise TypeError("a receiver is a plain function; this one is async")
            except Exception:
                log.exception("a receiver of the signal %r failed", self.name)
                continue
            answers.append((receiver, answer))
        return answers


class Signals:
    """The signals of one host. Receivers are called in the host's event loop and must return at once.

    blinker holds receivers weakly: keep a reference to yours, or connect it with `weak=False`. `clean` takes secrets
    out of what is said.
    """

    def __init__(self, clean: Clean = str) -> None:
        self.clean = clean
        self._listeners: tuple[Callable[[FeedItem], None], ...] = ()
        self.event = GuardedSignal(
            "event",
            "A lifecycle event happened; sent before the plugins are asked. Sender: the agent. "
            "Arguments: `hook`, the name of its hook, and `event`.",
        )
        self.update = GuardedSignal(
            "update",
            "Something happened that a screen shows, streamed pieces included; nothing is made or sent "
            "if nobody listens. Sender: these signals. Arguments: `item`, of pi_fallback.runtime.feed.",
        )
        self.switched = GuardedSignal(
            "switched",
            "The session's route changed. Sender: the agent. Arguments: `route`, `previous` (or None), "
            "`source` (user, failover, restore) and `reason`.",
        )
        self.rested = GuardedSignal(
            "rested",
            "A scope rests from now on. Sender: the agent. "
            "Arguments: `scope`, `until` (monotonic seconds) and `reason`.",
        )
        self.woke = GuardedSignal("woke", "A rest was ended by an order. Sender: the agent. Arguments: `scope`.")
        self.resumed = GuardedSignal(
            "resumed",
            "Work went on by itself: a plugin ordered a run. Sender: the agent. "
            "Arguments: `route`, `by` (the plugin) and `reason`.",
        )
        self.gave_up = GuardedSignal(
            "gave_up",
            "Nothing is left to try. Sender: the agent. Arguments: `text`, which names each route and its reason.",
        )
        self.timer = GuardedSignal(
            "timer",
            "A plugin's timer started, ended or fired. Sender: the agent. Arguments: `plugin`, `name`, "
            "`at` (the moment in monotonic seconds, None if it is gone) and `fired`.",
        )
        self.plugin_fault = GuardedSignal(
            "plugin_fault",
            "A plugin failed: its answer is lost. Sender: the dispatcher. "
            "Arguments: `fault`, of pi_fallback.runtime.faults.",
        )

    @property
    def all(self) -> tuple[GuardedSignal, ...]:
        return tuple(value for value in vars(self).values() if isinstance(value, GuardedSignal))

    def emit(self, item: FeedItem) -> None:
        """Give `item` to the listeners, and send `update` if anybody has connected to it."""
        item = cleaned_item(item, self.clean)
        for listener in self._listeners:
            try:
                listener(item)
            except Exception:
                log.exception("a listener of the feed failed")
        if self.update.receivers:
            self.update.send(self, item=item)

    def listen(self, listener: Callable[[FeedItem], None]) -> Callable[[], None]:
        """Call `listener` with each item of the feed; the result ends that. Cheaper than the signal `update`."""
        self._listeners = (*self._listeners, listener)

        def end() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return end
