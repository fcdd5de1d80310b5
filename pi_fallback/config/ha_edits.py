"""Edits of ha.json: each a function from the whole file to the whole file, in which everything else stays as it is."""

from collections.abc import Mapping, Sequence
from typing import cast

from pi_fallback.config.ha import entry_id
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json

File = Mapping[str, Json]


def added(file: File, name: str, entries: Sequence[str] = (), cooldown_ms: int | None = None) -> File:
    """With group `name`, new or not, and `entries` behind those it has. The first group becomes the default one.

    Raises:
        ConfigError: a name is none.
    """
    _check_name(name)
    groups = _groups(file)
    group = groups.get(name, {"name": name, "entries": []})
    there = _entries(group)
    for entry in entries:
        _check_entry(entry)
        new = {"id": entry} if cooldown_ms is None else {"id": entry, "cooldownMs": cooldown_ms}
        old = next((item for item in there if item.get("id") == entry), None)
        if old is None:
            there.append(new)
        else:
            there[there.index(old)] = {**old, **new}
    result = {**file, "groups": {**groups, name: {**group, "entries": there}}}
    return {**result, "defaultGroup": name} if not groups and "defaultGroup" not in file else result


def renamed(file: File, old: str, new: str) -> File:
    """With group `old` under the name `new`, in its place; the default follows.

    Raises:
        ConfigError: there is no such group, or the new name is taken or none.
    """
    _check_name(new)
    groups = _groups(file)
    group = _group(groups, old)
    if new in groups and new != old:
        raise ConfigError(f"There is a group {new} already. Choose another name, or remove that one first.")
    if group.get("name") == old:
        group = {**group, "name": new}
    result = {
        **file,
        "groups": {new if name == old else name: group if name == old else groups[name] for name in groups},
    }
    return {**result, "defaultGroup": new} if file.get("defaultGroup") == old else result


def removed(file: File, name: str, entries: Sequence[str] = ()) -> File:
    """Without `entries` of group `name`, or without the group. The default group goes last.

    Raises:
        ConfigError: there is nothing of that name, or it is the default group and there are others.
    """
    groups = _groups(file)
    group = _group(groups, name)
    if entries:
        there = _entries(group)
        for entry in entries:
            there = _without(there, entry, name)
        return {**file, "groups": {**groups, name: {**group, "entries": there}}}
    left = {other: groups[other] for other in groups if other != name}
    is_default = file.get("defaultGroup") == name
    if is_default and left:
        raise ConfigError(f"{name} is the default group. Say first: pi-fallback ha group default {next(iter(left))}")
    return {key: value for key, value in file.items() if not (is_default and key == "defaultGroup")} | {"groups": left}


def reordered(file: File, name: str, entries: Sequence[str]) -> File:
    """With `entries` first in group `name`, in that order; the others stay behind them as they were.

    Raises:
        ConfigError: there is no such group or entry.
    """
    groups = _groups(file)
    group = _group(groups, name)
    left, first = _entries(group), list[File]()
    for entry in dict.fromkeys(entries):
        first += [item for item in left if item.get("id") == entry]
        left = _without(left, entry, name)
    return {**file, "groups": {**groups, name: {**group, "entries": [*first, *left]}}}


def made_default(file: File, name: str) -> File:
    """With `name` as the default group.

    Raises:
        ConfigError: there is no such group.
    """
    _group(_groups(file), name)
    return {**file, "defaultGroup": name}


def listed(file: File) -> list[str]:
    """The groups and their entries as lines.

    Raises:
        ConfigError: they have another shape.
    """
    lines: list[str] = []
    for name, group in _groups(file).items():
        lines.append(f"{name} (default)" if name == file.get("defaultGroup") else name)
        for number, entry in enumerate(_entries(group), 1):
            cooldown = entry.get("cooldownMs")
            rests = f"  rests {cooldown} ms" if cooldown is not None else ""
            lines.append(f"  {number}. {entry.get('id')}{rests}")
    return lines


def _groups(file: File) -> dict[str, File]:
    groups = file.get("groups", {})
    if not isinstance(groups, Mapping) or not all(isinstance(group, Mapping) for group in groups.values()):
        raise ConfigError('"groups" in ha.json is not an object of groups. Correct it there first.')
    return dict(cast("Mapping[str, File]", groups))


def _group(groups: Mapping[str, File], name: str) -> File:
    if name not in groups:
        known = f"The groups are {', '.join(groups)}." if groups else "Add one: pi-fallback ha group add NAME"
        raise ConfigError(f"There is no group {name!r}. {known}")
    return groups[name]


def _entries(group: File) -> list[File]:
    entries = group.get("entries", [])
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ConfigError('"entries" of a group in ha.json is not a list. Correct it there first.')
    return [cast("File", entry) for entry in entries if isinstance(entry, Mapping)]


def _without(entries: Sequence[File], wanted: str, name: str) -> list[File]:
    left = [entry for entry in entries if entry.get("id") != wanted]
    if len(left) == len(entries):
        known = ", ".join(str(entry.get("id")) for entry in entries)
        raise ConfigError(f"The group {name} has no entry {wanted!r}. It has: {known or 'none'}.")
    return left


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip():
        raise ConfigError("A group needs a name without blanks around it. Say one.")


def _check_entry(entry: str) -> None:
    try:
        entry_id(entry)
    except ValueError as error:
        raise ConfigError(f"An entry {error}, not {entry!r}. Write it so.") from None
