"""The canary scan: at the end of a run every file that it left and every output that it caught is looked through."""

import mmap
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canary import canaries_in

KEPT_IN = frozenset({"auth.json", "ha.json", "models.json", "keyring_pass.cfg"})  # where keys belong
SCRIPTS = ".py"  # what tests write themselves, as plugins


class CanaryScan:
    """Fails the run if a canary got out. Where there are workers, who leads them looks through what all have left."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._tests: dict[str, str] = {}  # by the beginning of the name of its temporary folder
        self.leaks: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        self._tests.setdefault(re.sub(r"\W", "_", name)[:30], report.nodeid)
        for title, text in report.sections if report.when == "teardown" else ():  # it has those of all phases
            self.leaks += (f"{report.nodeid}: {title}: {found}" for found in canaries_in(text.encode()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        factory = getattr(self._config, "_tmp_path_factory", None)
        if self._is_worker or factory is None:
            return
        base = Path(factory.getbasetemp())
        self.leaks += (f"{self._test_of(base, path)}: {path}: {found}" for path, found in leaks_below(base))
        if self.leaks and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.leaks:
            terminalreporter.section("keys that got out")
            for leak in self.leaks[:50]:
                terminalreporter.line(leak)

    def _test_of(self, base: Path, path: Path) -> str:
        folders = (re.sub(r"\d+$", "", part) for part in path.relative_to(base).parts)
        return next((self._tests[folder] for folder in folders if folder in self._tests), "no test")


def leaks_below(base: Path) -> Iterator[tuple[Path, str]]:
    """Each file below `base` in which a canary is that does not belong there, and the canary."""
    for folder, _, names in os.walk(base):
        for name in names:
            path = Path(folder, name)
            if name not in KEPT_IN and path.suffix != SCRIPTS:
                yield from ((path, found) for found in dict.fromkeys((*canaries_in(os.fsencode(name)), *_inside(path))))


def _inside(path: Path) -> Iterator[str]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # a link, or made unreadable by a test
        return
    try:
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode) and found.st_size:
            with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as data:
                yield from canaries_in(data)
    finally:
        os.close(fd)
