"""Prints the table of figures: `python -m benchmarks [--quick] [PART …]`."""

import argparse
import platform
import sys

import anyio

from benchmarks import calls, decisions, dialects, failover, imports, shared_state
from benchmarks.measure import Effort, Figure, table
from benchmarks.scene import canned_server
from pi_fallback.http.backend import httpx

PARTS = {
    "calls": calls.figures,
    "dialects": dialects.figures,
    "failover": failover.figures,
    "decisions": decisions.figures,
    "imports": imports.figures,
    "state": shared_state.figures,
}


async def measured(names: list[str], effort: Effort) -> list[Figure]:
    rows: list[Figure] = []
    with canned_server() as origin:
        for name in names:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            rows += await PARTS[name](origin, effort)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a short form, whose figures are rough")
    options = parser.parse_args()
    names = options.parts or list(PARTS)
    if unknown := set(names) - PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}; the parts are: {', '.join(PARTS)}")
    effort = Effort(rounds=3, calls=4, quick=True) if options.quick else Effort(rounds=41, calls=20)
    rows = anyio.run(measured, names, effort)
    print(f"Python {platform.python_version()}, {httpx.__name__} {httpx.__version__}, {platform.machine()}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
