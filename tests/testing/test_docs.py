"""The examples in docs/testing.md are test files that pass."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

from pi_fallback.testing import Step

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
