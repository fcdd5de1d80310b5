"""ha.json: read whole or in part, named problems, and what a project may change."""

import json
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.config.ha import HaFile, ProjectHa, narrowed
from pi_fallback.config.store import Configuration, load

SEED = {
    "groups": {
        "pro": {
            "name": "Professional Tier",
            "entries": [
                {"id": "anthropic/claude-3-5-sonnet"},
                {"id": "google-gemini-cli/gemini-1.5-pro", "cooldownMs": 1_800_000},
            ],
        }
    },
    "defaultGroup": "pro",
    "defaultCooldownMs": 3_600_000,
    "errorHandling": {
        "capacityErrorAction": "next_provider",
        "quotaErrorAction": "next_key_then_provider",
        "retryTimeoutMs": 300_000,
    },
    "credentials": {
        "anthropic": {
            "primary": {"type": "oauth", "refresh": "...", "access": "..."},
            "backup-1": {"type": "api_key", "key": "..."},
        }
    },
    "checkHaPatchOnSessionStart": True,
}


def read(folder: Path, text: object, project: object = None, *, trusted: bool = False) -> Configuration:
    agent, work = folder / "agent", folder / "work"
    for path, content in ((agent / "ha.json", text), (work / ".pi" / "ha.json", project)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
            path.chmod(0o600)
    return load(agent, work, trusted=trusted)


def test_the_file_of_the_extension_is_read_without_a_word(tmp_path: Path) -> None:
    found = read(tmp_path, SEED)
    assert (found.problems, found.notices) == ((), ())
    policy = found.ha.policy()
    group = policy.group()
    assert group is not None
    assert (group.name, group.title) == ("pro", "Professional Tier")
    assert [(entry.provider, entry.model, entry.cooldown_s) for entry in group.entries] == [
        ("anthropic", "claude-3-5-sonnet", None),
        ("google-gemini-cli", "gemini-1.5-pro", 1800.0),
    ]
    assert policy.capacity == "next_provider"
    assert list(found.ha.stored()["anthropic"]) == ["primary", "backup-1"]


def test_without_the_file_there_is_no_group(tmp_path: Path) -> None:
    assert read(tmp_path, None).ha.policy().group() is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"defaultGroup": "por"}, "defaultGroup: names no group (did you mean pro?). Correct it."),
        ({"defaultCooldownMs": -1}, "defaultCooldownMs: must be at least 0. Write a larger number."),
        ({"defaultCooldownMs": "5s"}, "defaultCooldownMs: must be a whole number (got a string). Write it as 3."),
        ({"errorHandling": {"quotaErrorAction": "next"}}, "errorHandling.quotaErrorAction: must be 'stop', 'retry', "),
        ({"returnMaxCost": -0.1}, "returnMaxCost: must be at least 0"),
        ({"whenExhausted": "sleep"}, "whenExhausted: must be 'stop' or 'wait'"),
        ({"groups": {"pro": {"entries": [{"id": "a/"}]}}}, 'groups.pro.entries[0].id: must be "provider/model" or'),
        ({"groups": {"pro": {"entries": [{"model": "a/b"}]}}}, 'groups.pro.entries[0]: "id" is missing. Add it.'),
        ({"groups": {"pro": {"entries": "a/b"}}}, "groups.pro.entries: must be a list (got a string)"),
        ({"credentials": {"a": {"primary": {"type": "key"}}}}, "credentials.a.primary"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_field_and_loses_only_itself(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    found = read(tmp_path, {**SEED, **change})
    (problem,) = found.problems
    assert problem.line is not None
    assert said in str(problem)
    assert problem.path == tmp_path / "agent" / "ha.json"
    assert found.ha.when_exhausted == "stop"
    assert "pro" in found.ha.groups or "entries" in str(problem)


def test_t51_a_malformed_file_switches_groups_off_and_says_where(tmp_path: Path) -> None:
    text = '{\n  "groups": {\n    "pro": {"entries": [}\n}'
    found = read(tmp_path, text)
    assert found.ha.policy().group() is None
    (problem,) = found.problems
    assert "ha.json, line 3: is not valid JSON: a value is missing or misspelt here (column 25)" in str(problem)
    assert (tmp_path / "agent" / "ha.json").read_text() == text


def test_unknown_keys_are_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    file = {**SEED, "retunMaxCost": 1, "errorHandling": {"capacityErorAction": "stop"}}
    (notice,) = read(tmp_path, file).notices
    assert "errorHandling.capacityErorAction (did you mean capacityErrorAction?)" in notice
    assert "retunMaxCost (did you mean returnMaxCost?)" in notice


def test_keys_beside_the_labels_of_accounts_are_no_accounts(tmp_path: Path) -> None:
    accounts = {
        "type": "api_key",
        "primary": {"type": "api_key", "key": "k0"},
        "spare": {"type": "api_key", "key": "k1"},
        "__meta": {"defaultName": "spare"},
    }
    found = read(tmp_path, {"credentials": {"a": accounts}})
    assert (found.problems, found.notices) == ((), ())
    assert list(found.ha.stored()["a"]) == ["spare", "primary"]


@pytest.mark.parametrize("trusted", [False, True])
def test_a_project_may_reorder_and_narrow_groups_and_nothing_else(tmp_path: Path, trusted: bool) -> None:
    user = {"groups": {"g": {"entries": [{"id": "a/A"}, {"id": "b/B", "cooldownMs": 5}]}, "h": {"entries": []}}}
    project = {
        "groups": {"g": {"entries": [{"id": "b/B", "cooldownMs": 9}, {"id": "evil/E"}]}, "mine": {"entries": []}},
        "defaultGroup": "h",
        "credentials": {"a": {"primary": {"type": "api_key", "key": "theirs"}}},
    }
    found = read(tmp_path, user, project, trusted=trusted)
    policy = found.ha.policy()
    assert [(entry.id, entry.cooldown_s) for entry in policy.groups["g"].entries] == [("b/B", 0.005)]
    assert set(policy.groups) == {"g", "h"}
    assert policy.default_group == "h"
    assert found.ha.stored() == {}
    assert any("a project may only reorder and narrow your groups; ignored: credentials." in n for n in found.notices)


def test_a_project_that_names_none_of_a_groups_entries_changes_nothing() -> None:
    user = HaFile.model_validate({"groups": {"g": {"entries": [{"id": "a/A"}]}}})
    project = ProjectHa.model_validate({"groups": {"g": {"entries": [{"id": "z/Z"}]}}, "defaultGroup": "g"})
    assert [entry.id for entry in narrowed(user, project).groups["g"].entries] == ["a/A"]
