"""Builds both wheels, installs them into an empty environment, and tries the program from there."""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
SMOKE = """
import importlib.metadata as metadata
import sys

import pi_fallback, pi_fallback_hookspecs
assert "site-packages" in pi_fallback.__file__, pi_fallback.__file__
assert metadata.version("pi-fallback") == pi_fallback.__version__
from pi_fallback.runtime.agent import open_agent
from pi_fallback.testing import FaultServer
assert "textual" not in sys.modules and "click" not in sys.modules
print("smoke:", len(list(metadata.distributions())), "distributions, with pip")
"""


def run(*command: str | Path, cwd: Path | None = None, expect: int = 0) -> str:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "PYTHONPATH"))}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != expect:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        wheels, env = Path(room) / "wheels", Path(room) / "env"
        for project in (ROOT / "hookspecs", ROOT):
            run("uv", "build", "--quiet", "--wheel", "--out-dir", wheels, project)
        built = sorted(wheels.glob("*.whl"))
        print(*(wheel.name for wheel in built), sep="\n")
        venv.create(env, with_pip=True)
        python = env / ("Scripts" if os.name == "nt" else "bin") / "python"
        run(python, "-m", "pip", "install", "--quiet", *built)
        print(run(python, "-c", SMOKE, cwd=Path(room)).strip())
        program = python.with_name("pi-fallback")
        missing = run(program, "--version", cwd=Path(room), expect=2)
        assert "pi-fallback[app]" in missing, missing
        app = next(wheel for wheel in built if wheel.name.startswith("pi_fallback-"))
        run(python, "-m", "pip", "install", "--quiet", f"{app}[app]")
        story = run(program, "demo", cwd=Path(room))
        print(story.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
