"""`pi-fallback auth`: accounts on the command line, as a user has them."""

import json
import os
import pty
import signal
import subprocess
import termios
from typing import Any

import pytest

from pi_fallback.testing import For, Ok, RunningFaultServer, Status, running_fault_server
from tests.e2e.user import PROGRAM, TIMEOUT_S, Done, User

K0, K1, K2 = "sk-auth-first-0000", "sk-auth-second-111", "sk-auth-third-2222"
LIMIT = Status(429, headers={"retry-after": "7200"})


def server(user: User, a: RunningFaultServer) -> None:
    user.write("models.json", {"providers": {"a": {"baseUrl": a.base_url, "models": [{"id": "A"}]}}})


def add(user: User, key: str, *arguments: str) -> Done:
    return user.run("auth", "add", "a", *arguments, stdin=f"{key}\n")


def file(user: User, name: str) -> Any:
    return json.loads((user.agent_dir / name).read_text())


def rows(user: User) -> list[list[str]]:
    done = user.run("auth", "list")
    assert done.code == 0
    return [line.split(maxsplit=4) for line in done.out.splitlines()]


def stored(key: str) -> dict[str, str]:
    return {"type": "api_key", "key": key}


@pytest.fixture
def offline(user: User) -> User:
    """A user with one provider, which is never asked."""
    user.write("models.json", {"providers": {"a": {"baseUrl": "http://127.0.0.1:9/v1", "models": [{"id": "A"}]}}})
    return user


def test_two_keys_and_no_group_the_second_one_stands_in_for_the_first(user: User) -> None:
    with running_fault_server({For(key=K0): LIMIT, For(key=K1): Ok("from the second")}) as a:
        server(user, a)
        user.settings()
        assert add(user, K0).out == "a primary is stored in auth.json.\n"
        assert not (user.agent_dir / "ha.json").exists()
        assert add(user, K1).out == "a backup-1 is stored in ha.json.\n"
        done = user.run("-p", "hello")
        assert (done.code, done.out) == (0, "from the second\n")
        assert [request.key for request in a.requests] == [K0, K1]
        assert rows(user)[0][:4] == ["a", "primary", "key", "auth.json"]
        assert rows(user)[0][4].startswith("rests until ")
        assert rows(user)[1] == ["a", "backup-1", "key", "ha.json", "usable"]
        # Who takes the label of another does not take over its rest.
        user.run("auth", "remove", "a", "primary", "--yes")
        assert add(user, K2, "--label", "primary").code == 0
        assert [row[4] for row in rows(user)] == ["usable", "usable"]


def test_what_is_added_is_private_whole_and_nowhere_shown(offline: User) -> None:
    shown = [add(offline, K0), add(offline, K1), add(offline, K2, "--label", "work@x.test")]
    shown += [offline.run("auth", "list"), offline.run("auth", "sync"), offline.run("auth", "list", "a")]
    assert [done.code for done in shown] == [0] * 6
    for done in shown:
        assert not any(key in done.out + done.err for key in (K0, K1, K2))
    assert file(offline, "auth.json") == {"a": stored(K0)}
    credentials = {"primary": stored(K0), "backup-1": stored(K1), "work@x.test": stored(K2)}
    assert file(offline, "ha.json") == {"credentials": {"a": credentials}}
    for name in ("auth.json", "ha.json"):
        assert (offline.agent_dir / name).stat().st_mode & 0o777 == 0o600


def test_on_a_terminal_the_key_is_asked_for_and_not_shown(offline: User) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "auth", "add", "a"],
        cwd=offline.folder,
        env=offline.environ,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as program:
        seen = b""
        while b"not shown" not in seen:
            seen += os.read(ours, 1024)
        os.write(ours, f"{K0}\n".encode())
        assert program.wait(TIMEOUT_S) == 0
    os.set_blocking(ours, False)
    seen += os.read(ours, 4096)
    assert K0.encode() not in seen
    assert file(offline, "auth.json") == {"a": stored(K0)}
    os.close(ours)
    os.close(theirs)


def test_after_a_stop_the_key_is_asked_for_again_and_still_not_shown(offline: User) -> None:
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "auth", "add", "a"]
    with subprocess.Popen(
        command, cwd=offline.folder, env=offline.environ, stdin=theirs, stderr=theirs, start_new_session=True
    ) as program:
        seen = b""
        while seen.count(b"not shown") < 1:
            seen += os.read(ours, 1024)
        program.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WNOWAIT)
        modes = termios.tcgetattr(theirs)
        modes[3] |= termios.ECHO  # as a shell does that takes its terminal back
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
        program.send_signal(signal.SIGCONT)
        while seen.count(b"not shown") < 2:
            seen += os.read(ours, 1024)
        os.write(ours, f"{K0}\n".encode())
        assert program.wait(TIMEOUT_S) == 0
    os.set_blocking(ours, False)
    seen += os.read(ours, 4096)
    assert K0.encode() not in seen
    assert file(offline, "auth.json") == {"a": stored(K0)}
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("reference", "kept", "where"),
    [
        ("env:MY_KEY", "$MY_KEY", "auth.json"),
        ("$MY_KEY", "$MY_KEY", "auth.json"),
        ("!pass show a", "!pass show a", "auth.json"),
        ("keyring:a", "keyring:a", "ha.json"),  # pi would take that for the key itself
    ],
)
def test_a_reference_may_be_an_argument_and_is_kept_as_one(
    offline: User, reference: str, kept: str, where: str
) -> None:
    done = offline.run("auth", "add", "a", "--from", reference)
    assert (done.code, done.out) == (0, f"a primary is stored in {where}.\n")
    account = file(offline, "auth.json")["a"] if where == "auth.json" else file(offline, "ha.json")["credentials"]["a"]
    assert account in (stored(kept), {"primary": stored(kept)})


def test_a_key_beside_one_of_the_environment_is_a_backup_of_it(user: User) -> None:
    done = user.run("auth", "add", "groq", stdin=K1, env={"GROQ_API_KEY": K0})
    assert done.out == "groq backup-1 is stored in ha.json.\n"
    listed = user.run("auth", "list", env={"GROQ_API_KEY": K0}).out.splitlines()
    assert [line.split()[:4] for line in listed] == [
        ["groq", "primary", "key", "$GROQ_API_KEY"],
        ["groq", "backup-1", "key", "ha.json"],
    ]
    for arguments, remedy in {
        ("remove", "groq", "primary", "-y"): "Remove it there.",
        ("activate", "groq", "primary"): "To have it here too: pi-fallback auth add groq",
        ("rename", "groq", "primary", "x"): "To have it here too: pi-fallback auth add groq",
        ("order", "groq", "backup-1", "primary"): "To have it here too: pi-fallback auth add groq",
    }.items():
        refused = user.run("auth", *arguments, env={"GROQ_API_KEY": K0})
        assert refused.code == 2
        assert f"groq primary stands in $GROQ_API_KEY. {remedy}" in refused.err


def test_a_key_of_the_environment_that_is_stored_too_is_listed_with_both_places_and_can_be_removed(user: User) -> None:
    environ = {"GROQ_API_KEY": K0}
    assert user.run("auth", "add", "groq", stdin=K0, env=environ).out == "groq backup-1 is stored in ha.json.\n"
    assert user.run("auth", "list", env=environ).out == "groq  backup-1  key  $GROQ_API_KEY, ha.json  usable\n"
    removed = user.run("auth", "remove", "groq", "backup-1", "-y", env=environ)
    assert removed.out == "groq backup-1 is removed.\nIts key still stands in $GROQ_API_KEY.\n"
    assert file(user, "ha.json") == {"credentials": {}}
    assert user.run("auth", "list", env=environ).out == "groq  primary  key  $GROQ_API_KEY  usable\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("add", "groqq"), K1, "There is no provider 'groqq'. Did you mean groq?"),
        (("add", "zzz"), K1, "`pi-fallback models --all` shows them."),
        (("add", "a"), "", "The key is empty."),
        (("add", "a"), "two words", "The key holds spaces"),
        (("add", "a"), "!pass show x", "That is where a key stands, not the key. Give it with --from."),
        (("add", "a"), K0, "This account of a is stored already, as primary."),
        (("add", "a", "--label", "my key"), K1, "'my key' is no label."),
        (("add", "a", "--label", "__meta"), K1, "__meta means something else in ha.json."),
        (("add", "a", "--label", "backup-1"), K2, "a has an account backup-1 already."),
        (("add", "a", "--from", K2), "", "--from takes where a key stands"),
        (("add", "a", "--from", "!"), "", "There is no command behind the !."),
        (("add", "openai-codex"), K2, "openai-codex needs a login"),
        (("remove", "a", "nobody", "-y"), "", "a has no account 'nobody'. It has primary, backup-1."),
        (("remove", "a", "backup-1"), "", "To remove a backup-1 unasked, say --yes."),
        (("rename", "a", "primary", "backup-1"), "", "a has an account backup-1 already."),
        (("rename", "a", "nobody", "x"), "", "ha.json has no account 'nobody' of a. It has primary, backup-1."),
        (("order", "a", "nobody"), "", "ha.json has no account 'nobody' of a."),
        (("activate", "a", "type"), "", "ha.json has no account 'type' of a."),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    offline: User, arguments: tuple[str, ...], stdin: str, said: str
) -> None:
    add(offline, K0)
    add(offline, K1)
    before = {name: (offline.agent_dir / name).read_bytes() for name in ("auth.json", "ha.json")}
    done = offline.run("auth", *arguments, stdin=stdin)
    assert done.code == 2
    assert said in done.err
    assert {name: (offline.agent_dir / name).read_bytes() for name in before} == before
    for key in (K0, K1, K2):
        assert key not in done.out + done.err


def test_accounts_are_put_in_order_renamed_activated_and_removed(offline: User) -> None:
    for key in (K0, K1, K2):
        add(offline, key)
    assert offline.run("auth", "order", "a", "backup-2", "backup-1").code == 0
    assert [row[1] for row in rows(offline)] == ["primary", "backup-2", "backup-1"]  # the live one is the first
    assert offline.run("auth", "rename", "a", "backup-2", "work").code == 0
    assert offline.run("auth", "activate", "a", "work").code == 0
    assert [row[1] for row in rows(offline)] == ["work", "backup-1", "primary"]
    assert file(offline, "auth.json") == {"a": stored(K2)}
    removed = offline.run("auth", "remove", "a", "work", "--yes")
    assert removed.out == "a work is removed.\na backup-1 is in auth.json now.\n"
    assert file(offline, "auth.json") == {"a": stored(K1)}
    assert [row[1] for row in rows(offline)] == ["backup-1", "primary"]


def test_what_needs_no_second_file_leaves_not_even_its_lock(offline: User) -> None:
    add(offline, K0)
    assert add(offline, K0).code == 2
    offline.run("auth", "remove", "a", "nobody", "-y")
    assert offline.run("auth", "activate", "a", "nobody").code == 2
    assert {path.name for path in offline.agent_dir.glob("*.json*")} == {"auth.json", "models.json"}


def test_the_only_account_can_be_removed_and_leaves_no_second_file(offline: User) -> None:
    add(offline, K0)
    assert offline.run("auth", "remove", "a", "primary", "-y").code == 0
    assert file(offline, "auth.json") == {}
    assert not (offline.agent_dir / "ha.json").exists()
    assert offline.run("auth", "list").out == "No account was found. Add one: pi-fallback auth add PROVIDER\n"


@pytest.mark.parametrize("command", ["add", "activate"])
@pytest.mark.parametrize(
    "odd",
    [
        K2,
        None,
        [],
        {"type": "wat", "key": K2},
        {"type": "api_key"},
        {"type": "api_key", "key": 5},
        {"type": "oauth", "refresh": 5},
    ],
    ids=str,
)
def test_what_is_no_account_in_auth_json_is_never_written_over(offline: User, odd: Any, command: str) -> None:
    offline.write("auth.json", {"a": odd})
    if command == "activate":
        offline.write("ha.json", {"credentials": {"a": {"primary": stored(K1)}}})
    done = add(offline, K0) if command == "add" else offline.run("auth", "activate", "a", "primary")
    assert done.code == 2
    assert "auth.json has something for a that is no known account. Remove it there first." in done.err
    assert file(offline, "auth.json") == {"a": odd}
    assert K2 not in done.out + done.err


def test_a_login_that_is_not_whole_is_kept_beside_a_new_key(offline: User) -> None:
    offline.write("auth.json", {"a": (odd := {"type": "oauth", "access": K2})})
    assert add(offline, K0).code == 0
    assert odd in [file(offline, "auth.json")["a"], *file(offline, "ha.json")["credentials"]["a"].values()]


@pytest.mark.parametrize("odd", [K2, [], None, 5], ids=str)
def test_accounts_of_another_shape_in_ha_json_are_never_written_over(offline: User, odd: Any) -> None:
    offline.write("auth.json", {"a": stored(K0)})
    offline.write("ha.json", {"credentials": {"a": odd}})
    for done in (add(offline, K1), add(offline, K1, "--label", "x"), offline.run("auth", "activate", "a", "x")):
        assert done.code == 2
        assert K2 not in done.out + done.err
    assert (
        '"a" of "credentials" in ha.json is not an object of accounts. Correct it there first.' in add(offline, K1).err
    )
    assert file(offline, "auth.json") == {"a": stored(K0)}
    assert file(offline, "ha.json") == {"credentials": {"a": odd}}


@pytest.mark.parametrize("name", ["auth.json", "ha.json"])
def test_an_unparsable_file_is_named_and_kept(offline: User, name: str) -> None:
    add(offline, K0)
    add(offline, K1)
    (offline.agent_dir / name).write_text('{"a": ')
    done = add(offline, K2)
    assert done.code == 2
    assert f"{name}, line 1" in done.err
    assert (offline.agent_dir / name).read_text() == '{"a": '


@pytest.mark.parametrize("name", ["auth.json", "ha.json"])
def test_a_read_only_file_is_left_as_it_is_and_the_remedy_is_said(offline: User, name: str) -> None:
    add(offline, K0)
    add(offline, K1)
    path, before = offline.agent_dir / name, file(offline, name)
    path.chmod(0o400)
    done = add(offline, K2) if name == "ha.json" else offline.run("auth", "activate", "a", "backup-1")
    assert done.code == 2
    assert (
        f"~/.pi/agent/{name} could not be written: it is read-only; run chmod u+w on it. It is as it was." in done.err
    )
    assert (file(offline, name), path.stat().st_mode & 0o777) == (before, 0o400)


def test_a_start_stores_what_pi_has_logged_in_and_a_folder_that_cannot_be_written_stops_nothing(user: User) -> None:
    with running_fault_server({For(key=K1): [Ok("fine"), Ok("fine")]}) as a:
        server(user, a)
        user.settings()
        user.write("auth.json", {"a": stored(K1)})
        user.write("ha.json", {"credentials": {"a": {"primary": stored(K0)}}})
        (user.agent_dir / "auth.json.lock").write_text("")  # nobody can lock it
        done = user.run("-p", "hello")
        assert (done.code, done.out) == (0, "fine\n")
        assert done.err.count("The accounts were not synced: ") == 1
        (user.agent_dir / "auth.json.lock").unlink()
        assert user.run("-p", "hello").err == ""
        assert file(user, "ha.json")["credentials"]["a"] == {"primary": stored(K0), "backup-1": stored(K1)}
