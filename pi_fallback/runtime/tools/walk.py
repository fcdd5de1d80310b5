"""The walk: which files of a folder are somebody's work."""

import os
import subprocess
from collections.abc import Iterable

SKIPPED = frozenset(
    {".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
)


def files_below(root: str) -> list[str]:
    """Return the files below `root`, relative and sorted: what git does not ignore, else what is no tool's litter."""
    listed = _listed_by_git(root)
    # Nothing: the folder itself is ignored, and the model asked for it by name.
    return sorted(_expanded(root, listed) if listed else _walked(root))


def _listed_by_git(root: str) -> list[str] | None:
    # A hook of git's (GIT_DIR) must not say where to look, nor the repository's configuration what to run.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=root, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _expanded(root: str, listed: Iterable[str]) -> set[str]:
    """Look into the repositories in the repository, which git lists as one entry each; drop what was deleted."""
    files: set[str] = set()
    for name in listed:
        path = os.path.join(root, name)
        if os.path.isdir(path) and not os.path.islink(path):
            files.update(os.path.join(name, inner) for inner in _walked(path))
        elif os.path.lexists(path):
            files.add(name)
    return files


def _walked(root: str) -> Iterable[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)
