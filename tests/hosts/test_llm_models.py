"""Members of any plugin: what they raise, tell or keep to themselves, and how long they may take."""

import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import llm
import pytest
from llm.models import ModelWithAliases
from llm.parts import StreamEvent

from pi_fallback.failover import NoRouteLeft
from pi_fallback.hosts.llm_host.models import AsyncFallback, Fallback

Events = Callable[[llm.Response], Iterator[str | StreamEvent]]


@pytest.fixture(autouse=True)
def llm_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    return tmp_path


class Played(llm.Model):
    """A model of some plugin: its answer is what `events` yields."""

    def __init__(self, model_id: str, events: Events, *, can_stream: bool = True) -> None:
        self.model_id = model_id
        self.can_stream = can_stream
        self.events = events
        self.asked = 0

    def execute(self, prompt: Any, stream: bool, response: llm.Response, conversation: Any) -> Iterator[Any]:
        self.asked += 1
        return self.events(response)


class AsyncPlayed(llm.AsyncModel):
    def __init__(self, model: Played) -> None:
        self.model_id = model.model_id
        self.can_stream = model.can_stream
        self.model = model

    async def execute(
        self, prompt: Any, stream: bool, response: Any, conversation: Any
    ) -> AsyncGenerator[str | StreamEvent, None]:
        self.model.asked += 1
        for event in self.model.events(response):
            yield event


def good(_response: llm.Response) -> Iterator[str]:
    yield "From the "
    yield "second."


def told(json: dict[str, Any]) -> Events:
    """An answer whose plugin keeps `json` of it."""

    def events(response: llm.Response) -> Iterator[str]:
        yield "Half an"
        response.response_json = json

    return events


def raising(error: Exception) -> Events:
    def events(_response: llm.Response) -> Iterator[str]:
        raise error
        yield ""

    return events


def silent(_response: llm.Response) -> Iterator[str]:
    return iter(())


def thinking(_response: llm.Response) -> Iterator[StreamEvent]:
    yield StreamEvent(type="reasoning", chunk="Hm.")


def fallback(*members: Played) -> tuple[Fallback, AsyncFallback]:
    models = [ModelWithAliases(member, AsyncPlayed(member), set()) for member in members]
    names = [member.model_id for member in members]
    return Fallback("fallback", names, models), AsyncFallback("fallback", names, models)


FAILURES = [
    pytest.param(raising(llm.ModelError("the plugin says no")), id="an error of llm"),
    pytest.param(raising(ZeroDivisionError("a bug")), id="a bug of a plugin"),
    pytest.param(raising(ConnectionResetError(104, "reset")), id="a broken connection"),
    pytest.param(silent, id="nothing"),
    pytest.param(thinking, id="thoughts alone"),
    pytest.param(told({"type": "message", "stop_reason": None}), id="anthropic, cut"),
    pytest.param(told({"type": "message", "stop_reason": "refusal"}), id="anthropic, refused"),
    pytest.param(told({"candidates": [{"finishReason": "SAFETY"}]}), id="gemini, filtered"),
    pytest.param(told({"candidates": [{}]}), id="gemini, cut"),
    pytest.param(told({"object": "chat.completion.chunk", "content": "Half an"}), id="openai, cut"),
    pytest.param(told({"object": "response", "status": "failed"}), id="responses, failed"),
]
WHOLE = [
    pytest.param(None, id="untold"),
    pytest.param({"done": True}, id="told in words that nobody knows"),
    pytest.param({"type": "message", "stop_reason": "end_turn"}, id="anthropic"),
    pytest.param({"type": "message", "stop_reason": "max_tokens"}, id="anthropic, at its limit"),
    pytest.param({"candidates": [{"finishReason": "STOP"}]}, id="gemini"),
    pytest.param({"object": "chat.completion", "choices": [{"finish_reason": "stop"}]}, id="openai, not streamed"),
    pytest.param({"object": "response", "status": "completed"}, id="responses"),
    pytest.param(
        {"object": "response", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        id="responses, at its limit",
    ),
]


@pytest.mark.parametrize("events", FAILURES)
def test_whatever_a_member_does_wrong_the_next_one_answers(events: Events) -> None:
    first, second = Played("first", events), Played("second", good)
    response = fallback(first, second)[0].prompt("hi")
    assert response.text() == "From the second."
    assert response.resolved_model == "second"
    assert first.asked >= 1


@pytest.mark.anyio
@pytest.mark.parametrize("events", FAILURES)
async def test_the_same_with_async_models(events: Events) -> None:
    first, second = Played("first", events), Played("second", good)
    response = fallback(first, second)[1].prompt("hi")
    assert await response.text() == "From the second."
    assert response.resolved_model == "second"


@pytest.mark.parametrize("json", WHOLE)
def test_an_answer_that_is_whole_stays(json: dict[str, Any] | None) -> None:
    first, second = Played("first", told(json or {})), Played("second", good)
    response = fallback(first, second)[0].prompt("hi")
    assert response.text() == "Half an"
    assert response.json() == (json or {})
    assert second.asked == 0


def test_when_all_fail_the_last_error_is_behind_the_one_that_names_all() -> None:
    error = llm.ModelError("no \x1b[31m")
    first, second = Played("first", raising(error)), Played("second", silent)
    with pytest.raises(NoRouteLeft, match="second/second: server_error: the answer was empty") as caught:
        fallback(first, second)[0].prompt("hi").text()
    assert "\x1b" not in str(caught.value)


def test_a_thread_that_hangs_is_left_behind_and_ends_with_its_model() -> None:
    release, ended = threading.Event(), threading.Event()

    def hanging(_response: llm.Response) -> Iterator[str]:
        release.wait()
        ended.set()
        yield "too late"

    first, second = Played("first", hanging), Played("second", good)
    assert fallback(first, second)[0].prompt("hi", first_content=0.05).text() == "From the second."
    release.set()
    assert ended.wait(5)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"quiet": 0.05}, "no more content for 0.05 s"),
        ({"total": 0.05}, "the answer took longer than 0.05 s"),
        ({"first_content": 0.01, "total": 0.05}, "the answer took longer than 0.05 s"),
    ],
)
def test_each_limit_is_told_by_its_name(options: dict[str, float], kind: str) -> None:
    release = threading.Event()

    def slow(_response: llm.Response) -> Generator[str, None, None]:
        yield "A "
        release.wait()

    is_streamed = "first_content" not in options  # an answer in one piece has no first content
    try:
        with pytest.raises(NoRouteLeft, match=kind):
            fallback(Played("first", slow, can_stream=is_streamed))[0].prompt("hi", **options).text()
    finally:
        release.set()


def test_a_consumer_that_leaves_ends_the_answer() -> None:
    pieces: list[int] = []
    closed = threading.Event()

    def endless(_response: llm.Response) -> Iterator[str]:
        try:
            while True:
                pieces.append(1)
                yield "more "
        finally:
            closed.set()

    stream = iter(fallback(Played("first", endless))[0].prompt("hi"))
    next(stream)
    del stream
    assert closed.wait(5)


def test_a_conversation_with_a_fallback_holds_each_turn_once() -> None:
    first, second = Played("first", raising(llm.ModelError("no"))), Played("second", good)
    conversation = fallback(first, second)[0].conversation()
    conversation.prompt("one").text()
    conversation.prompt("two").text()
    assert [response.prompt.prompt for response in conversation.responses] == ["one", "two"]


def test_a_fallback_can_do_what_any_member_can() -> None:
    class Sees(Played):
        supports_tools = True
        attachment_types = frozenset({"image/png"})

        class Options(llm.Options):
            warmth: int | None = None

    model, asynchronous = fallback(Played("first", good, can_stream=False), Sees("second", good))
    assert (model.can_stream, model.supports_tools, model.supports_schema) == (True, True, False)
    assert model.attachment_types == {"image/png"}
    assert set(model.Options.model_fields) == {"midstream", "first_content", "quiet", "total", "warmth"}
    assert asynchronous.members[0].model_id == "first"
    image = llm.Attachment(type="image/png", content=b"\x89PNG")
    response = model.prompt("what is it?", attachments=[image], warmth="3")
    assert response.text() == "From the second."
    assert response.resolved_model == "second"
