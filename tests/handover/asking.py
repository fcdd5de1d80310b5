"""What a request must be, whoever wrote the answers in it: accepted, whole, and without what is not its reader's."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from pi_fallback_hookspecs import AssistantMessage, Call, Image, Message, StopReason, Thinking, ToolSpec, frozen_object
from tests.pairs import Pair

PICTURE = Image("aGk=", "image/png")
FAILED = (StopReason.ERROR, StopReason.ABORTED)
TOOLS = tuple(
    ToolSpec(name, f"{name}s a file", frozen_object({"type": "object", "properties": {"path": {"type": "string"}}}))
    for name in ("read", "edit")
)

_MARK = re.compile(r"<(\w+ \d+)>")
_TOKEN = re.compile(r"(?:anthropic-messages|openai-responses):[\w:]+|[A-Za-z0-9+/]{20,}=*")


def check(pair: Pair, call: Call) -> None:
    """Check the request of `call`. Words that must be told from others are marked: `<prompt 1>`, `<failed 2>`."""
    asked = pair.asked(call)
    assert pair.wire.violations(asked) == ()
    marks = Counter(mark for text in strings_in(json.loads(pair.dialect.body(call))) for mark in _MARK.findall(text))
    messages = call.request.messages
    assert {mark: n for mark, n in marks.items() if mark.startswith("prompt")} == dict.fromkeys(prompts_in(messages), 1)
    assert {mark: n for mark, n in marks.items() if mark.startswith("result")} == dict.fromkeys(results_in(messages), 1)
    assert not any(mark.startswith("failed") for mark in marks)
    assert {mark for mark in marks if mark.startswith("thought")} <= thoughts_in(own_answers(call))
    if "image" in call.model.inputs:
        pictures = [block for m in messages for block in m.content if isinstance(block, Image)]
        assert sum(PICTURE.data in text for text in strings_in(json.loads(pair.dialect.body(call)))) == len(pictures)
    assert tokens_sent(pair, call) <= tokens_of(own_answers(call))


def strings_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, object]", value).values():
            yield from strings_in(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from strings_in(item)


def prompts_in(messages: Sequence[Message]) -> list[str]:
    return _marks(messages, "prompt")


def results_in(messages: Sequence[Message]) -> list[str]:
    """Return the marks of results; those whose answer failed have none."""
    return _marks(messages, "result")


def tokens_of(messages: Iterable[Message]) -> set[str]:
    """Return the signatures in `messages`, as their provider knows them again."""
    blocks = (block for m in messages if isinstance(m, AssistantMessage) for block in m.content)
    return {token for block in blocks for token in _TOKEN.findall(block.signature or "")}


def tokens_sent(pair: Pair, call: Call) -> set[str]:
    """Return the signatures of `call`'s history that are in its request."""
    known = tokens_of(call.request.messages)
    return {token for text in strings_in(json.loads(pair.dialect.body(call))) for token in known if token in text}


def own_answers(call: Call) -> list[AssistantMessage]:
    """Return the whole answers of the very model that `call` asks: only their thoughts and signatures may go back."""
    return [
        message
        for message in call.request.messages
        if isinstance(message, AssistantMessage)
        and (message.producer.provider, message.producer.model) == call.model.ref
        and message.stop_reason not in FAILED
    ]


def thoughts_in(messages: Iterable[AssistantMessage]) -> set[str]:
    thoughts = (block.text for m in messages for block in m.content if isinstance(block, Thinking))
    return {mark for text in thoughts for mark in _MARK.findall(text)}


def _marks(messages: Iterable[Message], kind: str) -> list[str]:
    texts = (m.text for m in messages if not isinstance(m, AssistantMessage))
    return [mark for text in texts for mark in _MARK.findall(text) if mark.startswith(kind)]
