"""Slash commands by name, and what completes them."""

from collections.abc import Sequence

import pytest

from pi_fallback.tui.slash import OWN, choices, help_text, nearest, split
from pi_fallback_hookspecs import Command, CommandContext, Effect, Route, View


async def _nothing(_context: CommandContext, _argument: str) -> Sequence[Effect]:
    return ()


def _words(_view: View, prefix: str) -> Sequence[str]:
    return [word for word in ("on", "off", "o\x1b[2Jdd") if word.startswith(prefix)]


COMMANDS = {
    "cycle-model": Command("cycle-model", "next model", _nothing),
    "toggle": Command("toggle", "on or\x1b[2J off", _nothing, complete=_words, argument="[on|off]"),
    "odd": Command("odd", "completes with nonsense", _nothing, complete=lambda _v, _p: (1, "two")),  # pyright: ignore
}
VIEW = View(0.0, order=(Route("p", "big"), Route("q", "p-small"), Route("p", "big", "backup-1")))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/model p/a", ("model", "p/a")),
        ("  /new  ", ("new", "")),
        ("/toggle  on off ", ("toggle", "on off")),
        ("hello /new", None),
        ("/home/me/file.py is broken", None),
        ("/first\nsecond", None),
        ("", None),
    ],
)
def test_a_command_is_a_word_after_a_slash(line: str, expected: tuple[str, str] | None) -> None:
    assert split(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/re", ["/resume"]),
        ("/mod", ["/model ", "/cycle-model"]),
        ("/tog", ["/toggle "]),
        ("/model ", ["/model p/big", "/model q/p-small"]),
        ("/model p", ["/model p/big", "/model q/p-small"]),
        ("/model small", ["/model q/p-small"]),
        ("/model p/big", []),
        ("/toggle of", ["/toggle off"]),
        ("/toggle od", []),
        ("/toggle o", ["/toggle on", "/toggle off", "/toggle odd"]),
        ("/odd ", ["/odd two"]),
        ("/cycle-model x", []),
        ("/unknown x", []),
        ("hello", []),
        ("/two\nlines", []),
    ],
)
def test_a_line_completes_to(line: str, expected: list[str]) -> None:
    assert [choice.line for choice in choices(line, COMMANDS, VIEW)] == expected


def test_choices_of_commands_have_clean_descriptions() -> None:
    assert choices("/tog", COMMANDS, VIEW)[0].note == "on or off"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("modle", "model"), ("cycle_model", "cycle-model"), ("quti", "quit"), ("zzz", None)],
)
def test_a_misspelt_command_names_the_nearest(name: str, expected: str | None) -> None:
    assert nearest(name, COMMANDS) == expected


def test_help_names_every_command_and_its_argument() -> None:
    text = help_text(COMMANDS)
    assert all(f"/{name}" in text for name in (*OWN, *COMMANDS))
    assert "/toggle [on|off]" in text
    assert "\x1b" not in text
