"""An embedding host reads nothing of the user's and writes to its state folder alone, unless it is asked to."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.embedding import Fallback, NoUsableModel
from pi_fallback.testing import Cut, FaultServer, OAuthServer, Ok
from tests.e2e.user import User

ROOT = Path(__file__).parents[2]
DECOYS = {
    "OPENAI_API_KEY": "sk-of-the-environment",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


def report(folder: Path, state_dir: str) -> dict[str, Any]:
    """What a process says that ran a host, with an empty home and an environment that would lead it astray."""
    home = folder / "home"
    home.mkdir()
    environ = DECOYS | {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PI_CODING_AGENT_DIR": str(home / "agent"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.embedding.audited", state_dir],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["text"] == "1 g"
    assert [path for path, _ in told["opened"] if Path(path).is_relative_to(home)] == []
    return told


def test_without_a_state_folder_no_file_is_written(tmp_path: Path) -> None:
    told = report(tmp_path, "-")
    assert [path for path, writes in told["opened"] if writes and path != os.devnull] == []


def test_with_one_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    state = tmp_path / "state"
    told = report(tmp_path, str(state))
    written = {path for path, writes in told["opened"] if writes and path != os.devnull}
    assert {path for path in written if not Path(path).is_relative_to(state)} == set()
    names = {path.name for path in state.rglob("*") if path.is_file()}
    assert {"ledger.sqlite3", "decisions.jsonl"} <= names
    assert len([name for name in names if name.endswith(".jsonl")]) == 2  # the decisions and the session
    assert "sk-given" not in "".join(path.read_text(errors="replace") for path in state.rglob("*") if path.is_file())


def test_no_key_proxy_or_folder_is_looked_up_in_the_environment_and_nothing_heavy_is_imported(tmp_path: Path) -> None:
    told = report(tmp_path, "-")
    assert {"*", "HOME", "PI_CODING_AGENT_DIR", *DECOYS} & set(told["read"]) == set()
    assert [name for name in told["read"] if "KEY" in name or "PROXY" in name.upper() or "DIR" in name] == []
    assert told["heavy"] == []


@pytest.mark.anyio
async def test_from_user_files_takes_the_users_accounts_models_and_state_folder(tmp_path: Path) -> None:
    user = User(tmp_path)
    async with FaultServer({"big": Cut(), "mid": Ok("from the second")}) as server:
        user.endpoints(server.base_url, one="big", two="mid")
        user.settings("one/big", "two/mid")
        host = Fallback.from_user_files(cwd=user.folder, environ={}, home=user.home)
        async with host, host.session() as session:
            assert (await session.ask("hi")).text == "from the second"
            assert session.path is not None
            assert session.path.is_relative_to(user.agent_dir)
    assert (user.agent_dir / "pi-fallback" / "ledger.sqlite3").exists()


def test_from_user_files_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NoUsableModel, match="OPENAI_API_KEY"):
        Fallback.from_user_files(cwd=tmp_path, environ={}, home=tmp_path)


@pytest.mark.anyio
async def test_from_user_files_renews_a_login_of_the_users(tmp_path: Path) -> None:
    user = User(tmp_path)
    async with OAuthServer() as login, FaultServer({"big": Ok("hello")}) as server:
        old = login.issue()
        provider = {"baseUrl": server.base_url, "oauth": login.declared, "models": [{"id": "big"}]}
        user.write("models.json", {"providers": {"one": provider}})
        entry = {"type": "oauth", "access": old.access, "refresh": old.refresh, "expires": 1}
        user.write("auth.json", {"one": entry})
        host = Fallback.from_user_files(cwd=user.folder, environ={}, home=user.home)
        async with host, host.session() as session:
            assert (await session.ask("hi")).text == "hello"
        assert {request.key for request in server.requests} == login.grants.live
        assert old.access not in login.grants.live
