"""How a key is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.credentials.sources import Command, Keyring, Literal, Template, Variable, filled, read, read_text

ENVIRON = {"SET": "value", "MY_KEY": "value", "EMPTY": "", "lower": "value"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET", Variable("SET")),
        ("${SET}", Variable("SET")),
        ("env:SET", Variable("SET")),
        ("$UNSET", Variable("UNSET")),
        ("env:lower", Variable("lower")),
        ("!pass show groq", Command("pass show groq")),
        ("! spaced ", Command("spaced")),
        ("keyring:openrouter", Keyring("pi-fallback", "openrouter")),
        ("keyring:openrouter/me", Keyring("openrouter", "me")),
        ("keyring:https://one.example/me", Keyring("https://one.example", "me")),
        ("keyring:", Keyring("pi-fallback", "")),
        ("sk-abc", Literal("sk-abc")),
        (" sk-abc\n", Literal("sk-abc")),
        ("UNSET_NAME", Literal("UNSET_NAME")),
        ("EMPTY", Literal("EMPTY")),
        ("lower", Literal("lower")),
        ("$not a name", Template((Variable("not"), " a name"))),
        ("${SET", Literal("${SET")),
        ("sk-$SET", Template(("sk-", Variable("SET")))),
        ("${SET}_${UNSET}", Template((Variable("SET"), "_", Variable("UNSET")))),
        ("sk-$$SET", Literal("sk-$SET")),
        ("$$", Literal("$")),
        ("$!not a command", Literal("!not a command")),
        ("$", Literal("$")),
        ("", Literal("")),
    ],
)
def test_a_key_means_what_it_looks_like(text: str, expected: object) -> None:
    assert read(text, ENVIRON) == (expected, None)


@pytest.mark.parametrize("text", ["SET", "MY_KEY"])
def test_a_word_in_capitals_that_names_a_set_variable_is_read_from_it_with_a_notice(text: str) -> None:
    written = read(text, ENVIRON)
    assert written.source == Variable(text)
    assert written.notice is not None
    assert f"${text}" in written.notice


def test_values_that_an_account_brings_along_come_first() -> None:
    assert read("$SET", ENVIRON, {"SET": "own"}).source == Variable("SET", "own")
    assert read("OWN", {}, {"OWN": "own"}).source == Variable("OWN", "own")


@given(st.text(min_size=6).filter(lambda text: not text.startswith(("$", "env:", "keyring:"))))
def test_no_source_prints_what_was_written(text: str) -> None:
    assert repr(read(text, {}).source) in ("Literal()", "Command()", "Template()")


@pytest.mark.parametrize("text", ["SET", "env:SET"])
def test_in_a_header_only_signs_mean_anything(text: str) -> None:
    assert read_text(text) == Literal(text)


def test_a_text_is_filled_with_what_its_variables_hold() -> None:
    source = read_text("Bearer ${SET}-$MY_KEY")
    assert isinstance(source, Template)
    assert filled(source, ENVIRON) == "Bearer value-value"
    with pytest.raises(LookupError) as missing:
        filled(Template(("a", Variable("EMPTY"))), ENVIRON)
    assert missing.value.args == ("EMPTY",)
