"""Handing a conversation from each dialect to each other, and back, over servers that refuse what APIs refuse."""

from collections.abc import Sequence
from contextlib import aclosing
from itertools import permutations

import pytest

from pi_fallback.http import Http
from pi_fallback.providers.streaming import stream_of
from pi_fallback.testing import FaultServer, Ok, ToolCallScript
from pi_fallback_hookspecs import (
    AssistantMessage,
    Call,
    Message,
    Producer,
    Reply,
    StopReason,
    Text,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)
from tests.handover.asking import PICTURE, TOOLS, check, tokens_of, tokens_sent
from tests.pairs import PAIRS, Pair

pytestmark = pytest.mark.anyio

READ, EDIT = (
    ToolCallScript("read", {"path": "a.py"}),
    ToolCallScript("edit", {"path": "b.py", "lines": [1, {"x": "é"}]}),
)
LOOKING = Ok("I look at both.", thinking="<thought 1> Two files.", tools=[READ, EDIT])
SECOND = Ok("One more.", thinking="<thought 2>", tools=[READ])
DONE = Ok("They agree.", thinking="<thought 3>")
SIGNING = ("openai-responses", "anthropic-messages", "google-generative-ai")


def call_of(pair: Pair, server: FaultServer, messages: Sequence[Message]) -> Call:
    base_url = server.origin if pair.name == "google-generative-ai" else server.base_url
    return pair.call(*messages, base_url=base_url, system="Be brief.", tools=TOOLS, thinking="high")


async def asked(pair: Pair, server: FaultServer, messages: list[Message]) -> Call:
    """Ask with `messages`, add the answer and the results of its calls to them; return what was asked."""
    call = call_of(pair, server, messages)
    check(pair, call)
    async with Http(wall=lambda: 0.0) as http, aclosing(stream_of(http, pair.dialect)(call)) as events:
        end = [event async for event in events][-1]
    assert isinstance(end, Reply), end
    messages.append(end.message)
    for called in end.message.tool_calls:
        picture = (PICTURE,) if called.name == "edit" else ()
        number = len(messages)
        messages.append(ToolResultMessage(called.id, called.name, (Text(f"<result {number}>"), *picture)))
    return call


def broken_off(pair: Pair) -> AssistantMessage:
    """Return an answer of which half came."""
    call = ToolCall("call_half", "edit", {"path": "<failed 1>"})
    return AssistantMessage((Text("<failed 2>"), call), StopReason.ERROR, Producer(pair.name, "big", pair.name))


@pytest.mark.parametrize(("first", "second"), permutations(PAIRS, 2), ids=lambda pair: pair.name)
async def test_rt5_rt7_any_dialect_takes_a_conversation_of_any_other_and_gives_it_back(
    first: Pair, second: Pair
) -> None:
    messages: list[Message] = [UserMessage((Text("<prompt 1>"), PICTURE))]
    async with FaultServer([LOOKING, SECOND, DONE, DONE]) as server:
        await asked(first, server, messages)
        messages.append(broken_off(first))
        of_first = tokens_of(messages)

        handed = await asked(second, server, messages)
        assert tokens_sent(second, handed) == set()
        messages += [broken_off(second), UserMessage((Text("<prompt 2>"),))]

        back = await asked(first, server, messages)
        assert tokens_sent(first, back) == of_first
        assert bool(of_first) is (first.name in SIGNING)
        messages.append(UserMessage((Text("<prompt 3>"),)))

        again = await asked(second, server, messages)
        assert tokens_sent(second, again) == tokens_of(
            m for m in messages if is_by(m, second) and m is not messages[-1]
        )
    assert server.violations == ()
    assert [request.outcome for request in server.requests] == ["answered"] * 4
    shapes = [[type(block).__name__ for block in m.content] for m in messages if isinstance(m, AssistantMessage)]
    assert [len([kind for kind in shape if kind == "ToolCall"]) for shape in shapes] == [2, 1, 1, 1, 0, 0]


def is_by(message: Message, pair: Pair) -> bool:
    is_whole = isinstance(message, AssistantMessage) and message.stop_reason is not StopReason.ERROR
    return is_whole and message.producer.provider == pair.name
