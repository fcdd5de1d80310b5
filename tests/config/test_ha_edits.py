"""Edits of ha.json: what is asked for changes, everything else stays as it is."""

from collections.abc import Callable
from typing import Any

import pytest

from pi_fallback.config import ha_edits
from pi_fallback.config.ha_edits import File
from pi_fallback.errors import ConfigError

FILE: dict[str, Any] = {
    "x": {"keep": 1},
    "groups": {
        "g": {"name": "g", "note": "kept", "entries": [{"id": "a/A", "own": True}, {"id": "b"}]},
        "h": {"name": "Cheap ones", "entries": []},
    },
    "defaultGroup": "g",
}


def ids(file: File, group: str) -> list[str]:
    groups: Any = file["groups"]
    return [entry["id"] for entry in groups[group]["entries"]]


def test_the_first_group_becomes_the_default_one() -> None:
    assert ha_edits.added({}, "pro", ["a/A"]) == {
        "groups": {"pro": {"name": "pro", "entries": [{"id": "a/A"}]}},
        "defaultGroup": "pro",
    }


def test_entries_are_added_once_behind_the_others_with_their_cooldown() -> None:
    file = ha_edits.added(FILE, "g", ["c/C", "a/A"], cooldown_ms=0)
    groups: Any = file["groups"]
    assert groups["g"]["entries"] == [
        {"id": "a/A", "own": True, "cooldownMs": 0},
        {"id": "b"},
        {"id": "c/C", "cooldownMs": 0},
    ]
    assert groups["g"]["note"] == "kept"
    assert (file["x"], file["defaultGroup"]) == ({"keep": 1}, "g")


def test_a_renamed_group_keeps_its_place_its_title_and_its_part_as_the_default() -> None:
    file = ha_edits.renamed(FILE, "g", "new")
    groups: Any = file["groups"]
    assert list(groups) == ["new", "h"]
    assert (groups["new"]["name"], file["defaultGroup"]) == ("new", "new")
    groups = ha_edits.renamed(FILE, "h", "new")["groups"]
    assert groups["new"]["name"] == "Cheap ones"


def test_entries_and_groups_can_be_removed_and_the_default_one_goes_last() -> None:
    assert ids(ha_edits.removed(FILE, "g", ["a/A"]), "g") == ["b"]
    without = ha_edits.removed(FILE, "h")
    assert list(dict(without["groups"])) == ["g"]  # pyright: ignore[reportArgumentType]
    assert ha_edits.removed(without, "g") == {"x": {"keep": 1}, "groups": {}}


def test_an_order_names_what_comes_first() -> None:
    assert ids(ha_edits.reordered(FILE, "g", ["b"]), "g") == ["b", "a/A"]


def test_another_group_can_be_made_the_default_one() -> None:
    assert ha_edits.made_default(FILE, "h")["defaultGroup"] == "h"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda: ha_edits.added(FILE, " ", []), "A group needs a name"),
        (lambda: ha_edits.added(FILE, "g", ["a/"]), "not 'a/'"),
        (lambda: ha_edits.renamed(FILE, "g", "h"), "There is a group h already"),
        (lambda: ha_edits.renamed(FILE, "z", "y"), "There is no group 'z'. The groups are g, h."),
        (lambda: ha_edits.removed(FILE, "g"), "g is the default group. Say first: pi-fallback ha group default h"),
        (lambda: ha_edits.removed(FILE, "g", ["z"]), "has no entry 'z'. It has: a/A, b."),
        (lambda: ha_edits.reordered(FILE, "g", ["z"]), "has no entry 'z'"),
        (lambda: ha_edits.made_default({}, "g"), "Add one: pi-fallback ha group add NAME"),
        (lambda: ha_edits.added({"groups": []}, "g"), '"groups" in ha.json is not an object'),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(edit: Callable[[], File], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("[", "\\[").replace("(", "\\(")):
        edit()
