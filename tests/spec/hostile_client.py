"""Reads hostile answers in a process of its own: `python -m tests.spec.hostile_client DIALECT ORIGIN CASES`.

Says for each case how it ended, how long that took and how much memory the process had at most, one line of JSON each.
"""

import json
import resource
import sys
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from time import monotonic

import anyio

from pi_fallback.http import Http
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.providers.streaming import stream_of
from pi_fallback_hookspecs import (
    Call,
    Fault,
    Limits,
    Model,
    ModelRef,
    Reply,
    Request,
    Route,
    user_message,
)


async def main(name: str, origin: str, cases: int) -> None:
    dialect = next(dialect for dialect in DIALECTS if dialect.name == name)
    model = Model(ModelRef("acme", "big"), limits=Limits(head_s=2.0))
    call = Call(Route("acme", "big"), model, Request((user_message("hi"),)))
    async with Http(wall=lambda: 0.0) as http:
        for case in range(cases):
            _forget_peak()
            began = monotonic()
            stream = stream_of(http, dialect)(replace(call, base_url=f"{origin}/{case}/v1"))
            async with aclosing(stream) as events:
                ends = [event async for event in events if isinstance(event, Reply | Fault)]
            kinds = [end.kind if isinstance(end, Fault) else "reply" for end in ends]
            text = max((len(end.text) for end in ends if isinstance(end, Fault)), default=0)
            told = {"kinds": kinds, "text": text, "seconds": monotonic() - began, "peak_mib": _peak_mib()}
            sys.stdout.write(json.dumps(told) + "\n")


def _forget_peak() -> None:
    """Let the peak begin anew, where the system can: else one case bears the peak of those before it."""
    if (forget := Path("/proc/self/clear_refs")).exists():
        forget.write_text("5")


def _peak_mib() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1024 / 1024


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
