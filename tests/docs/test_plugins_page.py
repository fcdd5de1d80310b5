"""The examples of docs/plugins.md run as they stand there."""

import re
import runpy
from pathlib import Path

import pytest

from pi_fallback.runtime.discovery import discover
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.registry import Registry
from pi_fallback_hookspecs import AgentSettled, Notify, StopReason, ToolCall, ToolCallEvent, View

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
FILES = {name: text for text, name in re.findall(r"```python\n(# (\w+\.py)\n.*?)```", PAGE, re.DOTALL)}
VIEW = View(now=0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plugins = tmp_path / "pi-fallback" / "plugins"
    plugins.mkdir(parents=True)
    for name, text in FILES.items():
        (plugins / name).write_text(text, encoding="utf-8")
    return plugins


def test_each_plugin_of_the_page_is_loaded_from_a_folder(folder: Path) -> None:
    (folder / "test_elsewhere.py").unlink()
    registry = Registry.load(found=discover(agent_dir=folder.parents[1]))
    assert [(row.name, row.hooks, row.fault) for row in registry.listing()] == [
        ("count", ("turn_end",), ""),
        ("elsewhere", ("request_failed",), ""),
        ("tidy", ("tool_call", "agent_settled"), ""),
    ]
    dispatcher = Dispatcher(registry)
    push = ToolCall("1", "bash", {"command": "git push --force"})
    assert dispatcher.ask_sync("tool_call", ToolCallEvent(view=VIEW, call=push)) == [
        ("tidy", "ask me before you push with force")
    ]
    settled = AgentSettled(view=VIEW, stop_reason=StopReason.STOP)
    assert dispatcher.ask_sync("agent_settled", settled) == [("tidy", (Notify("done: stop"),))]


def test_the_test_of_the_page_passes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    tests = runpy.run_path(str(folder / "test_elsewhere.py"))
    tests["test_a_spent_account_sends_the_work_to_another_provider"]()


def test_the_example_of_the_contracts_own_page_is_a_plugin(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "hookspecs" / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "elsewhere.py"
    path.write_text(page.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    assert Registry.load(found=discover(explicit=[str(path)])).asked == {"request_failed"}
