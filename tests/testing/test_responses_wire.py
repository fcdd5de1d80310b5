"""The dialect `openai-responses` of the fault server: what it says and what it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.testing import Ok, ToolCallScript
from pi_fallback.testing.responses_items import minted
from pi_fallback.testing.responses_rules import violations
from pi_fallback.testing.responses_wire import OpenAIResponses

WIRE = OpenAIResponses()
USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}


def ask(*items: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "stream": True, "store": False, "input": list(items) or [USER], **more}


def message(*parts: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(parts), **more}


def text(said: Any, kind: str = "input_text") -> dict[str, Any]:
    return {"type": kind, "text": said}


def call(call_id: str = "c1", name: str = "read", arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **more}


def output(call_id: str = "c1", said: Any = "done") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": said}


def reasoning(item_id: Any = "rs_r1", secret: Any = None, **more: Any) -> dict[str, Any]:
    kept = minted(str(item_id)) if secret is None else secret
    return {"type": "reasoning", "id": item_id, "summary": [], "encrypted_content": kept, **more}


def tool(name: str = "read", **more: Any) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False, **more}


PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}
ANSWERED = message(text("hello", "output_text"), role="assistant", id="msg_r1_0", status="completed")
GOOD: dict[str, list[Any]] = {
    "a question": [USER],
    "system and developer": [{"role": "system", "content": "be brief"}, {"role": "developer", "content": "x"}, USER],
    "an answer": [USER, SAID, USER],
    "an answer in parts": [USER, message({"type": "refusal", "refusal": "no"}, role="assistant"), USER],
    "text and image": [message(text("look"), PICTURE)],
    "a call and its output": [USER, call(), output(), USER],
    "two calls, outputs in any order": [USER, call("a"), call("b"), output("b"), output("a")],
    "something between a call and its output": [USER, call(), SAID, output()],
    "an empty output": [USER, call(), output(said="")],
    "an output with an image": [USER, call(), output(said=[text("look"), PICTURE])],
    "reasoning and its answer": [USER, reasoning(), ANSWERED],
    "reasoning and its call": [USER, reasoning(), reasoning("rs_r2"), call(id="fc_r2_0"), output()],
    "an item that was not thought about": [USER, call(id="fc_p1_0"), output()],
    "the same call id in another turn": [USER, call(), output(), call(), output()],
}
BAD: dict[str, tuple[list[Any], str]] = {
    "no items": ([], "Missing required parameter: 'input'"),
    "an item that is no object": (["hi"], "'input'"),
    "an item of no kind": ([{"type": "smell"}], "Invalid value: 'smell'"),
    "an item that is only referred to": ([{"type": "item_reference", "id": "msg_1"}], "Invalid value"),
    "a role that nobody has": ([{"role": "robot", "content": "x"}], "'robot'"),
    "a chat message": ([{"role": "tool", "content": "x", "tool_call_id": "c"}], "Unknown parameter"),
    "empty user content": ([{"role": "user", "content": ""}], "empty string"),
    "no parts": ([message()], "non-empty array"),
    "an empty part": ([message(text(""))], "non-empty string"),
    "a part of chat completions": ([message({"type": "text", "text": "x"})], "Invalid value: 'text'"),
    "an answer in the user's parts": ([USER, message(text("x"), role="assistant")], "Invalid value: 'input_text'"),
    "an image in an answer": ([USER, message(PICTURE, role="assistant")], "Invalid value: 'input_image'"),
    "an image that is no URL": ([message({**PICTURE, "image_url": "AA=="})], "Expected a valid URL"),
    "an image without detail of a kind": ([message({**PICTURE, "detail": "blurred"})], "'blurred'"),
    "an unknown field of a part": ([message({**text("x"), "cache": 1})], "Unknown parameter"),
    "an id of another kind": ([USER, message(text("x", "output_text"), role="assistant", id="item_1")], "'msg'"),
    "an id too long": ([USER, call(id="fc_" + "x" * 62), output()], "maximum length 64"),
    "two items with one id": ([USER, call(id="fc_p1"), output(), call(id="fc_p1"), output()], "Duplicate item found"),
    "a call without an id": ([USER, call(""), output("")], "'input[1].call_id'"),
    "a call id too long": ([USER, call("c" * 65), output("c" * 65)], "maximum length 64"),
    "a call with a bad name": ([USER, call(name="a b"), output()], "pattern"),
    "arguments as an object": ([USER, call(arguments={}), output()], "expected a string"),
    "arguments cut off": ([USER, call(arguments='{"a": '), output()], "expected a string"),
    "a call in the shape of chat completions": ([USER, call() | {"function": {}}, output()], "Unknown parameter"),
    "a call without an output": ([USER, call(), USER], "No tool output found for function call c1"),
    "two calls with one id": ([USER, call(), call(), output(), output()], "Duplicate function call"),
    "two outputs": ([USER, call(), output(), output()], "No tool call found"),
    "an output before its call": ([USER, output(), call(), output()], "No tool call found"),
    "an output of nothing": ([USER, call(), output(said=None)], "'input[2].output'"),
    "an output in parts of answers": ([USER, call(), output(said=[text("x", "output_text")])], "'output_text'"),
    "reasoning alone": ([USER, reasoning()], "without its required following item"),
    "reasoning before a question": ([USER, reasoning(), USER], "without its required following item"),
    "reasoning without an id": ([USER, reasoning(None), SAID], "'input[1].id'"),
    "reasoning without a summary": ([USER, reasoning() | {"summary": None}, SAID], "'input[1].summary'"),
    "reasoning of another": ([USER, reasoning(secret="gAAA"), SAID], "could not be verified"),
    "reasoning of another item": ([USER, reasoning(secret=minted("rs_r2")), SAID], "could not be verified"),
    "reasoning that is not stored": ([USER, reasoning() | {"encrypted_content": None}, SAID], "not persisted"),
    "an answer without its reasoning": ([USER, ANSWERED], "without its required 'reasoning' item: 'rs_r1'"),
    "a call without its reasoning": ([USER, call(id="fc_r2_0"), output()], "required 'reasoning' item: 'rs_r2'"),
}


@pytest.mark.parametrize("items", GOOD.values(), ids=GOOD)
def test_a_well_formed_conversation_is_taken(items: list[Any]) -> None:
    assert violations({**ask(tools=[tool()], reasoning={"effort": "low", "summary": "auto"}), "input": items}) == ()


@pytest.mark.parametrize(("items", "reason"), BAD.values(), ids=BAD)
def test_a_conversation_is_refused_for(items: list[Any], reason: str) -> None:
    assert reason in " / ".join(violations({**ask(), "input": items}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": ""}, "'model'"),
        ({"model": 7}, "'model'"),
        ({"stream": "yes"}, "'stream'"),
        ({"store": 1}, "'store'"),
        ({"messages": []}, "Unknown parameter: 'messages'"),
        ({"max_tokens": 9}, "Unknown parameter: 'max_tokens'"),
        ({"instructions": 7}, "'instructions'"),
        ({"max_output_tokens": 15}, ">= 16"),
        ({"max_output_tokens": "many"}, ">= 16"),
        ({"include": ["reasoning"]}, "'include'"),
        ({"include": "reasoning.encrypted_content"}, "'include'"),
        ({"reasoning": "low"}, "'reasoning'"),
        ({"reasoning": {"effort": "off"}}, "'off'"),
        ({"reasoning": {"summary": True}}, "reasoning.summary"),
        ({"reasoning": {"budget": 7}}, "'reasoning.budget'"),
        ({"tools": "read"}, "'tools'"),
        ({"tools": [7]}, "'tools'"),
        ({"tools": [{"type": "function", "function": {"name": "read"}}]}, "Unknown parameter: 'tools[0].function'"),
        ({"tools": [tool(type="custom")]}, "'custom'"),
        ({"tools": [tool("a b")]}, "'tools[0].name'"),
        ({"tools": [tool(parameters={"type": "string"})]}, "JSON Schema"),
        ({"tools": [tool(), tool()]}, "unique"),
    ],
)
def test_a_body_is_refused_for(change: dict[str, Any], reason: str) -> None:
    assert reason in " / ".join(violations(ask() | change))


NAMES = ["type", "role", "content", "id", "call_id", "output", "text", "summary", "image_url", "detail", "name"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["user", "assistant", "message", "reasoning", "function_call", "input_image", "input_text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=20,
)
BODY = ("model", "input", "tools", "stream", "include", "reasoning", "max_output_tokens", "instructions")


@given(st.fixed_dictionaries(dict.fromkeys(BODY, JSON)))
def test_no_body_breaks_the_rules_themselves(body: dict[str, Any]) -> None:
    assert all(isinstance(wrong, str) for wrong in violations(body))


def events_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in data.split(b"\n") if line.startswith(b"data: ")]


def whole(ok: Ok) -> dict[str, Any]:
    rendered = WIRE.render(ok, ask(stream=False), 1)
    return json.loads(b"".join((*rendered.content, *rendered.closing)))


@given(st.text(), st.text(), st.booleans(), st.integers(1, 9))
def test_a_stream_and_a_whole_answer_say_the_same(said: str, thinking: str, redacted: bool, chunk: int) -> None:
    ok = Ok(said, [ToolCallScript("read", {"path": "x"})], thinking, redacted, chunk)
    streamed = WIRE.render(ok, ask(), 1)
    events = events_of(b"".join((*streamed.opening, *streamed.content, *streamed.closing)))
    items = whole(ok)["output"]
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == items
    assert events[-1]["response"]["output"] == items
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == said
    assert len(streamed.content) >= len(items)


@pytest.mark.parametrize(
    ("ok", "kinds", "status", "reason"),
    [
        (Ok(), ["message"], "completed", None),
        (Ok(""), [], "completed", None),
        (Ok(thinking="hm"), ["reasoning"], "completed", None),
        (
            Ok("x", thinking="hm", tools=[ToolCallScript("ls")]),
            ["reasoning", "message", "function_call"],
            "completed",
            None,
        ),
        (Ok(finish="max_output_tokens"), ["message"], "incomplete", "max_output_tokens"),
        (Ok(finish="content_filter"), ["message"], "incomplete", "content_filter"),
        (Ok(finish="failed"), ["message"], "failed", None),
        (Ok(finish=""), ["message"], None, None),
    ],
)
def test_what_an_answer_says_and_how_it_ends(ok: Ok, kinds: list[str], status: str | None, reason: str | None) -> None:
    response = whole(ok)
    assert [item["type"] for item in response["output"]] == kinds
    assert response["status"] == status
    assert response["incomplete_details"] == (None if reason is None else {"reason": reason})
    assert (response["error"] is not None) == (status == "failed")
    closing = events_of(b"".join(WIRE.render(ok, ask(), 1).closing))
    assert [event["type"] for event in closing] == ([f"response.{status}"] if status else [])


def test_without_a_terminator_the_last_event_is_missing() -> None:
    assert WIRE.render(Ok(done=False), ask(), 1).closing == ()


@pytest.mark.parametrize("redacted", [True, False])
def test_what_it_said_itself_is_taken_back_whole(redacted: bool) -> None:
    ok = Ok("x", [ToolCallScript("ls"), ToolCallScript("pwd")], "hm", redacted)
    items = whole(ok)["output"]
    outputs = [output(item["call_id"]) for item in items if item["type"] == "function_call"]
    assert violations(ask(USER, *items, *outputs)) == ()
    assert violations(ask(USER, *items[1:], *outputs)) != ()
