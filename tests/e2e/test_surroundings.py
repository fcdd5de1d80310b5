"""Surroundings that are not as they should be: closed streams, full disks, damaged state, odd names and locales."""

import os
import subprocess
from pathlib import Path

import pytest

from pi_fallback.testing import Ok, RunningFaultServer
from tests.e2e.user import PROGRAM, TIMEOUT_S, Done, User, written

ANSWER = "the answer: é ✓"


@pytest.fixture
def served(user: User, fault_server: RunningFaultServer) -> User:
    """A user with one model that answers."""
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", Ok(ANSWER))
    return user


def by_shell(user: User, script: str, *arguments: str | bytes, **env: str) -> Done:
    """Let a shell start the program as `script` says, where it is `"$@"`."""
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *PROGRAM, *arguments],
        cwd=user.folder,
        env=user.environ | env,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    ("script", "arguments", "expected"),
    [
        ('"$@" > /dev/full', ["-p", "x"], Done(1, "", "No space left on device.")),
        ('"$@" <&-', ["-p"], Done(2, "", "The prompt is empty.")),
        ('"$@" <&-', ["-p", "x"], Done(0, f"{ANSWER}\n", "")),
        ('"$@" 2>&-', ["-p", "x"], Done(0, f"{ANSWER}\n", "")),
        ('mkdir gone; cd gone; rmdir ../gone; "$@"', ["-p", "x"], Done(2, "", "This folder has been deleted.")),
        (
            'here=$PWD; mkdir gone; cd gone; rmdir ../gone; "$@" --cwd "$here"',
            ["-p", "x"],
            Done(0, f"{ANSWER}\n", ""),
        ),
    ],
    ids=["full disk", "no input and no prompt", "no input", "no errors", "deleted folder", "deleted but named"],
)
def test_the_program_can_do_with_what_the_shell_leaves_it(
    served: User, script: str, arguments: list[str], expected: Done
) -> None:
    done = by_shell(served, script, *arguments)
    assert (done.code, done.out) == (expected.code, expected.out)
    assert expected.err in done.err
    assert len(done.err.splitlines()) == (1 if expected.err else 0)


@pytest.mark.parametrize("arguments", [["-p", "x"], ["--mode", "json", "x"], ["--mode", "rpc"], ["models"], []])
def test_a_closed_output_is_refused_before_anything_is_done(
    served: User, fault_server: RunningFaultServer, arguments: list[str]
) -> None:
    done = by_shell(served, '"$@" >&-', *arguments)
    assert done == Done(2, "", "pi-fallback: Standard output is closed: nobody would get the answer. Open it.\n")
    assert len(fault_server.requests) == 0
    assert not (served.agent_dir / "pi-fallback").exists()


def test_bytes_that_are_no_text_become_marks_in_prompt_and_answer(
    served: User, fault_server: RunningFaultServer
) -> None:
    folder = Path(os.fsdecode(os.fsencode(served.folder) + b"/\xff"))
    folder.mkdir()
    done = by_shell(served, 'cd ./*; "$@"', "-p", b"caf\xe9", PYTHONIOENCODING="ascii")
    assert (done.code, done.out, done.err) == (0, "the answer: ? ?\n", "")
    assert str(fault_server.requests[0].messages[-1]["content"]).startswith("caf")
    assert by_shell(served, 'cd ./*; "$@"', "--continue", "-p", "again").code == 0


def test_a_damaged_ledger_is_told_and_replaced(served: User) -> None:
    ledger = written(served.agent_dir / "pi-fallback" / "ledger.sqlite3", "not a database " * 100)
    done = served.run("-p", "x")
    assert (done.code, done.out) == (0, f"{ANSWER}\n")
    assert f"{ledger} was damaged." in done.err
    assert served.run("-p", "x").err == ""


def test_a_session_that_cannot_be_saved_is_told_and_stops_nothing(served: User) -> None:
    written(served.agent_dir / "pi-fallback" / "sessions", "a file where the folder should be")
    done = served.run("-p", "x")
    assert (done.code, done.out) == (0, f"{ANSWER}\n")
    assert "The session cannot be saved in" in done.err


def test_a_broken_file_of_trust_stops_a_start_without_a_screen(served: User) -> None:
    written(served.agent_dir / "pi-fallback" / "trust.json", "{")
    done = served.run("-p", "x")
    assert (done.code, done.out) == (2, "")
    assert "trust.json, line 1: is not valid JSON" in done.err
