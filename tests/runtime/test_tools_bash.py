"""`bash`: real processes, and what is left of them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from pi_fallback.runtime.tools.environment import filtered
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback.runtime.tools.limits import MAX_BYTES
from pi_fallback.runtime.tools.processes import send
from tests.runtime.tool_box import ToolBox

pytestmark = pytest.mark.anyio


@pytest.fixture
def box(tmp_path: Path) -> ToolBox:
    return ToolBox(tmp_path, {"PATH": os.environ["PATH"]})


async def has_ended(pid: int) -> bool:
    """Say whether the process ends within a second. One that is dead and waits for its parent has ended."""
    with anyio.move_on_after(1):
        while True:
            try:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    return True
            except (FileNotFoundError, ProcessLookupError):
                return True
            await anyio.sleep(0.005)
    return False


async def pids_in(file: Path, count: int) -> list[int]:
    with anyio.fail_after(10):
        while not file.exists() or len(pids := file.read_text().split()) < count:
            await anyio.sleep(0.005)
    return [int(pid) for pid in pids]


async def test_it_runs_in_the_folder_and_joins_both_outputs_in_order(box: ToolBox) -> None:
    output = await box.call("bash", command="echo one; echo two >&2; echo three; pwd")
    assert output.content[0].text == f"one\ntwo\nthree\n{box.cwd}"
    assert not output.is_error


async def test_an_exit_code_is_an_error_that_keeps_the_output(box: ToolBox) -> None:
    output = await box.call("bash", command="echo broken; exit 3")
    assert (output.content[0].text, output.is_error) == ("broken\n\n[Exit code 3.]", True)


async def test_no_output_is_said(box: ToolBox) -> None:
    assert await box.text("bash", command="true") == "[No output.]"


async def test_there_is_no_stdin_to_wait_for(box: ToolBox) -> None:
    assert await box.text("bash", command="cat; echo done") == "done"


async def test_output_is_shown_while_it_comes(box: ToolBox) -> None:
    go = box.cwd / "go"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(box.text_of_bash, f"echo first; until [ -e {go} ]; do sleep 0.01; done; echo last")
        with anyio.fail_after(10):
            while "first" not in "".join(box.shown):
                await anyio.sleep(0.005)
        assert "last" not in "".join(box.shown)
        go.touch()
    assert "".join(box.shown) == "first\nlast\n"


async def test_huge_output_keeps_its_end_and_is_whole_in_a_file(box: ToolBox) -> None:
    text = await box.text("bash", command="seq 200000")
    shown, _, note = text.rpartition("\n\n")
    assert shown.endswith("199999\n200000")
    assert len(shown) <= MAX_BYTES
    assert shown.count("\n") < 2000
    file = Path(re.search(r"The whole output: (\S+)\]", note)[1])
    assert file.read_text() == "".join(f"{n}\n" for n in range(1, 200_001))
    assert file.stat().st_mode & 0o077 == 0
    file.unlink()


async def test_an_endless_output_ends_with_the_time_and_bounded_memory(box: ToolBox) -> None:
    output = await box.call("bash", command="yes 0123456789", timeout=0.5)
    assert output.is_error
    assert "[Killed after 0.5 s. Give it a longer `timeout`" in output.content[0].text
    assert len(output.content[0].text) < MAX_BYTES + 1000
    assert sum(map(len, box.shown)) < 1 << 20
    file = Path(re.search(r": (/\S+)\]", output.content[0].text)[1])
    assert file.stat().st_size < 65 << 20
    file.unlink()


async def test_binary_output_is_made_legible(box: ToolBox) -> None:
    text = await box.text("bash", command=r"printf 'a\0b\377c'")
    assert text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


async def test_a_child_that_ignores_sigterm_is_killed_at_the_timeout(box: ToolBox) -> None:
    command = "trap '' TERM; (trap '' TERM; echo $BASHPID >> pids; while :; do sleep 1; done) & echo $$ >> pids; wait"
    output = await box.call("bash", command=command, timeout=0.5)
    assert output.is_error
    for pid in await pids_in(box.cwd / "pids", 2):
        assert await has_ended(pid)


async def test_a_cancel_kills_the_whole_group_within_200_ms(box: ToolBox) -> None:
    command = "trap '' TERM; (trap '' TERM; echo $BASHPID >> pids; sleep 1000) & echo $$ >> pids; wait"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(box.text_of_bash, command)
        pids = await pids_in(box.cwd / "pids", 2)
        tasks.cancel_scope.cancel()
        before = anyio.current_time()
    assert anyio.current_time() - before < 0.2
    for pid in pids:
        assert await has_ended(pid)


SLEEPER = 'echo $$ >> pids; trap "" TERM; while :; do sleep 1; done'
LEAVES = {
    "its session": f"setsid bash -c '{SLEEPER}' &",
    "its parent": f"(setsid bash -c '{SLEEPER}' &) &",
    "its environment": f"env -i setsid bash -c '{SLEEPER}' &",
}


@pytest.mark.parametrize("how", LEAVES.values(), ids=LEAVES.keys())
async def test_a_child_that_left_is_killed_too(box: ToolBox, how: str) -> None:
    command = f"{how} until [ -s pids ]; do sleep 0.01; done; sleep 1000"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(box.text_of_bash, command)
        (pid,) = await pids_in(box.cwd / "pids", 1)
        tasks.cancel_scope.cancel()
    assert await has_ended(pid)


async def test_a_child_that_left_and_keeps_the_output_open_is_killed_and_named(box: ToolBox) -> None:
    text = await box.text("bash", command="setsid sleep 1000 & echo $! > pids; echo started")
    assert "[It left a process behind that kept the output open; that one was killed." in text
    assert await has_ended((await pids_in(box.cwd / "pids", 1))[0])


def test_what_may_not_be_killed_is_known() -> None:
    # Not SIGCONT: a process may send that one to all of its session, whoever owns them.
    program = (
        "import os, signal, sys; from pi_fallback.runtime.tools.processes import send\n"
        "os.setuid(65534)\n"
        "print(send(signal.SIGURG, [int(sys.argv[1]), 2**22 + 1]))"
    )
    if os.getuid() == 0:
        with subprocess.Popen(["sleep", "1000"], start_new_session=True) as others:
            said = subprocess.check_output([sys.executable, "-c", program, str(others.pid)], text=True)
            others.kill()
        assert said == f"frozenset({{{others.pid}}})\n"
    assert send(signal.SIGURG, [os.getpid(), 2**22 + 1]) == frozenset()


async def test_a_command_in_a_command_ends_with_it(box: ToolBox) -> None:
    box.environ = {**box.environ, "PI_FALLBACK_COMMAND": "outer"}
    assert re.fullmatch(r"outer [0-9a-f]{32}", await box.text("bash", command="echo $PI_FALLBACK_COMMAND"))


async def test_sigterm_comes_first_so_that_a_command_can_clean_up(box: ToolBox) -> None:
    text = await box.text("bash", command="trap 'echo cleaned; exit' TERM; while :; do sleep 0.01; done", timeout=0.3)
    assert "cleaned\n\n[Killed after 0.3 s." in text


async def test_a_grandchild_that_keeps_the_output_open_is_killed_and_named(box: ToolBox) -> None:
    output = await box.call("bash", command="sleep 1000 & echo $! > pids; echo started")
    assert not output.is_error
    assert output.content[0].text.startswith("started\n\n[It left a process behind that kept the output open")
    assert await has_ended((await pids_in(box.cwd / "pids", 1))[0])


async def test_a_server_with_its_own_output_goes_on(box: ToolBox) -> None:
    assert await box.text("bash", command="sleep 1000 >log 2>&1 & echo $! > pids; echo started") == "started"
    pid = (await pids_in(box.cwd / "pids", 1))[0]
    os.kill(pid, signal.SIGKILL)  # raises if it were gone
    assert await has_ended(pid)


@pytest.mark.parametrize(
    ("cwd", "command", "told"), [("gone", "ls", "could not be started in .*gone"), (".", "echo \0", "NUL character")]
)
async def test_what_cannot_be_started_is_said(box: ToolBox, cwd: str, command: str, told: str) -> None:
    box.cwd /= cwd
    with pytest.raises(ToolError, match=told):
        await box.call("bash", command=command)


async def test_the_child_gets_an_environment_without_secrets(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "LANG": "C",
        "ACME_API_KEY": "k1",
        "GITHUB_TOKEN": "k2",
        "HARMLESS": "https://u:sk-canary-123@host/",
    }
    box = ToolBox(tmp_path, environ, secrets=("sk-canary-123",), allowed=("GITHUB_TOKEN",))
    names = {line.partition("=")[0] for line in (await box.text("bash", command="env")).splitlines()}
    assert names & set(environ) == {"PATH", "LANG", "GITHUB_TOKEN"}


LIKE_SECRETS = (
    "OPENAI_API_KEY ACME_KEY HF_TOKEN AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID PGPASSWORD my_secret "
    "GOOGLE_APPLICATION_CREDENTIALS OPENAIAPIKEY GH_PAT NPM_CONFIG__AUTHTOKEN"
)


@pytest.mark.parametrize("name", LIKE_SECRETS.split())
def test_a_name_that_looks_like_a_secret_is_left_out(name: str) -> None:
    assert filtered({name: "x"}) == {}
    assert filtered({name: "x"}, allowed=[name]) == {name: "x"}


@pytest.mark.parametrize("name", ["PATH", "TOKENIZERS_PARALLELISM", "SSH_AUTH_SOCK", "KEYBOARD", "PWD", "http_proxy"])
def test_other_names_stay(name: str) -> None:
    assert filtered({name: "x"}, secrets=["x"]) == {name: "x"}
