"""Files: what is wrong is said, what is written is whole."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import anyio
import pytest
from filelock import FileLock

from pi_fallback.config import files
from pi_fallback.config.jsonc import Document
from pi_fallback.config.problems import Problem
from pi_fallback.config.replacing import write_private
from pi_fallback.errors import ConfigError, FileLocked
from pi_fallback_hookspecs import Json


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _holding(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(files.MAX_BYTES + 1)


BAD = {
    "malformed": (_holding(b'{\n"a": 1\n"b": 2}'), 3, "is not valid JSON: a comma is missing"),
    "empty": (_holding(b""), None, "is empty. Write {} into it"),
    "blank": (_holding(b" \n\n"), None, "is empty"),
    "not UTF-8": (_holding(b'{"a":\n"\xff"}'), 2, "is not UTF-8 text. Save it as UTF-8"),
    "a folder": (_folder, None, "cannot be read: is a directory"),
    "unreadable": (_loop, None, "cannot be read: too many levels of symbolic links"),
    "a pipe": (_pipe, None, "cannot be read: it is not a file"),
    "huge": (_huge, None, "cannot be read: it is larger than 8 megabytes"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_used_is_a_problem_in_one_sentence(kind: str, tmp_path: Path) -> None:
    make, line, message = BAD[kind]
    path = tmp_path / "settings.json"
    make(path)
    problem = files.read(path)
    assert isinstance(problem, Problem)
    assert problem.line == line
    assert message in str(problem)
    assert str(problem).startswith(f"{path}, line {line}: " if line else f"{path}: ")


def test_a_missing_file_is_no_problem(tmp_path: Path) -> None:
    assert files.read(tmp_path / "none.json") is None


def test_a_file_under_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("")
    assert "not a directory" in str(files.read(tmp_path / "agent" / "settings.json"))


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    found = files.read(path)
    assert isinstance(found, Document)
    assert found.value == {"a": 1}


def add(name: str) -> files.Change:
    return lambda current: {**current, name: 1}


def test_an_update_keeps_what_others_wrote(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "trust.json"
    files.update(path, add("first"))
    files.update(path, add("second"))
    assert json.loads(path.read_text()) == {"first": 1, "second": 1}


def test_half_a_character_that_stands_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_text('{"half": "\\ud800"}')
    files.update(path, add("ä"))
    assert json.loads(path.read_text()) == {"half": "\ud800", "ä": 1}


def test_what_is_written_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "trust.json"
    files.update(path, add("a"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["{ oops", "", "[1, 2]", '"text"'])
def test_a_file_that_cannot_be_parsed_is_never_overwritten(text: str, tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"trust\.json"):
        files.update(path, add("a"))
    assert path.read_text() == text


def test_a_link_stays_a_link_and_its_target_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles.json", tmp_path / "trust.json"
    target.write_text("{}")
    link.symlink_to(target)
    files.update(link, add("a"))
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"a": 1}


LEFT, OTHERS = ".trust.json.0123456789abcdef.tmp", ".auth.json.0123456789abcdef.tmp"


def test_leftovers_of_killed_writers_are_swept_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    for name in (LEFT, LEFT.replace("0", "1"), OTHERS, "trust.json.tmp", ".trust.json.swp.tmp"):
        (tmp_path / name).write_text("half")
    files.update(path, add("a"))
    names = {found.name for found in tmp_path.iterdir() if not found.name.endswith(".lock")}
    assert names == {OTHERS, "trust.json.tmp", ".trust.json.swp.tmp", "trust.json"}


def test_a_failed_write_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_private(path, "{}")
    assert [found.name for found in tmp_path.iterdir()] == ["trust.json"]


def test_half_of_a_surrogate_pair_survives_a_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_text('{"half": "a\\ud800", "whole": "\\ud83d\\ude00 \\\\"}')
    files.update(path, add("new"))
    assert json.loads(path.read_text(encoding="utf-8")) == {"half": "a\ud800", "whole": "\U0001f600 \\", "new": 1}


def test_a_folder_that_cannot_be_made_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("")
    with pytest.raises(ConfigError, match="could not be written"):
        files.update(tmp_path / "agent" / "trust.json", add("a"))


def test_a_lock_that_is_never_given_back_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    with FileLock(tmp_path / "trust.json.lock"), pytest.raises(ConfigError, match="locked by another process"):
        files.update(path, add("a"), lock_timeout_s=0.05)
    assert not path.exists()


@pytest.mark.anyio
async def test_a_loop_goes_on_while_an_update_waits_for_its_lock(tmp_path: Path) -> None:
    path, lock = tmp_path / "ha.json", FileLock(tmp_path / "ha.json.lock")
    with lock, pytest.raises(FileLocked):
        await files.update_later(path, add("a"), lock_timeout_s=0.05)
    lock.acquire()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(files.update_later, path, add("a"))
        await anyio.wait_all_tasks_blocked()
        assert not path.exists()
        lock.release()
    assert json.loads(path.read_text()) == {"a": 1}


def test_no_update_of_many_writers_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"

    def count(name: str) -> None:
        for _ in range(5):
            files.update(path, lambda now: {**now, name: _number(now.get(name, 0)) + 1})

    writers = [Thread(target=count, args=(name,)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert json.loads(path.read_text()) == dict.fromkeys("abcd", 5)


def _number(value: Json) -> int:
    assert isinstance(value, int)
    return value


WRITER = """
import sys
from pathlib import Path
from pi_fallback.config import files
print("ready", flush=True)
while True:
    files.update(Path(sys.argv[1]), lambda now: {"filler": "x" * 200_000, "count": now.get("count", 0) + 1})
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            before = path.stat().st_mtime_ns if path.exists() else 0
            while not path.exists() or path.stat().st_mtime_ns == before:  # it is in the middle of writing now
                pass
            writer.send_signal(signal.SIGKILL)
        assert len(json.loads(path.read_text())["filler"]) == 200_000
    files.update(path, add("end"))
    assert not list(tmp_path.glob(".*.tmp"))
