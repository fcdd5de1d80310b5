"""Peers: what other libraries make of the same faults, in one run: `python -m benchmarks.peers [--fresh]`.

Each peer gets an environment of its own in the user's cache folder, which needs a network once, and `uv`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.peer import GOOD, LIMIT_S, WHOLE
from pi_fallback.testing import CommentsOnly, Cut, Ok, Status, Step, running_fault_server

PEERS = {"openai": ["openai"], "litellm": ["litellm"], "pydantic-ai": ["pydantic-ai-slim[openai]"]}
RUNS = 15
ANSWER = Ok(WHOLE)
SCENES: dict[str, tuple[str, Step]] = {
    "healthy": ("a healthy call", ANSWER),
    "limit": ("429, then the next model", Status(429)),
    "broken": ("500, then the next model", Status(500)),
    "cut": ("the connection breaks in the text", Cut(after=3, how="rst", of=ANSWER)),
    "clean": ("the text ends in the middle, properly", Cut(after=3, how="clean", of=ANSWER)),
    "comments": ("nothing but keep-alive comments", CommentsOnly(after=0, every_s=0.2, of=ANSWER)),
}


class NoPeer(Exception):
    """A peer's environment cannot be built."""


def environment(peer: str, requirements: list[str], *, fresh: bool) -> Path:
    """Return the interpreter of the environment of `peer`, which is made if it is missing.

    Raises:
        NoPeer: it cannot be made.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "pi-fallback" / "peers" / peer
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        print(f"installing {peer} …", file=sys.stderr, flush=True)
        try:
            _run("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
            _run("uv", "pip", "install", "--quiet", "--python", str(python), *requirements)
        except FileNotFoundError:
            raise NoPeer("Peers are installed with `uv`, which is not on the PATH.") from None
        done.touch()
    return python


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        last = ended.stderr.strip().splitlines()[-1:]
        raise NoPeer(
            f"{command[-1]} cannot be installed: {''.join(last)}. It takes a network; run this again with one."
        )


def result_of(python: str | Path, peer: str, base_url: str) -> dict[str, Any]:
    program = Path(__file__).with_name("peer.py")
    ended = subprocess.run(
        [str(python), str(program), peer, base_url, str(RUNS), *SCENES],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL"},
    )
    if ended.returncode:
        raise NoPeer(f"{peer} ended with an error: {ended.stderr.strip().splitlines()[-1]}")
    return json.loads(ended.stdout.splitlines()[-1])


def table(results: dict[str, dict[str, Any]]) -> str:
    names = [f"{peer} {found['version']}" for peer, found in results.items()]
    lines = [f"| what happens | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for scene, (what, _) in SCENES.items():
        cells = [_cell(found[scene]) for found in results.values()]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(found: dict[str, Any]) -> str:
    first_ms = found["first_ms"]
    return found["outcome"] if first_ms is None else f"{found['outcome']}, {first_ms:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="install the peers anew")
    fresh = parser.parse_args().fresh
    try:
        pythons = {peer: environment(peer, needs, fresh=fresh) for peer, needs in PEERS.items()}
        scripts = {name: step for name, (_, step) in SCENES.items()} | {GOOD: ANSWER}
        results: dict[str, dict[str, Any]] = {}
        with running_fault_server(scripts, strict=False) as server:
            for peer, python in {"pi-fallback": sys.executable, **pythons}.items():
                print(f"asking with {peer} …", file=sys.stderr, flush=True)
                results[peer] = result_of(python, peer, server.base_url)
    except NoPeer as problem:
        sys.exit(str(problem))
    print(
        f"Times are to the first text that stays. Retries of their own are off, silence is limited to {LIMIT_S:g} s.\n"
    )
    print(table(results))


if __name__ == "__main__":
    main()
