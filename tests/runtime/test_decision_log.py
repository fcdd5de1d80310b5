"""The decision log: a file that agents share, which never stands in the way of one."""

import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from pi_fallback.core.booking import Failed, Worked, replay
from pi_fallback.core.explaining import entry_of
from pi_fallback.core.routing import Routing
from pi_fallback.runtime.decision_log import AGAIN_S, FILE_BYTES, DecisionLog, read_rows
from pi_fallback_hookspecs import (
    Failure,
    FailureKind,
    Ledger,
    ModelRef,
    Phase,
    Rest,
    Route,
    Scope,
    ScopeKind,
)

A, B = Route("a", "m"), Route("b", "m")
WALL = 1_700_000_000.0
FAILURE = Failure(A, FailureKind.NETWORK, ScopeKind.NETWORK, "it said sk-secret", Phase.PRE, 3.0)


def log(path: Path, problems: list[str] | None = None, now: Callable[[], float] = lambda: 100.0) -> DecisionLog:
    return DecisionLog(
        path,
        now=now,
        wall=lambda: WALL + 100.0,
        clean=lambda text: text.replace("sk-secret", "***"),
        on_problem=(problems if problems is not None else []).append,
    )


def test_a_record_is_a_line_with_wall_time_and_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "decisions.jsonl"
    log(path).routing(Routing(3.0, (A, B), B, "network", FAILURE, "pool"))
    (row,) = read_rows(path)
    assert (row["type"], row["at"], row["choice"]) == ("routing", WALL + 3.0, "b/m")
    assert "sk-secret" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_like_the_record_before_it_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    decisions = log(path)
    for moment in (1.0, 2.0, 3.0):
        decisions.routing(Routing(moment, (A, B), A, "the session stands on it"))
    assert len([*read_rows(path)]) == len(decisions.rows) == 1


def test_the_file_replays_to_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    decisions, entries = (
        log(path),
        [Rest(Scope.of(ScopeKind.MODEL, A), 160.0, "spent"), Worked(ModelRef("b", "m"), 99.5)],
    )
    for entry in entries:
        decisions.entry(entry)
    decisions.routing(Routing(3.0, (A, B), B, "network", FAILURE, "pool"))
    read = [entry for row in read_rows(path) if (entry := entry_of(row, lambda wall: wall - WALL)) is not None]
    assert replay(read) == replay(entries) != Ledger()


def test_a_full_file_becomes_the_old_one_and_both_are_read(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_text("x" * FILE_BYTES + "\n")
    decisions = log(path)
    decisions.entry(Worked(ModelRef("a", "m"), 1.0))
    assert not path.exists()
    decisions.entry(Worked(ModelRef("b", "m"), 2.0))
    assert [row["model"] for row in read_rows(path)] == [["a", "m"], ["b", "m"]]


def test_agents_that_find_the_file_full_at_once_move_it_once(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    problems: list[str] = []
    moved: list[int] = []

    def agent() -> None:
        decisions = log(path, problems)
        for _ in range(3000):
            decisions.entry(Failed(ModelRef("p", "m"), 0.0, FailureKind.NETWORK, "x" * 280))

    threads = [Thread(target=agent) for _ in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with suppress(FileNotFoundError):
            moved.append((tmp_path / "decisions.old.jsonl").stat().st_size)
    assert problems == []
    assert min(moved) > FILE_BYTES  # never the new one, which has a few lines


@pytest.mark.parametrize("gone", [Path.unlink, lambda path: path.rename(path.with_name("aside"))])
def test_a_file_that_somebody_takes_away_is_made_again(tmp_path: Path, gone: Callable[[Path], object]) -> None:
    path = tmp_path / "decisions.jsonl"
    decisions = log(path)
    decisions.entry(Worked(ModelRef("a", "m"), 1.0))
    gone(path)
    decisions.entry(Worked(ModelRef("b", "m"), 2.0))
    assert [row["model"] for row in read_rows(path)] == [["b", "m"]]


def test_what_could_not_be_written_is_tried_again_later_and_a_cut_line_takes_none_with_it(tmp_path: Path) -> None:
    path, problems, moments = tmp_path / "decisions.jsonl", list[str](), [100.0]
    path.mkdir()
    decisions = log(path, problems, lambda: moments[-1])
    decisions.entry(Worked(ModelRef("lost", "m"), 1.0))
    path.rmdir()
    path.write_text('{"type": "worked", "at":')  # as a full disk leaves it
    decisions.entry(Worked(ModelRef("early", "m"), 2.0))
    moments.append(100.0 + AGAIN_S)
    for model in "ab":
        decisions.entry(Worked(ModelRef(model, "m"), 3.0))
    assert [row["model"] for row in read_rows(path)] == [["a", "m"], ["b", "m"]]
    assert len(problems) == 1


def test_lines_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    wake = json.dumps({"type": "wake", "at": 5, "scope": ["network", "", "", ""]})
    path.write_text(f'half a li\n[1]\n{{"no": "type"}}\n{wake}\n\xff\n' + "[" * 200_000 + f"\n{wake}\n")
    assert [row["type"] for row in read_rows(path)] == ["wake", "wake"]


def test_of_a_file_without_end_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    log(path).entry(Worked(ModelRef("lost", "m"), 1.0))
    with path.open("ab") as file:
        file.truncate(1 << 30)  # a hole: it takes no room on the disk
        file.seek(0, os.SEEK_END)
        file.write(b"\n")
    log(path).entry(Worked(ModelRef("a", "m"), 1.0))
    assert [row["model"] for row in read_rows(path)] == [["a", "m"]]


@pytest.mark.parametrize("name", ["decisions.jsonl", "decisions.old.jsonl"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.mkdir, "it is not a file"),
        (os.mkfifo, "it is not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a symbolic link"),  # pyright: ignore[reportUnknownLambdaType]
    ],
    ids=["folder", "pipe", "link"],
)
def test_what_is_no_file_is_named_and_hides_no_row_of_the_other(
    tmp_path: Path, name: str, make: Callable[[Path], None], reason: str
) -> None:
    path, problems = tmp_path / "decisions.jsonl", list[str]()
    make(tmp_path / name)
    other = next(file for file in ("decisions.jsonl", "decisions.old.jsonl") if file != name)
    log(tmp_path / other).entry(Worked(ModelRef("a", "m"), 1.0))
    assert len([*read_rows(path, problems.append)]) == 1
    assert problems == [f"{tmp_path / name} cannot be read: {reason}. Move it away."]


@pytest.mark.parametrize("what", ["folder", "fifo", "symlink"])
def test_a_path_that_cannot_be_written_is_said_once_and_the_records_stay_in_memory(tmp_path: Path, what: str) -> None:
    path = tmp_path / "decisions.jsonl"
    match what:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case _:
            path.symlink_to(tmp_path / "elsewhere")
    problems: list[str] = []
    decisions = log(path, problems)
    for model in "abc":
        decisions.entry(Worked(ModelRef(model, "m"), 1.0))
    assert len(problems) == 1
    assert "The agent works on." in problems[0]
    assert len(decisions.rows) == 3
    assert not (tmp_path / "elsewhere").exists()
