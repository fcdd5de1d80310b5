"""Files that are edited while the agent works, as far as spec ids promise: RP9."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pi_fallback.credentials.vault import Vault
from pi_fallback.live_pool import LivePool
from pi_fallback.preparing import Options, World, prepare
from pi_fallback.runtime import feed
from pi_fallback.runtime.signals import Signals

MODELS = {
    name: {"baseUrl": f"http://127.0.0.1:9/{name}", "api": "openai-completions", "models": [{"id": name.upper()}]}
    for name in "abc"
}
FIRST: Mapping[str, object] = {
    "settings.json": {"enabledModels": ["a/A"]},
    "ha.json": {"groups": {"g": {"entries": [{"id": "a/A"}]}}},
    "auth.json": {"a": {"type": "api_key", "key": "sk-first"}},
}
SECOND: Mapping[str, object] = {
    "settings.json": {"enabledModels": ["b/B"]},
    "ha.json": {"groups": {"g": {"entries": [{"id": "b/B"}]}}},
    "auth.json": {"b": {"type": "api_key", "key": "sk-other"}},
}
Write = Callable[[Path, str], None]
each_file = pytest.mark.parametrize("name", FIRST)


class Working:
    """An agent at work on the file `name` alone, as far as it looks at files: a minute passes at each look."""

    def __init__(self, room: Path, name: str) -> None:
        agent_dir = room / "home" / ".pi" / "agent"
        agent_dir.mkdir(parents=True)
        # Of auth.json it shows in which models have an account that these providers want one.
        keys = {} if name == "auth.json" else {"apiKey": "sk-models"}
        self.path = agent_dir / name
        in_place(agent_dir / "models.json", json.dumps({"providers": {n: {**m, **keys} for n, m in MODELS.items()}}))
        in_place(self.path, json.dumps(FIRST[name]))
        self.now, self.told = 0.0, list[str]()
        signals = Signals()
        self.end = signals.listen(self._hear)
        self.setup = prepare(Options(cwd=room, without_plugins=()), World(environ={}, home=room / "home"))
        vault = Vault(self.setup.accounts, {}, self.setup.redactor, wall=lambda: 0.0)
        self.pool = LivePool(self.setup, signals, lambda: self.now, vault)
        assert self.first_model() == "a"

    def _hear(self, item: feed.FeedItem) -> None:
        assert isinstance(item, feed.Noticed)
        self.told.append(item.text)

    def first_model(self) -> str:
        """The provider that is preferred a minute later."""
        self.now += 60.0
        return self.pool().order[0].provider


def in_place(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def in_place_at_the_same_moment(path: Path, text: str) -> None:
    moment = path.stat().st_mtime_ns
    in_place(path, text + "\n")
    os.utime(path, ns=(moment, moment))


def replaced_at_the_same_moment(path: Path, text: str) -> None:
    moment = path.stat().st_mtime_ns
    new = path.with_name("new")
    in_place(new, text)
    os.utime(new, ns=(moment, moment))
    new.replace(path)


def put_back_from_the_past(path: Path, text: str) -> None:
    in_place(path, text)
    os.utime(path, (1.0, 1.0))


@pytest.mark.parametrize(
    "write", [in_place, in_place_at_the_same_moment, replaced_at_the_same_moment, put_back_from_the_past]
)
@each_file
def test_rp9_an_edit_counts_however_it_is_written(tmp_path: Path, name: str, write: Write) -> None:
    working = Working(tmp_path, name)
    write(working.path, json.dumps(SECOND[name]))
    assert working.first_model() == "b"
    assert working.told == []


@pytest.mark.parametrize("broken", ["{ oops", "[]", "", '{"a": {"type": 3}, "groups": 3, "enabledModels": 3}'])
@each_file
def test_rp9_while_a_file_is_broken_the_last_good_one_counts_and_that_is_said_once(
    tmp_path: Path, name: str, broken: str
) -> None:
    working = Working(tmp_path, name)
    for moment in range(1, 6):  # saved again and again
        in_place(working.path, broken)
        os.utime(working.path, (moment, moment))
        assert working.first_model() == "a"
    assert len(working.told) == 1, working.told
    assert str(working.path) in working.told[0]
    in_place(working.path, json.dumps(SECOND[name]))
    assert working.first_model() == "b"
    assert len(working.told) == 1
    in_place(working.path, broken)
    for _ in range(2):
        assert working.first_model() == "b"
    assert len(working.told) == 2


@each_file
def test_rp9_a_file_that_others_may_write_does_not_count_until_it_is_the_users_alone(tmp_path: Path, name: str) -> None:
    working = Working(tmp_path, name)
    in_place(working.path, json.dumps(SECOND[name]))
    working.path.chmod(0o666)
    for _ in range(2):
        assert working.first_model() == "a"
    assert len(working.told) == 1
    working.path.chmod(0o600)
    assert working.first_model() == "b"
