"""Files and processes, as far as spec ids promise: RP2 to RP6. RP7 and RP9 are in test_reliability_state.py."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from pi_fallback.config import files, store
from pi_fallback.config.ownership import ROOT
from pi_fallback.config.problems import Problem
from pi_fallback.credentials.auth_json import AuthJson
from pi_fallback.errors import ConfigError
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback.testing import Ok, RunningFaultServer
from pi_fallback_hookspecs import Ledger
from tests.e2e.user import User
from tests.spec.file_writer import FILLERS, SCOPE, wall

HERE = Path(__file__).parents[2]
# `PI_FALLBACK_KILLS=250` is the long form, of all three kinds together.
KILLS = int(os.environ.get("PI_FALLBACK_KILLS", "24")) // 3
FILES = {"config": "ha.json", "credentials": "auth.json"}
each_file = pytest.mark.parametrize("kind", FILES)


@contextmanager
def writer(role: str, agent_dir: Path, *more: str) -> Generator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.spec.file_writer", role, str(agent_dir), *more]
    with subprocess.Popen(
        command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def agent_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "agent"
    folder.mkdir(mode=0o700)
    return folder


def put(path: Path, value: object, mode: int = 0o600) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    path.chmod(mode)
    return path


def update(path: Path, change: files.Change = lambda now: {**now, "new": 1}) -> None:
    """Write as the program does: each file by its own writer."""
    if path.name == "auth.json":
        AuthJson(path, wall, Random()).update_sync(change)
    else:
        files.update(path, change)


def names(folder: Path) -> set[str]:
    """What is in `folder`, but for locks."""
    return {found.name for found in folder.iterdir() if not found.name.endswith(".lock")}


def number_in(agent_dir: Path, kind: str) -> int:
    """The number that was written last, from a file that is whole."""
    if kind == "ledger":
        problems: list[str] = []
        path = agent_dir / "pi-fallback" / "ledger.sqlite3"
        ledger = SqliteLedger(path, now=lambda: 0.0, wall=wall, on_problem=problems.append)
        rest = ledger.sync(Ledger()).rests[SCOPE]
        ledger.close()
        assert problems == []
        return int(rest.reason)
    found = json.loads((agent_dir / FILES[kind]).read_text())
    assert found["theirs"] == 1
    assert len(found["mine"]["filler"]) in FILLERS
    return int(found["mine"]["key"])


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("kind", [*FILES, "ledger"])
def test_rp3_a_kill_in_a_write_leaves_a_whole_file_and_nothing_acknowledged_is_lost(agent_dir: Path, kind: str) -> None:
    chance = random.Random(kind)
    if kind in FILES:
        put(agent_dir / FILES[kind], {"theirs": 1})
    number = 0
    for run in range(KILLS):
        with writer("killed", agent_dir, kind, str(run), str(number)) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(chance.randint(2, 13))]
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.0, 0.004))  # anywhere within a write
            process.kill()
            said += process.stdout.readlines()
        safe = [int(line.split()[1]) for line in said if line.startswith("safe") and line.endswith("\n")]
        number = number_in(agent_dir, kind)
        assert number >= max(safe)
        number += 1
    store.load(agent_dir, agent_dir, trusted=False)  # the next start
    assert names(agent_dir) <= {"ha.json", "auth.json", "pi-fallback"}


@each_file
def test_rp3_the_next_start_sweeps_what_a_dead_writer_left_and_not_what_a_live_one_writes(
    agent_dir: Path, kind: str
) -> None:
    dead = put(agent_dir / f".{FILES[kind]}.0123456789abcdef.tmp", "{")
    with writer("killed", agent_dir, kind, "0", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(30):  # none of its writes fails while others start
            store.load(agent_dir, agent_dir, trusted=False)
            assert process.stdout.readline().split()[0] in {"safe", "begins"}
        assert process.poll() is None
    assert not dead.exists()


@each_file
def test_rp4_two_writers_and_a_hand_keep_what_each_of_them_wrote(agent_dir: Path, kind: str) -> None:
    path = put(agent_dir / FILES[kind], {"by hand": 1})
    with ExitStack() as stack:
        both = [stack.enter_context(writer("together", agent_dir, kind, name, "10")) for name in ("one", "two")]
        for process in both:
            assert process.stdout is not None
            process.stdout.readline()
        for process in both:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = [process.communicate()[1] for process in both]
    assert errors == ["", ""]
    found = json.loads(path.read_text())
    assert {name: entry["key"] if isinstance(entry, dict) else entry for name, entry in found.items()} == {
        "by hand": 1,
        "one": "9",
        "two": "9",
    }


@each_file
def test_rp2_a_full_disk_keeps_the_old_file_and_the_next_write_goes_well(agent_dir: Path, kind: str) -> None:
    path = put(agent_dir / FILES[kind], {"old": 1})
    with writer("full", agent_dir, kind) as process:
        said, errors = process.communicate()
    refused, again = said.splitlines()
    assert errors == ""
    assert refused == f"{path} could not be written: file too large. It is as it was."
    assert again == "written"
    assert json.loads(path.read_text())["old"] == 1
    assert names(agent_dir) == {path.name}


@each_file
def test_rp2_a_folder_that_cannot_be_written_keeps_the_old_file(agent_dir: Path, kind: str) -> None:
    path = put(agent_dir / FILES[kind], {"old": 1})
    agent_dir.chmod(0o500)
    with writer("read-only", agent_dir, kind) as process:
        said, errors = process.communicate()
    agent_dir.chmod(0o700)
    assert errors == ""
    assert len(said.splitlines()) == 1
    assert "permission denied" in said
    assert json.loads(path.read_text()) == {"old": 1}
    assert names(agent_dir) == {path.name}


def test_rp2_with_a_home_that_cannot_be_written_the_run_goes_on_and_says_each_thing_once(
    tmp_path: Path, fault_server: RunningFaultServer
) -> None:
    user = User(tmp_path)
    user.endpoints(fault_server.base_url, a="A")
    fault_server.play("A", Ok("the answer"))
    user.agent_dir.chmod(0o500)
    command = [sys.executable, "-m", "tests.spec.file_writer", "program", str(user.agent_dir)]
    command += ["--cwd", str(user.folder), "-p", "hello"]
    done = subprocess.run(command, cwd=HERE, env=user.environ, capture_output=True, text=True, timeout=30)
    user.agent_dir.chmod(0o700)
    assert (done.returncode, done.stdout) == (0, "the answer\n")
    said = done.stderr.splitlines()
    assert len(said) == len(set(said))
    assert all("ermission denied" in line or "unable to open" in line for line in said), said
    assert names(user.agent_dir) == {"models.json"}


def of_nobody(path: Path) -> None:
    os.chown(path, 65534, -1)


def linked_by_nobody(path: Path) -> None:
    target = put(path.with_name("target"), {"old": 1})
    path.unlink()
    path.symlink_to(target)
    os.lchown(path, 65534, -1)


def open_to(mode: int) -> Callable[[Path], None]:
    return lambda path: path.chmod(mode)


def in_a_folder_open_to(mode: int) -> Callable[[Path], None]:
    return lambda path: path.parent.chmod(mode)


def of_a_group(path: Path) -> None:
    os.chown(path, -1, 12_345)
    path.chmod(0o660)


def in_a_folder_of_a_group(path: Path) -> None:
    os.chown(path.parent, -1, 12_345)
    path.parent.chmod(0o770)


def linked_into_an_open_folder(path: Path) -> None:
    folder = path.parent / "dotfiles"
    folder.mkdir()
    path.rename(folder / path.name)
    path.symlink_to(folder / path.name)
    folder.chmod(0o777)


# What is wrong, and what the sentence says to do about it. Only root can give files away.
STRANGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "all may write it": (open_to(0o666), "run chmod go-w on it"),
    "all may write in its folder": (in_a_folder_open_to(0o777), "run chmod go-w on the folder"),
    "a link to where all may write": (linked_into_an_open_folder, "run chmod go-w on the folder"),
}
STRANGE_IF_ROOT: dict[str, tuple[Callable[[Path], None], str]] = {
    "another user's": (of_nobody, "make it your own with chown, or move it away"),
    "another user's folder": (lambda path: of_nobody(path.parent), "make the folder your own with chown"),
    "another user's link": (linked_by_nobody, "make it your own with chown, or move it away"),
    "a group may write it": (of_a_group, "run chmod go-w on it"),
    "a group may write in its folder": (in_a_folder_of_a_group, "run chmod go-w on the folder"),
}
CASES = STRANGE | (STRANGE_IF_ROOT if os.geteuid() == ROOT else {})


@pytest.mark.parametrize("case", CASES)
@each_file
def test_rp5_a_file_that_is_not_the_users_alone_is_neither_read_nor_written(
    agent_dir: Path, kind: str, case: str
) -> None:
    make, remedy = CASES[case]
    path = put(agent_dir / FILES[kind], {"old": 1})
    make(path)
    problem = files.read(path)
    assert isinstance(problem, Problem)
    assert remedy in str(problem)
    with pytest.raises(ConfigError) as refused:
        update(path)
    assert str(path) in str(refused.value)
    assert remedy in str(refused.value)
    assert json.loads(path.read_text()) == {"old": 1}


@each_file
def test_rp5_a_file_with_two_names_is_read_and_no_write_parts_them(agent_dir: Path, kind: str) -> None:
    path = put(agent_dir / FILES[kind], {"old": 1})
    other = agent_dir / "other"
    other.hardlink_to(path)
    assert not isinstance(files.read(path), Problem)
    with pytest.raises(ConfigError, match=r"it has 2 names \(hard links\), which a write would part; keep one of them"):
        update(path)
    assert path.samefile(other)
    assert json.loads(path.read_text()) == {"old": 1}
    assert names(agent_dir) == {path.name, "other"}


@each_file
def test_rp5_a_link_of_the_users_own_is_followed_once_and_its_target_written(agent_dir: Path, kind: str) -> None:
    dotfiles = agent_dir.parent / "dotfiles"
    dotfiles.mkdir(mode=0o755)
    target = put(dotfiles / "mine.json", {"old": 1}, 0o644)
    path = agent_dir / FILES[kind]
    path.symlink_to(Path("..") / "dotfiles" / "mine.json")
    update(path)
    assert path.is_symlink()
    assert json.loads(target.read_text()) == {"old": 1, "new": 1}
    assert names(agent_dir) == {path.name}
    assert names(dotfiles) == {"mine.json"}


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_rp5_secrets_that_others_can_read_are_told_with_the_line_that_mends_it(agent_dir: Path, mode: int) -> None:
    path = put(agent_dir / "auth.json", {"acme": {"type": "api_key", "key": "sk-canary"}}, mode)
    if os.geteuid() == ROOT:
        os.chown(path, -1, 12_345)  # a group of several; the user's own group may read
    found = store.load(agent_dir, agent_dir, trusted=False)
    told = f"{path} holds secrets and can be read by other users. Run: chmod 600 {path}"
    assert found.notices == ((told,) if mode == 0o644 or os.geteuid() == ROOT else ())
    assert set(found.auth.root) == {"acme"}
    path.chmod(0o600)
    assert store.load(agent_dir, agent_dir, trusted=False).notices == ()


@each_file
def test_rp6_a_file_that_cannot_be_parsed_is_kept_and_its_line_told(agent_dir: Path, kind: str) -> None:
    text = '{\n  "a": {"type": "api_key", "key": "sk-canary"}\n  "b": 2\n}'
    path = put(agent_dir / FILES[kind], text)
    found = store.load(agent_dir, agent_dir, trusted=False)
    assert [problem.line for problem in found.problems] == [3]
    assert "sk-canary" not in str(found.problems[0])
    with pytest.raises(ConfigError, match="line 3: is not valid JSON"):
        update(path)
    assert path.read_text() == text


def test_rp6_of_a_file_of_a_later_version_the_valid_part_is_used_and_the_rest_kept(
    agent_dir: Path,
) -> None:
    ha = {
        "version": 9,
        "groups": {"g": {"entries": [{"id": "a/A", "weight": 3}], "strategy": "auction"}},
        "defaultGroup": "g",
        "errorHandling": {"quotaErrorAction": "haggle", "capacityErrorAction": "stop"},
    }
    auth = {
        "a": {"type": "api_key", "key": "k", "scopes": ["x"]},
        "b": {"type": "passkey", "blob": "…"},
    }
    put(agent_dir / "ha.json", ha)
    put(agent_dir / "auth.json", auth)
    found = store.load(agent_dir, agent_dir, trusted=False)
    assert sorted(problem.field for problem in found.problems) == ["b", "errorHandling.quotaErrorAction"]
    assert set(found.auth.root) == {"a"}
    policy = found.ha.policy()
    assert set(policy.groups) == {"g"}
    assert policy.capacity == "stop"
    for name, before in (("ha.json", ha), ("auth.json", auth)):
        update(agent_dir / name)
        assert json.loads((agent_dir / name).read_text()) == {**before, "new": 1}
