"""Debugging: what `PI_FALLBACK_DEBUG` shows, where it goes, and that no secret goes with it."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

LOGGER = "pi_fallback"
FORMAT = "%(asctime)s %(levelname).1s %(name)s: %(message)s"


def wanted(environ: Mapping[str, str]) -> bool:
    return environ.get("PI_FALLBACK_DEBUG", "").strip().lower() in {"1", "true", "yes", "on"}


class _Clean(logging.Formatter):
    """Formats a record, traceback included, without any secret that `clean` knows."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        super().__init__(FORMAT)
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        return self._clean(super().format(record))


class Lines(logging.Handler):
    """Gives each line to those who listen: the log pane of the screen."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, listener: Callable[[str], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, record: logging.LogRecord) -> None:
        for listener in tuple(self._listeners):
            listener(self.format(record))


def to_stderr(environ: Mapping[str, str], clean: Callable[[str], str]) -> None:
    """Without a screen: everything to stderr if it is wanted, else warnings only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.DEBUG if wanted(environ) else logging.WARNING)
    _install(handler, clean, debug=wanted(environ))


def to_file_and_pane(environ: Mapping[str, str], agent_dir: Path, clean: Callable[[str], str]) -> Lines:
    """With a screen: to the log file and the log pane, never into the middle of the screen."""
    pane = Lines()
    _install(pane, clean, debug=wanted(environ))
    if wanted(environ):
        try:
            _install(_private_file(agent_dir / "pi-fallback" / "pi-fallback.log"), clean, debug=True)
        except OSError as error:
            logging.getLogger(LOGGER).warning("the log file cannot be written: %s", error.strerror)
    return pane


def _private_file(path: Path) -> logging.Handler:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    return logging.FileHandler(path, encoding="utf-8")


def _install(handler: logging.Handler, clean: Callable[[str], str], *, debug: bool) -> None:
    handler.setFormatter(_Clean(clean))
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
