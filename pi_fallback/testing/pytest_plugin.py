"""Pytest fixtures for plugin authors. It loads in every test run, so what is heavy is imported when it is used."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pi_fallback.testing import RunningFaultServer, ScriptedProvider


@pytest.fixture
def agent_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty agent directory, named by `PI_CODING_AGENT_DIR`: the user's own is not touched."""
    path = tmp_path / "agent"
    path.mkdir()
    monkeypatch.setenv("PI_CODING_AGENT_DIR", str(path))
    return path


@pytest.fixture
def fault_server() -> "Generator[RunningFaultServer, None, None]":
    """A fault server in a thread, for any kind of test. It has no scripts yet: `fault_server.play("model", …)`."""
    from pi_fallback.testing import running_fault_server

    with running_fault_server() as server:
        yield server


@pytest.fixture
def scripted_provider() -> "ScriptedProvider":
    """A scripted provider without moves: `scripted_provider.play("model", …)`."""
    from pi_fallback.testing import ScriptedProvider

    return ScriptedProvider()
