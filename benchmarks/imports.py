"""Imports: what loading us costs over loading the HTTP client, each in a fresh interpreter."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable

from benchmarks.measure import Effort, Figure
from pi_fallback.http.backend import httpx

CLIENT = httpx.__name__
MODULES = ("sys", CLIENT, "pi_fallback.failover", "pi_fallback.embedding", "pi_fallback.app")
COMPILED = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # as it is for a user, from the second start on
_PROGRAM = """
import resource, time
begun = time.process_time()  # an import waits for nothing, and other programs do not count
import {module}
took = time.process_time() - begun
try:
    pages = int(open("/proc/self/statm").read().split()[1])
    size = pages * resource.getpagesize()
except FileNotFoundError:
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(took, size)
"""


async def figures(_origin: str, effort: Effort) -> list[Figure]:
    took: dict[str, list[float]] = {module: [] for module in MODULES}
    size: dict[str, list[float]] = {module: [] for module in MODULES}
    for module in MODULES:
        _loaded(module)
    for _ in range(3 if effort.quick else 15):
        for module in MODULES:
            seconds, octets = _loaded(module)
            took[module].append(seconds)
            size[module].append(octets)
    ms: Callable[[str], float] = lambda module: statistics.median(took[module]) * 1e3  # noqa: E731
    mb: Callable[[str], float] = lambda module: statistics.median(size[module]) / 1e6  # noqa: E731
    rows = [Figure(f"import {CLIENT}", f"{ms(CLIENT):.0f} ms, {mb(CLIENT) - mb('sys'):.1f} MB")]
    for module in MODULES[2:]:
        more_ms, more_mb = ms(module) - ms(CLIENT), mb(module) - mb(CLIENT)
        time_row = Figure(f"import {module}, over the HTTP client", f"{more_ms:+.0f} ms", "≤ +40 ms", more_ms <= 40.0)
        size_row = Figure(f"memory of {module}, over it", f"{more_mb:+.1f} MB", "≤ +12 MB", more_mb <= 12.0)
        rows += [time_row, size_row]
    return rows


def _loaded(module: str) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(module=module)], check=True, capture_output=True, text=True, env=COMPILED
    )
    seconds, octets = done.stdout.split()
    return float(seconds), float(octets)
