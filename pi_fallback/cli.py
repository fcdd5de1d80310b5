"""The command line: `pi-fallback` and its commands."""

import os
import sys
from typing import NoReturn

from pi_fallback.errors import MissingExtra, PiFallbackError


def main() -> None:
    """Run the program; the exit code tells how it went. 2: what was asked for cannot be done as it is."""
    _open_standard_streams()
    try:
        import click
    except ImportError:
        fail(MissingExtra("The command line", "app"))
    arguments = sys.argv[1:]
    try:
        from pi_fallback.commands import COMMANDS, run

        command = COMMANDS.get(arguments[0]) if arguments else None
        if command is not None:
            code = command.main(arguments[1:], prog_name=f"pi-fallback {arguments[0]}", standalone_mode=False)
        else:
            code = run.main(arguments, prog_name="pi-fallback", standalone_mode=False)
    except PiFallbackError as error:
        fail(error)
    except click.ClickException as error:
        hint = " `pi-fallback --help` lists what there is." if isinstance(error, click.UsageError) else ""
        fail(PiFallbackError(f"{error.format_message().removesuffix('.')}.{hint}"))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except OSError as error:
        # What is left in the buffer cannot be written either, and Python would say so once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # then whoever read has gone, as `head` does
            where = f"{error.filename}: " if error.filename else ""
            sys.stderr.write(f"pi-fallback: {where}{error.strerror or error}. Correct that and start again.\n")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _open_standard_streams() -> None:
    """Open what the caller has closed: else the next file, the ledger perhaps, would be standard output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # for as long as the program runs


def fail(error: PiFallbackError) -> NoReturn:
    sys.stderr.write(f"pi-fallback: {error}\n")
    sys.exit(error.exit_code)
