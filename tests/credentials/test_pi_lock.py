"""The lock on auth.json: one holder at a time, whether it is of ours or a running pi.

That pi and we keep each other out was seen with proper-lockfile 4.1.2 from npm, with the options that pi gives
(`stale: 30000`), in Node 20: eight processes, half of them Node with proper-lockfile and half of them ours, counted in
one file, 200 times each, and none of the 1,600 counts was lost. `check` of proper-lockfile called our lock held, and a
lock of its own kept us out; a folder that was older than 30 s was taken over by either side; when we took over the lock
of a Node process that had been stopped for longer, it reported ECOMPROMISED; and the folder was gone in the end.
"""

import json
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import anyio
import pytest

from pi_fallback.credentials.pi_lock import FIRST_PAUSE_S, LONGEST_PAUSE_S, STALE_S, PiLock, locked, locked_sync, pauses
from pi_fallback.errors import ConfigError
from tests.conftest import Backend

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000.0


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "auth.json"


def folder(path: Path) -> Path:
    return path.with_name("auth.json.lock")


def wall() -> float:
    return NOW


def left_behind(path: Path, age_s: float) -> None:
    folder(path).mkdir()
    os.utime(folder(path), (NOW - age_s, NOW - age_s))


@pytest.mark.parametrize(("age_s", "free"), [(0, False), (STALE_S - 1, False), (STALE_S + 1, True), (-3600, False)])
def test_a_lock_that_nobody_touched_for_30_s_is_taken_over(age_s: float, free: bool, path: Path) -> None:
    left_behind(path, age_s)
    lock = PiLock(path, wall)
    assert lock.take() is free
    lock.release()
    assert folder(path).exists() is not free


def test_a_block_without_awaits_waits_for_the_lock_too(path: Path) -> None:
    left_behind(path, 0)
    with (
        pytest.raises(ConfigError, match="locked by another"),
        locked_sync(path, wall=wall, chance=Random(1), wait_s=0.05),
    ):
        pass
    folder(path).rmdir()
    with locked_sync(path, wall=wall, chance=Random(1)) as lock:
        lock.check()
    assert not folder(path).exists()


async def test_a_lock_that_is_held_long_is_touched_and_stays_ours(path: Path) -> None:
    start = anyio.current_time()

    def virtual_wall() -> float:
        return NOW + anyio.current_time() - start

    async with locked(path, wall=virtual_wall, chance=Random(1)) as lock:
        for _ in range(20):
            await anyio.sleep(STALE_S / 2)
            assert not PiLock(path, virtual_wall).take()
        lock.check()
    assert not folder(path).exists()


async def test_the_next_one_waits_until_it_is_given_back(path: Path) -> None:
    order: list[str] = []

    async def second() -> None:
        async with locked(path, wall=wall, chance=Random(2)):
            order.append("second")

    async with anyio.create_task_group() as tasks, locked(path, wall=wall, chance=Random(1)):
        tasks.start_soon(second)
        await anyio.sleep(20)
        order.append("first")
    assert order == ["first", "second"]
    assert not folder(path).exists()


async def test_after_30_s_of_waiting_the_error_says_what_to_do(path: Path) -> None:
    async with locked(path, wall=wall, chance=Random(1)):
        start = anyio.current_time()
        with pytest.raises(ConfigError, match="Close that, or delete the folder"):
            async with locked(path, wall=wall, chance=Random(2)):
                pass
        assert anyio.current_time() - start == pytest.approx(30.0)


async def test_who_lost_the_lock_is_told_before_it_writes_and_leaves_the_new_one_alone(path: Path) -> None:
    async with locked(path, wall=wall, chance=Random(1)) as lock:
        folder(path).rmdir()
        thief = PiLock(path, lambda: NOW + 40)
        assert thief.take()
        with pytest.raises(ConfigError, match=r"taken over\. Nothing was written"):
            lock.check()
        await anyio.sleep(60)  # its touches have stopped
    thief.check()


async def test_a_lock_that_vanished_is_lost(path: Path) -> None:
    async with locked(path, wall=wall, chance=Random(1)) as lock:
        folder(path).rmdir()
        with pytest.raises(ConfigError, match="taken over"):
            lock.check()


async def test_a_lock_that_cannot_be_looked_at_is_lost(tmp_path: Path) -> None:
    folder_of_it = tmp_path / "agent"
    folder_of_it.mkdir()
    file = folder_of_it / "auth.json"
    async with locked(file, wall=wall, chance=Random(1)) as lock:
        folder(file).rmdir()
        folder_of_it.rmdir()
        folder_of_it.write_text("a file now: whoever looks beneath it gets ENOTDIR")
        with pytest.raises(ConfigError, match="taken over"):
            lock.check()
        await anyio.sleep(60)


async def test_an_error_inside_comes_out_as_it_is_and_frees_the_lock(path: Path) -> None:
    async def fail() -> None:
        async with locked(path, wall=wall, chance=Random(1)):
            await anyio.sleep(15)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert not folder(path).exists()


async def test_cancelling_the_holder_frees_the_lock(path: Path) -> None:
    with anyio.move_on_after(50):
        async with locked(path, wall=wall, chance=Random(1)):
            await anyio.sleep_forever()
    assert not folder(path).exists()


async def test_cancelling_one_who_waits_leaves_the_lock_to_its_holder(path: Path) -> None:
    async with AsyncExitStack() as stack:
        lock = await stack.enter_async_context(locked(path, wall=wall, chance=Random(1)))
        with anyio.move_on_after(5):
            async with locked(path, wall=wall, chance=Random(2)):
                pass
        lock.check()


@pytest.mark.parametrize("age_s", [0, 60])
def test_a_file_in_its_place_is_named_at_once_with_what_helps(path: Path, age_s: float) -> None:
    folder(path).touch()
    os.utime(folder(path), (NOW - age_s, NOW - age_s))
    with pytest.raises(ConfigError, match=r"auth\.json\.lock, .* removed: it is no folder\. Delete it\.$"):
        PiLock(path, wall).take()


def test_what_is_left_behind_and_not_empty_is_named_with_what_helps(path: Path) -> None:
    left_behind(path, 0)
    (folder(path) / "something").touch()
    os.utime(folder(path), (NOW - 60, NOW - 60))
    with pytest.raises(ConfigError, match=r"could not be removed: directory not empty\. Delete it\.$"):
        PiLock(path, wall).take()


def test_a_folder_that_cannot_be_written_is_named_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"could not be made: .*\. See that its folder can be written\.$"):
        PiLock(tmp_path / "gone" / "auth.json", wall).take()


async def test_who_waits_long_is_told_once_for_what(path: Path) -> None:
    said: list[tuple[str, float]] = []
    start = anyio.current_time()

    def hear(text: str) -> None:
        said.append((text, anyio.current_time() - start))

    async with locked(path, wall=wall, chance=Random(1)):
        with pytest.raises(ConfigError):
            async with locked(path, wall=wall, chance=Random(2), say=hear):
                pass
    [(text, after_s)] = said
    assert "auth.json is locked by another process: waiting for" in text
    assert 2.0 <= after_s <= 4.0
    async with locked(path, wall=wall, chance=Random(1), say=hear):
        pass
    assert len(said) == 1


@pytest.mark.parametrize("seed", range(5))
def test_pauses_grow_out_of_step_to_the_limit(seed: int) -> None:
    found = list(pauses(Random(seed), 30.0))
    assert sum(found) == pytest.approx(30.0)
    assert FIRST_PAUSE_S <= found[0] <= 2 * FIRST_PAUSE_S
    assert max(found) <= LONGEST_PAUSE_S
    assert found != list(pauses(Random(seed + 1), 30.0))


COUNTER = """
import json, sys, time
from pathlib import Path
from random import Random
import anyio
from pi_fallback.credentials.pi_lock import locked, locked_sync

path, how, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def count():
    number = json.loads(path.read_text())["n"]
    path.write_text(json.dumps({"n": number + 1}))

async def many():
    for _ in range(times):
        async with locked(path, wall=time.time, chance=Random()) as lock:
            count()
            lock.check()

if how == "async":
    anyio.run(many)
else:
    for _ in range(times):
        with locked_sync(path, wall=time.time, chance=Random()) as lock:
            count()
            lock.check()
"""


def test_processes_that_contend_lose_no_count(path: Path) -> None:
    path.write_text('{"n": 0}')
    folder(path).mkdir()
    os.utime(folder(path), (1e9, 1e9))  # they begin with the lock of a dead process, which all want to take over
    command = [sys.executable, "-c", COUNTER, str(path)]
    started = [subprocess.Popen([*command, how, "40"]) for how in ("async", "sync", "async", "sync")]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert json.loads(path.read_text()) == {"n": 160}
    assert not folder(path).exists()


HOLDER = """
import sys, time
from pathlib import Path
from random import Random
import anyio
from pi_fallback.credentials.pi_lock import locked

async def hold():
    async with locked(Path(sys.argv[1]), wall=time.time, chance=Random()):
        print("held", flush=True)
        await anyio.sleep_forever()

anyio.run(hold)
"""


def test_a_killed_holder_keeps_the_lock_for_30_s_and_no_longer(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    touched = folder(path).stat().st_mtime
    assert not PiLock(path, lambda: touched + STALE_S - 1).take()
    assert PiLock(path, lambda: touched + STALE_S + 1).take()
