"""A history that was shortened is one that every dialect sends and every API takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.compacting import Compaction, Cut, Room, compacted, cut
from pi_fallback.core.summarising import question
from pi_fallback.providers.history import disorder, sendable
from pi_fallback_hookspecs import Message
from tests.core.histories import histories
from tests.handover.asking import TOOLS
from tests.pairs import PAIRS, Pair

rooms = st.builds(Room, whole=st.just(20_000), recent=st.integers(0, 500), summary=st.just(100))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@given(messages=histories(), room=rooms, image=st.booleans())
def test_every_dialect_takes_a_compacted_history(
    pair: Pair, messages: tuple[Message, ...], room: Room, image: bool
) -> None:
    found = cut(messages, room)
    done = compacted(messages, found, "what was said", room) if isinstance(found, Cut) else None
    if isinstance(done, Compaction):
        assert disorder(sendable(done.messages)) is None
        inputs = frozenset({"text", "image"} if image else {"text"})
        call = pair.call(*done.messages, tools=TOOLS, inputs=inputs)
        assert pair.wire.violations(pair.asked(call)) == ()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize("former", ["", "they met"])
def test_every_dialect_takes_a_question_for_a_summary(pair: Pair, former: str) -> None:
    request = question("User: hi", former, "", Room(10_000, 500, 100))
    call = pair.call(*request.messages, system=request.system, max_tokens=request.max_tokens)
    assert pair.wire.violations(pair.asked(call)) == ()
