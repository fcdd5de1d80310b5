"""Fuzzing: `python -m tests.fuzz --runs 1000000 [law …]` looks for inputs that break a law (see `laws`).

Each law has a process of its own, because the fuzzer ends the one it runs in. What breaks a law is written to the
corpus as `found-…`: mend it, and leave it there.
"""

import argparse
import subprocess
import sys
import tempfile

from tests.fuzz.corpus import folder
from tests.fuzz.laws import LAWS

SIZES = {"sse": 512}  # bytes of an input; events of a dialect are longer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("laws", nargs="*", metavar="law", help=f"one of {', '.join(LAWS)}; all if none is given")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs for each law")
    parser.add_argument("--seconds", type=int, default=0, help="stop earlier; 0: do not")
    asked = parser.parse_args()
    broken: list[str] = []
    for law in asked.laws or LAWS:
        with tempfile.TemporaryDirectory() as new:
            command = [
                sys.executable,
                "-m",
                "tests.fuzz.fuzzer",
                law,
                f"-runs={asked.runs}",
                f"-max_len={SIZES.get(law, 4096)}",
            ]
            command += [f"-max_total_time={asked.seconds}", f"-artifact_prefix={folder(law)}/found-", "-timeout=10"]
            command += ["-rss_limit_mb=1024", "-print_final_stats=1", new, str(folder(law))]
            sys.stdout.write(f"== {law}\n")
            sys.stdout.flush()
            if subprocess.run(command, check=False).returncode:
                broken.append(law)
    sys.stdout.write(f"broken: {', '.join(broken) or 'none'}\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
