"""Problems: what is wrong with a file, in one sentence that holds no value of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pi_fallback.config import jsonc
from pi_fallback.config.jsonc import Document
from pi_fallback_hookspecs import Json

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file of the user's: where, what, and what to do about it."""

    path: PurePath
    line: int | None
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = [shown(self.path), f"line {self.line}" if self.line else "", self.field]
        return f"{', '.join(part for part in where if part)}: {self.message}. {self.remedy}"


def shown(path: PurePath) -> str:
    """`path` as the user would write it: with `~` for the home folder."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def validated(
    model: type[T], document: Document, path: PurePath, *, drop: Callable[[jsonc.Path], jsonc.Path]
) -> tuple[T, Json, tuple[Problem, ...]]:
    """Return `document` as `model`, without the parts that are wrong, with the value that was left and the problems.

    `drop` says how much goes with a wrong field: given its path it returns the path of what is left out.
    """
    value, problems = document.value, dict[jsonc.Path, Problem]()
    while True:
        try:
            return model.model_validate(value), value, tuple(problems.values())
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
        gone: set[jsonc.Path] = set()
        for detail in details:
            found = _real_path(detail["loc"], value)
            problems.setdefault(found, _problem(detail, found, document, path))
            gone.add(drop(found))
        value = _without(value, gone)


def field_name(path: jsonc.Path) -> str:
    """`("a", "b", 0)` as `a.b[0]`."""
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return name.removeprefix(".")[:200]


def _real_path(loc: Sequence[str | int], value: Json) -> jsonc.Path:
    """The path in the file that `loc` means: pydantic also names union members, and fields that are missing."""
    path: list[str | int] = []
    for part in loc:
        if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int)):
            value = _at(value, (part,))
            path.append(part)
    return tuple(path)


def _problem(detail: ErrorDetails, found: jsonc.Path, document: Document, path: PurePath) -> Problem:
    message, remedy = _sentence(detail, _at(document.value, found))
    return Problem(path, document.lines.get(found), field_name(found), message, remedy)


_EXPECTED: Mapping[str, tuple[str, str]] = {
    "string_type": ("a string", '"text"'),
    "string_too_short": ("a string that is not empty", '"text"'),
    "bool_type": ("true or false", "true"),
    "int_type": ("a whole number", "3"),
    "int_from_float": ("a whole number", "3"),
    "float_type": ("a number", "20"),
    "finite_number": ("a number", "20"),
    "tuple_type": ("a list", '["text"]'),
    "dict_type": ("an object", '{"name": …}'),
    "mapping_type": ("an object", '{"name": …}'),
    "model_type": ("an object", '{"name": …}'),
    "model_attributes_type": ("an object", '{"name": …}'),
}


def _sentence(detail: ErrorDetails, value: Json) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    last = detail["loc"][-1] if detail["loc"] else ""
    if last in _REMEDIES and kind in ("string_type", "value_error"):
        expected = str(context["error"]) if kind == "value_error" else f"must be {_REMEDIES[last][0]}"
        return f"{expected}{_got(value) if kind == 'string_type' else ''}", f"Write it as {_REMEDIES[last][1]}."
    if kind in _EXPECTED:
        expected, example = _EXPECTED[kind]
        return f"must be {expected}{_got(value)}", f"Write it as {example}."
    match kind:
        case "missing":
            return f"{json.dumps(last)} is missing", "Add it."
        case "literal_error":
            return f"must be {context['expected']}", "Write one of these."
        case "union_tag_invalid" | "union_tag_not_found":
            options = str(context.get("expected_tags", "'api_key', 'oauth'")).replace(", ", " or ")
            return f'"type" must be {options}', "Write one of these."
        case "greater_than_equal":
            return f"must be at least {context['ge']}", "Write a larger number."
        case "less_than_equal":
            return f"must be at most {context['le']:.0f}", "Write a smaller number: 31 days are the longest."
        case "greater_than":
            return f"must be more than {context['gt']}", "Write a larger number."
        case "value_error":
            return str(context["error"]), "Correct it."
        case _:
            return "is not what belongs here", "Compare it with docs/configuration.md."


_REMEDIES: Mapping[str | int, tuple[str, str]] = {
    "baseUrl": ("a URL", '"https://host/v1"'),
    "apiKey": ("a key", '"$NAME", "!command" or the key itself'),
    "key": ("a key", '"$NAME", "!command" or the key itself'),
}

_NAMES: Mapping[type, str] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


def _got(value: Json) -> str:
    return f" (got {_NAMES[type(value)]})"


def _at(value: Json, path: jsonc.Path) -> Json:
    for part in path:
        value = cast("Mapping[str | int, Json]", value)[part]
    return value


def _without(value: Json, gone: set[jsonc.Path], here: jsonc.Path = ()) -> Json:
    """A copy of `value` in which the parts at the paths `gone` are left out; the root becomes an empty object."""
    if here in gone:
        return {}
    if isinstance(value, Mapping):
        return {name: _without(part, gone, (*here, name)) for name, part in value.items() if (*here, name) not in gone}
    if isinstance(value, list):
        return [_without(part, gone, (*here, i)) for i, part in enumerate(value) if (*here, i) not in gone]
    return value
