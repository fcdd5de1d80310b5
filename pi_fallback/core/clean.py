"""Clean text: what others wrote, without anything that could command a terminal."""

import re

# OSC, DCS, SOS, PM, APC. An opening ends the search for the one before: else a text of openings is quadratic.
_STRINGS = r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\x9d\x90\x98\x9e\x9f]*(?:\x07|\x1b\\|\x9c)"
_CSI = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
_OTHER = r"\x1b[ -/]*[0-Z\\^-~]"  # two or three characters; not the openings of the two above
_SEQUENCE = re.compile(f"{_STRINGS}|{_CSI}|{_OTHER}")
_NEW_LINE = re.compile(r"\r\n?|[\x85\u2028\u2029]")
# What is left of C0 and C1, and the marks that turn the direction of writing (Unicode TR 9 and deprecated ones).
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufeff]")
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")  # no terminal's encoding can take it


def clean(text: str) -> str:
    """Return `text` as lines of printable characters and tabs.

    A sequence that never ends loses its opening only, and stands there to be read: a terminal would
    swallow all that follows, and so could a provider hide an answer.
    """
    text = _SEQUENCE.sub("", text)
    text = _NEW_LINE.sub("\n", text)
    return _HALF_PAIR.sub("\ufffd", _CONTROL.sub("", text))


def clean_line(text: str) -> str:
    """`clean` for a label or a name: one line, each run of white space one space."""
    return " ".join(clean(text).split())
