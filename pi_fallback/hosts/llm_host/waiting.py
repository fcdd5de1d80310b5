"""Waiting for a model that may never come back: events in time, or `Stalled`."""

import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeAlias

import anyio
from llm.parts import StreamEvent

from pi_fallback.hosts.llm_host.clock import Clock


@dataclass(frozen=True, slots=True)
class Ended:
    """There are no more events; `error` says why, if not because the answer is over."""

    error: BaseException | None = None


Mail: TypeAlias = "SimpleQueue[StreamEvent | Ended]"


def in_time(events: Callable[[], Iterable[StreamEvent]], clock: Clock) -> Generator[StreamEvent, None, None]:
    """Yield what `events` gives, in a thread of its own.

    A thread that hangs in a read is left behind: it is a daemon, so the program can end all the same.

    Raises:
        Stalled: nothing came in time.
    """
    mail: Mail = SimpleQueue()
    left = threading.Event()
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_pumped, events, mail, left), name="llm answer", daemon=True).start()
    try:
        while True:
            try:
                item = mail.get(timeout=clock.left_s())
            except Empty:
                raise clock.stalled() from None
            if isinstance(item, Ended):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        left.set()


def _pumped(events: Callable[[], Iterable[StreamEvent]], mail: Mail, left: threading.Event) -> None:
    try:
        for event in events():
            mail.put(event)
            if left.is_set():
                return
    except BaseException as error:
        mail.put(Ended(error))
    else:
        mail.put(Ended())


async def in_time_async(events: AsyncGenerator[StreamEvent, None], clock: Clock) -> AsyncGenerator[StreamEvent, None]:
    """Yield what `events` gives. A wait that is over its time is cancelled.

    Raises:
        Stalled: nothing came in time.
    """
    async with aclosing(events):
        while True:
            event: StreamEvent | None = None
            with anyio.move_on_after(clock.left_s()) as scope:
                event = await anext(events, None)
            if scope.cancelled_caught:
                raise clock.stalled()
            if event is None:
                return
            yield event
