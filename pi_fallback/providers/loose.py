"""Parsed JSON of strangers, looked at without trust: what is not of the type that was asked for is empty."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

Object: TypeAlias = Mapping[str, object]


def as_object(value: object) -> Object:
    return cast("Object", value) if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[object]:
    return cast("list[object]", value) if isinstance(value, list) else ()


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def as_count(value: object) -> int:
    return max(value, 0) if isinstance(value, int) else 0
