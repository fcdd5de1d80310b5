"""A character that a host sent in two halves, in two events."""

import pytest

from pi_fallback.http import WireError
from pi_fallback.providers.halves import Halves
from pi_fallback.providers.sse import SseEvent
from pi_fallback.testing import Ok
from pi_fallback_hookspecs import Fault, FaultKind, Reply
from tests.pairs import PAIRS, Pair

REFUSED = Fault(FaultKind.MALFORMED, "no JSON")


def joined(*events: str) -> list[str]:
    halves = Halves()
    done = [halves.joined(SseEvent("delta", event.encode()), REFUSED) for event in events]
    halves.check()
    assert {event.name for event in done} == {"delta"}
    return [event.data.decode() for event in done]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([r'"a\ud83d"', r'"\ude00b"'], [r'"a"', r'"\ud83d\ude00b"']),
        ([r'{"t":"\uD83D"}', r'{"t": "\uDE00"}'], [r'{"t":""}', r'{"t": "\uD83D\uDE00"}']),
        ([r'"\ud83d"', r'"\ude00 \ud83d"', r'"\ude01"'], ['""', r'"\ud83d\ude00 "', r'"\ud83d\ude01"']),
        # Two fields that say the same.
        ([r'["\ud83d","x\ud83d"]', r'["\ude00","\ude00"]'], [r'["","x"]', r'["\ud83d\ude00","\ud83d\ude00"]']),
        # Backslashes and quotes that were meant.
        ([r'"\\\\\ud83d"', r'"\ude00\\"'], [r'"\\\\"', r'"\ud83d\ude00\\"']),
        ([r'["\\ud83d","\ud83d"]', r'["\ude00","\\ude00"]'], [r'["\\ud83d",""]', r'["\ud83d\ude00","\\ude00"]']),
    ],
)
def test_the_first_half_moves_to_the_second(events: list[str], expected: list[str]) -> None:
    assert joined(*events) == expected


@pytest.mark.parametrize(
    "events",
    [
        [r'"\ude00"'],
        [r'"a\ud83db"'],
        [r'"\ud83d\""'],
        [r'["\ud83d","\ud83e"]'],
        [r'"\ud83d"', r'"\ud83d"'],
        [r'"\ud83d"', r'"a\ude00"'],
        [r'"\ud83d"', r'"\"\ude00"'],
        [r'"\ud83d"', "nonsense"],
        [r'"\\ud83d"'],
        ["nonsense"],
        [r'"\ud83d"'],
        [r'"\ud83d"', r'"\ude00 \ud83d"'],
    ],
)
def test_rs7_half_a_character_is_none(events: list[str]) -> None:
    with pytest.raises(WireError) as caught:
        joined(*events)
    assert caught.value.fault.kind is FaultKind.MALFORMED


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
def test_rs7_each_dialect_reads_a_character_that_came_in_two_events(pair: Pair) -> None:
    stream = pair.answer(Ok("a<>b", chunk=1), pair.call()).replace(b"<>", rb"\ud83d\ude00")
    halved = stream.replace(b'"<"', rb'"\ud83d"').replace(b'">"', rb'"\ude00"')
    assert halved != stream
    _, end = pair.fold(pair.call(), halved)
    assert isinstance(end, Reply), end
    assert end.message.text == "a\U0001f600b"
