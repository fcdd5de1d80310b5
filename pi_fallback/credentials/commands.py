"""`!command`: a program of the user's that prints a key, run without a terminal and within limits."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress

import anyio
from anyio.abc import Process

from pi_fallback.errors import CredentialError

TIME_LIMIT_S = 10.0
MAX_BYTES = 8 * 1024


async def output_of(line: str, environ: Mapping[str, str], *, time_limit_s: float = TIME_LIMIT_S) -> str:
    """Run `line` in a shell and return what it prints, without the one line break at its end.

    Raises:
        CredentialError: it failed, took too long or printed what no key is. What it printed is never told.
    """
    process: Process | None = None
    status: int | None = None
    try:
        with anyio.CancelScope(shield=True):  # cancelled in here it would end the shell and leave the children
            process = await _start(line, environ)
        assert process is not None
        with anyio.fail_after(time_limit_s):
            data = await _read(process)
            status = await process.wait()
    except TimeoutError:
        raise CredentialError(f"The command took longer than {time_limit_s:g} s. Run it by hand once.") from None
    finally:
        if process is not None:
            await _end(process, kill=status is None)
    if status != 0:
        raise CredentialError(f"The command ended with status {status}. Run it by hand to see why.")
    return _clean(data)


async def _start(line: str, environ: Mapping[str, str]) -> Process:
    try:
        return await anyio.open_process(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,
        )
    except (OSError, ValueError):  # ValueError: a NUL in it
        raise CredentialError("The command could not be started. Run it by hand to see why.") from None


async def _read(process: Process) -> bytes:
    assert process.stdout is not None
    data = b""
    async for chunk in process.stdout:
        data += chunk
        if len(data) > MAX_BYTES:
            raise CredentialError(f"The command printed more than {MAX_BYTES // 1024} KiB. Let it print the key only.")
    return data


async def _end(process: Process, *, kill: bool) -> None:
    """Let go of it. With `kill` it ends with all its children: it leads a group of its own."""
    if kill:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    with anyio.CancelScope(shield=True):  # it is dead or dying: this does not take long
        await process.aclose()


def _clean(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise CredentialError("The command printed nothing. Let it print the key.")
    if not text.isprintable():
        raise CredentialError("The command printed more than one line, or control characters. Let it print the key.")
    return text
