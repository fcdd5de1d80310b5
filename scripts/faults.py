"""Prints the fault matrix: `python -m scripts.faults [WORD …]` plays every cell whose name holds all the words.

Each cell is a whole agent over real sockets. In the table A is the route that fails, B the next one; the first A of
most cells calls a tool, so that the fault comes after a tool has run.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import anyio

from tests.faults.scene import NAMES, Cell, Outcome, cells, played

AT_ONCE = 4
WORDS = {"recovered": "recovered", "kept": "not failed over", "failed": "failed clearly"}


async def outcomes(chosen: Sequence[Cell]) -> Mapping[Cell, Outcome]:
    found: dict[Cell, Outcome] = {}
    room = anyio.CapacityLimiter(AT_ONCE)

    async def play(cell: Cell) -> None:
        async with room:
            found[cell] = await played(cell)
            if found[cell].wrong:
                print(f"WRONG  {cell}: {'; '.join(found[cell].wrong)}", file=sys.stderr, flush=True)

    async with anyio.create_task_group() as tasks:
        for cell in chosen:
            tasks.start_soon(play, cell)
    return {cell: found[cell] for cell in chosen}


def table(found: Mapping[Cell, Outcome]) -> str:
    """A row for each fault and phase, a column for each dialect; both next routes share an entry if they agree."""
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for cell, outcome in found.items():
        row = rows.setdefault((cell.case.name, cell.case.phase.value), {name: [] for name in NAMES})
        entry = "WRONG" if outcome.wrong else f"{WORDS[outcome.ends]} {outcome.asked}"
        if entry not in row[cell.dialect]:
            row[cell.dialect].append(entry)
    lines = [("fault", "phase", *NAMES)]
    lines += [(*key, *(" / ".join(row[name]) or "-" for name in NAMES)) for key, row in rows.items()]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines]
    return "\n".join((text[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *text[1:]))


def sentences(found: Mapping[Cell, Outcome]) -> list[str]:
    """What is said where failing is right, each once."""
    said = {outcome.said.split("\n", 1)[-1].strip() for outcome in found.values() if outcome.ends == "failed"}
    return sorted(said)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.faults", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--backend", choices=("asyncio", "trio"), default="asyncio")
    options = parser.parse_args()
    chosen = [cell for cell in cells() if all(word in str(cell) for word in options.words)]
    begun = time.monotonic()
    found = anyio.run(outcomes, chosen, backend=options.backend)
    print(table(found))
    for sentence in sentences(found):
        print(f"\nfailed clearly: {sentence}")
    counts = Counter("WRONG" if outcome.wrong else WORDS[outcome.ends] for outcome in found.values())
    slowest = max((outcome.seconds for outcome in found.values()), default=0.0)
    summary = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    print(f"\n{len(found)} cells in {time.monotonic() - begun:.0f} s, the slowest {slowest:.1f} s: {summary}.")
    return 1 if counts["WRONG"] or not found else 0


if __name__ == "__main__":
    sys.exit(main())
