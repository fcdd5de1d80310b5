"""auth.json: what is not ours to change stays, byte for byte or key for key."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random

import anyio
import pytest

from pi_fallback.credentials.auth_json import AuthJson
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000.0
WHOLE = '{"b": {"type": "api_key", "key": "k", "mine": [1, {"x": null}]}, "a": {"type": "oauth"}, "zz": 3}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "auth.json"


@pytest.fixture
def file(path: Path) -> AuthJson:
    return AuthJson(path, lambda: NOW, Random(1))


def add(before: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**before, "new": {"type": "api_key", "key": "n"}}


async def test_an_update_keeps_every_other_key_and_the_order(path: Path, file: AuthJson) -> None:
    path.write_text(WHOLE)
    await file.update(add)
    assert list(json.loads(path.read_text()).items()) == [*json.loads(WHOLE).items(), *add({}).items()]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["auth.json"]


def test_it_is_made_where_there_was_none(tmp_path: Path) -> None:
    path = tmp_path / "agent" / "auth.json"
    AuthJson(path, lambda: NOW, Random(1)).update_sync(add)
    assert json.loads(path.read_text()) == add({})
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_change_that_changes_nothing_writes_nothing(path: Path, file: AuthJson) -> None:
    path.write_text(WHOLE)
    before = path.stat()
    await file.update(lambda now: dict(now))
    assert (path.read_text(), path.stat().st_ino, path.stat().st_mtime_ns) == (WHOLE, before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(("text", "where"), [('{\n "a": {,', "line 2"), ("[]", "line 1"), ("", "is empty")])
async def test_b16_an_unparsable_file_is_never_written_over(text: str, where: str, path: Path, file: AuthJson) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"auth\.json.*{where}"):
        await file.update(add)
    with pytest.raises(ConfigError, match=rf"auth\.json.*{where}"):
        file.update_sync(add)
    assert path.read_text() == text
    assert [found.name for found in path.parent.iterdir()] == ["auth.json"]


async def test_of_a_link_the_target_is_locked_and_written(path: Path, file: AuthJson) -> None:
    target = path.with_name("dotfiles.json")
    target.write_text(WHOLE)
    path.symlink_to(target)
    async with file.held() as held:
        assert path.with_name("dotfiles.json.lock").is_dir()
        held.write(add)
    assert path.is_symlink()
    assert json.loads(target.read_text())["new"] == {"type": "api_key", "key": "n"}


async def test_what_is_read_under_the_lock_may_be_written_after_an_await(path: Path, file: AuthJson) -> None:
    path.write_text('{"n": 0}')

    async def count(file: AuthJson) -> None:
        async with file.held() as held:
            number = held.read()["n"]
            await anyio.sleep(0)
            assert isinstance(number, int)
            held.write(lambda now: {**now, "n": number + 1})

    async with anyio.create_task_group() as tasks:
        for seed in range(10):
            tasks.start_soon(count, AuthJson(path, lambda: NOW, Random(seed)))
    assert json.loads(path.read_text()) == {"n": 10}


async def test_with_a_lost_lock_nothing_is_written(path: Path, file: AuthJson) -> None:
    path.write_text(WHOLE)
    async with file.held() as held:
        lock = path.with_name("auth.json.lock")
        lock.rmdir()
        lock.mkdir()
        os.utime(lock, (NOW + 40, NOW + 40))
        with pytest.raises(ConfigError, match="taken over"):
            held.write(add)
    assert path.read_text() == WHOLE
    assert lock.is_dir()


@pytest.mark.parametrize("kind", ["a file as its folder", "a link to itself"])
async def test_a_place_that_cannot_be_written_is_named(kind: str, tmp_path: Path) -> None:
    if kind == "a link to itself":
        (tmp_path / "auth.json").symlink_to("auth.json")
        path = tmp_path / "auth.json"
    else:
        (tmp_path / "agent").touch()
        path = tmp_path / "agent" / "auth.json"
    with pytest.raises(ConfigError, match=r"auth\.json"):
        await AuthJson(path, lambda: NOW, Random(1)).update(add)


WRITER = """
import sys, time
from pathlib import Path
from random import Random
from pi_fallback.credentials.auth_json import AuthJson
file = AuthJson(Path(sys.argv[1]), time.time, Random())
print("ready", flush=True)
while True:
    file.update_sync(lambda now: {"filler": "x" * 200_000, "count": now.get("count", 0) + 1})
"""


def test_rp3_a_killed_writer_leaves_a_whole_file_and_what_it_left_is_swept(path: Path) -> None:
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            before = path.stat().st_mtime_ns if path.exists() else 0
            while not path.exists() or path.stat().st_mtime_ns == before:  # it is in the middle of writing now
                pass
            writer.kill()
        assert len(json.loads(path.read_text())["filler"]) == 200_000
        if (lock := path.with_name("auth.json.lock")).exists():
            os.utime(lock, (1e9, 1e9))  # half a minute passes
    AuthJson(path, lambda: NOW, Random(1)).update_sync(add)
    assert [found.name for found in path.parent.iterdir()] == ["auth.json"]
