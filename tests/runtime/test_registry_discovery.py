"""Discovery: files, folders, modules and installed distributions, one broken one among them."""

import os
import sys
from pathlib import Path

import pytest

from pi_fallback.errors import PluginError
from pi_fallback.runtime.discovery import discover
from pi_fallback.runtime.registry import Registry

GOOD = """
from dataclasses import dataclass
from pi_fallback_hookspecs import Notify, hookimpl

@dataclass
class State:
    count: int = 0

@hookimpl
def agent_settled(event):
    return Notify("done")
"""
STATEFUL = """
from pi_fallback_hookspecs import hookimpl

class Counter:
    @hookimpl
    def turn_end(self, event):
        return None

plugin = Counter
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def distribution(folder: Path, name: str, entry_points: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.5.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    write(info / "entry_points.txt", entry_points)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on `sys.path`, as an environment has one."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_files_of_the_agents_folder_and_of_a_trusted_project_are_loaded_by_name(tmp_path: Path) -> None:
    agent_dir, project = tmp_path / "agent", tmp_path / "project"
    write(agent_dir / "pi-fallback/plugins/b.py", GOOD)
    write(agent_dir / "pi-fallback/plugins/a.py", STATEFUL)
    write(agent_dir / "pi-fallback/plugins/_helper.py", "raise RuntimeError('not a plugin')")
    write(agent_dir / "pi-fallback/plugins/notes.txt", "nothing")
    write(project / ".pi/plugins/c.py", GOOD)
    registry = Registry.load(found=discover(agent_dir=agent_dir, trusted_project=project))
    ours = [(row.name, Path(row.origin).name, row.hooks) for row in registry.listing()]
    assert ours == [
        ("a", "a.py", ("turn_end",)),
        ("b", "b.py", ("agent_settled",)),
        ("c", "c.py", ("agent_settled",)),
    ]


def test_loading_a_file_leaves_its_folder_as_it_was(tmp_path: Path) -> None:
    # Trust in a project is bound to what its folder holds: byte code in it would ask for trust anew.
    write(tmp_path / ".pi/plugins/c.py", GOOD)
    Registry.load(found=discover(trusted_project=tmp_path))
    assert sorted(os.listdir(tmp_path / ".pi/plugins")) == ["c.py"]


def test_a_file_that_fails_is_named_with_its_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path / "pi-fallback/plugins/broken.py", "import nowhere_at_all\n")
    write(tmp_path / "pi-fallback/plugins/exits.py", "import sys\n\nsys.exit(4)\n")
    write(tmp_path / "pi-fallback/plugins/good.py", GOOD)
    write(tmp_path / "pi-fallback/plugins/unfinished.py", "def f(:\n")
    before = set(sys.modules)
    registry = Registry.load(found=discover(agent_dir=tmp_path))
    broken, exits, unfinished = (str(fault) for fault in registry.faults)
    assert "cannot be loaded: ModuleNotFoundError: No module named 'nowhere_at_all'" in broken
    assert "broken.py, line 1)" in broken
    assert "SystemExit: 4" in exits
    assert "exits.py, line 3)" in exits
    assert "(unfinished.py, line 1)" in unfinished
    assert [name.rpartition("_")[2] for name in set(sys.modules) - before] == ["good"]


def test_a_file_or_a_module_can_be_named(tmp_path: Path, site: Path) -> None:
    write(site / "named_module.py", GOOD)
    path = write(tmp_path / "mine.py", GOOD)
    registry = Registry.load(found=discover(explicit=[str(path), "named_module"]))
    assert [(row.name, row.origin) for row in registry.listing()] == [
        ("mine", str(path)),
        ("named_module", "module named_module"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("missing.py", "there is no such file"),
        ("no_such_module", "No module named 'no_such_module'"),
        (".", "there is no such file"),
    ],
)
def test_a_named_plugin_that_does_not_exist_stops_the_program(text: str, reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        Registry.load(found=discover(explicit=[text]))


def test_installed_plugins_are_found_with_package_and_version(site: Path) -> None:
    write(site / "acme_plugin.py", STATEFUL.replace("plugin = Counter", ""))
    distribution(site, "acme-plugin", "[pi_fallback]\nacme = acme_plugin:Counter\n\n[console_scripts]\nx = y:z\n")
    registry = Registry.load(found=discover())
    assert registry.listing() == (("acme", "package acme-plugin", "1.5", ("turn_end",), 0, "", False),)


def test_one_broken_distribution_does_not_hide_the_others(site: Path) -> None:
    write(site / "first_plugin.py", GOOD)
    distribution(site, "acme-plugin", "[pi_fallback]\nacme = first_plugin\n")
    distribution(site, "gone-plugin", "[pi_fallback]\ngone = gone_plugin\n")
    distribution(site, "torn-plugin", "[pi_fallback]\nthis line is torn\n")
    distribution(site, "torn-stranger", "[something_else]\nthis line is torn\n")
    (site / "nameless-1.0.dist-info").mkdir()
    registry = Registry.load(found=discover())
    assert [row.name for row in registry.listing()] == ["acme", "gone", "torn-plugin"]
    assert [fault.plugin for fault in registry.faults] == ["gone", "torn-plugin"]
    assert registry.plugins[0].plugin is not None


def test_a_plugin_on_the_deny_list_runs_no_line(site: Path) -> None:
    write(site / "loud_plugin.py", "raise SystemExit('imported')")
    distribution(site, "loud-plugin", "[pi_fallback]\nloud = loud_plugin\n")
    registry = Registry.load(found=discover(), deny={"loud"})
    assert registry.faults == []
    assert [(row.name, row.disabled) for row in registry.listing()] == [("loud", True)]
