"""Globs: `*`, `?`, `[…]` within a name, `**` over folders, `{a,b}` for either."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache


def matches(path: str, pattern: str) -> bool:
    """Say whether `path` (relative, with `/`) fits. A pattern without `/` is for the last name alone."""
    return any(_fits(path, one) for one in alternatives(pattern))


def alternatives(pattern: str) -> Iterator[str]:
    """Yield `pattern` once for each choice of its braces; braces that do not close mean themselves."""
    opening = pattern.find("{")
    closing = _closing(pattern, opening) if opening >= 0 else -1
    if closing < 0:
        yield pattern
        return
    for choice in _choices(pattern[opening + 1 : closing]):
        yield from alternatives(pattern[:opening] + choice + pattern[closing + 1 :])


def _closing(pattern: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(pattern)):
        depth += (pattern[position] == "{") - (pattern[position] == "}")
        if depth == 0:
            return position
    return -1


def _choices(inside: str) -> list[str]:
    choices, depth = [""], 0
    for character in inside:
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            choices.append("")
        else:
            choices[-1] += character
    return choices


def _fits(path: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./").removeprefix("/")
    if "/" not in pattern and pattern != "**":
        return fnmatchcase(path.rpartition("/")[2], pattern)
    names, parts = path.split("/"), pattern.split("/")

    @cache  # without it a pattern of many `**` takes exponential time
    def rest_fits(name: int, part: int) -> bool:
        if part == len(parts):
            return name == len(names)
        if parts[part] == "**":
            return rest_fits(name, part + 1) or (name < len(names) and rest_fits(name + 1, part))
        return name < len(names) and fnmatchcase(names[name], parts[part]) and rest_fits(name + 1, part + 1)

    return rest_fits(0, 0)
