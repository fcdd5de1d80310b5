"""What a process says on its own: tracebacks and log records, of whoever makes them."""

import subprocess
import sys

import pytest

from tests.canary import canary

KEY = canary("guarding")
BEGIN = f"""
import gc, logging, sys, threading
from pi_fallback.credentials.redaction import Redactor
from pi_fallback.guarding import guard
key = {KEY!r}
known = Redactor()
guard(known.clean)
known.add(key)
def fails():
    inside = "a local value"
    raise ValueError(f"it says {{key}}")
"""
CASES = {
    "an error that nobody catches": ("fails()", "ValueError: it says [redacted]"),
    "its causes": (
        "try:\n    fails()\nexcept ValueError as e:\n    raise KeyError(key) from e",
        "KeyError: '[redacted]'",
    ),
    "an error in a thread": ("t = threading.Thread(target=fails, name=key); t.start(); t.join()", "thread [redacted]:"),
    "an error while something is let go": (
        "class X:\n    def __del__(self): fails()\nX()\ngc.collect()",
        "ValueError: it says [redacted]",
    ),
    "a record": ("logging.basicConfig(level=10); logging.debug('sent %s to %d', key, 1)", "sent [redacted] to 1"),
    "a record of somebody else": (
        "logging.basicConfig(level=10); logging.getLogger('httpcore').debug('GET /?key=' + key)",
        "DEBUG:httpcore:GET /?key=[redacted]",
    ),
    "a record with an error": (
        "logging.basicConfig(level=10)\ntry:\n    fails()\nexcept ValueError:\n    logging.exception('no')",
        "ValueError: it says [redacted]",
    ),
    "a record with a stack": ("logging.basicConfig(); logging.error(key, stack_info=True)", "ERROR:root:[redacted]"),
    "a record whose arguments do not fit": (
        "logging.basicConfig(); logging.error('%s and %s', key)",
        "%s and %s (with arguments that do not fit)",
    ),
}


@pytest.mark.parametrize(("script", "expected"), CASES.values(), ids=CASES)
def test_rk6_rk8_neither_tracebacks_nor_records_show_a_key_or_the_values_of_variables(
    script: str, expected: str
) -> None:
    done = subprocess.run([sys.executable, "-c", BEGIN + script], capture_output=True, text=True, timeout=60)
    assert expected in done.stderr
    assert KEY not in done.stderr + done.stdout
    assert "a local value" not in done.stderr
