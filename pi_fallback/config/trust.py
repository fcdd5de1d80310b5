"""Trust: which project folders the user said yes to, and whether they still hold what was looked at."""

import os
import stat
from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b, file_digest
from pathlib import Path

from pi_fallback.config import files
from pi_fallback.config.jsonc import Document
from pi_fallback.config.problems import Problem, shown
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

MAX_FILES = 10_000  # a folder of settings and plugins has a few; beyond this it is something else


class TrustState(StrEnum):
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"  # the user said no
    UNDECIDED = "undecided"  # nobody was asked yet
    CHANGED = "changed"  # trusted, but `.pi/` holds something else by now


class Trust:
    """The decisions in `pi-fallback/trust.json` of the agent directory, by real path."""

    def __init__(self, agent_dir: Path) -> None:
        self.path = agent_dir / "pi-fallback" / "trust.json"

    def problem(self) -> Problem | None:
        """What is wrong with the file itself; then every folder is undecided."""
        found = files.read(self.path)
        return found if isinstance(found, Problem) else None

    def state(self, project: Path) -> TrustState:
        entry = self._entries().get(str(project.resolve()))
        if not isinstance(entry, Mapping):
            return TrustState.UNDECIDED
        if entry.get("trusted") is not True:
            return TrustState.UNTRUSTED
        try:
            same = entry.get("hash") == contents_hash(project)
        except (OSError, ConfigError):  # what cannot be read cannot be compared
            same = False
        return TrustState.TRUSTED if same else TrustState.CHANGED

    def trust(self, project: Path) -> None:
        """Trust `project` as it is now.

        Raises:
            ConfigError: its `.pi/` cannot be read, or the decision cannot be saved.
        """
        try:
            now = contents_hash(project)
        except OSError as error:
            reason = (error.strerror or "it cannot be read").lower()
            message = f"{shown(project / '.pi')} cannot be trusted: {reason}. Make all of it readable first."
            raise ConfigError(message, path=project) from error
        self._save(project, {"trusted": True, "hash": now})

    def untrust(self, project: Path) -> None:
        """Remember that the user does not trust `project`.

        Raises:
            ConfigError: the decision cannot be saved.
        """
        self._save(project, {"trusted": False})

    def _entries(self) -> Mapping[str, Json]:
        found = files.read(self.path)
        folders = (
            found.value.get("folders") if isinstance(found, Document) and isinstance(found.value, Mapping) else None
        )
        return folders if isinstance(folders, Mapping) else {}

    def _save(self, project: Path, entry: Mapping[str, Json]) -> None:
        def change(current: Mapping[str, Json]) -> Mapping[str, Json]:
            return {**current, "folders": {**_folders(current), str(project.resolve()): entry}}

        files.update(self.path, change)


def _folders(value: Json) -> Mapping[str, Json]:
    folders = value.get("folders") if isinstance(value, Mapping) else None
    return folders if isinstance(folders, Mapping) else {}


def has_project_files(project: Path) -> bool:
    """Whether there is anything in `project` that trust would be about."""
    return os.path.lexists(project / ".pi")


def contents_hash(project: Path) -> str:
    """A hash of all that `.pi/` holds: names, kinds, who may execute what, link targets, contents.

    Raises:
        OSError: a part of it cannot be read.
        ConfigError: it holds a link to a folder, or too many files to look at.
    """
    digest = blake2b(digest_size=32)
    root = project / ".pi"
    for path in sorted(_below(root)):
        found = path.lstat()
        linked = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
        if linked and path.is_dir():  # what it leads to can change without a trace in here
            raise _untrustworthy(root, f"{path.relative_to(root)} is a link to a folder", "Replace it by the folder.")
        contents = ""
        if path.is_file():  # of a link that is what a reader would get
            with path.open("rb") as file:
                contents = file_digest(file, blake2b).hexdigest()
        mode = stat.S_IFMT(found.st_mode) | bool(found.st_mode & 0o111)
        for part in (str(path.relative_to(root)), str(mode), linked, contents):
            data = os.fsencode(part)
            digest.update(len(data).to_bytes(8) + data)  # with its length, so that no two lists of parts look alike
    return digest.hexdigest()


def _below(root: Path) -> list[Path]:
    def fail(error: OSError) -> None:
        raise error

    paths: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=fail) if root.exists() else ():
        paths += (Path(folder, name) for name in (*folders, *names))
        if len(paths) > MAX_FILES:
            raise _untrustworthy(root, f"it holds more than {MAX_FILES} files", "Move what is not configuration away.")
    return paths


def _untrustworthy(root: Path, why: str, remedy: str) -> ConfigError:
    return ConfigError(f"{shown(root)} cannot be trusted: {why}. {remedy}", path=root)
