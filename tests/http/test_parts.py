"""Retry-After and redaction: pure parts of the HTTP seam."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.http.redaction import hidden
from pi_fallback.http.retry_after import retry_after_s

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
MONTH_S = 31 * 86_400.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "30"}, 0.25),
        ({"retry-after-ms": "junk", "retry-after": "30"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60.0),
        ({"retry-after": "Tuesday, 14-Nov-23 22:14:20 GMT"}, 60.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 +0000"}, 60.0),
        ({"retry-after": "Mon, 13 Nov 2023 22:14:20 GMT"}, 0.0),
        ({"retry-after": "Fri, 14 Nov 2053 22:14:20 GMT"}, MONTH_S),
        ({"retry-after": "99999999999999999999"}, MONTH_S),
        ({"retry-after": "9" * 399}, MONTH_S),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e3"}, None),
        ({"retry-after": "1_000"}, None),
        ({"retry-after": "٣٠"}, None),
        ({"retry-after": "30, 60"}, None),
        ({"retry-after": "\x1b[2J"}, None),
        ({"retry-after": "Tue, 99 Nov 2023 99:99:99 GMT"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_rf1_a_wait_is_read_in_all_its_forms_and_junk_is_no_wait(
    headers: dict[str, str], expected: float | None
) -> None:
    assert retry_after_s(headers, wall=lambda: NOW) == expected


@given(st.text())
def test_rf1_no_header_makes_a_wait_out_of_range(value: str) -> None:
    wait_s = retry_after_s({"retry-after": value, "retry-after-ms": value}, wall=lambda: NOW)
    assert wait_s is None or 0.0 <= wait_s <= MONTH_S


secrets = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=80)


@given(secrets, st.text(max_size=20), st.binary(max_size=5))
def test_rk5_a_key_is_hidden_in_every_form_in_which_it_may_be_echoed(secret: str, around: str, before: bytes) -> None:
    forms = [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        quote(secret),
        quote(secret, safe=""),
    ]
    for form in forms:
        text = hidden(f"{around} {form} {around}", secret)
        assert form not in text.replace(around, "")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(before + secret.encode() + b"tail").decode()
        # At most two characters at the edges are left: they hold less than a byte of the key each.
        assert len(hidden(whole, secret).replace("***", "")) <= len(whole) - len(secret) * 8 // 6 + 1


def test_rk5_a_word_too_short_to_be_secret_leaves_a_text_alone() -> None:
    assert hidden("ollama is not running", "ollama") == "ollama is not running"
