"""Each row of the tables speaks for its example, and for what else vendors are known to say."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.classify import classify, classify_error
from pi_fallback.core.error_rows import Row, places_of
from pi_fallback.core.error_shapes import HEAD, TAIL, codes_in, plain, statuses_in
from pi_fallback.core.error_speakers import SPEAKERS, Speaker, not_the_model
from pi_fallback.core.error_texts import LAST, TEXTS, USERS
from pi_fallback_hookspecs import FailureKind, Fault, FaultKind
from tests.core.error_wordings import WORDINGS

ROWS = (*USERS, *TEXTS, *LAST)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_speaks_for_its_example_and_names_its_source(row: Row) -> None:
    wait_s = None if row.within_s is None else row.within_s
    assert row.speaks(plain(row.example), places_of(None), wait_s)
    assert row.source
    assert all(word == word.lower() for word in (*row.words, *row.unless))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_row_before_it_takes_the_example_away(row: Row) -> None:
    assert classify_error(row.example).rule == row.name


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.name)
def test_each_speaker_is_known_by_its_example(speaker: Speaker) -> None:
    assert not_the_model(speaker.example, has_status=False) is speaker
    assert classify_error(speaker.example).kind is FailureKind.NOT_AN_ERROR


def test_names_are_unique_because_reasons_give_them() -> None:
    names = sorted([row.name for row in ROWS] + [speaker.name for speaker in SPEAKERS])
    assert all(one != other for one, other in pairwise(names))


@pytest.mark.parametrize(("label", "status", "text"), WORDINGS)
def test_what_vendors_are_known_to_say(label: str, status: int | None, text: str) -> None:
    assert classify_error(text, http_status=status).kind == label


@pytest.mark.parametrize(
    "text",
    ["processed 4291 items", "request req_429abc503 done", "used 429 tokens", "id 4f429e", "429 tests passed", "$4.29"],
)
def test_digits_are_no_status(text: str) -> None:
    assert statuses_in(plain(text)) == []
    assert classify_error(text).kind is FailureKind.NOT_AN_ERROR


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("429 Too Many Requests", 429),
        ("Error code: 400 - {'type': 'error'}", 400),
        ("API Error (529 {...})", 529),
        ("HTTP/1.1 503", 503),
        ('{"httpStatusCode":429,"requestId":"158a"}', 429),
        ("failed with status code 500", 500),
        ("api.example.com | 504: Gateway time-out", 504),
    ],
)
def test_a_status_is_read_where_it_is_named_as_one(text: str, status: int) -> None:
    assert statuses_in(plain(text))[0] == status


def test_codes_are_read_from_json_from_printed_objects_and_from_json_in_json() -> None:
    for text in (
        '{"code":"insufficient_quota"}',
        "{'code': 'insufficient_quota'}",
        '{\\"code\\": \\"insufficient_quota\\"}',
    ):
        assert codes_in(plain(text)) == ["insufficient_quota"]


def test_the_words_of_a_provider_are_no_abort_and_no_chat() -> None:
    fault = Fault(FaultKind.ERROR_EVENT, "The request was aborted. A `429` error occurs when a limit is exceeded.")
    assert classify(fault).kind not in (FailureKind.ABORTED, FailureKind.NOT_AN_ERROR)


def test_what_we_say_of_a_connection_is_not_read_as_somebody_elses_words() -> None:
    fault = Fault(FaultKind.CONNECT, "connection to quota.example.com failed: rate limit exceeded")
    assert classify(fault).kind is FailureKind.NETWORK


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_status_that_blames_the_request_is_not_overruled_by_words_that_may_be_quoted(status: int) -> None:
    fault = Fault(
        FaultKind.STATUS, "messages.3.content: 'connection reset, rate limit exceeded' is overloaded", status=status
    )
    assert classify(fault).kind in (FailureKind.INVALID_REQUEST, FailureKind.MODEL_NOT_FOUND)


@given(st.text(max_size=200), st.sampled_from([None, 200, 400, 429, 500]))
def test_any_text_has_a_judgement(text: str, status: int | None) -> None:
    verdict = classify_error(text, http_status=status)
    assert verdict.rule
    assert classify(Fault(FaultKind.ERROR_EVENT, text, status=status)).reason


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.integers(500, 4000))
def test_of_a_long_text_only_its_head_and_tail_are_looked_at(piece: str, times: int) -> None:
    # Lower case and straight marks may be longer by a factor, never by a power.
    assert len(plain(piece * times)) <= 3 * (HEAD + TAIL + 1)


UNBOUNDED = re.compile(r"(?<!\\)[\])\w.](?:\+|\*)\)[+*]|\{[0-9]+,\}")


@pytest.mark.parametrize("row", [row for row in ROWS if row.check is not None], ids=lambda row: row.name)
def test_no_pattern_repeats_what_repeats(row: Row) -> None:
    """Nested repetition without a bound is what makes a pattern take exponential time."""
    bound = getattr(row.check, "__self__", None)
    if isinstance(bound, re.Pattern):
        assert UNBOUNDED.search(bound.pattern) is None
