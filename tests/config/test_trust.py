"""Trust: of a folder as it was when the user looked at it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pi_fallback.config.trust import Trust, TrustState, has_project_files
from pi_fallback.errors import ConfigError


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "agent")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".pi" / "plugins").mkdir(parents=True)
    (folder / ".pi" / "settings.json").write_text("{}")
    (folder / ".pi" / "plugins" / "mine.py").write_text("x = 1")
    return folder


def test_a_folder_is_undecided_until_the_user_says_something(trust: Trust, project: Path) -> None:
    assert trust.state(project) is TrustState.UNDECIDED
    trust.trust(project)
    assert trust.state(project) is TrustState.TRUSTED
    trust.untrust(project)
    assert trust.state(project) is TrustState.UNTRUSTED


def test_a_decision_is_about_the_real_path(trust: Trust, project: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(project)
    trust.trust(link)
    assert trust.state(project) is TrustState.TRUSTED
    assert trust.state(project / ".pi" / "..") is TrustState.TRUSTED
    assert trust.state(tmp_path) is TrustState.UNDECIDED


def _edit(pi: Path) -> None:
    (pi / "plugins" / "mine.py").write_text("x = 2")


def _add(pi: Path) -> None:
    (pi / "plugins" / "other.py").write_text("")


def _add_folder(pi: Path) -> None:
    (pi / "themes").mkdir()


def _remove(pi: Path) -> None:
    (pi / "settings.json").unlink()


def _rename(pi: Path) -> None:
    (pi / "plugins" / "mine.py").rename(pi / "mine.py")


def _make_executable(pi: Path) -> None:
    (pi / "plugins" / "mine.py").chmod(0o755)


def _link(pi: Path) -> None:
    (pi / "settings.json").unlink()
    (pi / "settings.json").symlink_to("plugins/mine.py")


def _link_to_a_folder(pi: Path) -> None:
    (pi / "more").symlink_to(pi.parent.parent)


def _bytecode(pi: Path) -> None:
    (pi / "plugins" / "__pycache__").mkdir()
    (pi / "plugins" / "__pycache__" / "mine.pyc").write_bytes(b"\0")


CHANGES = [_edit, _add, _add_folder, _remove, _rename, _make_executable, _link, _link_to_a_folder, _bytecode]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_below_ends_the_trust_until_it_is_given_anew(
    change: Callable[[Path], None], trust: Trust, project: Path
) -> None:
    trust.trust(project)
    change(project / ".pi")
    assert trust.state(project) is TrustState.CHANGED
    if change is not _link_to_a_folder:
        trust.trust(project)
        assert trust.state(project) is TrustState.TRUSTED


def test_what_a_link_leads_to_counts_too(trust: Trust, project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("x = 1")
    (project / ".pi" / "plugins" / "linked.py").symlink_to(outside)
    trust.trust(project)
    outside.write_text("x = 2")
    assert trust.state(project) is TrustState.CHANGED


def test_reading_permissions_and_files_elsewhere_do_not_matter(trust: Trust, project: Path) -> None:
    trust.trust(project)
    (project / ".pi" / "settings.json").chmod(0o600)
    (project / "main.py").write_text("")
    assert trust.state(project) is TrustState.TRUSTED


def test_a_no_stays_a_no_whatever_changes(trust: Trust, project: Path) -> None:
    trust.untrust(project)
    _edit(project / ".pi")
    assert trust.state(project) is TrustState.UNTRUSTED


def test_a_link_to_a_folder_cannot_be_trusted(trust: Trust, project: Path) -> None:
    _link_to_a_folder(project / ".pi")
    with pytest.raises(ConfigError, match="more is a link to a folder"):
        trust.trust(project)
    assert trust.state(project) is TrustState.UNDECIDED


def test_pipes_are_not_waited_for(trust: Trust, project: Path) -> None:
    os.mkfifo(project / ".pi" / "pipe")
    trust.trust(project)
    assert trust.state(project) is TrustState.TRUSTED


def test_a_folder_without_project_files_has_nothing_to_ask_about(trust: Trust, tmp_path: Path, project: Path) -> None:
    assert not has_project_files(tmp_path)
    assert has_project_files(project)
    trust.trust(tmp_path)
    assert trust.state(tmp_path) is TrustState.TRUSTED
    (tmp_path / ".pi").mkdir()
    (tmp_path / ".pi" / "settings.json").write_text("{}")
    assert trust.state(tmp_path) is TrustState.CHANGED


@pytest.mark.parametrize("content", ["{ oops", "", "[]", '{"folders": 3}', '{"folders": {"/": true}}'])
def test_a_broken_trust_file_trusts_nobody(trust: Trust, project: Path, content: str) -> None:
    trust.path.parent.mkdir(parents=True)
    trust.path.write_text(content)
    assert trust.state(project) is TrustState.UNDECIDED
    assert trust.state(Path("/")) is not TrustState.TRUSTED


def test_a_trust_file_that_cannot_be_parsed_is_named_and_kept(trust: Trust, project: Path) -> None:
    trust.path.parent.mkdir(parents=True)
    trust.path.write_text("{ oops")
    assert "is not valid JSON" in str(trust.problem())
    with pytest.raises(ConfigError, match="is not valid JSON"):
        trust.trust(project)
    assert trust.path.read_text() == "{ oops"


def test_other_decisions_and_foreign_keys_survive(trust: Trust, project: Path, tmp_path: Path) -> None:
    trust.trust(tmp_path)
    content = json.loads(trust.path.read_text())
    trust.path.write_text(json.dumps({**content, "later": 1}))
    trust.trust(project)
    assert trust.state(tmp_path) is TrustState.TRUSTED
    assert json.loads(trust.path.read_text())["later"] == 1
