"""The canary scan finds what gets out, in runs with and without workers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.canary import canaries_in, canary

ROOT = Path(__file__).parents[1]
CONFTEST = """
from tests.canary_scan import CanaryScan

def pytest_configure(config):
    config.pluginmanager.register(CanaryScan(config))
"""
TEST = """
import base64
from tests.canary import canary

def test_that_leaks(tmp_path):
    key = canary("scan")
    {leak}
"""
LEAKS = {
    "a file": '(tmp_path / "notes.txt").write_text(f"it is {key}.")',
    "a file in base64": '(tmp_path / "notes.txt").write_bytes(base64.b64encode(f"x{key}".encode()))',
    "a file's name": "(tmp_path / key).touch()",
    "an output": "print(key)",
}


def run(room: Path, leak: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    room.joinpath("conftest.py").write_text(CONFTEST)
    room.joinpath("test_it.py").write_text(TEST.format(leak=leak))
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(room), "-p", "no:cacheprovider"]
    where = ["--basetemp", str(room / "left"), "."]
    command = [sys.executable, "-m", "pytest", "-q", *settings, *arguments, *where]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=room, env=environ, capture_output=True, text=True, timeout=60)
    shutil.rmtree(room / "left", ignore_errors=True)  # the scan of this very run must not find it
    return done


@pytest.mark.parametrize(
    ("leak", "arguments"),
    [*((leak, ()) for leak in LEAKS.values()), (LEAKS["a file"], ("-n", "2")), (LEAKS["an output"], ("-n", "2"))],
    ids=[*LEAKS, "a file of a worker", "an output of a worker"],
)
def test_a_leak_fails_the_run_and_is_named_with_its_test(leak: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, leak, *arguments)
    assert done.returncode == 1
    assert "keys that got out" in done.stdout
    assert "test_it.py::test_that_leaks: " in done.stdout
    assert "1 passed" in done.stdout


def test_where_keys_belong_they_may_be(tmp_path: Path) -> None:
    leak = '[(tmp_path / name).write_text(key) for name in ("auth.json", "ha.json", "models.json", "plugin.py")]'
    done = run(tmp_path, leak)
    assert (done.returncode, "keys that got out" in done.stdout) == (0, False)


def test_a_canary_is_known_by_its_shape_alone() -> None:
    assert list(canaries_in(f"x{canary('one')}y".encode())) == [canary("one")]
    assert canary("one") != canary("two")
    assert not list(canaries_in(b"sk-canary-0123 and sk-live-0123456789"))
