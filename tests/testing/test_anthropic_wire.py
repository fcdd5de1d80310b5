"""The dialect `anthropic-messages` of the fault server: what it says and what it refuses."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.testing import Ok, ToolCallScript
from pi_fallback.testing.anthropic_blocks import minted
from pi_fallback.testing.anthropic_rules import violations
from pi_fallback.testing.anthropic_wire import AnthropicMessages
from pi_fallback_hookspecs import Usage

Object = dict[str, Any]

ASKED: Object = {"model": "m", "max_tokens": 4096, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
USER: Object = {"role": "user", "content": "hi"}
SAID: Object = {"role": "assistant", "content": "hello"}
TEXT: Object = {"type": "text", "text": "x"}
PICTURE: Object = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
MARK: Object = {"cache_control": {"type": "ephemeral"}}
ENABLED: Object = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def user(*blocks: Object) -> Object:
    return {"role": "user", "content": list(blocks)}


def answered(*blocks: Object) -> Object:
    return {"role": "assistant", "content": list(blocks)}


def use(call_id: str = "c1", name: str = "read", given: Any = None) -> Object:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {} if given is None else given}


def result(call_id: str = "c1", content: Any = "done", **more: Any) -> Object:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def thought(text: str = "hm", signature: str | None = None) -> Object:
    return {"type": "thinking", "thinking": text, "signature": minted(text, 1) if signature is None else signature}


def tool(name: str = "read", **more: Any) -> Object:
    return {"name": name, "input_schema": {"type": "object"}, **more}


GOOD: dict[str, list[Object]] = {
    "a question": [USER],
    "an answer": [USER, SAID, USER],
    "text and image": [user(TEXT, PICTURE)],
    "an image at an address": [user({"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}})],
    "a call and its result": [USER, answered(use()), user(result())],
    "two calls, results in any order": [USER, answered(use("a"), use("b")), user(result("b"), result("a"), TEXT)],
    "an empty result": [USER, answered(use()), user(result(content=""))],
    "a result of parts": [USER, answered(use()), user(result(content=[TEXT, PICTURE]))],
    "thoughts": [USER, answered(thought(), thought(""), TEXT), USER],
    "a secret thought": [USER, answered({"type": "redacted_thinking", "data": minted("", 7)}, TEXT), USER],
    "a beginning of the answer": [USER, answered(TEXT)],
    "marks": [user(TEXT | MARK, PICTURE | MARK), answered(use() | MARK), user(result() | MARK)],
}
BAD: dict[str, tuple[list[Any], str]] = {
    "no messages": ([], "at least one message"),
    "a message that is no object": (["hi"], "list of objects"),
    "a role that nobody has": ([{"role": "system", "content": "x"}], "Unexpected role 'system'"),
    "an unknown field": ([USER | {"name": "x"}], "messages.0.name: Extra inputs"),
    "empty content": ([{"role": "user", "content": " "}], "messages.0: all messages must have non-empty content"),
    "no blocks": ([user()], "messages.0: all messages must have non-empty content"),
    "no content": ([{"role": "user"}], "messages.0.content: Input should be"),
    "an answer first": ([SAID, USER], "first message must"),
    "two of one role": ([USER, USER], "roles must alternate"),
    "an unknown block": ([user({"type": "smell"})], "messages.0.content.0.type"),
    "a thought of the user's": ([user(thought())], "messages.0.content.0.type"),
    "an image in an answer": ([USER, answered(PICTURE), USER], "messages.1.content.0.type"),
    "an empty text block": ([user({"type": "text", "text": " \n"})], "must contain non-whitespace text"),
    "text that is none": ([user({"type": "text", "text": 7})], "text.text: Input should be a valid string"),
    "an unknown field of a block": ([user(TEXT | {"x": 1})], "text.x: Extra inputs are not permitted"),
    "a mark on a thought": ([USER, answered(thought() | MARK, TEXT), USER], "thinking.cache_control: Extra inputs"),
    "an odd mark": ([user(TEXT | {"cache_control": {"type": "eternal"}})], "cache_control: Input should be"),
    "a picture of another format": (
        [user({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "aGk="}})],
        "media_type: Input should be one of",
    ),
    "a picture that is none": (
        [user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}})],
        "data: Input should be valid base64",
    ),
    "a picture without a source": ([user({"type": "image"})], "image.source"),
    "a call with a bad id": ([USER, answered(use("a|b")), user(result("a|b"))], "tool_use.id: String should match"),
    "a call with a long id": ([USER, answered(use("a" * 65)), user(result("a" * 65))], "tool_use.id: String"),
    "a call with a bad name": ([USER, answered(use(name="a b")), user(result())], "tool_use.name: String should"),
    "arguments as text": ([USER, answered(use(given="{}")), user(result())], "tool_use.input: Input should be"),
    "a call without a result": ([USER, answered(use()), USER], "without `tool_result` blocks immediately after: c1"),
    "a call without a result at the end": ([USER, answered(use())], "without `tool_result` blocks immediately after"),
    "results in two messages": (
        [USER, answered(use("a"), use("b")), user(result("a")), user(result("b"))],
        "immediately after: b",
    ),
    "words before a result": ([USER, answered(use()), user(TEXT, result())], "immediately after: c1"),
    "two results": ([USER, answered(use()), user(result(), result())], "must have a single result"),
    "a result of nothing": ([user(result())], "unexpected `tool_use_id` found in `tool_result` blocks: c1"),
    "a result too late": ([USER, answered(use()), USER, SAID, user(result())], "unexpected `tool_use_id`"),
    "two calls with one id": ([USER, answered(use(), use()), user(result())], "ids must be unique"),
    "one id in two answers": (
        [USER, answered(use()), user(result()), answered(use()), user(result())],
        "messages.3: `tool_use` ids must be unique",
    ),
    "an error with a picture": (
        [USER, answered(use()), user(result(content=[PICTURE], is_error=True))],
        'all content must be type "text"',
    ),
    "an empty part of a result": (
        [USER, answered(use()), user(result(content=[{"type": "text", "text": ""}]))],
        "content.0.text.text: text content blocks",
    ),
    "a foreign signature": ([USER, answered(thought(signature="EqQB"), TEXT), USER], "Invalid `signature`"),
    "no signature": ([USER, answered(thought(signature=""), TEXT), USER], "Invalid `signature`"),
    "a changed thought": ([USER, answered(thought("mh", minted("hm", 1)), TEXT), USER], "Invalid `signature`"),
    "a foreign secret": ([USER, answered({"type": "redacted_thinking", "data": "x"}, TEXT), USER], "Invalid `data`"),
    "a thought at the end": ([USER, answered(TEXT, thought()), USER], "cannot be `thinking`"),
    "space at the end": ([USER, {"role": "assistant", "content": "It is "}], "trailing whitespace"),
}


@pytest.mark.parametrize("messages", GOOD.values(), ids=GOOD)
def test_a_well_formed_conversation_is_taken(messages: list[Object]) -> None:
    assert violations({**ASKED, "messages": messages, "system": "x", "tools": [tool()]}) == ()


@pytest.mark.parametrize(("messages", "reason"), BAD.values(), ids=BAD)
def test_a_conversation_is_refused_for(messages: list[Any], reason: str) -> None:
    assert reason in " / ".join(violations({**ASKED, "messages": messages}))


TURN = [USER, answered(use()), user(result())]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": ""}, "model: Field required"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: Field required"),
        ({"stream": "yes"}, "stream: Input"),
        ({"temperature": 0.5}, "temperature: Extra inputs are not permitted"),
        ({"system": ""}, "system: text content blocks"),
        ({"system": [{"type": "text", "text": ""}]}, "system.0.text.text"),
        ({"system": [PICTURE]}, "system.0.type"),
        ({"tools": 7}, "tools: Input"),
        ({"tools": [tool("a b")]}, "tools.0.custom.name"),
        ({"tools": [tool(parameters={})]}, "tools.0.custom.parameters: Extra inputs"),
        ({"tools": [{"name": "read"}]}, "input_schema"),
        ({"tools": [tool(), tool()]}, "unique"),
        ({"output_config": {"effort": "minimal"}}, "output_config.effort"),
        ({"thinking": {"type": "hard"}}, "thinking: Input tag"),
        ({"thinking": {"type": "adaptive", "budget_tokens": 1024}}, "thinking.adaptive.budget_tokens: Extra"),
        ({"thinking": {"type": "adaptive", "display": "all"}}, "thinking.adaptive.display"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1000}}, "greater than or equal to 1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "`max_tokens` must be greater"),
        ({**ENABLED, "tool_choice": {"type": "any"}}, "forces tool use"),
        ({**ENABLED, "messages": TURN}, "must start with a thinking block"),
        ({**ENABLED, "messages": [USER, SAID]}, "prefill"),
        ({"thinking": {"type": "adaptive"}, "messages": [USER, SAID]}, "prefill"),
        (
            {"thinking": {"type": "disabled"}, "messages": [USER, answered(thought(), use()), user(result())]},
            "When thinking is disabled",
        ),
        ({"messages": [user(*[TEXT | MARK] * 5)]}, "A maximum of 4 blocks"),
    ],
)
def test_a_body_is_refused_for(change: Object, reason: str) -> None:
    assert reason in " / ".join(violations({**ASKED, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}},
        {"thinking": {"type": "adaptive"}, "messages": TURN},
        {"thinking": {"type": "between_tools"}, "messages": [USER, answered(thought(), use()), user(result())]},
        {**ENABLED, "messages": [USER, answered(thought(), use()), user(result())]},
        {**ENABLED, "messages": [USER, answered(use()), user(result()), SAID, USER]},
        {
            **ENABLED,
            "messages": [USER, answered(thought(), use("a")), user(result("a")), answered(use("b")), user(result("b"))],
        },
        {"thinking": {"type": "disabled"}, "messages": [USER, answered(thought(), TEXT), USER]},
    ],
)
def test_thinking_that_is_well_asked_for_is_granted(change: Object) -> None:
    assert violations({**ASKED, **change}) == ()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["user", "assistant", "text", "image", "tool_use", "tool_result", "thinking", "enabled", "base64"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "type", "text", "id", "tool_use_id", "source", "data", "signature", "x"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)
FIELDS = ["model", "max_tokens", "messages", "tools", "stream", "system", "thinking", "output_config", "tool_choice"]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)))
def test_no_body_breaks_the_rules_themselves(body: Object) -> None:
    assert all(isinstance(wrong, str) for wrong in violations(body))


def events(pieces: Iterable[bytes]) -> list[Object]:
    return [json.loads(line[6:]) for line in b"".join(pieces).split(b"\n") if line.startswith(b"data: ")]


def whole(ok: Ok) -> Object:
    rendered = AnthropicMessages().render(ok, {**ASKED, "stream": False}, 1)
    return json.loads(b"".join((*rendered.content, *rendered.closing)))


def folded(ok: Ok) -> list[Object]:
    """Return the blocks that the events of a stream make."""
    blocks: list[Object] = []
    for event in events(AnthropicMessages().render(ok, ASKED, 1).content):
        match event["type"]:
            case "content_block_start":
                blocks.append({**event["content_block"], "json": ""})
            case "content_block_delta":
                delta: Object = event["delta"]
                ((field, piece),) = ((name, value) for name, value in delta.items() if name != "type")
                blocks[event["index"]]["json" if field == "partial_json" else field] += piece
            case _:
                assert event == {"type": "content_block_stop", "index": len(blocks) - 1}
    for block in blocks:
        pieces = block.pop("json")
        if pieces:
            block["input"] = json.loads(pieces)
    return blocks


@given(st.text(), st.text(), st.booleans(), st.integers(1, 9))
def test_a_stream_and_a_whole_answer_say_the_same(text: str, thinking: str, redacted: bool, chunk: int) -> None:
    tools = [ToolCallScript("read", {"path": "ä"}), ToolCallScript("now")]
    ok = Ok(text, tools, thinking, redacted, chunk=chunk)
    assert folded(ok) == whole(ok)["content"]


@given(st.text(min_size=1), st.booleans())
def test_it_takes_back_what_it_said(thinking: str, redacted: bool) -> None:
    said = whole(Ok("yes", [ToolCallScript("read", id="c1")], thinking, redacted))
    messages = [USER, {"role": "assistant", "content": said["content"]}, user(result())]
    assert violations({**ASKED, **ENABLED, "messages": messages}) == ()


@pytest.mark.parametrize(
    ("ok", "content", "reason"),
    [
        (Ok(), ["text"], "end_turn"),
        (Ok(""), [], "end_turn"),
        (Ok(thinking="hm"), ["thinking"], "end_turn"),
        (Ok(thinking="hm", redacted=True), ["redacted_thinking"], "end_turn"),
        (Ok(tools=[ToolCallScript("ls")]), ["tool_use"], "tool_use"),
        (Ok(finish="max_tokens"), ["text"], "max_tokens"),
        (Ok(finish=""), ["text"], None),
    ],
)
def test_what_an_answer_says_and_how_it_finishes(ok: Ok, content: list[str], reason: str | None) -> None:
    message = whole(ok)
    assert [block["type"] for block in message["content"]] == content
    assert message["stop_reason"] == reason
    delta, *_ = events(AnthropicMessages().render(ok, ASKED, 1).closing)
    assert delta["delta"]["stop_reason"] == reason


def test_the_events_come_in_order_and_each_content_event_bears_content() -> None:
    ok = Ok("abcd", [ToolCallScript("ls", '{"a": 1}')], "hm", chunk=2, usage=Usage(input=9, output=4, reasoning=2))
    rendered = AnthropicMessages().render(ok, ASKED, 3)
    opening = events(rendered.opening)
    assert [event["type"] for event in opening] == ["message_start", "ping"]
    assert opening[0]["message"]["id"] == "msg_3"
    assert opening[0]["message"]["usage"]["input_tokens"] == 9
    content = [[event.get("delta", event)["type"] for event in events([piece])] for piece in rendered.content]
    assert content == [
        ["content_block_start", "thinking_delta", "signature_delta", "content_block_stop"],
        ["content_block_start", "text_delta"],
        ["text_delta", "content_block_stop"],
        ["content_block_start", "input_json_delta"],
        *[["input_json_delta"]] * 3,
        ["input_json_delta", "content_block_stop"],
    ]
    delta, stop = events(rendered.closing)
    assert (delta["usage"]["output_tokens"], delta["usage"]["output_tokens_details"]) == (4, {"thinking_tokens": 2})
    assert stop == {"type": "message_stop"}
    assert events([rendered.heartbeat]) == [{"type": "ping"}]


def test_a_host_may_leave_out_its_terminator() -> None:
    (delta,) = events(AnthropicMessages().render(Ok(done=False), ASKED, 1).closing)
    assert delta["type"] == "message_delta"


def test_arguments_that_are_cut_off_are_sent_as_they_are() -> None:
    ok = Ok(tools=[ToolCallScript("ls", '{"a": ')], finish="max_tokens")
    pieces = [
        event["delta"]["partial_json"] for event in events(AnthropicMessages().render(ok, ASKED, 1).content)[1:-1]
    ]
    assert "".join(pieces) == '{"a": '


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (404, "not_found_error"), (500, "api_error")],
)
def test_an_error_has_the_type_of_its_status(status: int, kind: str) -> None:
    error = AnthropicMessages().error(status, "no")
    assert error["type"] == "error"
    assert error["error"] == {"type": kind, "message": "no"}


@pytest.mark.parametrize(
    ("headers", "key"),
    [({"x-api-key": "k"}, "k"), ({"authorization": "Bearer k"}, "k"), ({"authorization": "Basic k"}, ""), ({}, "")],
)
def test_a_key_comes_in_either_header(headers: dict[str, str], key: str) -> None:
    assert AnthropicMessages().key(headers) == key


@pytest.mark.parametrize(
    ("method", "path", "serves", "lists"),
    [
        ("POST", "/v1/messages", True, False),
        ("POST", "/anthropic/v1/messages", True, False),
        ("GET", "/v1/messages", False, False),
        ("POST", "/v1/chat/completions", False, False),
        ("GET", "/anthropic/v1/models", False, True),
        ("GET", "/v1/models", False, False),  # the wire that most clients mean by it answers
    ],
)
def test_it_knows_its_paths(method: str, path: str, serves: bool, lists: bool) -> None:
    wire = AnthropicMessages()
    assert (wire.serves(method, path), wire.lists(method, path, {})) == (serves, lists)
