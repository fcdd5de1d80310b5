"""The pytest plugin: fixtures that are there when wanted, and cost nothing when not."""

import os
import subprocess
import sys
from pathlib import Path

import anyio.to_thread
import httpx2
import pytest

from pi_fallback.testing import Ok, RunningFaultServer, ScriptedProvider, Status

from .clients import ask, said

HEAVY = ("anyio", "asyncio", "h11", "httpx2", "pydantic", "trio", "pi_fallback_hookspecs", "pi_fallback.testing.server")


def test_loading_it_imports_next_to_nothing() -> None:
    program = f"import pi_fallback.testing.pytest_plugin, sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_works_without_the_anyio_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "from pi_fallback.testing import Ok\n"
        "def test_it(fault_server, scripted_provider, agent_dir):\n"
        "    fault_server.play('m', Ok())\n"
    )
    # A folder of its own: neither our settings nor our conftest are seen, nor the other plugins of this environment.
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "pi_fallback.testing.pytest_plugin", "."]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_plain_test_uses_the_fault_server(fault_server: RunningFaultServer) -> None:
    fault_server.play("m", [Status(429), Ok("hello")])
    with httpx2.Client(base_url=fault_server.base_url, trust_env=False) as to:
        answers = [to.post("chat/completions", json=ask()) for _ in range(2)]
    assert (answers[0].status_code, said(answers[1].content)) == (429, "hello")
    fault_server.wait_until(lambda requests: [request.outcome for request in requests] == ["answered"] * 2)
    assert fault_server.requests_for("m") == fault_server.requests
    assert fault_server.violations == ()


@pytest.mark.anyio
async def test_an_async_test_uses_the_fault_server(fault_server: RunningFaultServer) -> None:
    fault_server.play("m", Ok("hello"))
    async with httpx2.AsyncClient(base_url=fault_server.base_url, trust_env=False) as to:
        assert said((await to.post("chat/completions", json=ask())).content) == "hello"
    await anyio.to_thread.run_sync(fault_server.wait_for_requests, 1)


def test_a_wait_in_vain_ends(fault_server: RunningFaultServer) -> None:
    with pytest.raises(TimeoutError, match="has seen: nothing"):
        fault_server.wait_for_requests(1, timeout_s=0)


def test_the_agent_directory_is_empty_and_not_the_users(agent_dir: Path, tmp_path: Path) -> None:
    assert os.environ["PI_CODING_AGENT_DIR"] == str(agent_dir)
    assert agent_dir.is_relative_to(tmp_path)
    assert list(agent_dir.iterdir()) == []


def test_the_scripted_provider_has_no_moves_yet(scripted_provider: ScriptedProvider) -> None:
    assert scripted_provider.provider("acme").models == ()


def test_every_public_name_is_there() -> None:
    import pi_fallback.testing as package

    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018  # reading it is the test
