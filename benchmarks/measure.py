"""Measuring: two things in turns on a noisy machine, and what their medians say."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

Clock = Callable[[], float]
Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table. `met` is None where there is no target."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        return "" if self.met is None else "met" if self.met else "missed"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure: `rounds` blocks of `calls` calls each."""

    rounds: int
    calls: int
    quick: bool = False


@dataclass(slots=True)
class Subject:
    """Something to measure; `before` runs ahead of each call and is not counted.

    A `run` that returns a float has taken its time itself, in seconds.
    """

    run: Act
    before: Act | None = None
    blocks: list[float] = field(default_factory=list[float])

    async def block(self, calls: int, clock: Clock) -> None:
        spent = 0.0
        for _ in range(calls):
            if self.before is not None:
                await self.before()
            begun = clock()
            result = await self.run()
            spent += result if isinstance(result, float) else clock() - begun
        self.blocks.append(spent / calls)

    @property
    def median_s(self) -> float:
        return statistics.median(self.blocks)


async def in_turns(subjects: Mapping[str, Subject], effort: Effort, clock: Clock = time.process_time) -> None:
    """Measure a block of each, again and again: what disturbs the machine disturbs all alike.

    CPU time by default: of this process with all its threads, so the server and other programs do not count.
    """
    for subject in subjects.values():  # warm up: connections, caches, code
        await subject.block(effort.calls, clock)
        subject.blocks.clear()
    for turn in range(effort.rounds):
        for subject in list(subjects.values())[:: 1 if turn % 2 == 0 else -1]:
            await subject.block(effort.calls, clock)


def ratio(ours: Subject, raw: Subject) -> float:
    return statistics.median(a / b for a, b in zip(ours.blocks, raw.blocks, strict=True))


def added_s(ours: Subject, raw: Subject) -> float:
    return statistics.median(a - b for a, b in zip(ours.blocks, raw.blocks, strict=True))


def median_us(more: Subject, less: Subject) -> float:
    """What `more` takes over `less`, in µs."""
    return added_s(more, less) * 1e6


def per_call_s(run: Callable[[], object], *, at_least_s: float = 0.2, repeats: int = 5) -> float:
    """The median CPU time of one call of something short, in seconds."""
    calls = 1
    while True:
        begun = time.process_time()
        for _ in range(calls):
            run()
        spent = time.process_time() - begun
        if spent >= at_least_s / repeats:
            break
        calls *= 2
    times = [spent / calls]
    for _ in range(repeats - 1):
        begun = time.process_time()
        for _ in range(calls):
            run()
        times.append((time.process_time() - begun) / calls)
    return statistics.median(times)


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table, padded so that a terminal can be read as well."""
    rows = [("what", "measured", "target", ""), *((f.what, f.measured, f.target, f.verdict) for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows]
    return "\n".join((lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]))
