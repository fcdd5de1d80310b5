"""Runs the tests of the wire on plain httpx: what is imported where httpx2 is not installed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ("tests/http", "tests/providers")


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        env = Path(room) / "env"
        environ = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(env)}
        environ.pop("VIRTUAL_ENV", None)
        install = ["uv", "sync", "--quiet", "--project", str(ROOT)]
        subprocess.run(install, check=True, env=environ)
        python = str(env / "bin" / "python")
        subprocess.run(["uv", "pip", "uninstall", "--quiet", "--python", python, "httpx2"], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, "httpx>=0.28"], check=True)
        which = "from pi_fallback.http.backend import httpx; assert httpx.__name__ == 'httpx', httpx.__name__"
        subprocess.run([python, "-c", which], check=True, cwd=ROOT)
        sys.exit(subprocess.run([python, "-m", "pytest", "-q", *TESTS], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
