"""Compaction: the older part of a session's history gives way to a summary, wholly or not at all."""

import anyio

from pi_fallback.core.compacting import Compaction, Cut, Room, compacted, cut, is_full, own_tokens, room_in, window_of
from pi_fallback.runtime import feed
from pi_fallback.runtime.host import Host
from pi_fallback.runtime.parts import ABILITIES, CompactionOrder
from pi_fallback.runtime.stage import Stage
from pi_fallback.runtime.summariser import WINDOW, CannotCompact, Summariser
from pi_fallback.runtime.waits import Waits
from pi_fallback_hookspecs import BeforeCompact, Compacted, KeepHistory, Summary


class Compactor:
    """Shortens the history of `host`. Who calls it sees to it that nothing else changes the history meanwhile."""

    def __init__(self, host: Host, waits: Waits) -> None:
        self.host = host
        self.waits = waits
        self.policy = host.parts.compaction

    @property
    def is_due(self) -> bool:
        """Whether the last answer has left too little of the context for another, and shortening would help."""
        conversation = self.host.conversation
        if conversation.usage is None or not is_full(conversation.usage, self._window, self.policy):
            return False
        return isinstance(self._cut(overflowed=False), Cut)

    async def carry_out(self, order: CompactionOrder) -> bool:
        """Do what `order` says; return whether the history is shorter now. Until then nothing of it changes."""
        host = self.host
        host.wanted, host.compacting = None, order
        host.emit(feed.CompactionStarted(order.reason))
        aborted = False
        try:
            await self._carry_out(order)
        except CannotCompact as error:
            order.error = str(error)
        except anyio.get_cancelled_exc_class():
            aborted = order.result is None
            order.error = "aborted" if aborted else ""
            raise
        finally:
            host.compacting = None
            host.engine.expect(host.conversation.request(None))
            again = order.will_retry and order.result is not None
            host.emit(feed.CompactionEnded(order.reason, order.result, order.error or None, aborted, again))
            order.over.set()
        if order.result is None and order.by and not order.will_retry:
            await host.effect_failed(order.by, "CompactHistory", order.error, Stage(host, host.epoch))
        return order.result is not None

    async def _carry_out(self, order: CompactionOrder) -> None:
        host, conversation = self.host, self.host.conversation
        overflowed = order.reason == "overflow"
        conversation.hide(host.parts.wires.secrets)
        found = self._cut(overflowed=overflowed)
        if isinstance(found, str):
            raise CannotCompact(found)
        summary = await self._own_summary(order, found)
        if summary is None:
            route, window = conversation.route, self._measured(overflowed=overflowed)
            summariser = Summariser(host, self.waits, {route.ref: window} if route else {})
            summary = await summariser.summary(found, order.instructions)
        result = compacted(conversation.messages, found, summary, self._room(overflowed=overflowed))
        if not isinstance(result, Compaction):
            raise CannotCompact(result)
        conversation.compact(result)
        order.result = result
        await host.tell(
            "compacted",
            lambda view: Compacted(
                view=view,
                can=ABILITIES,
                reason=order.reason,
                summary=summary,
                tokens_before=result.tokens_before,
                tokens_after=result.tokens_after,
            ),
        )

    async def _own_summary(self, order: CompactionOrder, found: Cut) -> str | None:
        """The summary that a plugin has, or None if a model is to write it.

        Raises:
            CannotCompact: a plugin wants the history as it is.
        """
        host = self.host
        await host.plan(host.engine.refresh(host.conversation.route))
        event = BeforeCompact(
            view=host.view(),
            can=ABILITIES,
            reason=order.reason,
            older=found.older,
            kept=found.kept,
            summary=found.former,
            instructions=order.instructions,
        )
        host.heard("before_compact", event)
        match await host.parts.dispatcher.first("before_compact", event):
            case KeepHistory(reason):
                raise CannotCompact(reason)
            case Summary(text):
                return host.signals.clean(text)
            case _:
                return None

    # How long it may be

    @property
    def _window(self) -> int:
        route, catalog = self.host.conversation.route, self.host.parts.wires.catalog
        model = None if route is None else catalog.get(route.ref)
        return WINDOW if model is None else model.context_window

    def _measured(self, *, overflowed: bool) -> int:
        conversation = self.host.conversation
        return window_of(self._window, conversation.request(None), conversation.usage, overflowed=overflowed)

    def _room(self, *, overflowed: bool) -> Room:
        conversation = self.host.conversation
        besides = own_tokens(conversation.system, conversation.tools)
        return room_in(self._measured(overflowed=overflowed), self.policy, besides=besides)

    def _cut(self, *, overflowed: bool) -> Cut | str:
        return cut(self.host.conversation.messages, self._room(overflowed=overflowed))
