"""The command line: `pi-fallback` and its commands."""

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from pi_fallback.errors import MissingExtra, PiFallbackError


def main() -> NoReturn:
    """Run the program; the exit code tells how it went. 2: what was asked for cannot be done as it is."""
    code = _exit_code()
    if all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()):
        sys.exit(code)
    # A plugin's thread would keep the interpreter alive, and nothing of ours is left to be done.
    logging.shutdown()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _exit_code() -> int:
    if "stdout" in _opened_streams():
        return failed(PiFallbackError("Standard output is closed: nobody would get the answer. Open it."))
    _leave_deleted_folder()
    from pi_fallback.credentials.redaction import Redactor
    from pi_fallback.guarding import guard
    from pi_fallback.printing import clean_prints

    known = Redactor()  # all secrets that this process comes to know
    guard(known.clean)
    clean_prints(known)
    try:
        import click
    except ImportError:
        return failed(MissingExtra("The command line", "app"))
    arguments = sys.argv[1:]
    try:
        from pi_fallback.commands import COMMANDS, run

        command = COMMANDS.get(arguments[0]) if arguments else None
        if command is not None:
            code = command.main(
                arguments[1:], prog_name=f"pi-fallback {arguments[0]}", standalone_mode=False, obj=known
            )
        else:
            code = run.main(arguments, prog_name="pi-fallback", standalone_mode=False, obj=known)
    except PiFallbackError as error:
        return failed(error, known.clean)
    except click.ClickException as error:
        hint = " `pi-fallback --help` lists what there is." if isinstance(error, click.UsageError) else ""
        return failed(PiFallbackError(f"{error.format_message().removesuffix('.')}.{hint}"), known.clean)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except OSError as error:
        # What is left in the buffer cannot be written either, and Python would say so once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # then whoever read has gone, as `head` does
            where = f"{error.filename}: " if error.filename else ""
            sys.stderr.write(f"pi-fallback: {where}{error.strerror or error}. Correct that and start again.\n")
        return 1
    return code if isinstance(code, int) else 0


def _opened_streams() -> list[str]:
    """Open what the caller has closed, and return what: else the ledger, perhaps, would be standard output."""
    opened: list[str] = []
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115  # for as long as the program runs
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
            opened.append(name)
    return opened


def _leave_deleted_folder() -> None:
    """Look for no modules in a working folder that is gone: `pkgutil.extend_path` breaks on it."""
    try:
        os.getcwd()
    except OSError:
        sys.path[:] = [entry for entry in sys.path if entry]


def failed(error: PiFallbackError, clean: Callable[[str], str] = str) -> int:
    sys.stderr.write(clean(f"pi-fallback: {error}\n"))
    return error.exit_code
