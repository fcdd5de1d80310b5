"""Conversations that wander between all dialects: whatever came before, each request is one that its API takes."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pi_fallback.runtime.codec import message_from_json, message_to_json
from pi_fallback.testing.steps import Ok, ToolCallScript
from pi_fallback_hookspecs import (
    AssistantMessage,
    Image,
    Message,
    Producer,
    Reply,
    StopReason,
    Text,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)
from tests.handover.asking import FAILED, PICTURE, TOOLS, check
from tests.pairs import PAIRS, Pair

pairs = st.sampled_from(PAIRS)
ids = st.sampled_from(["", "call_1", "call_1_0", "toolu_1", "a|b c", "x" * 70])
names = st.sampled_from(["read", "edit", "a tool!", "7"])
arguments = st.sampled_from(["{}", '{"path": "a.py"}', '{"x": [1, null, {"y": "é😀"}]}'])
# In one answer ids differ: what two calls of one id are, hosts do not agree on.
tools = st.lists(
    st.builds(ToolCallScript, names, arguments, ids), max_size=3, unique_by=lambda tool: tool.id or id(tool)
)
oks = st.builds(
    Ok,
    text=st.sampled_from(["", " \n", "Yes."]),
    tools=tools,
    thinking=st.sampled_from(["", "Hm.", "<thought>"]),
    redacted=st.booleans(),
    chunk=st.integers(1, 40),
)
askers = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["big", "small"]),
        "credential": st.sampled_from(["primary", "backup-1"]),
        "inputs": st.sampled_from([frozenset({"text"}), frozenset({"text", "image"})]),
        "thinking": st.sampled_from([None, "off", "high"]),
        "compat": st.sampled_from([{}, {"supportsStreaming": False}]),
        "system": st.sampled_from(["", "Be brief."]),
    }
)


class Conversation(RuleBasedStateMachine):
    """A session's history, and what may be done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.number = 0

    def mark(self, kind: str) -> Text:
        self.number += 1
        return Text(f"<{kind} {self.number}>")

    @property
    def unanswered(self) -> list[ToolCall]:
        """The calls of the last answer that have no result yet."""
        told = 0
        for message in reversed(self.messages):
            if isinstance(message, AssistantMessage):
                return list(message.tool_calls[told:]) if message.stop_reason not in FAILED else []
            told += isinstance(message, ToolResultMessage)
            if isinstance(message, UserMessage):
                return []
        return []

    @property
    def is_due(self) -> bool:
        """Whether somebody waits for an answer."""
        last = self.messages[-1]
        is_said = isinstance(last, AssistantMessage) and last.stop_reason not in FAILED
        return not is_said and not self.unanswered

    @initialize()
    def begin(self) -> None:
        self.messages.append(UserMessage((self.mark("prompt"),)))

    @rule(picture=st.booleans(), empty=st.booleans())
    def prompt(self, picture: bool, empty: bool) -> None:
        """The user says something, perhaps while tools still run, and perhaps with an empty paste beside it."""
        extra = ((PICTURE,) if picture else ()) + ((Text(""),) if empty else ())
        self.messages.append(UserMessage((self.mark("prompt"), *extra)))

    @precondition(lambda self: self.unanswered)
    @rule(content=st.sampled_from([(), (Text(""),), (PICTURE,), (Text("out\ud800"),)]), is_error=st.booleans())
    def tell(self, content: tuple[Text | Image, ...], is_error: bool) -> None:
        """The next tool has run."""
        call = self.unanswered[0]
        told = (self.mark("result"), *content) if len(content) != 1 or content == (PICTURE,) else content
        self.messages.append(ToolResultMessage(call.id, call.name, told, is_error))

    @precondition(lambda self: self.is_due)
    @rule(pair=pairs, ok=oks, asker=askers, step=st.integers(1, 4000))
    def ask(self, pair: Pair, ok: Ok, asker: dict[str, object], step: int) -> None:
        """A model is asked, and its answer read from what its provider sends."""
        call = pair.call(*self.messages, tools=TOOLS, **asker)
        check(pair, call)
        if not ok.text.strip() and not ok.tools:
            ok = replace(ok, text="Yes.")  # an answer of nothing is a failure
        if ok.thinking == "<thought>":
            ok = replace(ok, thinking=self.mark("thought").text)
        self.number += 1
        data = pair.answer(ok, call, self.number)
        _, end = pair.fold(call, *(data[at : at + step] for at in range(0, len(data), step)))
        assert isinstance(end, Reply), end
        assert [tool.name for tool in end.message.tool_calls] == [tool.name for tool in ok.tools]
        self.messages.append(end.message)

    @precondition(lambda self: self.is_due)
    @rule(pair=pairs, stop=st.sampled_from(FAILED), with_call=st.booleans())
    def fail(self, pair: Pair, stop: StopReason, with_call: bool) -> None:
        """A model was asked and failed, or the user stopped it, in the middle of its answer."""
        call = (ToolCall("call_1", "read", {"path": self.mark("failed").text}),) if with_call else ()
        said = (self.mark("failed"), *call)
        self.messages.append(AssistantMessage(said, stop, Producer(pair.name, "big", pair.name), error="broken"))

    @precondition(lambda self: self.is_due)
    @rule(pair=pairs, calls=st.lists(st.builds(ToolCall, ids, names), min_size=1, max_size=3))
    def find(self, pair: Pair, calls: list[ToolCall]) -> None:
        """An answer stands in the file that another program wrote, which numbers calls its own way."""
        said = (Text("I look."), *calls)
        self.messages.append(AssistantMessage(said, StopReason.TOOL_USE, Producer(pair.name, "big", pair.name)))

    @rule()
    def reload(self) -> None:
        """The session is closed and opened again."""
        self.messages = [message_from_json(message_to_json(message, timestamp_ms=0)) for message in self.messages]

    @rule(at=st.integers(0, 20))
    def forget(self, at: int) -> None:
        """What was first is cut off, as a summary or another program may do."""
        if any(isinstance(message, UserMessage) for message in self.messages[at:]):
            self.messages = self.messages[at:]

    @invariant()
    def every_dialect_takes_it(self) -> None:
        if self.messages and self.is_due:
            name = ("big", "small")[self.number % 2]
            for pair in PAIRS:
                check(pair, pair.call(*self.messages, name=name, tools=TOOLS))


Conversation.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestConversation = pytest.mark.timeout(600)(Conversation.TestCase)  # a failure is made small first, which takes minutes
