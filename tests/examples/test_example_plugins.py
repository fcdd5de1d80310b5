"""The example plugins are built, installed as anybody would install them, found and used."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.runtime.discovery import discover
from pi_fallback.runtime.registry import Registry

ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / "examples" / "provider_plugin", ROOT / "examples" / "lifecycle_plugin"]


def install(target: Path, *projects: Path) -> None:
    """Build `projects` and install them into the folder `target`, with uv if there is one."""
    uv = os.environ.get("UV") or shutil.which("uv")
    pip = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    subprocess.run([*pip, "--target", str(target), "--no-deps", *map(str, projects)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process says whose environment has both plugins."""
    folder = tmp_path_factory.mktemp("examples")
    sources = [Path(shutil.copytree(path, folder / path.name)) for path in EXAMPLES]  # a build writes beside its source
    install(folder / "site", *sources)
    env = os.environ | {"PYTHONPATH": str(folder / "site")}
    script = [sys.executable, str(Path(__file__).with_name("installed.py"))]
    done = subprocess.run(script, env=env, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_both_are_found_with_package_and_version(report: dict[str, Any]) -> None:
    assert report["listing"] == [
        ["acme", "package pi-fallback-acme", "0.1.0", 0],
        ["nightwatch", "package pi-fallback-nightwatch", "0.1.0", 0],
    ]


def test_the_provider_plugin_adds_a_gateway_and_a_wire_of_its_own(report: dict[str, Any]) -> None:
    assert report["providers"] == ["acme", "rehearsal"]
    assert report["said"] == ["You ", "said: ", "hello ", "there", "Reply", "You said: hello there"]
    assert report["failed"] == ["Fault", "no luck"]


def test_the_lifecycle_plugin_goes_to_another_provider_and_lets_the_spent_account_rest(report: dict[str, Any]) -> None:
    assert report["decision"].startswith("('nightwatch', Retry(on=(Route(provider='b'")
    assert "Rest(scope=Scope(kind=<ScopeKind.CREDENTIAL" in report["decision"]


def test_the_lifecycle_plugin_refuses_what_cannot_be_undone_and_nothing_else(report: dict[str, Any]) -> None:
    ((who, why),) = report["refusals"]
    assert who == "nightwatch"
    assert "cannot be undone" in why
    assert report["allowed"] == []


def test_the_lifecycle_plugin_is_one_file_that_can_be_named_too() -> None:
    registry = Registry.load(found=discover(explicit=[str(EXAMPLES[1] / "pi_fallback_nightwatch.py")]))
    assert registry.plugins[0].name == "pi_fallback_nightwatch"
    assert registry.plugins[0].hooks == ("request_failed", "tool_call", "turn_end", "agent_settled")


@pytest.mark.parametrize("project", EXAMPLES, ids=lambda path: path.name)
def test_an_example_depends_on_the_contract_alone(project: Path) -> None:
    for source in project.rglob("*.py"):
        imported = {line.split()[1] for line in source.read_text().splitlines() if line.startswith("from pi_fallback")}
        assert {
            name for name in imported if not name.startswith(("pi_fallback_hookspecs", "pi_fallback_acme"))
        } == set()
