"""Guarding: what a whole process says on its own, in tracebacks and log records, holds no known secret."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

Clean = Callable[[str], str]


def guard(clean: Clean) -> None:
    """From now on clean every traceback that nobody has caught, and every log record whoever makes it.

    A record is cleaned as it is made: of handlers there are more than ours, and plugins bring their own.
    """

    def uncaught(_kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(clean(_text(error, trace)))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread is not None else "?"
            sys.stderr.write(clean(f"Exception in thread {name}:\n{_text(args.exc_value, args.exc_traceback)}"))

    def unraisable(args: Any) -> None:
        message = f"{args.err_msg or 'Exception ignored in'}: {args.object!r}\n"
        trace = "" if args.exc_value is None else _text(args.exc_value, args.exc_traceback)
        sys.stderr.write(clean(message + trace))

    sys.excepthook, sys.unraisablehook, threading.excepthook = uncaught, unraisable, in_thread
    logging.setLogRecordFactory(_cleaned_records(logging.getLogRecordFactory(), clean))


def _cleaned_records(make: Callable[..., logging.LogRecord], clean: Clean) -> Callable[..., logging.LogRecord]:
    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            text = record.getMessage()
        except Exception:  # logging itself would tell that on stderr, with the arguments
            text = f"{record.msg} (with arguments that do not fit)"
        record.msg, record.args = clean(text), None
        if record.exc_info and record.exc_info[1] is not None:
            _, error, trace = record.exc_info
            record.exc_text, record.exc_info = clean(_text(error, trace).rstrip("\n")), None
        if record.stack_info:
            record.stack_info = clean(record.stack_info)
        return record

    return made


def _text(error: BaseException, trace: TracebackType | None) -> str:
    return "".join(traceback.format_exception(type(error), error, trace))  # which shows no variables
