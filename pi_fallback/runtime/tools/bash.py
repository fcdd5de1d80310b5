"""`bash`: a command of which nothing is left when it is ended."""

import codecs
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteReceiveStream, Process
from pydantic import Field

from pi_fallback.runtime.blocking import RunBlocking
from pi_fallback.runtime.tools.arguments import Arguments
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback.runtime.tools.processes import CAN_LOOK, marked, send, started_by
from pi_fallback.runtime.tools.tail import Tail
from pi_fallback_hookspecs import Json, Text, ToolContext, ToolOutput

DEFAULT_S, MAX_S = 120.0, 1800.0
TERM_S = 0.1  # from SIGTERM to SIGKILL: an abort is over within 200 ms
LEFT_OPEN_S = 0.25  # what the command wrote before it ended is read by then, on a busy machine too
SHOW_S = 0.05  # a screen needs no more than 20 pictures a second
MAX_SHOWN = 8 * 1024  # bytes in one of them
UNSEEN = "" if CAN_LOOK else ", unless it has left its process group"

BASH = (
    "Run a command with bash in the working directory. Answers with its output, stdout and stderr as they came "
    "(the last 2000 lines or 50 KiB; a note says where the rest is). There is no stdin. "
    "Each call is a new shell. To keep a server running: `nohup CMD >FILE 2>&1 &`."
)


class BashArguments(Arguments):
    command: str = Field(min_length=1, description="the command")
    timeout: float = Field(DEFAULT_S, gt=0, le=MAX_S, description="seconds after which it is killed")


async def bash(
    ctx: ToolContext, arguments: BashArguments, *, environ: Mapping[str, str], run_blocking: RunBlocking
) -> ToolOutput:
    environ, mark = marked(environ)
    process = await _started(ctx.cwd, arguments.command, environ)
    output = _Output(ctx, run_blocking, mark)
    try:
        with anyio.move_on_after(arguments.timeout) as limit:
            await output.follow(process)
    finally:
        left_open = process.returncode is not None and not output.closed
        await output.end(process)
    timed_out = limit.cancelled_caught
    notes: list[str] = []
    if left_open:
        notes.append(
            f"It left a process behind that kept the output open; that one was killed{UNSEEN}. Redirect its output."
        )
    if timed_out:
        notes.append(
            f"Killed after {arguments.timeout:g} s{UNSEEN}. "
            f"Give it a longer `timeout` (up to {MAX_S:g}), or less to do."
        )
    if output.outlived:
        notes.append(
            f"Still running as another user, and not to be killed: {', '.join(map(str, sorted(output.outlived)))}."
        )
    if not timed_out and process.returncode:
        notes.append(f"Exit code {process.returncode}.")
    text = "\n\n".join(part for part in (output.tail.text().rstrip(), *(f"[{note}]" for note in notes)) if part)
    return ToolOutput((Text(text or "[No output.]"),), is_error=timed_out or process.returncode != 0)


async def _started(cwd: str, command: str, environ: Mapping[str, str]) -> Process:
    shell = shutil.which("bash", path=environ.get("PATH")) or "/bin/sh"
    # Shielded: a process that is born while its starter is cancelled would have nobody to end it.
    process: Process | None = None
    try:
        with anyio.CancelScope(shield=True):
            process = await anyio.open_process(
                [shell, "-c", command],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=environ,
                start_new_session=True,
            )
    except ValueError as error:
        raise ToolError("The command holds a NUL character.") from error
    except OSError as error:
        raise ToolError(f"The command could not be started in {cwd}: {error.strerror or error}.") from error
    assert process is not None  # a shield swallows nothing
    return process


@dataclass
class _Output:
    """What a command says: remembered in `tail`, shown while it comes."""

    ctx: ToolContext
    run_blocking: RunBlocking
    mark: str
    outlived: Set[int] = frozenset()
    tail: Tail = field(default_factory=Tail)
    _unseen: bytearray = field(default_factory=bytearray)
    _news: anyio.Event = field(default_factory=anyio.Event)
    _closed: anyio.Event = field(default_factory=anyio.Event)
    _ending: bool = False

    @property
    def closed(self) -> bool:
        """Nobody can write any more: not the command, nor a process that it left behind."""
        return self._closed.is_set()

    async def follow(self, process: Process) -> None:
        """Read until the command is done."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._show)
            tasks.start_soon(self._read, process.stdout)
            await process.wait()
            with anyio.move_on_after(LEFT_OPEN_S):
                await self._closed.wait()
            tasks.cancel_scope.cancel()

    async def end(self, process: Process) -> None:
        """End what is left (ask, listen to its last words, kill) and let go of everything."""
        self._ending = True
        with anyio.CancelScope(shield=True):
            if process.returncode is None or not self.closed:
                started = self._signal(process, signal.SIGTERM)
                with anyio.move_on_after(TERM_S):
                    await self._read(process.stdout)
                self._signal(process, signal.SIGKILL, started)
            await process.aclose()
            self.tail.close()

    def _signal(self, process: Process, number: signal.Signals, known: Set[int] = frozenset()) -> Set[int]:
        """Send a signal to all that the command has started, and return what was found beside the command itself."""
        # Before the group is gone: some are known by their parents alone.
        started = known | started_by(process.pid, self.mark)
        with suppress(ProcessLookupError, PermissionError):  # all gone; macOS says the latter of zombies
            os.killpg(process.pid, number)
        self.outlived = send(number, started)
        return started

    async def _read(self, stream: ByteReceiveStream | None) -> None:
        assert stream is not None
        with suppress(anyio.EndOfStream):
            while True:
                await self._take(await stream.receive())
        self._closed.set()

    async def _take(self, chunk: bytes) -> None:
        self._unseen += chunk
        del self._unseen[:-MAX_SHOWN]
        self._news.set()
        unsaved = self.tail.add(chunk)
        if unsaved and not self._ending:  # at the end a thread may still hang in a slow disk
            await self.run_blocking(lambda: self.tail.save(unsaved))

    async def _show(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            while True:
                await self._news.wait()
                self._news = anyio.Event()
                self._show_unseen(decoder)
                await anyio.sleep(SHOW_S)
        finally:
            self._show_unseen(decoder)

    def _show_unseen(self, decoder: codecs.IncrementalDecoder) -> None:
        if text := decoder.decode(bytes(self._unseen)):
            self.ctx.progress(text)
        self._unseen.clear()


def preview(arguments: Mapping[str, Json]) -> str:
    return str(arguments.get("command"))
