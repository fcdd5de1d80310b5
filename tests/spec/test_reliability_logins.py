"""RK9, RK10 and the refresh in RF11: logins that several processes share, and answers that are lost."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import pytest

from pi_fallback.errors import LoginNeeded
from pi_fallback.testing import OAuthServer, Trouble, running_oauth_server
from tests.credentials.logins import PLACE, Room, entry

pytestmark = pytest.mark.anyio

PROCESSES, ROUNDS = 16, 20
LIFE_S = 3600.0
START_S = 1_000_000.0


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@contextmanager
def user(folder: Path, server: OAuthServer) -> Generator["subprocess.Popen[str]"]:
    arguments = [sys.executable, "-m", "tests.spec.login_user", str(folder), server.origin]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@pytest.mark.timeout(300)
def test_rk9_processes_that_share_a_rotating_login_renew_it_once_each_time_it_expires(room: Room) -> None:
    with running_oauth_server(life_s=LIFE_S) as server, ExitStack() as stack:
        room.write({"acme": entry(server.issue())})
        users = [stack.enter_context(user(room.folder, server)) for _ in range(PROCESSES)]
        assert [line_of(process) for process in users] == ["ready"] * PROCESSES
        for number in range(ROUNDS):
            for process in users:
                tell(process, str(START_S + number * 2 * LIFE_S))
            tokens = {line_of(process) for process in users}
            assert tokens == {room.kept()["acme"]["access"]}
            assert tokens == server.grants.live
            assert (server.grants.refreshes, server.grants.reuses) == (number + 1, 0)


async def test_rk9_failure_keeps_the_old_token_and_trouble_is_not_revocation(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        kept = room.auth.read_bytes()
        server.trouble(Trouble(status=502), Trouble(status=429))
        for _ in range(2):
            with pytest.raises(Exception, match="Try again") as failed:
                await refresher.renewed(PLACE, server.endpoints, old.access)
            assert not isinstance(failed.value, LoginNeeded)
            assert room.auth.read_bytes() == kept
        login = await refresher.renewed(PLACE, server.endpoints, old.access)
        assert login.access == json.loads(room.auth.read_bytes())["acme"]["access"]


async def test_rk10_after_a_lost_answer_the_one_repeat_says_that_a_login_is_needed(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        kept = room.auth.read_bytes()
        server.trouble(Trouble(lost=True))
        for _ in range(2):
            with pytest.raises(LoginNeeded, match=r"after an answer was lost\. Log in again: /login acme"):
                await refresher.renewed(PLACE, server.endpoints, old.access)
        assert (len(server.asked), server.grants.reuses) == (2, 1)
        assert room.auth.read_bytes() == kept


async def test_rf11_an_abort_in_a_refresh_frees_the_caller_and_loses_no_token(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(after_s=0.3))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refresher.renewed, PLACE, server.endpoints, old.access)
            await server.wait_for_requests(1)
            aborted_at = anyio.current_time()
            tasks.cancel_scope.cancel()
        assert anyio.current_time() - aborted_at < 0.2
        login = await refresher.renewed(PLACE, server.endpoints, old.access)
        assert ({login.access}, server.grants.refreshes) == (server.grants.live, 1)
        assert room.kept()["acme"]["access"] == login.access
