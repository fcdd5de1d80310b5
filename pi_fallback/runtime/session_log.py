"""The session log: each record is on the disk before the act that it records goes on."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from uuid import uuid4

from pi_fallback.core.compacting import Compaction
from pi_fallback.errors import SessionError
from pi_fallback.runtime.codec import JsonObject, message_to_json
from pi_fallback.runtime.session_disk import is_at, lock, make, make_again, mend_tail, sync, write
from pi_fallback.runtime.session_files import LoadedSession, contents, folder_of, header_of, load, open_session
from pi_fallback.runtime.session_records import VERSION
from pi_fallback_hookspecs import Failure, Message, Route, ToolCall

Wall = Callable[[], float]
NewId = Callable[[], str]
OnProblem = Callable[[str], None]


def _uuid() -> str:
    return uuid4().hex


class SessionLog:
    """An append-only file, held by one process. There is none before the first message.

    If it cannot be written, `on_problem` hears of it once, the work goes on in memory, and what is
    missing is written with the next record that can be.
    """

    def __init__(self, path: Path, session_id: str, *, wall: Wall, new_id: NewId, on_problem: OnProblem) -> None:
        self.path = path
        self.session_id = session_id
        self._wall = wall
        self._new_id = new_id
        self._on_problem = on_problem
        self._file: int | None = None
        self._wanted = False
        self._unwritten = bytearray()
        self._troubled = False

    @classmethod
    def create(cls, agent_dir: Path, cwd: str, *, wall: Wall, on_problem: OnProblem, new_id: NewId = _uuid) -> Self:
        """Return the log of a new session in `cwd`."""
        session_id = new_id()
        name = f"{_iso(wall()).replace(':', '-').replace('.', '-')}_{session_id}.jsonl"
        log = cls(folder_of(agent_dir, cwd) / name, session_id, wall=wall, new_id=new_id, on_problem=on_problem)
        log._append({"type": "session", "version": VERSION, "id": session_id, "cwd": cwd, "pid": os.getpid()})
        return log

    @classmethod
    def reopen(
        cls, path: Path, *, wall: Wall, on_problem: OnProblem, new_id: NewId = _uuid
    ) -> tuple[Self, LoadedSession]:
        """Return the log in `path`, to go on with, and what is in it. A torn last line is moved to `<file>.torn`.

        Raises:
            SessionError: it is not a session file, cannot be opened, or another process has it.
        """
        file = open_session(path, os.O_RDWR | os.O_APPEND)
        try:
            lock(file, path)
            header_of(path, contents(file).partition(b"\n")[0])
            mend_tail(file, path)
            session = load(path, contents(file))
        except BaseException as error:
            os.close(file)
            if isinstance(error, OSError):
                raise SessionError(
                    f"The session {path} cannot be read: {error.strerror}. Choose another session."
                ) from error
            raise
        log = cls(path, session.id, wall=wall, new_id=new_id, on_problem=on_problem)
        log._file, log._wanted = file, True
        log._append({"type": "opened", "id": new_id(), "pid": os.getpid()})
        return log, session

    def is_in(self, path: str) -> bool:
        """Whether this is the session in the file `path`."""
        with suppress(OSError, ValueError):  # of no file that could be opened
            return self._file is not None and is_at(self._file, Path(path))
        return False

    def message(self, message: Message) -> None:
        self._wanted = True
        self._add("message", message=message_to_json(message, timestamp_ms=int(self._wall() * 1000)))

    def compaction(self, compaction: Compaction) -> None:
        """Write the history as it is from now on, whole: what stands before it is left as it was."""
        now_ms = int(self._wall() * 1000)
        history = [message_to_json(message, timestamp_ms=now_ms) for message in compaction.messages]
        before, after = compaction.tokens_before, compaction.tokens_after
        self._add("compaction", summary=compaction.summary, tokensBefore=before, tokensAfter=after, messages=history)

    def route(self, route: Route) -> None:
        self._add("model_change", synced=False, **_names(route))

    def failure(self, failure: Failure) -> None:
        """Write that an attempt failed; no history is built from it, so the next record may bring it to the disk."""
        self._add(
            "failure",
            synced=False,
            **_names(failure.route),
            kind=failure.kind.value,
            scope=failure.scope.value,
            phase=failure.phase.value,
            text=failure.text,
        )

    def tool_started(self, call: ToolCall) -> None:
        self._add("tool_started", callId=call.id, name=call.name)

    def tool_finished(self, call: ToolCall) -> None:
        self._add("tool_finished", callId=call.id)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._wanted = False

    def _add(self, kind: str, /, *, synced: bool = True, **fields: object) -> None:
        self._append({"type": kind, "id": self._new_id(), **fields}, synced=synced)

    def _append(self, record: JsonObject, *, synced: bool = True) -> None:
        # ASCII: half a character in a message must not cost the message, nor a torn line its neighbour.
        line = json.dumps({**record, "timestamp": _iso(self._wall())}, separators=(",", ":"))
        self._unwritten += line.encode() + b"\n"
        if not self._wanted:
            return
        try:
            if self._file is None:
                self._file = make(self.path)
            elif synced and not is_at(self._file, self.path):
                self._file = self._made_again(self._file)
            write(self._file, bytes(self._unwritten))
            self._unwritten.clear()
            if synced:
                sync(self._file)
        except OSError as error:
            self._trouble(error)
        else:
            self._troubled = False

    def _made_again(self, file: int) -> int:
        before = self.path
        again, self.path = make_again(file, before)
        if self.path == before:
            self._on_problem(f"The session {before} was moved or deleted meanwhile. It was written anew, whole.")
        else:
            self._on_problem(f"Another file took the place of the session {before}. It goes on in {self.path}, whole.")
        return again

    def _trouble(self, error: OSError) -> None:
        if not self._troubled:
            self._troubled = True
            self._on_problem(
                f"The session cannot be saved in {self.path}: {error.strerror}. The work goes on; what is missing "
                "is saved as soon as that is possible again. Make room, or look at the folder's permissions."
            )


def _names(route: Route) -> JsonObject:
    names: JsonObject = {"provider": route.provider, "modelId": route.model}
    return names if route.credential == "primary" else {**names, "credential": route.credential}


def _iso(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
