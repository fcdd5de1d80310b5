"""Which part of a history is summarised, and what never is."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.config.policies import CompactionPolicy
from pi_fallback.core.compacting import (
    ONLY_NEWEST,
    TOO_LONG,
    Compaction,
    Cut,
    Room,
    compacted,
    cut,
    is_failed,
    is_full,
    own_tokens,
    room_in,
    summary_in,
    summary_message,
    tokens_in,
    window_of,
)
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Request,
    ToolResultMessage,
    ToolSpec,
    Usage,
    UserMessage,
    user_message,
)
from tests.core.histories import answer, failed, histories, result

LONG = "x" * 4000  # a thousand tokens
ROOM = Room(whole=10_000, recent=50, summary=100)
P, Q, S = user_message("do it"), user_message("and that"), summary_message("so far")
rooms = st.builds(Room, whole=st.integers(500, 20_000), recent=st.integers(0, 1500), summary=st.just(100))


def parts(messages: Sequence[Message], room: Room = ROOM) -> tuple[str, int, int] | str:
    """The former summary, and how many messages are older and how many are kept; or why there is no cut."""
    found = cut(messages, room)
    return found if isinstance(found, str) else (found.former, len(found.older), len(found.kept))


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((), "there is nothing to shorten yet"),
        ((failed(),), "there is nothing to shorten yet"),
        ((P,), "it is short already"),
        ((P, answer("ok"), Q, answer("ok")), "it is short already"),
        ((user_message(LONG),), ONLY_NEWEST),
        ((P, answer("", "c"), result("c", LONG * 11)), ONLY_NEWEST),
        ((P, answer(LONG), Q, answer("", "c"), result("c", LONG * 11)), TOO_LONG),
        ((P, answer(LONG), Q), ("", 2, 1)),
        ((P, answer(LONG), Q, answer("ok")), ("", 2, 2)),
        ((P, answer(LONG), P, answer(LONG), Q), ("", 4, 1)),
        ((S, P, answer(LONG), Q), ("so far", 2, 1)),
        ((S, P), "it is short already"),
        ((P, answer(LONG), Q, failed()), ("", 2, 2)),
        # In the middle of a run its prompt stays, and so does what was said to it.
        ((P, answer(LONG, "c"), result("c"), answer("so", "d"), result("d")), ("", 3, 3)),
        ((P, failed(), Q, answer(LONG, "c"), result("c"), answer("so", "d"), result("d")), ("", 5, 4)),
        ((Q, answer("ok"), P, answer(LONG, "c"), result("c"), answer("", "d"), result("d")), ("", 5, 3)),
        ((P, answer(LONG, "c"), result("c"), Q, answer("", "d"), result("d")), ("", 3, 4)),
        # A call that is open stays, with all that came after it.
        ((P, answer(LONG), Q, answer("", "c", "d"), result("c")), ("", 2, 3)),
        ((P, answer(LONG, "c"), P, Q), ONLY_NEWEST),
        # The newest stays, however long it is.
        ((P, answer("ok"), Q, answer("", "c"), result("c", LONG)), ("", 3, 3)),
    ],
)
def test_where_a_history_is_cut(messages: Sequence[Message], expected: tuple[str, int, int] | str) -> None:
    assert parts(messages) == expected


def test_what_is_kept_must_fit() -> None:
    messages = (P, answer("ok"), Q, answer("", "c"), result("c", LONG))
    assert parts(messages, Room(900, 50, 100)) == TOO_LONG


@given(histories(open_ends=True), rooms)
def test_the_newest_messages_are_kept_verbatim_and_none_is_in_neither_part(
    messages: tuple[Message, ...], room: Room
) -> None:
    found = cut(messages, room)
    if isinstance(found, Cut):
        assert found.older == messages[: len(found.older)]
        rest = messages[len(found.older) :]
        assert any(not is_failed(message) for message in rest)
        asked = found.kept[: len(found.kept) - len(rest)]
        assert found.kept == (*asked, *rest)
        assert all(isinstance(message, UserMessage) for message in asked)


@given(histories(open_ends=True), rooms)
def test_a_call_and_its_result_are_never_parted_and_an_open_call_is_kept(
    messages: tuple[Message, ...], room: Room
) -> None:
    found = cut(messages, room)
    if isinstance(found, Cut):
        assert calls_in(found.older) == results_in(found.older)
        assert calls_in(found.kept) - results_in(found.kept) == calls_in(messages) - results_in(messages)
        assert not results_in(found.kept) - calls_in(found.kept)


@given(histories(open_ends=True), rooms)
def test_what_the_user_asked_of_the_run_that_goes_on_is_kept(messages: tuple[Message, ...], room: Room) -> None:
    found = cut(messages, room)
    if isinstance(found, Cut):
        prompts = [message for message in run_of(messages, len(found.older)) if isinstance(message, UserMessage)]
        assert [message for message in found.kept if isinstance(message, UserMessage)][: len(prompts)] == prompts


@given(histories(), rooms, st.text("s", min_size=1, max_size=400))
def test_a_history_that_was_compacted_is_shorter_and_fits(
    messages: tuple[Message, ...], room: Room, summary: str
) -> None:
    found = cut(messages, room)
    if isinstance(found, Cut):
        done = compacted(messages, found, summary, room)
        if isinstance(done, Compaction):
            assert done.tokens_after == tokens_in(done.messages) < done.tokens_before == tokens_in(messages)
            assert done.tokens_after <= room.whole
            assert summary_in(done.messages[0]) == summary
            assert done.messages[1:] == found.kept


@given(histories(), histories(), rooms)
def test_a_second_compaction_builds_on_the_summary_of_the_first(
    before: tuple[Message, ...], after: tuple[Message, ...], room: Room
) -> None:
    found = cut(before, room)
    first = compacted(before, found, "first", room) if isinstance(found, Cut) else None
    if isinstance(first, Compaction):
        again = cut((*first.messages, *after), room)
        if isinstance(again, Cut):
            assert again.former == "first"
            assert all(summary_in(message) is None for message in (*again.older, *again.kept))


@pytest.mark.parametrize("summary", ["", "a\n\nb", "[End of the summary.", summary_message("inner").text])
def test_a_summary_is_known_again(summary: str) -> None:
    assert summary_in(summary_message(summary)) == summary


@pytest.mark.parametrize("message", [P, answer("ok"), result("c")])
def test_nothing_else_is_taken_for_a_summary(message: Message) -> None:
    assert summary_in(message) is None


def test_a_summary_that_is_no_shorter_or_too_long_is_refused() -> None:
    messages = (P, answer(LONG), Q)
    found = cut(messages, ROOM)
    assert isinstance(found, Cut)
    assert compacted(messages, found, LONG * 2, ROOM) == "the summary is no shorter than what it would replace"
    shorter = compacted((user_message(LONG * 3), answer("ok"), Q), found, LONG, Room(900, 50, 100))
    assert shorter == "it would be too long even with the summary in place of its older part"


@pytest.mark.parametrize(
    ("window", "besides", "room"),
    [
        (128_000, 0, Room(111_616, 20_000, 12_288)),
        (128_000, 1_616, Room(110_000, 20_000, 12_288)),
        (8_000, 0, Room(4_000, 2_000, 1_000)),  # a reserve is at most half of the window
        (1, 10, Room(1, 0, 1)),
    ],
)
def test_the_room_of_a_window(window: int, besides: int, room: Room) -> None:
    assert room_in(window, CompactionPolicy(), besides=besides) == room


@pytest.mark.parametrize(
    ("used", "policy", "full"),
    [
        (111_617, CompactionPolicy(), True),
        (111_616, CompactionPolicy(), False),
        (111_617, CompactionPolicy(enabled=False), False),
        (111_617, CompactionPolicy(reserve_tokens=1_000), False),
    ],
)
def test_a_context_is_full_when_its_reserve_is_touched(used: int, policy: CompactionPolicy, full: bool) -> None:
    assert is_full(Usage(input=used - 5, output=5), 128_000, policy) is full


@pytest.mark.parametrize(
    ("usage", "overflowed", "window"),
    [
        (None, False, 100_000),
        (Usage(input=500), False, 100_000),  # the estimate is on the safe side
        (Usage(input=2_002), False, 50_000),  # the provider counts twice what we do
        (None, True, 1_001),  # it is too long, so the window is no larger
    ],
)
def test_a_window_is_measured_by_what_the_provider_says(usage: Usage | None, overflowed: bool, window: int) -> None:
    request = Request((user_message(LONG),))
    assert window_of(100_000, request, usage, overflowed=overflowed) == window


def test_an_estimate_counts_all_that_is_sent() -> None:
    assert tokens_in((user_message("x" * 8, (Image("aGk=", "image/png"),)), failed(LONG))) == 1 + 2 + 1_500
    assert tokens_in((answer("", "c"),)) == 1 + 6  # bash{"command": "ls"}
    assert own_tokens("x" * 40, (ToolSpec("ls", "x" * 18, {"type": "object"}),)) == (40 + 2 + 18 + 18) // 4


def calls_in(messages: Sequence[Message]) -> Counter[str]:
    answers = (message for message in messages if isinstance(message, AssistantMessage))
    return Counter(call.id for message in answers for call in message.tool_calls)


def results_in(messages: Sequence[Message]) -> Counter[str]:
    return Counter(message.call_id for message in messages if isinstance(message, ToolResultMessage))


def run_of(messages: Sequence[Message], at: int) -> Sequence[Message]:
    """The run in whose middle `at` is: from after the last answer that called nothing, if it does not begin there."""
    ends = [
        here + 1
        for here, (message, _) in enumerate(pairwise((*messages, P)))
        if isinstance(message, AssistantMessage) and not message.tool_calls and not is_failed(message)
    ]
    begun = max((end for end in ends if end <= at), default=0)
    return () if begun == at and isinstance(messages[at], UserMessage) else messages[begun:at]
