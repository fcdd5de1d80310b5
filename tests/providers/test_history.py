"""The history that every dialect is given: whatever a file holds, a provider takes what comes out."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.providers.history import (
    NO_BEGINNING,
    NO_CALL,
    NO_RESULT,
    NOTHING,
    disorder,
    is_own,
    known_ids,
    sendable,
)
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Producer,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    user_message,
)
from tests.providers.chat import a_call

OWN = Producer("acme", "big/one", "openai-completions")
FAILED = (StopReason.ERROR, StopReason.ABORTED)


def answer(*content: Text | Thinking | ToolCall, stop: StopReason = StopReason.STOP) -> AssistantMessage:
    return AssistantMessage(content, stop, OWN)


def failed(*content: Text | ToolCall) -> AssistantMessage:
    return answer(*content, stop=StopReason.ERROR)


def result(call_id: str, text: str = "done") -> ToolResultMessage:
    return ToolResultMessage(call_id, "read", (Text(text),))


def named(name: str) -> list[Message]:
    return [answer(ToolCall("a", name)), ToolResultMessage("a", name, (Text("1"),))]


def lost(call_id: str) -> ToolResultMessage:
    return ToolResultMessage(call_id, "read", (Text(NO_RESULT),), is_error=True)


def orphan(text: str) -> UserMessage:
    return UserMessage((Text(NO_CALL.format(name="read")), Text(text)))


A, B, A2 = ToolCall("a", "read"), ToolCall("b", "read"), ToolCall("a_2", "read")
ASK, OPENING = user_message("hi"), user_message(NO_BEGINNING)
PICTURE = Image("aGk=", "image/png")


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], []),
        ([ASK, answer(Text("x")), ASK], [ASK, answer(Text("x")), ASK]),
        # What failed is not sent, nor what came of it.
        ([ASK, failed(Text("x"))], [ASK]),
        ([ASK, answer(Text("x"), A, stop=StopReason.ABORTED), result("a")], [ASK]),
        ([ASK, failed(A), result("a", "1"), answer(A), result("a", "2")], [ASK, answer(A), result("a", "2")]),
        ([ASK, failed(A), answer(A), result("a")], [ASK, answer(A), result("a")]),
        ([ASK, answer(A), failed(A), result("a")], [ASK, answer(A), result("a")]),
        # Every call has one result, right behind it.
        ([ASK, answer(A, B), result("a")], [ASK, answer(A, B), result("a"), lost("b")]),
        ([ASK, answer(A, B), result("b"), result("a")], [ASK, answer(A, B), result("a"), result("b")]),
        ([ASK, answer(B), ASK], [ASK, answer(B), lost("b"), ASK]),
        ([ASK, answer(A), ASK, result("a")], [ASK, answer(A), result("a"), ASK]),
        ([ASK, answer(A), result("a", "1"), result("a", "2")], [ASK, answer(A), result("a", "1")]),
        # A result without a call is not lost.
        ([ASK, result("z", "so")], [ASK, orphan("so")]),
        ([result("a", "so"), answer(A)], [orphan("so"), answer(A), lost("a")]),
        # The user begins.
        ([answer(Text("x")), ASK], [OPENING, answer(Text("x")), ASK]),
        ([failed(Text("x")), ASK], [ASK]),
        # Ids are unique.
        (
            [ASK, answer(A), result("a", "1"), ASK, answer(A), result("a", "2")],
            [ASK, answer(A), result("a", "1"), ASK, answer(A2), result("a_2", "2")],
        ),
        ([ASK, answer(A, A), result("a", "1")], [ASK, answer(A, A2), result("a", "1"), lost("a_2")]),
        # Names are legal.
        ([ASK, *named("web search!")], [ASK, *named("web_search_")]),
        ([ASK, *named("a" * 65)], [ASK, *named("a" * 64)]),
        ([ASK, *named("")], [ASK, *named("_")]),
        ([ASK, *named("3d")], [ASK, *named("_3d")]),
        ([ASK, *named("print-3d_")], [ASK, *named("print-3d_")]),
        # A message that says nothing says so.
        ([user_message("")], [user_message(NOTHING)]),
        ([user_message(" \n", [PICTURE])], [UserMessage((PICTURE,))]),
        ([UserMessage(())], [user_message(NOTHING)]),
    ],
    ids=range(26),
)
def test_rt5_a_history_is_made_fit_to_send_and_shows_what_was_mended(
    messages: list[Message], expected: list[Message]
) -> None:
    assert list(sendable(messages)) == expected


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ([answer(Text("x"))], "it does not begin with the user"),
        ([result("a")], "it does not begin with the user"),
        ([ASK, failed(Text("x"))], "an answer in it failed"),
        ([ASK, answer(A)], "a call has no result"),
        ([ASK, answer(A), ASK, result("a")], "a call has no result"),
        ([ASK, answer(A, B), result("b"), result("a")], "a result of 'read' does not follow its call"),
        ([ASK, answer(A), result("a"), result("a")], "a result of 'read' does not follow its call"),
        ([ASK, answer(A, A), result("a"), result("a")], "two calls have one id"),
        ([ASK, answer(A), result("a"), answer(A), result("a")], "two calls have one id"),
        ([], None),
        ([ASK, ASK, answer(A, B), result("a"), result("b"), answer(Text("x"))], None),
    ],
)
def test_rt5_disorder_is_named(messages: list[Message], wrong: str | None) -> None:
    assert disorder(messages) == wrong


def test_only_what_the_model_wrote_itself_is_its_own() -> None:
    call, other = a_call(), Producer("other", "small", "openai-completions")
    mixed = AssistantMessage((Text("x"), Text("y", producer=other)), StopReason.STOP, OWN)
    assert [is_own(mixed, block, call, "openai-completions") for block in mixed.content] == [True, False]
    assert not is_own(mixed, mixed.content[0], call, "openai-responses")


texts = st.sampled_from(["", " \n", "x", "say"])
ids = st.sampled_from(["a", "b", "c", "a_2"])
calls = st.builds(ToolCall, ids, st.just("read"))
contents = st.lists(st.builds(Text, texts) | st.builds(Thinking, texts) | calls, max_size=4).map(tuple)
answers = st.builds(lambda content, stop: answer(*content, stop=stop), contents, st.sampled_from(StopReason))
spoken = st.lists(st.builds(Text, texts) | st.just(PICTURE), max_size=3).map(tuple).map(UserMessage)


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Draw messages in any order whatever, in which each user message and each result can be told from the others."""
    messages: list[Message] = draw(st.lists(spoken | answers | ids.map(result), max_size=14))
    marked: list[Message] = []
    for number, message in enumerate(messages):
        match message:
            case UserMessage(content) if message.text.strip():
                marked.append(UserMessage((*content, Text(f"#{number}"))))
            case ToolResultMessage():
                marked.append(result(message.call_id, f"#{number}"))
            case _:
                marked.append(message)
    return marked


def marks(messages: Iterable[Message]) -> list[str]:
    """Return the marks of user messages in their order."""
    return [
        block.text
        for message in messages
        if isinstance(message, UserMessage) and not message.text.startswith(NO_CALL[:12])
        for block in message.content
        if isinstance(block, Text) and block.text.startswith("#")
    ]


def good(messages: Sequence[Message]) -> list[AssistantMessage]:
    return [m for m in messages if isinstance(m, AssistantMessage) and m.stop_reason not in FAILED]


@given(histories())
def test_rt5_whatever_the_history_is_it_can_be_sent(messages: list[Message]) -> None:
    sent = sendable(messages)
    assert disorder(sent) is None
    assert sendable(sent) == sent
    assert all(block.text.strip() for m in sent if isinstance(m, UserMessage) for block in _texts(m))


@given(histories())
def test_rt7_what_the_user_said_is_sent_once_and_in_order(messages: list[Message]) -> None:
    assert marks(sendable(messages)) == marks(messages)


@given(histories())
def test_rt5_every_answer_that_is_whole_goes_with_all_its_calls_and_no_failed_one(messages: list[Message]) -> None:
    sent = [message for message in sendable(messages) if isinstance(message, AssistantMessage)]
    assert [_without_ids(message) for message in sent] == [_without_ids(message) for message in good(messages)]
    told = [m.call_id for m in sendable(messages) if isinstance(m, ToolResultMessage)]
    assert Counter(told) == Counter(call.id for message in sent for call in message.tool_calls)
    assert len(known_ids(sent)) == len(told)


@given(histories())
def test_rt5_no_result_is_sent_twice_and_none_to_another_call(messages: list[Message]) -> None:
    meant = {m.text: m.call_id for m in messages if isinstance(m, ToolResultMessage)}
    sent = sendable(messages)
    told = [m for m in sent if isinstance(m, ToolResultMessage) and m.text != NO_RESULT]
    as_words = [block.text for m in sent if isinstance(m, UserMessage) for block in _texts(m) if block.text in meant]
    assert max(Counter([*(m.text for m in told), *as_words]).values(), default=0) <= 1
    for message in told:
        assert message.call_id.startswith(meant[message.text])


def _texts(message: UserMessage) -> list[Text]:
    return [block for block in message.content if isinstance(block, Text)]


def _without_ids(message: AssistantMessage) -> list[object]:
    return [block.name if isinstance(block, ToolCall) else block for block in message.content]
