"""`!command`: a program of the user's that prints a key, run without a terminal and within limits."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress

import anyio
from anyio.abc import ByteReceiveStream, Process

from pi_fallback.errors import CredentialError

TIME_LIMIT_S = 10.0
MAX_BYTES = 8 * 1024


async def output_of(line: str, environ: Mapping[str, str], *, time_limit_s: float = TIME_LIMIT_S) -> str:
    """Run `line` in a shell and return what it prints, without the one line break at its end.

    Raises:
        CredentialError: it failed, took too long or printed what no key is. What it printed is never told.
    """
    process = await anyio.open_process(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environ, start_new_session=True,
    )  # fmt: skip
    status = None
    try:
        with anyio.fail_after(time_limit_s):
            assert process.stdout is not None
            data = await _read(process.stdout)
            status = await process.wait()
    except TimeoutError:
        raise CredentialError(f"The command took longer than {time_limit_s:g} s. Run it by hand once.") from None
    finally:
        if status is None:
            _kill(process)
        with anyio.CancelScope(shield=True):  # it is dead or dying: this does not take long
            await process.aclose()
    if status != 0:
        raise CredentialError(f"The command ended with status {status}. Run it by hand to see why.")
    return _clean(data)


async def _read(stream: ByteReceiveStream) -> bytes:
    data = b""
    async for chunk in stream:
        data += chunk
        if len(data) > MAX_BYTES:
            raise CredentialError(f"The command printed more than {MAX_BYTES // 1024} KiB. Let it print the key only.")
    return data


def _kill(process: Process) -> None:
    """Kill it with all its children: it leads a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


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
