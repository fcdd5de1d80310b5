"""docs/embedding.md and examples/embed.py: every example runs, and every name has its place."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from pi_fallback import embedding
from pi_fallback.embedding import Actions, Fallback, ModelConfig, ProviderConfig, SessionEvent, Settings
from pi_fallback.embedding.functions import tool_of
from pi_fallback.testing import Cut, Ok, RunningFaultServer, ToolCallScript, running_fault_server
from pi_fallback_hookspecs import thawed
from tests.embedding.hosts import fallback

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
AGENT, TOOLS, EVENTS, ENDING, PORTAL = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def server() -> Generator[RunningFaultServer, None, None]:
    read = ToolCallScript("read_file", {"path": "README.md"})
    with running_fault_server(
        {"big": [Ok(tools=[read]), Ok("It says hello.")], "mid": Ok("from the second")}
    ) as server:
        yield server


def run(code: str, server: RunningFaultServer, folder: Path) -> str:
    """Run an example in a process of its own, with the server in the place of its providers."""
    for name in ("one", "two"):
        code = code.replace(f"https://{name}.example/v1", server.base_url)
    (folder / "README.md").write_text("hello")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def defined(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(code, "docs/embedding.md", "exec"), names)
    return names


def test_the_agent_of_the_page_reads_the_file_and_answers(server: RunningFaultServer, tmp_path: Path) -> None:
    assert run(AGENT, server, tmp_path) == "It says hello.\n"
    assert server.requests[-1].messages[-1]["content"] == "hello"


def test_the_agent_of_the_page_is_about_twenty_lines() -> None:
    body = AGENT.partition("async def main")[2].splitlines()
    assert len([line for line in body if line.strip()]) <= 24


def test_the_recipe_for_programs_without_an_event_loop_works(server: RunningFaultServer, tmp_path: Path) -> None:
    server.play("big", Ok("Hello."))
    first, *events = run(PORTAL, server, tmp_path).splitlines()
    assert first == "Hello."
    assert (events[0], events[-1]) == ("RunStarted", "Settled")


def test_the_tool_of_the_page_has_the_schema_that_it_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("page_tools")
    monkeypatch.setitem(sys.modules, "page_tools", module)
    exec(compile(TOOLS, "docs/embedding.md", "exec"), module.__dict__)
    schema: Any = thawed(tool_of(module.search).parameters)
    assert set(schema["properties"]) == {"pattern", "where"}
    assert schema["properties"]["where"]["enum"] == ["files", "names"]


@pytest.mark.anyio
async def test_the_functions_of_the_page_show_and_end_prompts(
    server: RunningFaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.play("big", Cut(after=1, of=Ok("Half an answer.", chunk=4)))
    async with fallback(server, keys={}) as host, host.session() as session:
        await defined(EVENTS)["show"](session, "hi")
        assert "the answer begins anew)\n(going on with two/mid: network)\nfrom the second" in capsys.readouterr().out
        assert await defined(ENDING)["ask_for_a_minute"](session, "hi") == "from the second"


@pytest.mark.anyio
async def test_the_loop_of_the_page_stops_before_a_tool_runs(
    server: RunningFaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async def read_file(path: str) -> str:
        """Read a file."""
        return path

    async with fallback(server, "one/big", keys={}, tools=[read_file]) as host, host.session() as session:
        await defined(ENDING)["until_it_acts"](session, "hi")
    assert capsys.readouterr().out == "It wanted to act.\n"


def test_every_event_has_its_line_with_its_fields() -> None:
    for event in get_args(SessionEvent):
        assert f"`{event.__name__}({', '.join(field.name for field in fields(event))})`" in PAGE


@pytest.mark.parametrize("given", [Settings, Actions])
def test_every_setting_has_its_line(given: type) -> None:
    for field in fields(given):
        assert f"\n| `{field.name}` |" in PAGE


@pytest.mark.parametrize("given", [ProviderConfig, ModelConfig])
def test_every_field_of_what_is_given_is_named(given: type) -> None:
    for field in fields(given):
        assert re.search(rf"\b{field.name}\b", PAGE)


@pytest.mark.parametrize("method", [Fallback.session, Fallback.from_user_files, Fallback.explain])
def test_every_method_is_named(method: Callable[..., object]) -> None:
    assert re.search(rf"\.{method.__name__}\(", PAGE)


def test_every_public_name_exists_and_every_error_stands_in_the_table() -> None:
    for name in embedding.__all__:
        value: Any = getattr(embedding, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert f"`{name}" in PAGE


def test_the_example_runs_without_a_key(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    keys = {"ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY_2", "OPENAI_API_KEY", "OPENAI_API_KEY_2"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / "embed.py")],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name not in keys},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "first/one (backup-1) → second/two" in done.stdout
    assert done.stdout.endswith("There are 1 entries.\n")
