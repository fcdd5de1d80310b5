"""The outbox: everything arrives in order, and a slow reader stops nobody."""

from dataclasses import dataclass, field

import anyio
import pytest

from pi_fallback.modes.outbox import Outbox, outbox_to
from tests.modes.streams import Event, Written

pytestmark = pytest.mark.anyio


@dataclass
class Stuck(Written):
    """A sink that takes nothing until `let_go`."""

    let_go: anyio.Event = field(default_factory=anyio.Event)

    async def send(self, item: bytes, /) -> None:
        await self.let_go.wait()
        await super().send(item)


def delta(number: int) -> Event:
    return {"type": "message_update", "n": number, "text": "x" * 100}


def ended(number: int) -> Event:
    return {"type": "message_end", "n": number, "text": "x" * 100}


async def test_what_is_put_arrives_in_order_when_the_block_is_left() -> None:
    out = Written()
    async with outbox_to(out) as outbox:
        for number in range(5000):
            outbox.put(delta(number))
    assert [event["n"] for event in out.events] == list(range(5000))
    assert outbox.gone is None


async def test_over_the_room_streamed_pieces_are_left_out_and_ends_are_kept() -> None:
    out = Stuck()
    async with outbox_to(out, room=10_000) as outbox:
        for number in range(1000):
            outbox.put(delta(number))
            if number % 100 == 99:
                outbox.put(ended(number))
        await anyio.wait_all_tasks_blocked()
        out.let_go.set()
        await outbox.empty()
        outbox.put(delta(1000))
    assert [event["n"] for event in out.of("message_end")] == list(range(99, 1000, 100))
    assert len(out.of("message_update")) < 100
    assert out.of("message_update")[-1]["n"] == 1000


async def test_who_asks_for_more_waits_for_room() -> None:
    out = Stuck()
    async with outbox_to(out, room=1000) as outbox:
        for number in range(20):
            outbox.put(ended(number))
        with anyio.move_on_after(0.01) as waited:
            await outbox.has_room()
        assert waited.cancelled_caught
        out.let_go.set()
        await outbox.has_room()


async def test_over_the_limit_nobody_is_taken_to_read_and_the_block_ends() -> None:
    out = Stuck()
    async with outbox_to(out, room=1000, full=10_000) as outbox:
        while outbox.gone is None:
            outbox.put(ended(0))
        await anyio.sleep_forever()
    assert outbox.gone == "more than 10000 bytes wait to be read"


async def test_a_closed_output_ends_the_block() -> None:
    async with outbox_to(Written(closes_after=0)) as outbox:
        outbox.put(ended(0))
        await anyio.sleep_forever()
    assert outbox.gone == "the output was closed"


async def test_after_the_end_nothing_waits() -> None:
    outbox = Outbox(Written(closes_after=0))
    outbox.put(ended(0))
    await outbox.run()
    outbox.put(ended(1))
    await outbox.has_room()
    await outbox.empty()
