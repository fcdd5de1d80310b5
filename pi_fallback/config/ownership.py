"""Ownership: whether a file is the user's alone, so that nobody else says what it holds or learns what is written."""

import errno
import grp
import os
import pwd
import stat
from pathlib import Path

ROOT = 0
CHOWN = "make it your own with chown, or move it away"


class NotOwn(OSError):
    """The file is not the user's alone. `strerror` says why, and what to do about it."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EPERM, reason)


def target_of(path: Path) -> Path:
    """The file that `path` means. A link of the user's own is followed once; who writes replaces its target.

    Raises:
        NotOwn: somebody else may put something in its place.
    """
    check_folder(path.parent)
    try:
        link = path.lstat()
    except OSError:
        return path  # there is none yet, or none that can be seen: opening it says why
    if not stat.S_ISLNK(link.st_mode):
        return path
    if link.st_uid not in (os.geteuid(), ROOT):
        raise NotOwn(f"it is a link of another user; {CHOWN}")
    target = Path(os.path.realpath(path))
    check_folder(target.parent)
    return target


def check_folder(folder: Path) -> None:
    """Make sure that nobody else can put a file of theirs into `folder`; there may be no such folder yet.

    Raises:
        NotOwn: somebody can.
    """
    try:
        found = folder.stat()
    except OSError:
        return
    if found.st_uid not in (os.geteuid(), ROOT):
        raise NotOwn("its folder belongs to another user; make the folder your own with chown, or use another one")
    sticky = found.st_mode & stat.S_ISVTX  # as /tmp: there nobody can take away what is not theirs
    if _is_writable_by_others(found) and not sticky:
        raise NotOwn("its folder can be written by others; run chmod go-w on the folder")


def check_readable(found: os.stat_result) -> None:
    """Make sure that only the user or root wrote what is in the open file `found`.

    Raises:
        NotOwn: somebody else may have.
    """
    if found.st_uid not in (os.geteuid(), ROOT):
        raise NotOwn(f"it belongs to another user; {CHOWN}")
    if _is_writable_by_others(found):
        raise NotOwn("it can be written by others; run chmod go-w on it")


def check_replaceable(path: Path) -> None:
    """Make sure that `path`, which is no link, may be replaced, and that this takes nothing from anybody.

    There may be no such file yet.

    Raises:
        NotOwn: it belongs to somebody else, or it has another name, which would keep the old content.
        PermissionError: it is read-only. Its folder would let it be replaced all the same.
    """
    check_folder(path.parent)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise NotOwn("it has just become a link; try again")
    if found.st_uid != os.geteuid():
        raise NotOwn(f"it belongs to another user; {CHOWN}")
    if not found.st_mode & stat.S_IWUSR:
        raise PermissionError(errno.EACCES, "it is read-only; run chmod u+w on it")
    if found.st_nlink > 1 and stat.S_ISREG(found.st_mode):
        names = "names (hard links), which a write would part; keep one of them, or make the others symbolic links"
        raise NotOwn(f"it has {found.st_nlink} {names}")


def is_readable_by_others(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return bool(found.st_mode & stat.S_IROTH or (found.st_mode & stat.S_IRGRP and not _is_alone(found)))


def _is_writable_by_others(found: os.stat_result) -> bool:
    return bool(found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _is_alone(found)))


def _is_alone(found: os.stat_result) -> bool:
    """Whether the file's group is its owner alone: many systems give each user such a group, and a umask of 002."""
    try:
        owner, group = pwd.getpwuid(found.st_uid), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    own = owner.pw_gid == group.gr_gid and owner.pw_name == group.gr_name
    return own and not set(group.gr_mem) - {owner.pw_name}
