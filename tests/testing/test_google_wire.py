"""The dialect `google-generative-ai` of the fault server: what it says and what it refuses."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.testing import Ok, ToolCallScript
from pi_fallback.testing.google_rules import violations
from pi_fallback.testing.google_turns import minted
from pi_fallback.testing.google_wire import GoogleGenerativeAI
from pi_fallback_hookspecs import Usage

WIRE = GoogleGenerativeAI()
SSE = "/v1beta/models/m:streamGenerateContent?alt=sse"
ARRAY = "/v1beta/models/m:streamGenerateContent"
WHOLE = "/v1beta/models/m:generateContent"
ASSIST = "/v1internal:streamGenerateContent?alt=sse"
SKIPPED = "skip_thought_signature_validator"

USER = {"role": "user", "parts": [{"text": "hi"}]}
SAID = {"role": "model", "parts": [{"text": "hello"}]}


def call(name: str = "read", call_id: str | None = "c1", signature: str | None = minted(1), **more: Any) -> Any:
    signed = {} if signature is None else {"thoughtSignature": signature}
    named = {} if call_id is None else {"id": call_id}
    return {"functionCall": {"name": name, "args": {}, **named, **more}, **signed}


def calls(*made: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(made)}


def result(name: str = "read", call_id: str | None = "c1", response: Any = None, **more: Any) -> Any:
    named = {} if call_id is None else {"id": call_id}
    return {"functionResponse": {"name": name, "response": response or {"output": "done"}, **named, **more}}


def results(*made: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(made)}


def model_says(**part: Any) -> list[Any]:
    return [USER, {"role": "model", "parts": [part]}, USER]


BLOB = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
STEP = [calls(call()), results(result())]
GOOD = {
    "a question": [USER],
    "an answer": [USER, SAID, USER],
    "two questions": [USER, USER],
    "the beginning of an answer": [USER, SAID],
    "text and image": [results({"text": "look"}, BLOB)],
    "a call and its result": [USER, *STEP],
    "two steps": [USER, *STEP, *STEP],
    "two calls, the first signed": [
        USER,
        calls(call(), call("ls", "c2", None)),
        results(result(), result("ls", "c2")),
    ],
    "calls without ids": [USER, calls(call(call_id=None)), results(result(call_id=None))],
    "an image in a result": [USER, calls(call()), results(result(parts=[BLOB]))],
    "words after a result": [USER, *STEP, USER],
    "a call that others made": [USER, calls(call(signature=SKIPPED)), results(result())],
    "a turn that is over": [USER, calls(call(signature=None)), results(result()), USER],
    "signed words": model_says(text="", thoughtSignature=minted(2)),
    "a signed thought": model_says(text="hm", thought=True, thoughtSignature=minted(2)),
}
BAD = {
    "nothing": ([], "contents is not specified"),
    "a content that is no object": (["hi"], "contents is not specified"),
    "a role that nobody has": ([USER, {**SAID, "role": "assistant"}], "valid role"),
    "no role": ([{"parts": [{"text": "x"}]}], "valid role"),
    "a model that begins": ([SAID, USER], "begin with a user turn"),
    "no parts": ([{"role": "user", "parts": []}], "parts must not be empty"),
    "a part that is no object": ([{"role": "user", "parts": ["hi"]}], "parts must not be empty"),
    "an empty text": ([results({"text": ""})], "empty text parameter"),
    "an unsigned empty text": (model_says(text=""), "empty text parameter"),
    "a part without data": ([results({})], "oneof field 'data'"),
    "a part with two data": ([results({"text": "x", **BLOB})], "oneof field 'data'"),
    "an unknown part": ([results({"text": "x", "type": "text"})], "Unknown name 'type'"),
    "an unknown field": ([{**USER, "content": "x"}], "Unknown name 'content'"),
    "an image without a type": ([results({"inlineData": {"data": "AA=="}})], "inlineData must have"),
    "an image that is no base64": ([results({"inlineData": {"mimeType": "a", "data": "ä"}})], "inlineData must have"),
    "a user who calls": ([USER, results(call())], "the model's"),
    "a user who thinks": ([results({"text": "x", "thought": True})], "the model's"),
    "a model with results": ([USER, calls(call()), calls(result())], "the user's"),
    "a call without a name": ([USER, calls(call("")), results(result(""))], "valid name"),
    "a call with a bad name": ([USER, calls(call("a b")), results(result("a b"))], "valid name"),
    "arguments as text": ([USER, calls(call(args="{}")), results(result())], "args that are an object"),
    "a call with odd fields": ([USER, calls(call(type="x")), results(result())], "Unknown name 'type'"),
    "a result as text": ([USER, calls(call()), results(result(response="done"))], "response that is an object"),
    "a result with odd fields": ([USER, calls(call()), results(result(is_error=True))], "Unknown name 'isError'"),
    "words in the parts of a result": ([USER, calls(call()), results(result(parts=[{"text": "x"}]))], "inlineData"),
    "a call without a result": ([USER, calls(call()), USER], "number of function response parts is equal"),
    "a call without a result at the end": ([USER, calls(call())], "followed by a function response turn"),
    "too few results": (
        [USER, calls(call(), call("ls", "c2")), results(result())],
        "number of function response parts",
    ),
    "two results": ([USER, calls(call()), results(result(), result())], "number of function response parts"),
    "results in two contents": (
        [USER, calls(call(), call("ls", "c2")), results(result()), results(result("ls", "c2"))],
        "number of function response parts",
    ),
    "results in another order": (
        [USER, calls(call(), call("ls", "c2")), results(result("ls", "c2"), result())],
        "in their order",
    ),
    "a result with another id": ([USER, calls(call()), results(result(call_id="c9"))], "names and ids"),
    "a result without the id": ([USER, calls(call()), results(result(call_id=None))], "names and ids"),
    "a result of nothing": ([USER, results(result())], "immediately after a function call turn"),
    "a call after words of its own": ([USER, SAID, *STEP], "function call turn comes immediately after a user turn"),
    "a call without a signature": (
        [USER, calls(call(signature=None)), results(result())],
        "missing a thought_signature",
    ),
    "a second step without a signature": (
        [USER, *STEP, calls(call(signature=None)), results(result())],
        "missing a thought_signature",
    ),
    "a foreign signature": ([USER, calls(call(signature="QQ==")), results(result())], "Corrupted thought signature"),
    "a signature that is no text": (model_says(text="x", thoughtSignature=7), "Corrupted thought signature"),
}


def asked(contents: Any, **more: Any) -> Mapping[str, Any]:
    return WIRE.asked(SSE, {"contents": contents, **more})


@pytest.mark.parametrize("contents", GOOD.values(), ids=GOOD)
def test_a_well_formed_conversation_is_taken(contents: list[Any]) -> None:
    assert violations(asked(contents)) == ()


@pytest.mark.parametrize(("contents", "reason"), BAD.values(), ids=BAD)
def test_a_conversation_is_refused_for(contents: list[Any], reason: str) -> None:
    assert reason in " / ".join(violations(asked(contents)))


def test_names_of_fields_are_taken_in_both_spellings_but_what_is_the_authors_stays() -> None:
    made = {"function_call": {"name": "read", "args": {"a_b": 1}, "id": "c1"}, "thought_signature": minted(1)}
    told = {"function_response": {"name": "read", "response": {"a_b": 1}, "id": "c1"}}
    config = {"max_output_tokens": 1, "thinking_config": {"thinking_level": "LOW"}}
    body = asked([USER, calls(made), results(told)], generation_config=config)
    assert violations(body) == ()
    assert body["generationConfig"] == {"maxOutputTokens": 1, "thinkingConfig": {"thinkingLevel": "LOW"}}
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"a_b": 1}
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"a_b": 1}


def test_an_older_model_asks_for_no_signature() -> None:
    body = {"contents": [USER, calls(call(signature=None)), results(result())]}
    for model in ("gemini-2.5-pro", "gemini-2.0-flash-001"):
        assert violations(WIRE.asked(SSE.replace("/m:", f"/{model}:"), body)) == ()
    assert violations(WIRE.asked(SSE.replace("/m:", "/gemini-20-x:"), body))


@pytest.mark.parametrize("form", ["urlsafe", "standard", "encoded stand-in"])
def test_a_signature_is_known_in_each_of_its_spellings(form: str) -> None:
    data = SKIPPED.encode() if form == "encoded stand-in" else b"google-generative-ai:123"
    encode = base64.urlsafe_b64encode if form == "urlsafe" else base64.b64encode
    assert violations(asked([USER, calls(call(signature=encode(data).decode())), results(result())])) == ()


def tools(**declaration: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{"name": "read", "description": "x", **declaration}]}]}


SCHEMA = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"systemInstruction": {"parts": [{"text": "x"}]}},
        {"systemInstruction": {"role": "user", "parts": [{"text": "x"}]}},
        tools(),
        tools(parametersJsonSchema=SCHEMA),
        tools(parameters={"type": "OBJECT"}),
        {"generationConfig": {"maxOutputTokens": 1, "temperature": 2}},
        {"generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}}},
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}}},
    ],
)
def test_a_well_formed_body_is_taken(change: dict[str, Any]) -> None:
    assert violations(asked([USER], **change)) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"messages": []}, "Unknown name 'messages'"),
        ({"systemInstruction": "x"}, "systemInstruction"),
        ({"systemInstruction": {"parts": [{"text": ""}]}}, "systemInstruction"),
        ({"tools": []}, "tools"),
        ({"tools": [{"functionDeclarations": []}]}, "tools"),
        (tools(name="a b"), "Invalid function name"),
        (tools(description=7), "description"),
        (tools(input_schema=SCHEMA), "Unknown name 'inputSchema'"),
        (tools(parameters=SCHEMA, parametersJsonSchema=SCHEMA), "mutually exclusive"),
        (tools(parametersJsonSchema={"type": "string"}), "must describe an object"),
        ({"tools": tools()["tools"] * 2}, "Duplicate function declaration"),
        ({"generationConfig": {"max_tokens": 1}}, "Unknown name 'maxTokens'"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "max_output_tokens"),
        ({"generationConfig": {"maxOutputTokens": True}}, "max_output_tokens"),
        ({"generationConfig": {"temperature": 3}}, "temperature"),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}}, "only set one"),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}, "thinking_level"),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 40_000}}}, "thinking budget"),
        ({"generationConfig": {"thinkingConfig": {"includeThoughts": 1}}}, "include_thoughts"),
        ({"generationConfig": {"thinkingConfig": {"effort": "low"}}}, "Unknown name 'effort'"),
    ],
)
def test_a_body_is_refused_for(change: dict[str, Any], reason: str) -> None:
    assert reason in " / ".join(violations(asked([USER], **change)))


def test_an_older_model_refuses_a_thinking_level() -> None:
    body = {"contents": [USER], "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}
    wrong = violations(WIRE.asked("/v1beta/models/gemini-2.5-pro:generateContent", body))
    assert wrong == ("Thinking level is not supported for this model.",)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["user", "model", "AA=="]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "parts",
                    "text",
                    "functionCall",
                    "functionResponse",
                    "name",
                    "response",
                    "thoughtSignature",
                    "inlineData",
                    "data",
                    "mimeType",
                    "functionDeclarations",
                    "thinkingConfig",
                    "thinkingLevel",
                    "x",
                ]
            ),
            inner,
        )
    ),
    max_leaves=20,
)
CONTENTS = JSON | st.lists(st.fixed_dictionaries({"role": JSON, "parts": JSON | st.lists(JSON)}), min_size=1)


@given(
    st.fixed_dictionaries({"contents": CONTENTS, "tools": JSON, "systemInstruction": JSON, "generationConfig": JSON})
)
def test_no_body_breaks_the_rules_themselves(body: dict[str, Any]) -> None:
    assert all(isinstance(wrong, str) for wrong in violations({**body, "model": "m"}))


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        (SSE, "m", True),
        (WHOLE, "m", False),
        ("/v1/models/a%2Fb%3Ac:generateContent", "a/b:c", False),
        ("/v1/publishers/google/models/m:streamGenerateContent?alt=sse", "m", True),
        ("/v1/projects/p/locations/global/publishers/google/models/m:generateContent", "m", False),
        ("/v1internal:streamGenerateContent?alt=sse", "inside", True),
    ],
)
def test_the_path_says_which_model_is_asked_and_whether_to_stream(path: str, model: str, stream: bool) -> None:
    assert WIRE.serves("POST", path.partition("?")[0])
    body = WIRE.asked(path, {"model": "inside", "request": {"contents": [USER]}, "contents": [USER]})
    assert (WIRE.model(body), body["stream"], body["contents"]) == (model, stream, [USER])


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1beta/models", (False, True)),
        ("GET", "/v1beta1/publishers/google/models", (False, True)),
        ("GET", "/v1/models", (False, False)),  # somebody else's
        ("POST", "/v1beta/models", (False, False)),
        ("POST", "/v1/chat/completions", (False, False)),
        ("POST", "/v1beta/models/m:countTokens", (False, False)),
        ("GET", "/v1beta/models/m:generateContent", (False, False)),
    ],
)
def test_it_serves_what_is_its_own(method: str, path: str, expected: tuple[bool, bool]) -> None:
    assert (WIRE.serves(method, path), WIRE.lists(method, path, {})) == expected


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"x-goog-api-key": "k"}, "k"),
        ({"authorization": "Bearer k"}, "k"),
        ({"authorization": "Basic k"}, ""),
        ({}, ""),
    ],
)
def test_the_key_stands_in_a_header(headers: dict[str, str], key: str) -> None:
    assert WIRE.key(headers) == key


def rendered(ok: Ok, path: str, number: int = 7) -> bytes:
    answer = WIRE.render(ok, WIRE.asked(path, {"model": "m", "request": {}}), number)
    return b"".join((*answer.opening, *answer.content, *answer.closing))


def pieces_of(ok: Ok, path: str) -> list[dict[str, Any]]:
    """Return the pieces of an answer, in whichever way it is sent."""
    data = rendered(ok, path)
    if path in (SSE, ASSIST):
        events = [json.loads(event.removeprefix(b"data: ")) for event in data.split(b"\r\n\r\n") if event]
        return [event["response"] for event in events] if path == ASSIST else events
    answer = json.loads(data)
    return answer if path == ARRAY else [answer]


def parts_of(ok: Ok, path: str) -> list[dict[str, Any]]:
    return [part for piece in pieces_of(ok, path) for part in piece["candidates"][0]["content"]["parts"]]


@given(st.text(), st.text(), st.integers(1, 9))
def test_streams_and_whole_answers_say_the_same(text: str, thinking: str, chunk: int) -> None:
    ok = Ok(text, [ToolCallScript("read", {"path": "x"})], thinking, chunk=chunk)
    for path in (SSE, ARRAY, WHOLE, ASSIST):
        parts = parts_of(ok, path)
        assert "".join(part.get("text", "") for part in parts if not part.get("thought")) == text
        assert "".join(part.get("text", "") for part in parts if part.get("thought")) == thinking
        made = [part for part in parts if "functionCall" in part]
        function = {"name": "read", "args": {"path": "x"}, "id": "call_7_0"}
        assert made == [{"functionCall": function, "thoughtSignature": minted(7)}]


@pytest.mark.parametrize("path", [SSE, ARRAY, WHOLE, ASSIST])
@pytest.mark.parametrize(
    ("ok", "said", "signatures", "finish"),
    [
        (Ok(), "ok", 0, "STOP"),
        (Ok(""), "", 0, "STOP"),
        (Ok("x", thinking="hm"), "x", 1, "STOP"),
        (Ok("x", thinking="hm", redacted=True), "x", 1, "STOP"),
        (Ok(tools=[ToolCallScript("a"), ToolCallScript("b")]), "", 1, "STOP"),
        (Ok(tools=[ToolCallScript("a")], thinking="hm"), "", 1, "STOP"),
        (Ok(finish="SAFETY"), "ok", 0, "SAFETY"),
        (Ok(finish=""), "ok", 0, None),
    ],
)
def test_what_an_answer_says_how_it_is_signed_and_how_it_finishes(
    ok: Ok, said: str, signatures: int, finish: str | None, path: str
) -> None:
    parts = parts_of(ok, path)
    assert "".join(part.get("text", "") for part in parts if not part.get("thought")) == said
    assert sum("thoughtSignature" in part for part in parts) == signatures
    assert any(part.get("thought") for part in parts) is (bool(ok.thinking) and not ok.redacted)
    assert pieces_of(ok, path)[-1]["candidates"][0].get("finishReason") == finish


def test_usage_counts_the_cache_with_the_prompt_and_thoughts_apart() -> None:
    (whole,) = pieces_of(Ok(usage=Usage(input=4, output=9, cache_read=6, reasoning=2)), WHOLE)
    assert whole["usageMetadata"] == {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 6,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 2,
        "totalTokenCount": 19,
    }


def test_arguments_given_as_text_are_sent_as_they_are() -> None:
    sent = rendered(Ok(tools=[ToolCallScript("a", "{}"), ToolCallScript("b", '{"half": ')]), SSE)
    assert b'{"name":"a","args":{},"id"' in sent
    assert b'{"name":"b","args":{"half": ,"id"' in sent


@pytest.mark.parametrize("path", [SSE, ARRAY, WHOLE])
def test_an_error_in_the_middle_fits_where_it_stands(path: str) -> None:
    body = WIRE.asked(path, {})
    error = WIRE.error_event(None, body)
    assert b'"status":"UNAVAILABLE"' in error
    assert b'"code":7' in WIRE.error_event({"code": 7}, body)
    if path == ARRAY:
        answer = WIRE.render(Ok("x"), body, 1)
        assert json.loads(b"".join((*answer.opening, *answer.content, error)))[1]["error"]["code"] == 503


def test_errors_and_models_are_worded_as_google_words_them() -> None:
    assert WIRE.error(429, "slow") == {"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}
    assert WIRE.error(418, "tea")["error"]["status"] == "UNKNOWN"
    (model,) = WIRE.models(["m"])["models"]
    assert (model["name"], model["inputTokenLimit"]) == ("models/m", 1_048_576)
