"""A user of the program: a home, a folder to work in, and the program in processes of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.canary import canary

PROGRAM = (str(Path(sys.executable).with_name("pi-fallback")),)  # as installed: the folder is not on its path
QUIET_S = 0.2
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a program that has ended left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class User:
    """All that the program may find: files in `agent_dir` and `folder`, and an environment with nothing in it."""

    room: Path

    def __post_init__(self) -> None:
        self.agent_dir.mkdir(parents=True)
        self.folder.mkdir()

    @property
    def home(self) -> Path:
        return self.room / "home"

    @property
    def agent_dir(self) -> Path:
        return self.home / ".pi" / "agent"

    @property
    def folder(self) -> Path:
        return self.room / "project"

    @property
    def sessions(self) -> list[Path]:
        """The files of all sessions, oldest first."""
        return sorted((self.agent_dir / "pi-fallback" / "sessions").rglob("*.jsonl"))

    def write(self, name: str, value: object) -> Path:
        """Write a file of the agent directory: bytes and text as they are, anything else as JSON."""
        path = self.agent_dir / name
        return written(path, value)

    def endpoints(self, base_url: str, **models: str) -> None:
        """Put endpoints at `base_url` into models.json: the name of each and the one model that it has."""
        providers = {
            name: {"baseUrl": base_url, "apiKey": canary(name), "models": [{"id": model}]}
            for name, model in models.items()
        }
        self.write("models.json", {"providers": providers})

    def settings(self, *enabled: str, **more: Any) -> Path:
        """Write settings.json: impatient, without the host's own retries, with these models enabled."""
        base: dict[str, Any] = {"fallback": {"quietSeconds": QUIET_S}, "retry": {"enabled": False}}
        return self.write("settings.json", base | ({"enabledModels": list(enabled)} if enabled else {}) | more)

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Done:
        """Run the program to its end."""
        with self.start(*arguments, env=env) as program:
            out, err = program.communicate(stdin, timeout=TIMEOUT_S)
            return Done(program.returncode, out, err)

    @contextmanager
    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> Generator["subprocess.Popen[str]"]:
        """Start the program; what the block leaves running is killed."""
        program = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environ | dict(env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        with program:
            try:
                yield program
            finally:
                program.kill()

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}


def written(path: Path, value: object) -> Path:
    """Write `value`, bytes and text as they are and anything else as JSON, to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match value:
        case bytes():
            path.write_bytes(value)
        case str():
            path.write_text(value, encoding="utf-8")
        case _:
            path.write_text(json.dumps(value), encoding="utf-8")
    path.chmod(0o600)
    return path
