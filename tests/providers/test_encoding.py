"""Encoding: the fast encoder and the one it falls back to say the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.providers.encoding import json_bytes, json_text
from pi_fallback_hookspecs import frozen

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_encoded_reads_back_the_same(value: object) -> None:
    assert json.loads(json_bytes(value)) == value
    assert json.loads(json_text(value)) == value


@given(JSON)
def test_a_read_only_value_is_encoded_like_a_plain_one(value: object) -> None:
    assert json_bytes(frozen(value)) == json_bytes(value)


@pytest.mark.parametrize("text", ["a \ud800 file", "\udfff"])
def test_half_a_character_becomes_a_question_mark(text: str) -> None:
    assert json.loads(json_bytes({"text": text})) == {"text": text.encode("utf-8", "replace").decode()}


def test_a_schema_deeper_than_the_fast_encoder_goes_is_encoded_too() -> None:
    deep: object = "end"
    for _ in range(300):
        deep = {"properties": deep}
    assert json.loads(json_bytes(deep)) == deep
