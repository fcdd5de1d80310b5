"""Session files: where they lie, how they are read, which there are."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from pi_fallback.errors import SessionError
from pi_fallback.runtime.session_records import Header, Opened, Record, history_of, record_of
from pi_fallback_hookspecs import Message, Route, ToolCall, UserMessage

MAX_BYTES = 256 * 1024 * 1024  # months of work, pictures included; it is read into memory whole
MAX_NAME = 200  # bytes; file systems end at 255
HEAD_LINES = 50  # the first prompt is one of these, or the session is listed without
MAX_PROMPT = 200


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was set aside: it stays in the file and is not part of the history."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class LoadedSession:
    """A session as its file tells it; `messages` has a result for each tool call."""

    path: Path
    id: str
    cwd: str
    messages: tuple[Message, ...]
    route: Route | None
    unfinished: tuple[ToolCall, ...]
    bad_lines: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session in a list; `used_at` is the wall time of its last record, `prompt` the first one, cut."""

    path: Path
    id: str
    cwd: str
    used_at: float
    prompt: str


def folder_of(agent_dir: Path, cwd: str) -> Path:
    """Return the folder of the sessions in `cwd`, named as pi names it."""
    name = cwd.removeprefix("/").replace("/", "-").replace(":", "-")
    if len(os.fsencode(name)) > MAX_NAME:
        name = f"{hashlib.sha256(os.fsencode(cwd)).hexdigest()[:16]}-{name[-32:]}"
    return agent_dir / "pi-fallback" / "sessions" / f"--{name}--"


def open_session(path: Path, flags: int) -> int:
    """Open the file of a session. A pipe or a device, which would never end, is not one.

    Raises:
        SessionError: it cannot be opened, or cannot be a session.
    """
    try:
        file = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # non-blocking: a FIFO opens at once
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except ValueError as error:  # a NUL, or half a character
        raise _unusable(path, "no file can have that name") from error
    status = os.fstat(file)
    if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
        return file
    os.close(file)
    is_file = stat.S_ISREG(status.st_mode)
    raise _unusable(path, f"it is larger than {MAX_BYTES >> 20} MiB" if is_file else "it is not a regular file")


def _unusable(path: Path, why: str) -> SessionError:
    return SessionError(f"The session {path} cannot be opened: {why}. Choose another session, or start a new one.")


def contents(file: int) -> bytes:
    """Return what is in the open `file`, as long as it is now."""
    with open(file, "rb", closefd=False) as opened:  # a descriptor
        opened.seek(0)
        return opened.read(os.fstat(file).st_size)


def load(path: Path, data: bytes) -> LoadedSession:
    """Return the session whose file holds `data`, whole lines.

    Raises:
        SessionError: it is not a session file.
    """
    lines = data.removesuffix(b"\n").split(b"\n")
    header = header_of(path, lines[0])
    records: list[Record] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            record = parsed(line)
        except ValueError as error:
            bad.append(BadLine(number, str(error)))
        else:
            if record is not None:
                records.append(record)
    history = history_of(records)
    return LoadedSession(path, header.id, header.cwd, history.messages, history.route, history.unfinished, tuple(bad))


def header_of(path: Path, line: bytes) -> Header:
    """Return what the first line of `path` says.

    Raises:
        SessionError: it is not a session file.
    """
    try:
        header = parsed(line)
    except ValueError as error:
        why = str(error)
    else:
        if isinstance(header, Header):
            return header
        why = "a session begins with a record of type `session`"
    raise SessionError(
        f"{path}, line 1: this is not a session of pi-fallback: {why}. "
        "The file was left as it is. Choose another session, or start a new one."
    )


def parsed(line: bytes) -> Record | None:
    """Return what a line says, or None if nothing is built from it.

    Raises:
        ValueError: it is not a record; the text does not repeat it.
    """
    try:
        data: object = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("the line is not JSON") from None
    if not isinstance(data, dict):
        raise ValueError("the line is not a JSON object")
    return record_of(cast("dict[str, object]", data))


def last_pid(data: bytes) -> int | None:
    """Return the process that opened the session last."""
    pid: int | None = None
    for line in data.split(b"\n"):
        with suppress(ValueError):
            record = parsed(line)
            if isinstance(record, Header | Opened):
                pid = record.pid
    return pid


def sessions(agent_dir: Path, cwd: str) -> list[SessionInfo]:
    """Return the sessions in `cwd`, the one used last first. What cannot be read is not listed."""
    found: list[SessionInfo] = []
    for path in folder_of(agent_dir, cwd).glob("*.jsonl"):
        with suppress(OSError, SessionError):
            info = _info(path)
            if info.cwd == cwd:  # two folders can share a name: /a/b-c and /a-b/c
                found.append(info)
    return sorted(found, key=lambda info: (info.used_at, info.path.name), reverse=True)


def latest(agent_dir: Path, cwd: str) -> SessionInfo | None:
    """Return the session in `cwd` that was used last."""
    return next(iter(sessions(agent_dir, cwd)), None)


def find(agent_dir: Path, cwd: str, name: str) -> Path:
    """Return the file of the session that `name` means: a path, or the beginning of an id.

    Raises:
        SessionError: there is none, or more than one.
    """
    if name.endswith(".jsonl") or "/" in name:
        with suppress(RuntimeError):  # nobody of that name
            return Path(name).expanduser()
        return Path(name)
    fits: Sequence[SessionInfo] = [info for info in sessions(agent_dir, cwd) if info.id.startswith(name)]
    if len(fits) == 1:
        return fits[0].path
    problem = f"{len(fits)} sessions have" if fits else "No session in this folder has"
    raise SessionError(f"{problem} an id that begins with {name!r}. Give more of the id, or the path of the file.")


def _info(path: Path) -> SessionInfo:
    with os.fdopen(open_session(path, os.O_RDONLY), "rb") as file:
        header = header_of(path, file.readline())
        prompt = next(_prompts(islice(file, HEAD_LINES)), "")
        return SessionInfo(path, header.id, header.cwd, os.fstat(file.fileno()).st_mtime, prompt)


def _prompts(lines: Iterator[bytes]) -> Iterator[str]:
    for line in lines:
        with suppress(ValueError):
            record = parsed(line)
            if isinstance(record, UserMessage):
                yield " ".join(record.text.split())[:MAX_PROMPT]
