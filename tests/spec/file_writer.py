"""A process that writes files of the user's, for tests that kill it, let it meet others, or take its disk away.

Arguments: role, agent folder, and what the role wants to know.
"""

import ctypes
import os
import resource
import struct
import sys
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from random import Random

from pi_fallback.cli import main
from pi_fallback.config import files
from pi_fallback.credentials.auth_json import AuthJson
from pi_fallback.errors import ConfigError
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Json, Ledger, Scope, ScopeKind

FILLERS = (10, 3_000, 200_000)  # the large one is often caught half written
SCOPE = Scope(ScopeKind.PROVIDER, "written")
HOUR_S = 3600.0
STALE_S = 60.0  # more than a lock of auth.json holds after its owner has died


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def wall() -> float:
    return time.time()  # noqa: TID251  # the composition root of this process


def auth_json(agent_dir: Path, late_s: float = 0.0) -> AuthJson:
    return AuthJson(agent_dir / "auth.json", lambda: wall() + late_s, Random())


def numbered(name: str, number: int) -> files.Change:
    """With the entry `name` that bears `number`; what others wrote stays."""

    def change(now: Mapping[str, Json]) -> Mapping[str, Json]:
        entry = {"type": "api_key", "key": f"{number}", "filler": "x" * FILLERS[number % len(FILLERS)]}
        return {**now, name: entry}

    return change


def config_writer(agent_dir: Path, _run: int) -> Callable[[int], object]:
    return lambda number: files.update(agent_dir / "ha.json", numbered("mine", number))


def credential_writer(agent_dir: Path, run: int) -> Callable[[int], object]:
    auth = auth_json(agent_dir, late_s=run * STALE_S)  # the lock of the one that was killed before is stale
    return lambda number: auth.update_sync(numbered("mine", number))


def ledger_writer(agent_dir: Path, _run: int) -> Callable[[int], object]:
    store = SqliteLedger(
        agent_dir / "pi-fallback" / "ledger.sqlite3", now=time.monotonic, wall=wall, on_problem=sys.exit
    )
    ledger = store.sync(Ledger())

    def write(number: int) -> None:
        nonlocal ledger
        ledger = store.sync(ledger.wake(SCOPE).rest(SCOPE, until=time.monotonic() + HOUR_S, reason=str(number)))

    return write


WRITERS = {"config": config_writer, "credentials": credential_writer, "ledger": ledger_writer}


def write_until_killed(agent_dir: Path, kind: str, run: str, first: str) -> None:
    """Write rising numbers for ever; tell each before it is written, and when it is safe."""
    write = WRITERS[kind](agent_dir, int(run))
    for number in count(int(first)):
        tell(f"begins {number}")
        write(number)
        tell(f"safe {number}")


def write_together(agent_dir: Path, kind: str, name: str, updates: str) -> None:
    """Once a line comes, count up the entry `name` in a file that others write as well."""
    tell("ready")
    sys.stdin.readline()
    for number in range(int(updates)):
        if kind == "config":
            files.update(agent_dir / "ha.json", numbered(name, number))
        else:
            auth_json(agent_dir).update_sync(numbered(name, number))


def write_on_a_full_disk(agent_dir: Path, kind: str) -> None:
    """Write more than the disk takes; then, when there is room again, once more."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    _write_once(agent_dir, kind, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _write_once(agent_dir, kind, 5)


def write_in_a_read_only_folder(agent_dir: Path, kind: str) -> None:
    become_ordinary()
    _write_once(agent_dir, kind, 2)


def _write_once(agent_dir: Path, kind: str, number: int) -> None:
    try:
        WRITERS[kind](agent_dir, 0)(number)
    except ConfigError as error:
        tell(str(error))
    else:
        tell("written")


def run_the_program(_agent_dir: Path, *arguments: str) -> None:
    """The whole program, for which modes count even if root runs the tests."""
    become_ordinary()
    sys.argv = ["pi-fallback", *arguments]
    main()


def become_ordinary() -> None:
    """Give up root's powers, if there are any: a container may have nobody else to become."""
    if sys.platform == "linux":
        header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
        if ctypes.CDLL(None, use_errno=True).capset(header, bytes(24)):
            raise OSError(ctypes.get_errno(), "capset")


ROLES: dict[str, Callable[..., None]] = {
    "killed": write_until_killed,
    "together": write_together,
    "full": write_on_a_full_disk,
    "read-only": write_in_a_read_only_folder,
    "program": run_the_program,
}

if __name__ == "__main__":
    role, folder, *rest = sys.argv[1:]
    ROLES[role](Path(folder), *rest)
