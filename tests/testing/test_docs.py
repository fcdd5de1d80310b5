"""The examples in docs/testing.md are test files that pass."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import pytest

from pi_fallback.testing import FaultServer, Step
from tests.pairs import PAIRS, Pair

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_each_example_passes(tmp_path: Path) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for number, example in enumerate(examples):
        (tmp_path / f"test_example_{number}.py").write_text(example, encoding="utf-8")
    plugins = ["-p", "anyio", "-p", "pi_fallback.testing.pytest_plugin"]
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-rA", *plugins, "."]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = {int(number) for number in re.findall(r"PASSED test_example_(\d+)", done.stdout)}
    assert passed == set(range(len(examples)))


def test_each_step_is_in_the_table_with_its_fields() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for step in get_args(Step):
        fields = ", ".join(field.name for field in dataclasses.fields(step))
        assert f"| `{step.__name__}({fields})` |" in page


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
def test_each_dialect_is_in_the_table_with_its_path_and_its_base_url(pair: Pair) -> None:
    row = re.search(
        rf"^\| `{pair.name}` \| (.+) \| `server\.(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert row is not None
    server = FaultServer()
    url = urlsplit(pair.dialect.url(pair.call(base_url=getattr(server, row[2]))))
    paths = [path.strip("`").replace("{model}", "big") for path in row[1].split(", ")]
    assert any(url.path.endswith(path.lstrip("…")) for path in paths)
    assert all(pair.wire.serves("POST", path.replace("…:", "/models/big:").replace("…", "/v1")) for path in paths)
