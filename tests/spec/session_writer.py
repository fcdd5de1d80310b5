"""A process that writes a session, for tests that kill it or take its disk away.

Arguments: role, agent folder, and the session file to go on with.
"""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from pi_fallback.runtime.session_log import SessionLog
from pi_fallback_hookspecs import user_message

CWD = "/project"
SIZES = (10, 3_000, 200_000, 1_000_000)  # the large ones are often caught half written


def noon() -> float:
    return 1_794_312_000.0


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def opened(agent_dir: Path, file: str | None) -> tuple[SessionLog, int]:
    """Return the log and how many messages it has."""
    if file is None:
        return SessionLog.create(agent_dir, CWD, wall=noon, on_problem=tell), 0
    log, session = SessionLog.reopen(Path(file), wall=noon, on_problem=tell)
    return log, len(session.messages)


def write_until_killed(agent_dir: Path, file: str | None) -> None:
    """Write numbered messages for ever; tell each number when its message is safe."""
    log, number = opened(agent_dir, file)
    tell(str(log.path))
    while True:
        log.message(user_message(f"{number} " + "x" * SIZES[number % len(SIZES)]))
        tell(str(number))
        number += 1


def write_on_a_small_disk(agent_dir: Path, file: str | None, *, recovers: bool) -> None:
    """Write ten messages where files end at 4 KiB; then, if the disk `recovers`, one more."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    log, _number = opened(agent_dir, file)
    for number in range(10):
        log.message(user_message(f"{number} " + "x" * 1000))
    if recovers:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        log.message(user_message("10 "))
    log.close()


def hold(agent_dir: Path, file: str | None) -> None:
    """Keep a session open until stdin ends."""
    log, _number = opened(agent_dir, file)
    log.message(user_message("mine"))
    tell(str(log.path))
    sys.stdin.read()


ROLES: dict[str, Callable[[Path, str | None], None]] = {
    "killed": write_until_killed,
    "full": lambda agent_dir, file: write_on_a_small_disk(agent_dir, file, recovers=False),
    "recovers": lambda agent_dir, file: write_on_a_small_disk(agent_dir, file, recovers=True),
    "holds": hold,
}

if __name__ == "__main__":
    role, folder, *rest = sys.argv[1:]
    ROLES[role](Path(folder), rest[0] if rest else None)
