"""The dialect of the fault server: what it says and what it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.testing import Ok, ToolCallScript
from pi_fallback.testing.openai_rules import violations
from pi_fallback.testing.openai_wire import OpenAICompletions

from .clients import ask, said

USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}


def call(call_id: str = "c1", name: str = "read", arguments: Any = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*made: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(made)}


def result(call_id: str = "c1", content: Any = "done") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def tool(name: str = "read", parameters: Any = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters or {"type": "object"}}}


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
GOOD = {
    "a question": [USER],
    "system and developer": [{"role": "system", "content": "be brief"}, {"role": "developer", "content": "x"}, USER],
    "an answer": [USER, SAID, USER],
    "text and image": [{"role": "user", "content": [{"type": "text", "text": "look"}, PICTURE]}],
    "a call and its result": [USER, calls(call()), result(), USER],
    "two calls, results in any order": [USER, calls(call("a"), call("b")), result("b"), result("a")],
    "an empty result": [USER, calls(call()), result(content="")],
    "the same id in another turn": [USER, calls(call()), result(), calls(call()), result()],
}
BAD = {
    "no messages": ([], "non-empty array"),
    "a message that is no object": (["hi"], "array of objects"),
    "a role that nobody has": ([{"role": "robot", "content": "x"}], "'robot' is not one of"),
    "empty user content": ([{"role": "user", "content": ""}], "messages[0]: 'content'"),
    "no parts": ([{"role": "user", "content": []}], "messages[0]: 'content'"),
    "an empty text part": ([{"role": "user", "content": [{"type": "text", "text": ""}]}], "messages[0]: 'content'"),
    "an unknown part": ([{"role": "user", "content": [{"type": "smell"}]}], "messages[0]: 'content'"),
    "an empty system message": ([{"role": "system", "content": ""}, USER], "messages[0]: 'content'"),
    "an answer with nothing": ([USER, {"role": "assistant", "content": ""}], "must have 'content' or 'tool_calls'"),
    "an image in an answer": ([USER, {"role": "assistant", "content": [PICTURE]}], "must have 'content'"),
    "an image beside calls": ([USER, calls(call()) | {"content": [PICTURE]}, result()], "or null"),
    "no calls": ([USER, calls()], "'tool_calls' must be a non-empty array"),
    "a call without an id": ([USER, calls(call("")), result("")], "have an 'id'"),
    "a call with a bad name": ([USER, calls(call(name="a b")), result()], "name must match"),
    "arguments as an object": ([USER, calls(call(arguments={})), result()], "arguments must be a string"),
    "arguments cut off": ([USER, calls(call(arguments='{"a": ')), result()], "arguments must be a string"),
    "arguments that are a list": ([USER, calls(call(arguments="[]")), result()], "arguments must be a string"),
    "a call without a result": ([USER, calls(call()), USER], "did not have response messages: c1"),
    "a call without a result at the end": ([USER, calls(call("a"), call("b")), result("a")], "messages: b"),
    "two results": ([USER, calls(call()), result(), result()], "messages[3]: messages with role 'tool'"),
    "a result of nothing": ([USER, result()], "messages[1]: messages with role 'tool'"),
    "a result of another call": ([USER, calls(call()), result("other")], "messages[2]: messages with role 'tool'"),
    "a result too late": ([USER, calls(call()), USER, result()], "did not have response messages: c1"),
    "a result without an id": ([USER, calls(call()), {"role": "tool", "content": "x"}], "'tool_call_id' must be"),
    "a result without content": ([USER, calls(call()), result(content=None)], "messages[2]: 'content'"),
    "two calls with one id": ([USER, calls(call(), call()), result(), result()], "have one id"),
}


@pytest.mark.parametrize("messages", GOOD.values(), ids=GOOD)
def test_a_well_formed_conversation_is_taken(messages: list[Any]) -> None:
    assert violations({"model": "m", "messages": messages, "stream": True, "tools": [tool()]}) == ()


@pytest.mark.parametrize(("messages", "reason"), BAD.values(), ids=BAD)
def test_a_conversation_is_refused_for(messages: list[Any], reason: str) -> None:
    assert reason in " / ".join(violations({"model": "m", "messages": messages}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": ""}, "model parameter"),
        ({"model": 7}, "model parameter"),
        ({"stream": "yes"}, "'stream'"),
        ({"tools": []}, "'tools' must be"),
        ({"tools": [{"type": "function"}]}, "tools[0]: must be"),
        ({"tools": [tool(parameters={"type": "string"})]}, "JSON Schema"),
        ({"tools": [tool(), tool()]}, "unique"),
    ],
)
def test_a_body_is_refused_for(change: dict[str, Any], reason: str) -> None:
    assert reason in " / ".join(violations({"model": "m", "messages": [USER], **change}))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["user", "tool", "assistant"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "tool_call_id", "function", "id", "type", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.fixed_dictionaries({"model": JSON, "messages": JSON, "tools": JSON, "stream": JSON}))
def test_no_body_breaks_the_rules_themselves(body: dict[str, Any]) -> None:
    assert all(isinstance(wrong, str) for wrong in violations(body))


@given(st.text(), st.text(), st.integers(1, 9))
def test_a_stream_and_a_whole_answer_say_the_same(text: str, thinking: str, chunk: int) -> None:
    ok = Ok(text, [ToolCallScript("read", {"path": "x"})], thinking, chunk=chunk)
    streamed = OpenAICompletions().render(ok, ask(), 1)
    whole = OpenAICompletions().render(ok, ask(stream=False), 1)
    message = json.loads(b"".join((*whole.content, *whole.closing)))["choices"][0]["message"]
    assert said(b"".join(streamed.content)) == (message["content"] or "") == text


@pytest.mark.parametrize(
    ("ok", "said", "finish"),
    [
        (Ok(), "ok", "stop"),
        (Ok(""), "", "stop"),
        (Ok(thinking="hm"), "", "stop"),
        (Ok(tools=[ToolCallScript("ls")]), "", "tool_calls"),
        (Ok(finish="length"), "ok", "length"),
        (Ok(finish=""), "ok", None),
    ],
)
def test_what_an_answer_says_and_how_it_finishes(ok: Ok, said: str, finish: str | None) -> None:
    whole = OpenAICompletions().render(ok, ask(stream=False), 1)
    choice = json.loads(b"".join((*whole.content, *whole.closing)))["choices"][0]
    assert (choice["message"]["content"] or "", choice["finish_reason"]) == (said, finish)


def test_a_host_may_leave_out_its_finish_or_its_terminator() -> None:
    wire = OpenAICompletions()
    assert wire.render(Ok(finish=""), ask(), 1).closing == (b"data: [DONE]\n\n",)
    (finish,) = wire.render(Ok(done=False), ask(), 1).closing
    assert b'"finish_reason":"stop"' in finish
