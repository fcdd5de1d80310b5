"""Every promise has a test of its own, which bears the promise's id in its name or in its pytest id."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
IDS = [
    *(f"rs{number}" for number in range(1, 12)),
    *(f"rt{number}" for number in range(1, 8)),
    *(f"rf{number}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13)),
    *(f"rk{number}" for number in (7, 9, 10)),
    *(f"rp{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9)),
]
# With 54 and the other half of 51, which want a screen, these are all.
HIGH_AVAILABILITY = [
    *(f"t{number:02}" for number in (1, 2, 3, 5, 6, 7, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21, 22, 23, 25, 26, 28, 29)),
    *(
        f"t{number:02}"
        for number in (30, 31, 32, 33, 34, 35, 37, 38, 39, 42, 43, 44, 47, 48, 49, 51, 52, 53, 56, 58, 59)
    ),
    *("t05b", "t13b"),
]
_ID = re.compile(r"(?:(?<=_)|^)(r[a-z][0-9]+|t[0-9]{2}b?)(?=_| )")


def names() -> Iterator[str]:
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value.lower()  # the id of a case, if it begins with a promise's


@pytest.fixture(scope="module")
def held() -> set[str]:
    return {found for name in names() for found in _ID.findall(name)}


@pytest.mark.parametrize("promise", [*IDS, *HIGH_AVAILABILITY])
def test_each_promise_is_held_by_a_test(promise: str, held: set[str]) -> None:
    assert promise in held
