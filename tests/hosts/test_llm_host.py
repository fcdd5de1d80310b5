"""Failover in the stock `llm` command line, over real sockets."""

import json
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from pi_fallback.testing import (
    CommentsOnly,
    Cut,
    CutBeforeHeaders,
    Empty200,
    ErrorEvent,
    HangBeforeHeaders,
    Ok,
    Received,
    RunningFaultServer,
    Stall,
    Status,
    Step,
    ToolCallScript,
    running_fault_server,
)
from tests.hosts.llm_user import PROGRAM, LlmUser

ONCE = {"x-should-retry": "false"}  # the SDK below `llm` repeats what it may: that is its own affair
HALF = Ok("This is the beginning of an answer.", chunk=8)


@pytest.fixture
def server() -> Generator[RunningFaultServer, None, None]:
    with running_fault_server({"second": Ok("From the second.")}) as server:
        yield server


@pytest.fixture
def user(tmp_path: Path, server: RunningFaultServer) -> LlmUser:
    user = LlmUser(tmp_path / "llm")
    user.models(server.base_url, "first", "second", supports_tools=True)
    user.fallback("first", "second")
    return user


SYNC: tuple[str, ...] = ()
ASYNC = ("--async",)


@pytest.mark.parametrize(
    ("step", "mode"),
    [
        pytest.param(Status(500, ONCE), SYNC, id="500"),
        pytest.param(Status(500, ONCE), ASYNC, id="500, async"),
        pytest.param(Status(429, ONCE), SYNC, id="429"),
        pytest.param(Status(401, ONCE), SYNC, id="401"),
        pytest.param(Empty200(), SYNC, id="no body"),
        pytest.param(Ok(""), SYNC, id="empty"),
        pytest.param(Ok(""), ASYNC, id="empty, async"),
        pytest.param(ErrorEvent(after=0), SYNC, id="error event"),
        pytest.param(Cut(after=0, how="rst"), ASYNC, id="cut, async"),
    ],
)
def test_a_model_that_fails_before_its_first_word_is_replaced_without_a_word(
    user: LlmUser, server: RunningFaultServer, step: Step, mode: tuple[str, ...]
) -> None:
    server.play("first", step)
    done = user.run("-m", "fallback", *mode, "hello")
    assert (done.code, done.out.strip(), done.err) == (0, "From the second.", "")
    assert {request.model for request in server.requests} == {"first", "second"}
    assert server.violations == ()


@pytest.mark.parametrize(
    ("step", "mode"),
    [
        pytest.param(HangBeforeHeaders(), SYNC, id="head"),
        pytest.param(HangBeforeHeaders(), ASYNC, id="head, async"),
        pytest.param(Stall(after=0), SYNC, id="stall"),
        pytest.param(CommentsOnly(after=0, every_s=0.05), ASYNC, id="comments, async"),
    ],
)
def test_a_model_that_hangs_is_left_in_time_and_the_program_ends(
    user: LlmUser, server: RunningFaultServer, step: Step, mode: tuple[str, ...]
) -> None:
    server.play("first", step)
    began = time.monotonic()
    done = user.run("-m", "fallback", "-o", "first_content", "3", *mode, "hello")
    assert (done.code, done.out, done.err) == (0, "From the second.\n", "")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("step", "options"),
    [
        pytest.param(Cut(after=2, how="rst", of=HALF), SYNC, id="reset"),
        pytest.param(Cut(after=2, how="clean", of=HALF), SYNC, id="clean cut"),
        pytest.param(Cut(after=2, how="clean", of=HALF), ASYNC, id="clean cut, async"),
        pytest.param(Stall(after=2, of=HALF), ("-o", "quiet", "1"), id="stall"),
        pytest.param(Stall(after=2, of=HALF), ("-o", "quiet", "1", *ASYNC), id="stall, async"),
        pytest.param(ErrorEvent(after=2, of=HALF), SYNC, id="error event"),
        pytest.param(Ok("This is the beg", chunk=8, finish="content_filter"), SYNC, id="filter"),
    ],
)
def test_after_text_was_shown_the_next_model_begins_on_a_line_of_its_own_and_stderr_says_why(
    user: LlmUser, server: RunningFaultServer, step: Step, options: tuple[str, ...]
) -> None:
    server.play("first", step)
    done = user.run("-m", "fallback", *options, "hello")
    assert done.code == 0
    *halves, whole = done.out.splitlines()
    assert whole == "From the second."
    assert set(halves) <= {"This is the begi", "This is the beg"}
    notes = done.err.splitlines()
    assert len(notes) == len(halves) == len(server.requests_for("first"))
    assert all(note.startswith("first broke off (") for note in notes)
    assert notes[-1].endswith("); second begins anew.")


def test_what_broke_off_is_not_part_of_the_logged_answer(user: LlmUser, server: RunningFaultServer) -> None:
    user.logs()
    server.play("first", Cut(after=2, of=HALF))
    assert user.run("-m", "fallback", "hello").code == 0
    (logged,) = user.logged()
    assert logged["response"] == "From the second."
    assert (logged["model"], logged["resolved_model"]) == ("fallback", "second")
    assert (logged["input_tokens"], logged["output_tokens"]) == (10, 5)


@pytest.mark.parametrize("mode", [SYNC, ASYNC], ids=["sync", "async"])
def test_midstream_stop_ends_with_the_error_and_asks_nobody_else(
    user: LlmUser, server: RunningFaultServer, mode: tuple[str, ...]
) -> None:
    server.play("first", Cut(after=2, of=HALF))
    done = user.run("-m", "fallback", "-o", "midstream", "stop", *mode, "hello")
    assert done.code == 1
    assert "first broke off: " in done.err
    assert "second" not in done.out
    assert server.requests_for("second") == ()


def test_a_script_gets_the_whole_answer_alone_with_no_stream(user: LlmUser, server: RunningFaultServer) -> None:
    server.play("first", Cut(after=2, of=HALF))
    for mode in ((), ("--async",)):
        done = user.run("-m", "fallback", "--no-stream", *mode, "hello")
        assert (done.code, done.out.strip(), done.err) == (0, "From the second.", "")


def test_the_next_call_does_not_ask_the_model_that_rests(user: LlmUser, server: RunningFaultServer) -> None:
    server.play("first", Status(429, {**ONCE, "Retry-After": "600"}))
    for _ in range(2):
        assert user.run("-m", "fallback", "hello").out == "From the second.\n"
    assert [request.model for request in server.requests] == ["first", "second", "second"]
    listed = user.run("fallback", "list").out
    assert "  first (rests for another " in listed
    assert "s: rate_limit)\n  second\n" in listed


def test_when_all_fail_every_model_is_named_with_its_reason(user: LlmUser, server: RunningFaultServer) -> None:
    server.play("first", Status(402, ONCE))
    server.play("second", Status(401, ONCE))
    done = user.run("-m", "fallback", "hello")
    assert done.code == 1
    assert "first/first: quota_exhausted" in done.err
    assert "second/second: auth" in done.err


def test_a_blip_is_repeated_once_before_the_model_is_changed(user: LlmUser, server: RunningFaultServer) -> None:
    server.play("first", [Cut(after=0), Ok("Here I am.")])
    assert user.run("-m", "fallback", "hello").out == "Here I am.\n"
    server.play("first", CutBeforeHeaders())
    assert user.run("-m", "fallback", "hello").out == "From the second.\n"


def test_tools_run_once_whichever_model_calls_them(user: LlmUser, server: RunningFaultServer) -> None:
    call = Ok(tools=[ToolCallScript("count", {"word": "banana"})])
    server.play("first", Cut(after=1, of=call))

    def second(asked: Received) -> Step:
        results = [message["content"] for message in asked.messages if message["role"] == "tool"]
        return Ok(f"It has {results[0]} letters.") if results else call

    server.play("second", second)
    function = "def count(word: str) -> int:\n    print('counting')\n    return len(word)\n"
    done = user.run("-m", "fallback", "--functions", function, "How long is banana?")
    assert done.code == 0, done.err
    assert done.out.count("counting") == 1
    assert done.out.endswith("It has 6 letters.\n")
    assert server.violations == ()


def test_a_conversation_goes_on_with_whoever_answers(user: LlmUser, server: RunningFaultServer) -> None:
    user.logs()
    server.play("first", [Ok("One."), Status(401, ONCE)])
    user.run("-m", "fallback", "first question")
    done = user.run("-c", "second question")
    assert done.out == "From the second.\n"
    said = [(message["role"], message["content"]) for message in server.requests[-1].messages]
    assert said == [("user", "first question"), ("assistant", "One."), ("user", "second question")]


def test_options_schemas_and_system_prompts_reach_the_members_that_know_them(
    tmp_path: Path, server: RunningFaultServer
) -> None:
    user = LlmUser(tmp_path / "llm")
    plain = {"model_id": "plain", "model_name": "plain", "api_base": server.base_url}
    able = {"model_id": "able", "model_name": "second", "api_base": server.base_url, "supports_schema": True}
    (user.folder / "extra-openai-models.yaml").write_text(json.dumps([plain, able]))
    user.fallback("plain", "able")
    server.play("second", Ok('{"a": 1}'))
    schema = json.dumps({"type": "object", "properties": {"a": {"type": "integer"}}})
    done = user.run("-m", "fallback", "-s", "Be brief.", "-o", "temperature", "0.5", "--schema", schema, "hello")
    assert (done.code, done.out) == (0, '{"a": 1}\n'), done.err
    (request,) = server.requests  # the first takes no schemas
    assert request.body is not None
    assert request.body["temperature"] == 0.5
    assert request.body["response_format"]["type"] == "json_schema"
    assert request.messages[0] == {"role": "system", "content": "Be brief."}
    assert user.run("-m", "fallback", "-o", "warmth", "1", "hello").code == 1


def test_what_no_member_can_take_is_refused_with_the_reasons(user: LlmUser, server: RunningFaultServer) -> None:
    done = user.run("-m", "fallback", "--schema", '{"type": "object"}', "hello")
    assert done.code == 1
    assert "fallback does not support schemas" in done.err
    assert server.requests == ()


def test_an_option_that_no_member_takes_is_the_users_to_mend(user: LlmUser, server: RunningFaultServer) -> None:
    done = user.run("-m", "fallback", "-o", "temperature", "99", "hello")
    assert done.code == 1
    assert "None of the models of fallback can take this: first takes no temperature 99: " in done.err
    assert "rests" not in user.run("fallback", "list").out
    assert server.requests == ()


def test_a_key_that_is_missing_is_a_failure_like_any_other(user: LlmUser, server: RunningFaultServer) -> None:
    user.fallback("gpt-4o", "second")
    assert user.run("-m", "fallback", "hello").out == "From the second.\n"


def test_the_terminal_can_be_interrupted_while_a_model_hangs(user: LlmUser, server: RunningFaultServer) -> None:
    server.play("first", Stall(after=1))
    with subprocess.Popen(
        [*PROGRAM, "-m", "fallback", "hello"],
        env=user.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        server.wait_for_requests(1)
        program.send_signal(signal.SIGINT)
        assert program.wait(10) != 0
    server.wait_until(lambda requests: requests[0].outcome == "left")


def test_a_fallback_model_is_set_listed_used_and_removed(tmp_path: Path, server: RunningFaultServer) -> None:
    user = LlmUser(tmp_path / "llm")
    user.models(server.base_url, "first", "second")
    server.play("first", Ok("From the first."))
    assert "There is none yet" in user.run("fallback", "list").out
    assert user.run("fallback", "set", "both", "first", "second").out == (
        "both: first → second. Use it with `llm -m both ...`.\n"
    )
    assert user.run("fallback", "list").out == "both\n  first\n  second\n"
    assert "Fallback: both" in user.run("models").out
    assert user.run("-m", "both", "hello").out == "From the first.\n"
    assert user.run("fallback", "remove", "both").code == 0
    assert user.run("-m", "both", "hello").code == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("set", "first", "second"), "There is a model 'first' already. Choose another name."),
        (("set", "new", "nobody"), "There is no model 'nobody'. `llm models` lists"),
        (("set", "new", "fallback"), "'fallback' is a fallback itself. Name its members instead."),
        (("set", "", "first"), "'' is no name for a model. Choose one without spaces"),
        (("set", "my models", "first"), "'my models' is no name for a model."),
        (("set", "a\nb", "first"), "is no name for a model."),
        (("remove", "nobody"), "There is no fallback model 'nobody'."),
    ],
)
def test_what_cannot_be_set_is_refused_with_what_to_do(user: LlmUser, arguments: tuple[str, ...], why: str) -> None:
    done = user.run("fallback", *arguments)
    assert done.code == 1
    assert why in done.err


@pytest.mark.parametrize("text", ["{", "[]", '{"models": 3}'])
def test_a_broken_file_stops_neither_llm_nor_is_it_written_over(
    user: LlmUser, server: RunningFaultServer, text: str
) -> None:
    path = user.folder / "pi-fallback.json"
    path.write_text(text)
    done = user.run("-m", "second", "hello")
    assert (done.code, done.out) == (0, "From the second.\n")
    assert done.err.startswith("Warning: ")
    assert done.err.count("Warning: ") == 1
    assert "pi-fallback.json" in done.err
    done = user.run("fallback", "set", "both", "first", "second")
    assert done.code == 1
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("name", "entry", "why"),
    [
        ("bad", [], "models.bad: List should have at least 1 item"),
        ("bad", "first", "models.bad: Input should be a valid list"),
        ("bad", ["first", 3], "models.bad.1: Input should be a valid string"),
        ("", ["first"], "'' is no name for a model. Remove it: `llm fallback remove ''`."),
    ],
)
def test_a_bad_entry_is_named_once_and_takes_no_other_with_it(
    user: LlmUser, server: RunningFaultServer, name: str, entry: object, why: str
) -> None:
    path = user.folder / "pi-fallback.json"
    path.write_text(json.dumps({"models": {name: entry, "fallback": ["second"]}}))
    done = user.run("-m", "fallback", "hello")
    assert (done.code, done.out) == (0, "From the second.\n")
    assert why in done.err
    assert done.err.count("Warning: ") == 1
    assert user.run("fallback", "set", "both", "first", "second").code == 0
    assert user.run("fallback", "remove", name).code == 0
    assert json.loads(path.read_text()) == {"models": {"fallback": ["second"], "both": ["first", "second"]}}


def test_unknown_keys_of_the_file_survive_a_change(user: LlmUser) -> None:
    path = user.folder / "pi-fallback.json"
    path.write_text('{"models": {"a": ["first"]}, "later": {"x": 1}}')
    assert user.run("fallback", "set", "b", "second").code == 0
    assert json.loads(path.read_text()) == {"models": {"a": ["first"], "b": ["second"]}, "later": {"x": 1}}


def test_a_member_that_is_gone_is_passed_over_and_none_at_all_is_said(
    user: LlmUser, server: RunningFaultServer
) -> None:
    user.fallback("gone", "second")
    assert user.run("-m", "fallback", "hello").out == "From the second.\n"
    assert "gone (not installed)" in user.run("fallback", "list").out
    user.fallback("gone")
    assert "llm fallback set fallback MODEL" in user.run("-m", "fallback", "hello").err
