"""Every promise of reliability has a test of its own, which bears the promise's id in its name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
IDS = [
    *(f"rs{number}" for number in range(1, 12)),
    *(f"rt{number}" for number in range(1, 8)),
    *(f"rf{number}" for number in (1, 4, 5, 6, 8, 9, 10, 11, 12, 13)),
]


def names() -> Iterator[str]:
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


@pytest.fixture(scope="module")
def held() -> set[str]:
    return {found for name in names() for found in re.findall(r"(?<=_)r[a-z][0-9]+(?=_)", name)}


@pytest.mark.parametrize("promise", IDS)
def test_each_promise_is_held_by_a_test(promise: str, held: set[str]) -> None:
    assert promise in held
