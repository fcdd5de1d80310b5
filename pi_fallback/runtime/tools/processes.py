"""Processes: what a command has started, also what has left its group, its session or its parent."""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

MARK = "PI_FALLBACK_COMMAND"  # in the environment of each command; children inherit it wherever they go
PROC = Path("/proc")
CAN_LOOK = (PROC / "self" / "environ").exists()  # Linux; elsewhere only the group is known


def marked(environ: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
    """Return `environ` with a new mark, and that mark. One that is there stays: a command may run in another."""
    mark = uuid4().hex
    return {**environ, MARK: f"{environ.get(MARK, '')} {mark}".strip()}, mark


class _Process(NamedTuple):
    pid: int
    parent: int
    is_marked: bool


def started_by(pid: int, mark: str) -> frozenset[int]:
    """Return the living processes that bear `mark`, or descend from one that does or from `pid`; not `pid` itself."""
    processes = tuple(_processes(mark.encode()))
    found = {process.pid for process in processes if process.is_marked} | {pid}
    while more := {process.pid for process in processes if process.parent in found} - found:
        found |= more
    return frozenset(found - {pid})


def _processes(mark: bytes) -> Iterator[_Process]:
    if not CAN_LOOK:
        return
    for name in os.listdir(PROC):
        if not name.isdigit():
            continue
        with suppress(OSError):  # it has ended meanwhile
            _, _, facts = (PROC / name / "stat").read_text(errors="replace").rpartition(")")  # its name may hold one
            state, parent = facts.split()[:2]
            if state not in "ZX":
                yield _Process(int(name), int(parent), _bears(name, mark))


def _bears(name: str, mark: bytes) -> bool:
    with suppress(OSError):  # another user's
        return any(
            mark in variable
            for variable in (PROC / name / "environ").read_bytes().split(b"\0")
            if variable.startswith(MARK.encode() + b"=")
        )
    return False


def send(number: signal.Signals, pids: Iterable[int]) -> frozenset[int]:
    """Send a signal; return those who may not be sent one."""
    refused: set[int] = set()
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            refused.add(pid)
    return frozenset(refused)
