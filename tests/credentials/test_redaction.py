"""No known secret leaves, in whatever dress."""

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.credentials.redaction import MARK, Redactor

SECRET = 'sk-Ab+c/1"2 3=ü'


def redactor(*secrets: str) -> Redactor:
    made = Redactor()
    for secret in secrets:
        made.add(secret)
    return made


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        urlencode({"key": SECRET}),
        json.dumps({"key": SECRET}),
        json.dumps({"key": SECRET}, ensure_ascii=False),
        json.dumps({"key": SECRET}).replace("/", "\\/"),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_blotted_out_in_every_dress(text: str) -> None:
    cleaned = redactor(SECRET).clean(f"before {text} after")
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    assert MARK in cleaned
    assert SECRET not in cleaned
    assert "Ab" not in cleaned


def test_lower_case_escapes_are_known_too() -> None:
    assert redactor("abcd/efgh+ijkl").clean("x=abcd%2fefgh%2bijkl") == f"x={MARK}"


@given(
    st.binary(max_size=8),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=16),
    st.binary(max_size=8),
)
def test_a_secret_inside_of_a_base64_text_is_found_at_any_offset(before: bytes, secret: str, after: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + secret.encode() + after).decode()
        cleaned = redactor(secret).clean(text)
        assert MARK in cleaned
        assert len(cleaned) - len(MARK) <= len(text) - len(secret)


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert redactor("12345678", "1234567890").clean("x1234567890y") == f"x{MARK}y"


def test_words_that_are_no_secrets_stay() -> None:
    assert redactor("ollama", "", "none").clean("ollama says none") == "ollama says none"
    assert Redactor().clean("anything") == "anything"


def test_it_does_not_print_what_it_knows() -> None:
    assert SECRET not in repr(redactor(SECRET))


@given(st.text(), st.lists(st.text(min_size=8), max_size=3))
def test_a_clean_text_holds_no_secret(text: str, secrets: list[str]) -> None:
    cleaned = redactor(*secrets).clean(text.join(["", *secrets, ""]))
    assert not any(secret in cleaned.replace(MARK, "\0") for secret in secrets)
