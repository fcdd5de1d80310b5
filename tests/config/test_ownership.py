"""Whose a file is, by owner, group and mode. tests/spec/test_reliability_files.py has what follows from it."""

import os
import pwd
from pathlib import Path

import pytest

from pi_fallback.config import ownership
from pi_fallback.config.ownership import NotOwn

ME = os.geteuid()


def facts(mode: int, uid: int = ME, gid: int = 12_345) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize(("mode", "is_own"), [(0o600, True), (0o644, True), (0o664, False), (0o602, False)])
def test_a_file_is_the_users_alone_if_nobody_else_may_write_it(mode: int, is_own: bool) -> None:
    if is_own:
        ownership.check_readable(facts(mode))
    else:
        with pytest.raises(NotOwn, match=r"run chmod go-w on it"):
            ownership.check_readable(facts(mode))


def test_what_root_wrote_may_be_read_and_what_a_stranger_wrote_may_not() -> None:
    ownership.check_readable(facts(0o644, uid=ownership.ROOT))
    with pytest.raises(NotOwn, match="it belongs to another user"):
        ownership.check_readable(facts(0o600, uid=54_321))


def test_a_group_of_the_user_alone_may_write() -> None:
    """As with a umask of 002, where each user has such a group: root has one everywhere."""
    root = pwd.getpwuid(ownership.ROOT)
    ownership.check_readable(facts(0o664, uid=root.pw_uid, gid=root.pw_gid))


def test_in_a_folder_with_the_sticky_bit_files_are_safe(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(NotOwn, match="its folder can be written by others"):
        ownership.check_folder(tmp_path)
    tmp_path.chmod(0o1777)
    ownership.check_folder(tmp_path)


def test_a_file_that_is_not_there_yet_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "agent" / "ha.json"
    assert ownership.target_of(path) == path
    ownership.check_replaceable(path)


def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text("{}")
    path.chmod(0o400)
    with pytest.raises(PermissionError, match=r"it is read-only; run chmod u\+w on it"):
        ownership.check_replaceable(path)
    path.chmod(0o600)
    ownership.check_replaceable(path)


@pytest.mark.parametrize(("mode", "seen"), [(0o600, False), (0o604, True), (0o620, False)])
def test_who_may_read_a_file_is_seen_by_its_mode(tmp_path: Path, mode: int, seen: bool) -> None:
    path = tmp_path / "auth.json"
    assert not ownership.is_readable_by_others(path)
    path.write_text("{}")
    path.chmod(mode)
    assert ownership.is_readable_by_others(path) == seen
