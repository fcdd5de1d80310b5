"""Shapes: the status, the codes and the words in the text of an error that nobody has parsed.

Such a text may be JSON, a Python or JavaScript object as printed, JSON in a string in JSON, cut anywhere, or a
sentence around one of them. So it is searched, not parsed: each search is one pass over a bounded piece of text.
"""

import re

HEAD, TAIL = 6_144, 2_048
"""How much of a long text is looked at: what it begins and what it ends with."""

_THINGS = "tokens|bytes|ms|requests|seconds|chars|characters|items|files|lines|rows|mb|kb|tests"
_NAMED = (
    r"\b(?:error code|status[ _]?code|httpstatuscode|http_status|raw_status_code|http error|api error|last status|"
    r"status|code|http(?:/[0-9.]{1,3})?|returned|error)"
    r"[\"']?(?:\)|\]|:|=| is| was| \(|\(){0,4} ?[\"'(\[]?([1-5][0-9]{2})\b"
    rf"(?![.,]?[0-9]|%| ?(?:{_THINGS}))"
)
_PHRASED = (
    r"(?:^|[^\w.,$#/-])([45][0-9]{2})\)?[ :(–-]{1,3}(?:bad request|unauthorized|payment required|forbidden|not found|"
    r"method not allowed|request timeout|conflict|gone|payload too large|request entity too large|unprocessable|"
    r"too many requests|internal server|bad gateway|service unavailable|service temporarily|gateway time-?out|"
    r"web server|overloaded|a timeout occurred|error\b|status code|server error|client error)"
)
_LEADING = (
    r"^(?:\W{0,4}|error:? |\w{0,20}error:? |api error:? \(?|upstream error:? )([45][0-9]{2})(?=[ :{<,\]-]|$)"
    rf"(?! ?(?:{_THINGS}))"
)
_STATUS = re.compile(f"{_NAMED}|{_PHRASED}|{_LEADING}")
_CODE = re.compile(
    r"[\"']?\b(?:error_?)?(?:code|type|status|reason|name|__type|param)[\"']?\s?[:=]\s?[\"']?([a-z_][a-z0-9_.-]{3,60})\b"
)
_NAME = re.compile(r"\b[a-z]{3,20}(?:_[a-z]{2,20}){1,5}\b")


def plain(text: str) -> str:
    """`text` as the tables read it: its head and tail, lower case, straight quotes, no escapes, single spaces."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]} {text[-TAIL:]}"
    text = text.lower()
    if "\\" in text:
        text = (
            text.replace("\\r", " ").replace("\\n", " ").replace("\\t", " ").replace("\\u0027", "'").replace("\\", "")
        )
    if not text.isascii():
        text = (
            text.replace("’", "'")
            .replace("‘", "'")
            .replace("“", '"')
            .replace("”", '"')
            .replace("，", ",")
            .replace("…", "...")
        )
    return " ".join(text.split())


def statuses_in(text: str) -> list[int]:
    """The HTTP statuses that `text` (plain) names as such: not the digits of an id or of a number of tokens."""
    return [int(found[1] or found[2] or found[3]) for found in _STATUS.finditer(text)]


def codes_in(text: str) -> list[str]:
    """What stands in fields named code, type, status or reason in `text` (plain), in order."""
    return _CODE.findall(text)


def names_in(text: str) -> list[str]:
    """Words of `text` (plain) that are written as codes are: "resource_exhausted", wherever they stand."""
    return _NAME.findall(text)
