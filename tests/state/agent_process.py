"""An agent in a process of its own that does nothing but book rests. Prints each one once it is shared.

python -m tests.state.agent_process FILE NAME COUNT    COUNT 0: until killed
"""

# ruff: noqa: T201 - the test reads its output

import resource
import sys
import time
from itertools import count, islice
from pathlib import Path

from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Ledger, ModelRef, Scope, ScopeKind

ALL = Scope(ScopeKind.PROVIDER, "all")
SCOPES = 8  # more than rest at once in practice
HOUR_S = 3600.0


def scope_of(name: str, update: int) -> Scope:
    return Scope(ScopeKind.MODEL, name, str(update % SCOPES))


def main(path: str, name: str, updates: int, *, file_bytes: int | None = None) -> None:
    store = SqliteLedger(
        Path(path),
        now=time.monotonic,
        wall=time.time,  # noqa: TID251  # the composition root of this process
        on_problem=lambda text: print("problem", text, flush=True),
    )
    if file_bytes is not None:  # as if the disk were full
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    ledger = store.sync(Ledger())
    print("ready", flush=True)
    sys.stdin.readline()  # all start together
    for n in islice(count(), updates or None):
        begun = time.perf_counter()
        now = time.monotonic()
        ledger = ledger.rest(scope_of(name, n), until=now + HOUR_S, reason=f"update {n}")
        ledger = ledger.rest(ALL, until=now + HOUR_S, reason=name).worked(ModelRef(name, "last"), at=now)
        ledger = store.sync(ledger)
        print("shared", n, f"{time.perf_counter() - begun:.6f}", flush=updates == 0)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), file_bytes=int(sys.argv[4]) if len(sys.argv) > 4 else None)
