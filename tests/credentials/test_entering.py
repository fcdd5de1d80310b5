"""Entering: what can be no key is refused before it is kept, and what may be none is kept and said."""

import pytest

from pi_fallback.credentials import sources
from pi_fallback.credentials.entering import doubt_about, entry_from, entry_of
from pi_fallback.errors import ConfigError

KEY = "sk-abcdefgh-1234"
ENVIRON = {"HOME": "/home/me", "MY_KEY": KEY}


@pytest.mark.parametrize(
    ("text", "kept"),
    [(f" {KEY}\n", KEY), ("HOMES", "HOMES"), ("a$1-12345678", "a$1-12345678"), ("a$$b-12345678", "a$$$$b-12345678")],
)
def test_a_key_is_kept_so_that_it_is_read_as_it_was_typed(text: str, kept: str) -> None:
    assert entry_of(text, ENVIRON) == {"type": "api_key", "key": kept}
    assert sources.read(kept, ENVIRON).source == sources.Literal(text.strip())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  ", "The key is empty"),
        ("$MY_KEY", "where a key stands, not the key"),
        ("HOME", "where a key stands, not the key"),  # a word in capitals that names a variable means that
        ("two words", "holds spaces"),
        (f'"{KEY}"', "stands in quotes"),
        (f"{KEY}'", "stands in quotes"),
        ("a" * 8_001, "That has 8,001 characters"),
    ],
)
def test_what_can_be_no_key_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        entry_of(text, ENVIRON)


@pytest.mark.parametrize(
    ("reference", "kept"),
    [("HOME", "$HOME"), ("env:NOPE", "$NOPE"), ("!pass show a", "!pass show a"), ("keyring:a/b", "keyring:a/b")],
)
def test_a_reference_is_kept_as_pi_reads_it(reference: str, kept: str) -> None:
    assert entry_from(reference, ENVIRON) == {"type": "api_key", "key": kept}


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (KEY, "--from takes where a key stands"),
        ("!", "There is no command behind the !"),
        ("! ", "There is no command behind the !"),
        ("keyring:", "There is no name behind keyring:"),
        ("keyring:mine/", "There is no name behind keyring:"),
    ],
)
def test_a_reference_to_nothing_is_refused(reference: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        entry_from(reference, ENVIRON)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (KEY, ""),
        ("$MY_KEY", ""),
        ("!pass show a", ""),
        ("a", "short or plain for a key"),
        ("$NOPE", "variable NOPE is not set"),
        ("Bearer-${NOPE}", "variable NOPE is not set"),
    ],
)
def test_what_may_be_none_is_said(key: str, said: str) -> None:
    doubt = doubt_about({"type": "api_key", "key": key}, ENVIRON)
    assert said in doubt
    assert bool(said) == bool(doubt)
