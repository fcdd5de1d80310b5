"""Who imports the library face pays for nothing that calls do not need."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from pi_fallback.failover import Failover
for attempt in Failover(["a/big", "b/mid"]).attempts():
    with attempt:
        if attempt.number == 1:
            raise TimeoutError
        attempt.complete("stop")
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"anyio", "asyncio", "blinker", "click", "httpx", "httpx2", "sqlite3", "textual", "trio"}


def test_a_whole_call_loads_no_client_no_event_loop_and_no_screen() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert HEAVY.intersection(json.loads(done.stdout)) == set()
