"""Discovery: where plugins may come from. Nothing is imported here before somebody asks for it."""

import importlib
import importlib.metadata
import importlib.util
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import cast

from pi_fallback.runtime.admission import RefusedError

GROUP = "pi_fallback"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that may be loaded. `load` imports it and may raise whatever a foreign module raises.

    An `explicit` one was asked for by name: if it fails, the program stops.
    """

    name: str
    origin: str
    load: Callable[[], object]
    version: str = ""
    explicit: bool = False


def given(name: str, plugin: object) -> Candidate:
    """A plugin that exists already: for embedders and tests."""
    return Candidate(name, "given", lambda: plugin)


def discover(
    *, explicit: Sequence[str] = (), agent_dir: Path | None = None, trusted_project: Path | None = None
) -> Iterator[Candidate]:
    """Yield what can be found: asked for, installed, in the agent's folder, in the project's.

    The first of a name is taken, so a file that is named on the command line goes before an
    installed plugin. `explicit` are files or modules. Give `trusted_project` only when it is.
    """
    for text in explicit:
        yield from_text(text)
    yield from installed()
    if agent_dir is not None:
        yield from in_folder(agent_dir / "pi-fallback" / "plugins")
    if trusted_project is not None:
        yield from in_folder(trusted_project / ".pi" / "plugins")


def from_text(text: str) -> Candidate:
    """The plugin that `--plugin FILE_OR_MODULE` means."""
    path = Path(text).expanduser()
    if text.endswith(".py") or path.name != text or path.exists():
        return _from_file(path, explicit=True)
    return Candidate(text, f"module {text}", lambda: _plugin_of(importlib.import_module(text)), explicit=True)


def in_folder(folder: Path) -> Iterator[Candidate]:
    """The `*.py` files of `folder` by name; those that start with `_` are none."""
    for path in sorted(folder.glob("[!_]*.py")):
        yield _from_file(path)


def installed() -> Iterator[Candidate]:
    """What installed distributions offer under the entry-point group `pi_fallback`, by name.

    One whose metadata cannot be read becomes a candidate that fails; pluggy's own loader, and
    `importlib.metadata.entry_points`, would raise for it and find none of the others.
    """
    found: list[Candidate] = []
    seen: set[str] = set()
    for dist in importlib.metadata.distributions():
        name = _name(dist)
        if name not in seen:  # the first on the path is the one that is imported
            seen.add(name)
            found += _offers(dist, name)
    yield from sorted(found, key=lambda candidate: (candidate.name, candidate.origin))


def _offers(dist: importlib.metadata.Distribution, name: str) -> Iterator[Candidate]:
    origin = f"package {name}"
    try:
        points = [point for point in dist.entry_points if point.group == GROUP]
        version = dist.version if points else ""
    except Exception as error:
        if GROUP in _entry_points_text(dist):
            yield Candidate(name, origin, _raising(error))
        return
    for point in points:
        yield Candidate(point.name, origin, lambda point=point: _plugin_of(point.load()), version)


def _name(dist: importlib.metadata.Distribution) -> str:
    try:
        name = cast("str | None", dist.metadata["Name"])
    except Exception:
        name = None
    return name or "without a name"


def _entry_points_text(dist: importlib.metadata.Distribution) -> str:
    try:
        return dist.read_text("entry_points.txt") or ""
    except Exception:
        return ""


def _raising(error: Exception) -> Callable[[], object]:
    def load() -> object:
        raise error

    return load


def _plugin_of(found: object) -> object:
    """A module means its attribute `plugin` if it has one, else itself; a class means an instance of it."""
    plugin: object = getattr(found, "plugin", found) if isinstance(found, ModuleType) else found
    return cast("Callable[[], object]", plugin)() if isinstance(plugin, type) else plugin


class _SourceLoader(SourceFileLoader):
    """Compiles the source each time: byte code would change a folder whose content is trusted by its hash."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _from_file(path: Path, *, explicit: bool = False) -> Candidate:
    return Candidate(path.resolve().stem, str(path), lambda: _plugin_of(_import_file(path)), explicit=explicit)


def _import_file(path: Path) -> object:
    # The name differs by path: two agents of one process may have plugins of one file name.
    if not path.is_file():
        raise RefusedError("cannot be loaded: there is no such file")
    name = f"pi_fallback_plugin_{zlib.crc32(str(path.resolve()).encode()):08x}_{path.stem}"
    spec = importlib.util.spec_from_loader(name, _SourceLoader(name, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while they are made
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
