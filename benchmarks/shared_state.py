"""Shared state: what the ledger's file costs an agent, alone and in a crowd.

As a program of its own, `python -m benchmarks.shared_state FILE NAME COUNT PAUSE_S`, it is one of the crowd.
"""

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import Effort, Figure, per_call_s
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Ledger, Scope, ScopeKind

PROCESSES, SCOPES = 16, 8
BUSY_PAUSE_S = 0.02  # between two updates of an agent: no provider fails faster for long


def store_at(path: Path) -> SqliteLedger:
    return SqliteLedger(path, now=time.monotonic, wall=time.time, on_problem=print)  # noqa: TID251  # as in the program


def scope_of(name: str, update: int) -> Scope:
    return Scope(ScopeKind.MODEL, name, str(update % SCOPES))


async def figures(_origin: str, effort: Effort) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="pi-fallback-benchmark-") as room:
        return [
            *_alone(Path(room) / "alone.sqlite3"),
            _crowd(Path(room) / "crowd.sqlite3", 50 if effort.quick else 1000),
            _crowd(Path(room) / "busy.sqlite3", 50 if effort.quick else 200, pause_s=BUSY_PAUSE_S),
        ]


def _alone(path: Path) -> list[Figure]:
    store, ledger = store_at(path), Ledger()
    look_s = per_call_s(lambda: store.sync(ledger))

    def book() -> None:
        nonlocal ledger
        ledger = store.sync(ledger.rest(scope_of("alone", 0), until=time.monotonic() + 3600.0, reason="spent"))

    book_s = per_call_s(book)
    store.close()
    return [
        Figure("looking for news of other agents", f"{look_s * 1e6:.0f} µs"),
        Figure("sharing a rest", f"{book_s * 1e6:.0f} µs"),
    ]


def _crowd(path: Path, updates: int, pause_s: float = 0.0) -> Figure:
    with ExitStack() as stack:
        agents = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", __name__, str(path), f"agent-{n}", str(updates), str(pause_s)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for n in range(PROCESSES)
        ]
        for agent in agents:
            assert agent.stdout is not None
            agent.stdout.readline()
        for agent in agents:
            assert agent.stdin is not None
            agent.stdin.write("go\n")
            agent.stdin.flush()
        said = [line for agent in agents if agent.stdout for line in agent.stdout.read().splitlines()]
    waits = sorted(float(line) for line in said if line[:1].isdigit())
    store = store_at(path)
    found = {scope: rest.reason for scope, rest in store.sync(Ledger()).rests.items()}
    store.close()
    expected = {scope_of(f"agent-{n}", i): f"update {i}" for n in range(PROCESSES) for i in range(updates)}
    lost = sum(found.get(scope) != reason for scope, reason in expected.items())
    p50_ms, p99_ms = (waits[len(waits) * percent // 100] * 1e3 for percent in (50, 99))
    return Figure(
        f"{PROCESSES} processes × {updates} updates, {f'one each {pause_s * 1e3:.0f} ms' if pause_s else 'no pause'}",
        f"{lost} lost, {len(said) - len(waits)} problems, p50 {p50_ms:.1f} ms, p99 {p99_ms:.0f} ms",
        "0 lost, p99 ≤ 50 ms",
        lost == 0 and len(said) == len(waits) and p99_ms <= 50.0,
    )


def crowd_member(path: str, name: str, updates: int, pause_s: float) -> None:
    store = store_at(Path(path))
    ledger = store.sync(Ledger())
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(updates):
        begun = time.perf_counter()
        ledger = store.sync(ledger.rest(scope_of(name, n), until=time.monotonic() + 3600.0, reason=f"update {n}"))
        print(f"{time.perf_counter() - begun:.6f}")
        if pause_s:
            time.sleep(pause_s)  # noqa: TID251  # a process of its own, without a loop
    store.close()


if __name__ == "__main__":
    crowd_member(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
