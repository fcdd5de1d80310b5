"""Debugging with a screen: the file and the pane get the same lines, and neither gets a secret."""

import logging
from collections.abc import Generator
from pathlib import Path

import pytest

from pi_fallback import debugging

SECRET = "sk-canary-0123456789"
log = logging.getLogger("pi_fallback.anything")


@pytest.fixture(autouse=True)
def logger() -> Generator[logging.Logger]:
    """The logger of the program, as it was before afterwards."""
    logger = logging.getLogger(debugging.LOGGER)
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield logger
    for handler in logger.handlers:
        if handler not in before[0]:
            handler.close()
    logger.handlers[:], logger.level, logger.propagate = before


def clean(text: str) -> str:
    return text.replace(SECRET, "[key]")


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("false", False), ("", False)]
)
def test_the_variable_says_whether_a_trace_is_wanted(value: str, expected: bool) -> None:
    assert debugging.wanted({"PI_FALLBACK_DEBUG": value}) is expected
    assert not debugging.wanted({})


def test_file_and_pane_get_each_line_without_secrets(tmp_path: Path) -> None:
    shown: list[str] = []
    pane = debugging.to_file_and_pane({"PI_FALLBACK_DEBUG": "1"}, tmp_path, clean)
    end = pane.listen(shown.append)
    log.debug("sent %s", SECRET)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
    end()
    log.debug("unheard")
    file = tmp_path / "pi-fallback" / "pi-fallback.log"
    assert file.stat().st_mode & 0o777 == 0o600
    written = file.read_text()
    assert SECRET not in written + "".join(shown)
    assert written.startswith("\n".join(shown))
    assert [line for line in shown if "sent [key]" in line]
    assert "ValueError: [key]" in written
    assert "unheard" in written


def test_without_the_variable_the_pane_gets_warnings_and_there_is_no_file(tmp_path: Path) -> None:
    shown: list[str] = []
    debugging.to_file_and_pane({}, tmp_path, clean).listen(shown.append)
    log.debug("a detail")
    log.warning("a warning")
    assert [line.endswith("a warning") for line in shown] == [True]
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_told_in_the_pane_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, logger: logging.Logger
) -> None:
    (tmp_path / "pi-fallback").write_text("a file where the folder should be")
    logger.addHandler(caplog.handler)
    debugging.to_file_and_pane({"PI_FALLBACK_DEBUG": "1"}, tmp_path, clean)
    assert "the log file cannot be written" in caplog.text
