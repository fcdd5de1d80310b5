"""Faults of plugins: what one did wrong, as a value and as a sentence."""

import importlib
import traceback
from dataclasses import dataclass
from pathlib import Path

FAULTS_IN_A_ROW = 3  # one may be chance and two a bad day
TEXT_MAX = 200


class NonsenseError(Exception):
    """An answer is not what its hook may return; the message goes on after the plugin's name."""


@dataclass(frozen=True, slots=True)
class PluginFault:
    """What a plugin did wrong. `hook` is empty if it was not loaded; with `disabled` it is not asked any more."""

    plugin: str
    origin: str
    reason: str
    hook: str = ""
    disabled: bool = False

    def __str__(self) -> str:
        where = f" in `{self.hook}`" if self.hook else ""
        text = f"Plugin {self.plugin} ({self.origin}){where} {self.reason}"
        text = text if text.endswith((".", "?")) else f"{text}."
        return f"{text} It is off now, after {FAULTS_IN_A_ROW} faults in a row." if self.disabled else text


def told(error: BaseException) -> str:
    """`error` on one line: its kind, what it says, and the last line of the plugin's own that it came from."""
    try:
        text = " ".join(str(error).split())[:TEXT_MAX]
    except Exception:
        text = ""
    if isinstance(error, NonsenseError):
        return text
    kind = type(error).__name__
    name = f"{kind}: {text}" if text else kind
    if isinstance(error, SyntaxError):
        return name  # it says file and line itself
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_machinery(frame.filename)]
    return f"{name} ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else name


def _is_machinery(filename: str) -> bool:
    ours, importing = str(Path(__file__).parent), str(Path(importlib.__file__).parent)
    return filename.startswith((ours, importing, "<frozen"))
