"""Slash commands: the screen's own, what completes them, and which name was meant."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

from pi_fallback.core.clean import clean_line
from pi_fallback_hookspecs import Command, View

CHOICES_MAX = 50


class Choice(NamedTuple):
    """`line` is what the input becomes, `note` explains it."""

    line: str
    note: str = ""


class Own(NamedTuple):
    """A command of the screen itself."""

    argument: str
    description: str


OWN: Mapping[str, Own] = {
    "model": Own("[name]", "use another model from now on"),
    "new": Own("", "close this session and begin an empty one"),
    "resume": Own("", "go on with an earlier session"),
    "log": Own("", "show or hide the log (F2)"),
    "help": Own("", "commands and keys"),
    "quit": Own("", "end the program (Ctrl+C twice)"),
}

KEYS: Sequence[tuple[str, str]] = (
    ("Enter", "send; while the model works: say it before its next request"),
    ("Alt+Enter", "send; while the model works: say it once that is done"),
    ("Ctrl+J", "new line"),
    ("Up, Down", "earlier inputs"),
    ("Tab", "complete"),
    ("Esc", "stop the run, the wait or the countdown"),
    ("Ctrl+C", "clear the input, or stop; twice: quit"),
    ("Ctrl+O", "show tool output in full, or in short"),
    ("F2", "show or hide the log"),
)


def split(line: str) -> tuple[str, str] | None:
    """Return the name and the argument of a slash command, or None if `line` is none. A path is none."""
    name, _, argument = line.strip().partition(" ")
    if not name.startswith("/") or "/" in name[1:] or "\n" in name:
        return None
    return name[1:], argument.strip()


def choices(line: str, commands: Mapping[str, Command], view: View) -> tuple[Choice, ...]:
    """Return what `line`, which stands before the cursor, may become.

    Raises:
        Exception: whatever a plugin's `complete` raises.
    """
    if not line.startswith("/") or "\n" in line:
        return ()
    name, space, argument = line[1:].partition(" ")
    if not space:
        notes = {key: own.description for key, own in OWN.items()}
        notes = {**{key: command.description for key, command in commands.items()}, **notes}
        takes = {key for key in notes if (OWN[key].argument if key in OWN else commands[key].argument)}
        found = _ranked(sorted(notes), name)
        return tuple(Choice(f"/{key}{' ' if key in takes else ''}", clean_line(notes[key])) for key in found)
    if name == "model":
        names: Sequence[str] = _ranked([str(model) for model in view.models], argument)
    else:
        command = commands.get(name)
        names = _strings(command.complete, view, argument) if command and command.complete else ()
    return tuple(Choice(f"/{name} {clean_line(word)}") for word in names[:CHOICES_MAX] if word != argument)


def nearest(name: str, commands: Mapping[str, Command]) -> str | None:
    """Return the command that was probably meant by `name`."""
    return next(iter(difflib.get_close_matches(name, [*OWN, *commands], n=1)), None)


def help_text(commands: Mapping[str, Command]) -> str:
    """Return what `/help` shows."""
    own = [(f"/{name} {own.argument}".rstrip(), own.description) for name, own in OWN.items()]
    theirs = [(f"/{name} {c.argument}".rstrip(), c.description) for name, c in sorted(commands.items())]
    table = [*own, *theirs, ("", ""), *KEYS]
    width = max(len(left) for left, _right in table)
    return "\n".join(f"{clean_line(left):{width}}  {clean_line(right)}".rstrip() for left, right in table)


def _ranked(names: Sequence[str], part: str) -> list[str]:
    """Those that begin with `part`, then those that hold it."""
    low = part.lower()
    return sorted((name for name in names if low in name.lower()), key=lambda name: not name.lower().startswith(low))


def _strings(complete: Callable[[View, str], Sequence[str]], view: View, prefix: str) -> list[str]:
    answer = cast("Sequence[object]", complete(view, prefix))  # a third party's
    return [word for word in answer if isinstance(word, str)]
