"""Names of models as people write them: exact names, bare ids, globs, with or without a thinking level."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import translate
from typing import NamedTuple

from pi_fallback.config.schema import THINKING_LEVELS, ThinkingLevel
from pi_fallback.errors import UnknownModel
from pi_fallback_hookspecs import ModelRef


class Choice(NamedTuple):
    """A model that was asked for, and how hard it is to think if that was said."""

    ref: ModelRef
    level: ThinkingLevel | None = None


class Resolution(NamedTuple):
    """The models that some patterns name, in their order and each once, and the patterns that name none."""

    choices: tuple[Choice, ...]
    unknown: tuple[str, ...] = ()


def resolve(patterns: Iterable[str], models: Iterable[ModelRef]) -> Resolution:
    """Resolve `enabledModels`: `provider/id`, a bare id (at every provider that has it), or a glob on either.

    A `:level` behind it counts as a level unless an id really ends so. Case does not matter; `*` also spans slashes.
    """
    known = tuple(models)
    found, unknown = dict[ModelRef, Choice](), list[str]()
    for pattern in patterns:
        choices = _resolve_one(pattern, known)
        for choice in choices:
            found.setdefault(choice.ref, choice)
        if not choices:
            unknown.append(pattern)
    return Resolution(tuple(found.values()), tuple(unknown))


def narrowed(choices: Sequence[Choice], patterns: Iterable[str]) -> Resolution:
    """Those of `choices` that `patterns` name, in the order of `patterns`, at the levels that `choices` have."""
    levels = dict(choices)
    resolution = resolve(patterns, levels)
    return Resolution(tuple(Choice(ref, levels[ref]) for ref, _ in resolution.choices), resolution.unknown)


def find(name: str, models: Iterable[ModelRef], *, listed: Iterable[ModelRef] = ()) -> Choice:
    """Return the one model that the user means by `name`: exact, bare id (the first provider's), or a part of one name.

    `listed` are further models that may be what was meant, to be named if nothing fits.

    Raises:
        UnknownModel: nothing fits, or several do.
    """
    known = tuple(models)
    base, level = split_level(name)
    if exact := _exact(name, known):
        return Choice(exact[0])
    if exact := _exact(base, known):
        return Choice(exact[0], level)
    fitting = _holding(base, known)
    if len(fitting) == 1:
        return Choice(fitting[0], level)
    raise UnknownModel(name, tuple(map(str, fitting[:3])) or near(base, (*known, *listed)))


def near(name: str, models: Iterable[ModelRef]) -> tuple[str, ...]:
    """The names of up to three models that come closest to `name`; none if none is close."""
    known = tuple(models)
    by_text = {text: str(ref) for ref in reversed(known) for text in (str(ref).casefold(), ref.id.casefold())}
    close = get_close_matches(name.casefold(), by_text, n=3)
    return tuple(dict.fromkeys([*map(str, _holding(name, known)[:3]), *(by_text[text] for text in close)]))[:3]


def why_unknown(pattern: str, models: Iterable[ModelRef], source: str) -> str:
    """Why `pattern` of `source` names no model, in a sentence."""
    known = tuple(models)
    base, _, level = pattern.rpartition(":")
    if base and (_exact(base, known) or _matching(base, known)):
        levels = ", ".join(THINKING_LEVELS)
        return f"{level!r} in {pattern!r} of {source} is no thinking level; these are: {levels}."
    close = () if is_glob(pattern) else near(split_level(pattern)[0], known)
    return f"No model fits {pattern!r} of {source}{f' (did you mean {close[0]}?)' if close else ''}."


def named(name: str, models: Iterable[ModelRef]) -> list[ModelRef]:
    """The models that have just this name, or this bare id, with or without a level behind it."""
    known = tuple(models)
    return _exact(name, known) or _exact(split_level(name)[0], known)


def split_level(text: str) -> tuple[str, ThinkingLevel | None]:
    """Split `text` before a `:level` at its end, if it has one."""
    base, colon, level = text.rpartition(":")
    return (base, level) if colon and base and level in THINKING_LEVELS else (text, None)


def is_glob(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _resolve_one(pattern: str, models: tuple[ModelRef, ...]) -> list[Choice]:
    if exact := _exact(pattern, models):
        return [Choice(ref) for ref in exact]
    base, level = split_level(pattern)
    return [Choice(ref, level) for ref in _exact(base, models) or _matching(base, models)]


def _exact(text: str, models: tuple[ModelRef, ...]) -> list[ModelRef]:
    folded = text.casefold()
    return [ref for ref in models if str(ref).casefold() == folded] or [
        ref for ref in models if ref.id.casefold() == folded
    ]


def _matching(glob: str, models: tuple[ModelRef, ...]) -> list[ModelRef]:
    if not is_glob(glob):
        return []
    matches = re.compile(translate(glob), re.IGNORECASE).match
    return [ref for ref in models if matches(str(ref)) or matches(ref.id)]


def _holding(part: str, models: Iterable[ModelRef]) -> list[ModelRef]:
    return [ref for ref in models if part.casefold() in str(ref).casefold()]
