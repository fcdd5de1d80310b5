"""Hiding: a known secret does not get through a stream, a message or a notice."""

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.credentials.redaction import MARK, Redactor
from pi_fallback.runtime import feed
from pi_fallback.runtime.clean_ui import CleanUi
from pi_fallback.runtime.hiding import NoSecrets, Veil, cleaned_fault, cleaned_item, cleaned_message
from pi_fallback.runtime.nobody import Nobody
from pi_fallback_hookspecs import (
    AssistantMessage,
    Delta,
    Fault,
    FaultKind,
    Image,
    Level,
    Producer,
    Route,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolResultMessage,
    frozen_object,
    user_message,
)
from tests.canary import canary

KEY = canary("hiding")
PRODUCER = Producer("p", "m", "d")


def known(*secrets: str) -> Redactor:
    redactor = Redactor()
    for secret in secrets or (KEY,):
        redactor.add(secret)
    return redactor


def shown(deltas: Sequence[Delta], *, whole: bool = True) -> list[Delta]:
    """What comes through of a stream."""
    result: list[Delta] = []
    veil = Veil(known(), result.append)
    for delta in deltas:
        veil.take(delta)
    veil.end(whole=whole)
    return result


def joined(deltas: Sequence[Delta], kind: type, index: int = 0) -> str:
    texts = (delta for delta in deltas if type(delta) is kind and delta.index == index)
    return "".join(delta.arguments if isinstance(delta, ToolCallDelta) else delta.text for delta in texts)


def cut(text: str, at: int) -> list[str]:
    return [text[i : i + at] for i in range(0, len(text), at)]


@pytest.mark.parametrize("size", range(1, len(KEY) + 2))
@pytest.mark.parametrize("kind", [TextDelta, ThinkingDelta])
def test_a_secret_does_not_get_through_however_it_is_cut(kind: type[TextDelta | ThinkingDelta], size: int) -> None:
    deltas = [kind(piece) for piece in cut(f"Your key is {KEY}, and sk-canary is a word.", size)]
    assert joined(shown(deltas), kind) == f"Your key is {MARK}, and sk-canary is a word."


def test_a_text_without_secrets_comes_through_as_it_came() -> None:
    deltas: list[Delta] = [TextDelta(piece) for piece in ("It ", "is ", "", "done.\n", "Both files.")]
    assert shown(deltas) == deltas
    assert all(one is other for one, other in zip(shown(deltas), deltas, strict=True))


def test_what_is_held_comes_before_the_next_block_and_at_the_end() -> None:
    beginning = KEY[:12]
    deltas: list[Delta] = [ThinkingDelta(beginning), TextDelta(beginning), ToolCallDelta(0, "c1", "read", beginning)]
    assert shown(deltas) == [
        ThinkingDelta(beginning),
        TextDelta(beginning),
        ToolCallDelta(0, "c1", "read", ""),
        ToolCallDelta(0, arguments=beginning),
    ]


def test_of_an_answer_that_broke_off_the_greater_part_of_a_secret_is_not_shown() -> None:
    assert joined(shown([TextDelta(f"It is {KEY[:-1]}")], whole=False), TextDelta) == "It is "
    assert joined(shown([TextDelta("It is sk-")], whole=False), TextDelta) == "It is sk-"


@given(st.data())
def test_calls_that_come_interleaved_are_cleaned_each(data: st.DataObject) -> None:
    texts = [f'{{"a": "{KEY}"}}', f'{{"b": "x{KEY}y", "c": "{KEY[:20]}"}}']
    deltas: list[Delta] = [ToolCallDelta(index, f"c{index}", "read") for index in range(2)]
    left = [list(text) for text in texts]
    while any(left):
        index = data.draw(st.sampled_from([at for at, rest in enumerate(left) if rest]))
        size = data.draw(st.integers(1, 40))
        deltas.append(ToolCallDelta(index, arguments="".join(left[index][:size])))
        del left[index][:size]
    result = shown(deltas)
    for index, text in enumerate(texts):
        assert joined(result, ToolCallDelta, index) == text.replace(KEY, MARK)
    assert [delta.name for delta in result if isinstance(delta, ToolCallDelta) and delta.name] == ["read", "read"]


def test_an_event_without_a_secret_costs_about_a_microsecond() -> None:
    redactor = known(*(canary(f"key {number}") for number in range(20)))
    deltas = [TextDelta(piece) for piece in cut("It reads the file and says what is in it. " * 2000, 5)]

    def seconds(veil: Veil) -> float:
        began = time.process_time()
        for delta in deltas:
            veil.take(delta)
        return time.process_time() - began

    least = min(seconds(Veil(redactor, lambda _: None)) for _ in range(5))
    base = min(seconds(Veil(NoSecrets(), lambda _: None)) for _ in range(5))
    assert (least - base) / len(deltas) < 3e-6  # 0.7 µs are usual


def test_messages_lose_their_secrets_in_every_part_and_signatures_of_words_that_changed() -> None:
    call = ToolCall("c1", f"read {KEY}", frozen_object({"path": KEY, KEY: [f"x{KEY}", 1, None, True]}), "signed")
    message = AssistantMessage(
        (Text(KEY, "own"), Thinking(KEY, "signed"), Thinking("mine", "signed"), Thinking("", KEY, redacted=True), call),
        StopReason.TOOL_USE,
        PRODUCER,
        error=f"401 {KEY}",
        response_id=KEY,
    )
    arguments = frozen_object({"path": MARK, MARK: [f"x{MARK}", 1, None, True]})
    assert cleaned_message(message, known().clean) == AssistantMessage(
        (
            Text(MARK, "own"),
            Thinking(MARK),
            Thinking("mine", "signed"),
            Thinking("", redacted=True),
            ToolCall("c1", f"read {MARK}", arguments, "signed"),
        ),
        StopReason.TOOL_USE,
        PRODUCER,
        error=f"401 {MARK}",
        response_id=MARK,
    )
    result = ToolResultMessage("c1", "read", (Text(KEY), Image("AAAA", "image/png")))
    assert cleaned_message(result, known().clean).content == (Text(MARK), Image("AAAA", "image/png"))


def test_a_message_without_secrets_is_the_same_object() -> None:
    for message in (
        user_message("hello", [Image("AAAA", "image/png")]),
        AssistantMessage(
            (Text("hi", "s"), Thinking("hm", "s"), ToolCall("c", "read", frozen_object({"a": [1, {"b": "c"}]}))),
            StopReason.TOOL_USE,
            PRODUCER,
        ),
    ):
        assert cleaned_message(message, known().clean) is message


def test_faults_lose_their_secrets_in_every_text() -> None:
    fault = Fault(FaultKind.STATUS, KEY, 401, KEY, KEY, headers={"x-echo": KEY})
    assert cleaned_fault(fault, known().clean) == Fault(
        FaultKind.STATUS, MARK, 401, MARK, MARK, headers={"x-echo": MARK}
    )


@pytest.mark.parametrize(
    "item",
    [
        feed.Noticed(KEY),
        feed.StatusChanged("p.s", KEY),
        feed.GaveUp(KEY),
        feed.RouteSwitched(Route("a", "b"), None, "failover", KEY),
        feed.TimerChanged("p", "t", 1.0, KEY),
        feed.RetryEnded(False, 1, KEY),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_plugins_say_is_shown_without_secrets(item: feed.FeedItem) -> None:
    cleaned = cleaned_item(item, known().clean)
    assert KEY not in repr(cleaned)
    assert MARK in repr(cleaned)
    assert cleaned_item(cleaned, known().clean) is cleaned


class Screen(Nobody):
    """A user who chooses the second."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def notify(self, text: str, level: Level = "info") -> None:
        self.seen.append(text)

    async def confirm(self, title: str, detail: str = "") -> bool:
        self.seen += (title, detail)
        return True

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        self.seen += (title, *options)
        return options[1]

    async def input(self, title: str, placeholder: str = "") -> str | None:
        self.seen += (title, placeholder)
        return KEY


@pytest.mark.anyio
async def test_questions_hold_no_secret_and_answers_come_as_they_were_given() -> None:
    screen = Screen()
    ui = CleanUi(screen, known().clean)
    ui.notify(KEY, "warning")
    assert await ui.confirm(KEY, KEY)
    assert await ui.select(KEY, ["one", f"with {KEY}"]) == f"with {KEY}"
    assert await ui.input(KEY, KEY) == KEY
    assert screen.seen == [MARK, MARK, MARK, MARK, "one", f"with {MARK}", MARK, MARK]
