"""A user of the stock `llm` command line, with models at a fault server, and pi_fallback installed beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = (sys.executable, "-m", "llm")
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class LlmUser:
    """All that `llm` may find: a folder of its own, and an environment without keys."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "logs-off").touch()  # making the log's tables takes longer than all the rest

    def logs(self) -> None:
        """Let `llm` keep its log, which is off at first."""
        (self.folder / "logs-off").unlink()

    def models(self, base_url: str, *names: str, **more: Any) -> None:
        """Give `llm` models at `base_url`, as docs of `llm` say it for servers that speak like OpenAI's."""
        listed = [{"model_id": name, "model_name": name, "api_base": base_url, **more} for name in names]
        (self.folder / "extra-openai-models.yaml").write_text(json.dumps(listed))  # JSON is YAML

    def fallback(self, *members: str, name: str = "fallback") -> None:
        (self.folder / "pi-fallback.json").write_text(json.dumps({"models": {name: members}}))

    def run(self, *arguments: str, stdin: str = "") -> Done:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=self.environ,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def logged(self) -> Sequence[dict[str, Any]]:
        return json.loads(self.run("logs", "list", "--json", "-n", "0").out)

    @property
    def environ(self) -> dict[str, str]:
        home = {"HOME": str(self.folder), "LLM_USER_PATH": str(self.folder)}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1", **home}
