"""Replacing a file while others sweep: whoever lives is let alone."""

import fcntl
from pathlib import Path
from threading import Event, Thread

from pi_fallback.config.replacing import sweep, sweep_folder, write_private

LEFT = ".a.json.0123456789abcdef.tmp"


def test_a_sweep_leaves_what_a_living_writer_holds(tmp_path: Path) -> None:
    held = tmp_path / LEFT
    with held.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sweep_folder(tmp_path)
        assert held.exists()
    sweep_folder(tmp_path)
    assert not held.exists()


def test_one_file_is_swept_without_its_neighbours(tmp_path: Path) -> None:
    for name in ("a.json", "ab.json", "a.json.b"):
        (tmp_path / f".{name}.0123456789abcdef.tmp").touch()
    sweep(tmp_path / "a.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a.json.b.0123456789abcdef.tmp",
        ".ab.json.0123456789abcdef.tmp",
    ]


def test_no_write_fails_however_often_others_sweep(tmp_path: Path) -> None:
    over = Event()

    def sweeping() -> None:
        while not over.is_set():
            sweep_folder(tmp_path)

    sweepers = [Thread(target=sweeping) for _ in range(3)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for number in range(50):
            write_private(tmp_path / "a.json", f"{number}")
    finally:
        over.set()
        for sweeper in sweepers:
            sweeper.join()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["49"]


def test_a_folder_that_is_not_there_needs_no_sweep(tmp_path: Path) -> None:
    sweep_folder(tmp_path / "none")
