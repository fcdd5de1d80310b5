"""Adding: a new key is where its adder is told that it is, whoever else adds one at the same time."""

import json
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from pi_fallback.credentials.adding import Added, add
from pi_fallback.credentials.keeping import Keeper

pytestmark = pytest.mark.anyio


def stored(text: str) -> dict[str, Any]:
    return {"type": "api_key", "key": text}


async def test_of_many_that_are_added_at_once_each_has_the_label_that_was_said(tmp_path: Path) -> None:
    said: dict[str, Added] = {}

    async def one(text: str, seed: int) -> None:
        keeper = Keeper.of(tmp_path, lambda: 1.8e9, Random(seed))
        said[text] = await add(keeper, "pa", stored(text), label=None, others=(), pi_reads=True)

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(one, f"key-{number}", number)
    (live,) = (text for text, added in said.items() if added.file == "auth.json")
    assert json.loads((tmp_path / "auth.json").read_text()) == {"pa": stored(live)}
    found = json.loads((tmp_path / "ha.json").read_text())["credentials"]["pa"]
    assert found == {added.label: stored(text) for text, added in said.items()}
    assert said[live].label == "primary"


@pytest.mark.parametrize(
    ("ha", "label", "others", "pi_reads", "expected"),
    [
        (None, None, (), True, Added("primary", "auth.json")),
        (None, "work", (), True, Added("work", "ha.json")),
        (None, None, ("primary",), True, Added("backup-1", "ha.json")),
        (None, None, (), False, Added("primary", "ha.json")),
        ({}, None, (), True, Added("primary", "auth.json")),
        ({"pa": {"primary": "no account"}}, None, (), True, Added("backup-1", "auth.json")),
        ({"pa": {"spare": stored("k0")}}, None, (), True, Added("primary", "ha.json")),
    ],
)
async def test_a_providers_only_account_goes_into_auth_json(
    ha: Any, label: str | None, others: tuple[str, ...], pi_reads: bool, expected: Added, tmp_path: Path
) -> None:
    if ha is not None:
        (tmp_path / "ha.json").write_text(json.dumps({"credentials": ha}))
    keeper = Keeper.of(tmp_path, lambda: 1.8e9, Random(1))
    assert await add(keeper, "pa", stored("k1"), label=label, others=others, pi_reads=pi_reads) == expected
    auth: Any = json.loads((tmp_path / "auth.json").read_text()) if (tmp_path / "auth.json").exists() else {}
    assert auth.get("pa") == (stored("k1") if expected.file == "auth.json" else None)
