"""`pi-fallback classify`: what it says of an error, in lines for a reader and as JSON Lines."""

import json
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from pi_fallback.classify_command import FOLLOWS, answers, explained, header_of, shown
from pi_fallback.core.classify import classify_error
from pi_fallback_hookspecs import FailureKind
from tests.e2e.user import PROGRAM

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=timezone(timedelta(hours=1)))


def said(text: str, **known: int | str) -> str:
    return explained(classify_error(text, now=NOW, **known), NOW)  # pyright: ignore[reportArgumentType]


def test_each_kind_has_a_sentence_on_what_follows() -> None:
    assert set(FOLLOWS) == set(FailureKind)


def test_it_says_what_would_be_done_how_long_and_why() -> None:
    assert said("You've hit your limit · resets 7pm") == (
        "quota_exhausted\n"
        "  then:  another account of the same model, then another provider\n"
        "  rests: the account, until 2026-11-21 19:00 as it says\n"
        "  why:   a plan's limit (Claude, ChatGPT, Copilot, Ollama, Cursor, Z.ai)"
    )


@pytest.mark.parametrize(
    ("text", "status", "line"),
    [
        ("slow down", 429, "rests: the account, for 20 s, as no time is stated"),
        ("slow down, try again in 1h3m", 429, "rests: the account, for 1 h 3 min as it says"),
        ("Overloaded", 529, "rests: the model at this provider, for 30 s, as no time is stated"),
        ("gateway", 504, "rests: the model at this provider, for 60 s, as no time is stated"),
        ("Payload too large", 413, "then:  another provider: this one's gateway takes no more bytes"),
        ("529 Overloaded, retrying in 4s", 529, "not final: whoever reported it tries again by itself"),
    ],
)
def test_it_says_what_rests_and_whether_somebody_goes_on(text: str, status: int, line: str) -> None:
    assert line in said(text, http_status=status)


def test_what_needs_no_rest_names_none() -> None:
    assert "rests" not in said("fetch failed")
    assert "rests" not in said("invalid api key")


def test_the_text_is_shown_without_what_could_command_a_terminal() -> None:
    assert "\x1b" not in shown("\x1b]52;c;aGk=\x07fetch failed\nmore", classify_error("fetch failed"), NOW)


@pytest.mark.parametrize("text", ["Retry-After: 5", "retry-after=5", "Retry-After:5"])
def test_a_header_is_written_as_people_write_them(text: str) -> None:
    assert [part.lower() for part in header_of(text)] == ["retry-after", "5"]


@pytest.mark.parametrize("text", ["Retry-After", "", ": 5"])
def test_what_is_no_header_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is no header"):
        header_of(text)


def test_json_lines_are_answered_in_order_and_a_bad_one_does_not_stop_the_rest() -> None:
    lines = [
        b'{"body": "Overloaded", "http_status": 529}',
        b"no json",
        b"[1]",
        b"\n",
        b'{"http_status": "429", "headers": {"Retry-After": 5, "x": null}}',
        b'{"body": {"error": {"code": "insufficient_quota"}}, "headers": null}',
        b'{"body": null, "headers": 3}',
        b'{"body": "\xff\xfe", "http_status": true}',
        b"[" * 100_000,
    ]
    said = [json.loads(line) for line in answers(lines)]
    assert [answer["label"] for answer in said] == [
        "capacity",
        None,
        None,
        "rate_limit",
        "quota_exhausted",
        None,
        "not_an_error",
        None,
    ]
    assert said[3]["retry_after_s"] == 5
    assert all(answer["error"] for answer in said if answer["label"] is None)


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "classify", *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_program_reads_an_error_from_arguments_and_from_standard_input() -> None:
    told = run("Too Many Requests", "--status", "429", "--header", "retry-after: 13262")
    assert (told.returncode, told.stderr) == (0, "")
    assert "quota_exhausted" in told.stdout
    assert "for 3 h 41 min 2 s as it says" in told.stdout
    assert "code 1113 of zhipu" in run("--provider", "zai", given='{"code": "1113"}').stdout
    assert run("--jsonl", given='{"body": "fetch failed"}\n').stdout == '{"label": "network", "retry_after_s": null}\n'


def test_a_wrong_option_is_said_in_a_sentence() -> None:
    told = run("x", "--header", "nothing")
    assert told.returncode == 2
    assert "is no header: write it as 'Retry-After: 5'" in told.stderr
