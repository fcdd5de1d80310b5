"""High availability of the whole program: accounts and groups of ha.json, over real sockets."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.testing import (
    For,
    Ok,
    RunningFaultServer,
    Status,
    Step,
    ToolCallScript,
    running_fault_server,
)
from tests.canary import canary
from tests.e2e.user import User

OVERLOADED = Status(529, body={"error": {"message": "Overloaded", "type": "overloaded_error"}})
KEYS = ("sk-a-primary-000", "sk-a-backup-1111", "sk-a-backup-2222")
LABELS = ("primary", "backup-1", "backup-2")


def set_up(user: User, servers: Mapping[str, RunningFaultServer], **more: Any) -> Path:
    """Three accounts at provider a, in ha.json alone; one at each other, in models.json; a group of all models."""
    providers = {
        name: {"baseUrl": server.base_url, "models": [{"id": name.upper()}]}
        | ({} if name == "a" else {"apiKey": canary(name)})
        for name, server in servers.items()
    }
    user.write("models.json", {"providers": providers})
    stored = {label: {"type": "api_key", "key": key} for label, key in zip(LABELS, KEYS, strict=True)}
    entries = [{"id": f"{name}/{name.upper()}"} for name in servers]
    file = {"groups": {"g": {"entries": entries}}, "defaultGroup": "g", "credentials": {"a": stored}}
    return user.write("ha.json", file | more)


def script(**by_key: Step) -> dict[For, Step]:
    return {For(key=KEYS[int(name[1:])]): step for name, step in by_key.items()}


def keys(server: RunningFaultServer) -> list[str | None]:
    return [request.key for request in server.requests]


def test_t01_t03_t39_accounts_then_the_next_entry_with_the_prompt_once_and_each_key_at_home(user: User) -> None:
    count = ToolCallScript("bash", {"command": "echo once >> counter"})
    a_moves = script(k0=Status(429), k1=Status(429))
    with (
        running_fault_server({**a_moves, For(key=KEYS[2]): [Ok("I count.", tools=[count]), Status(429)]}) as a,
        running_fault_server(Ok("from B")) as b,
    ):
        settings = user.settings(defaultProvider="a", defaultModel="A")
        before = settings.read_bytes()
        set_up(user, {"a": a, "b": b})
        done = user.run("-y", "-p", "count")
        assert (done.code, done.out) == (0, "from B\n")
        assert keys(a) == [*KEYS, KEYS[2]]
        assert keys(b) == [canary("b")]
        assert (user.folder / "counter").read_text() == "once\n"
        for request in (*a.requests, *b.requests):
            assert sum(message["role"] == "user" for message in request.messages) == 1
        assert settings.read_bytes() == before
        assert a.violations == b.violations == ()
        # A second agent on this machine sees what rests.
        again = user.run("-p", "again")
        assert again.out == "from B\n"
        assert len(a.requests) == 4


def test_t51_a_malformed_file_stops_a_headless_start_and_stays_as_it_is(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A")
    path = user.write("ha.json", '{"groups": {\n')
    done = user.run("-p", "hello")
    assert done.code == 2
    assert "ha.json, line 2: is not valid JSON" in done.err
    changed = user.run("ha", "group", "add", "g", "a/A")
    assert changed.code == 2
    assert path.read_text() == '{"groups": {\n'
    assert fault_server.requests == ()


def test_t52_t53_commands_run_when_their_key_is_used_and_again_only_if_they_failed(user: User) -> None:
    with running_fault_server(Ok("fine")) as a, running_fault_server(Ok("from B")) as b:
        user.settings()
        first = "!test -e tried && printf %s sk-from-a-command || { touch tried; exit 3; }"
        stored = {
            "primary": {"type": "api_key", "key": first},
            "backup-1": {"type": "api_key", "key": "!touch second; printf %s sk-second-0123"},
            "backup-2": {"type": "api_key", "key": "!touch third; printf %s sk-third-01234"},
        }
        set_up(user, {"b": b, "a": a}, credentials={"a": stored})
        assert user.run("-p", "hello").out == "from B\n"
        assert not (user.folder / "tried").exists()  # T53
        set_up(user, {"a": a, "b": b}, credentials={"a": stored})
        done = user.run("-p", "hello")
        assert done.out == "fine\n"
        assert keys(a) == ["sk-second-0123"]
        assert "The command ended with status 3." in done.err
        done = user.run("-p", "hello")
        assert keys(a) == ["sk-second-0123", "sk-from-a-command"]
        assert not (user.folder / "third").exists()
        for secret in ("sk-from-a-command", "sk-second-0123"):
            assert secret not in done.err + user.run("-p", "/ha-status").err


def test_t56_headless_the_answer_is_on_stdout_and_ha_answers_with_its_report(user: User) -> None:
    with running_fault_server(script(k0=Status(429), k1=Ok("from k1"))) as a:
        user.settings()
        path = set_up(user, {"a": a})
        done = user.run("-p", "hello")
        assert (done.code, done.out) == (0, "from k1\n")
        assert "rate_limit: the next account of a" in done.err
        shown = user.run("-p", "/ha")
        assert shown.code == 0
        assert "Group g: active, default" in shown.err
        assert "a primary (api_key, ha.json): rests, again " in shown.err
        assert "pi-fallback ha group add" in shown.err
        path.unlink()
        user.endpoints(a.base_url, a="A")
        assert "No group: the pool decides" in user.run("-p", "/ha").err
        assert not path.exists()


def test_a_group_may_be_chosen_on_the_command_line_and_an_unknown_one_is_said(user: User) -> None:
    with running_fault_server(Ok("from A")) as a, running_fault_server(Ok("from B")) as b:
        user.settings()
        groups = {"g": {"entries": [{"id": "a/A"}]}, "small": {"entries": [{"id": "b/B"}]}}
        set_up(user, {"a": a, "b": b}, groups=groups)
        assert user.run("-p", "hello").out == "from A\n"
        assert user.run("--ha-group", "small", "-p", "hello").out == "from B\n"
        unknown = user.run("--ha-group", "smal", "-p", "hello")
        assert unknown.out == "from A\n"
        assert "There is no group 'smal' (did you mean small?); g is used." in unknown.err


def test_with_wait_print_mode_stays_until_the_first_route_wakes(user: User) -> None:
    limited = Status(429, headers={"retry-after": "1"})
    with running_fault_server({For(key=KEYS[0]): [limited, Ok("well again")]}) as a:
        user.settings()
        one = {"primary": {"type": "api_key", "key": KEYS[0]}}
        set_up(user, {"a": a}, whenExhausted="wait", credentials={"a": one})
        done = user.run("-p", "hello")
        assert (done.code, done.out) == (0, "well again\n")
        assert "waiting: first route may be tried again" in done.err
        assert len(a.requests) == 2


def test_what_is_asked_for_in_a_group_is_in_play_beside_enabled_models(user: User) -> None:
    with running_fault_server(OVERLOADED) as a, running_fault_server(Ok("from B")) as b:
        user.settings("a/A")
        set_up(user, {"a": a, "b": b}, errorHandling={"capacityErrorAction": "next_provider"})
        assert user.run("-p", "hello").out == "from B\n"


def test_a_group_that_cannot_be_used_and_entries_that_name_nothing_are_said(user: User) -> None:
    with running_fault_server(Ok("from A")) as a:
        user.settings()
        set_up(user, {"a": a}, groups={"g": {"entries": [{"id": "anthropc"}, {"id": "a/X"}]}})
        done = user.run("-p", "hello")
        assert done.out == "from A\n"
        assert "the entry anthropc names nothing that is known here (did you mean anthropic?)" in done.err
        assert "no entry of the group g can be used; the other models are used instead." in done.err


def test_without_the_plugin_the_pool_decides(user: User) -> None:
    with running_fault_server(OVERLOADED) as a, running_fault_server(Ok("from B")) as b:
        user.settings()
        set_up(user, {"a": a, "b": b}, errorHandling={"capacityErrorAction": "stop"})
        stopped = user.run("-p", "hello")
        assert stopped.code == 1
        assert "Stopped by ha: capacityErrorAction is stop." in stopped.err
        assert user.run("--no-plugin", "ha", "-p", "hello").out == "from B\n"


@pytest.mark.parametrize("name", ["list", "add", "rename", "remove", "order", "default"])
def test_the_command_line_changes_groups_and_keeps_everything_else(user: User, name: str) -> None:
    path = user.write("ha.json", {"x": 1, "groups": {"g": {"entries": [{"id": "a/A"}, {"id": "b"}]}, "h": {}}})
    path.chmod(0o644)
    arguments = {
        "list": [],
        "add": ["new", "c/C", "--cooldown-ms", "5000"],
        "rename": ["h", "k"],
        "remove": ["g", "a/A"],
        "order": ["g", "b"],
        "default": ["h"],
    }
    done = user.run("ha", "group", name, *arguments[name])
    assert (done.code, done.err) == (0, "")
    file = json.loads(path.read_text())
    assert file["x"] == 1
    shown = {
        "list": "g\n  1. a/A\n  2. b\nh\n",
        "add": "g\n  1. a/A\n  2. b\nh\nnew\n  1. c/C  rests 5000 ms\n",
        "rename": "g\n  1. a/A\n  2. b\nk\n",
        "remove": "g\n  1. b\nh\n",
        "order": "g\n  1. b\n  2. a/A\nh\n",
        "default": "g\n  1. a/A\n  2. b\nh (default)\n",
    }
    assert done.out == shown[name]
    assert stat.S_IMODE(path.stat().st_mode) == (0o644 if name == "list" else 0o600)
    assert [entry.name for entry in path.parent.glob(".ha.json*")] == []


def test_from_nothing_to_a_failover_as_the_page_says(user: User) -> None:
    with running_fault_server(Ok("from A")) as a, running_fault_server(Ok("from B")) as b:
        user.write(
            "models.json",
            {
                "providers": {
                    name: {"baseUrl": s.base_url, "apiKey": canary(name), "models": [{"id": name.upper()}]}
                    for name, s in (("a", a), ("b", b))
                }
            },
        )
        assert user.run("ha", "group", "add", "pro", "a/A", "b").out == "pro (default)\n  1. a/A\n  2. b\n"
        with user.start("--mode", "rpc") as program:
            assert program.stdin is not None
            assert program.stdout is not None
            for message in ("/ha-mock-error quota_exhausted", "hello"):
                program.stdin.write(json.dumps({"type": "prompt", "message": message}) + "\n")
                program.stdin.flush()
            for line in program.stdout:
                if json.loads(line)["type"] == "agent_end":
                    break
        assert [request.model for request in (*a.requests, *b.requests)] == ["B"]


@pytest.mark.parametrize(
    ("action", "step", "asked"),
    [
        ("next_key_then_provider", OVERLOADED, [*KEYS]),
        ("next_provider", OVERLOADED, [KEYS[0]]),
        (None, Status(402), [*KEYS]),
    ],
)
def test_rf3_who_is_asked_after_want_of_capacity_is_the_files_word(
    user: User, action: str | None, step: Status, asked: list[str]
) -> None:
    with running_fault_server(step) as a, running_fault_server(Ok("from B")) as b:
        user.settings()
        set_up(user, {"a": a, "b": b}, errorHandling={"capacityErrorAction": action} if action else {})
        assert user.run("-p", "hello").out == "from B\n"
        assert keys(a) == asked


def test_a_wait_that_was_killed_is_told_as_unanswered_and_the_next_prompt_says_only_that_it_waits(
    user: User, fault_server: RunningFaultServer
) -> None:
    fault_server.play("A", [Status(429, headers={"Retry-After": "5"}), Ok("Here I am.")])
    user.endpoints(fault_server.base_url, a="A")
    groups = {"g": {"entries": [{"id": "a/A"}]}}
    user.write("ha.json", {"groups": groups, "whenExhausted": "wait"})
    with user.start("-p", "hello") as program:
        assert program.stderr is not None
        assert any("waiting: first route may be tried again" in line for line in program.stderr)
        program.kill()
        program.wait()
    done = user.run("-c", "-p", "are you there?")
    assert (done.code, done.out) == (0, "Here I am.\n")
    notice, wait = done.err.splitlines()
    assert "What you said last has not been answered: the session stopped before." in notice
    assert wait.startswith("waiting ")
    assert "s: a/A again at " in wait
    assert len(fault_server.requests) == 2
