"""Renewing a login: once, whoever asks; kept before it is used; and never worse than before."""

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pi_fallback.credentials.login_store import Place
from pi_fallback.credentials.redaction import MARK
from pi_fallback.credentials.refreshing import DEAD_S, Refresher
from pi_fallback.credentials.sources import Login
from pi_fallback.errors import CredentialError, LoginNeeded
from pi_fallback.testing import OAuthServer, Trouble
from pi_fallback_hookspecs import OAuthEndpoints
from tests.credentials.logins import BACKUP, PLACE, Room, entry

pytestmark = pytest.mark.anyio


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def test_a_login_is_kept_before_it_is_used_and_all_else_stays(room: Room) -> None:
    async with OAuthServer(life_s=600.0) as server, room.refresher() as refresher:
        old = server.issue()
        other = {"type": "api_key", "key": "sk-of-another"}
        room.write({"acme": entry(old, accountId="a-1", email="me@example.com"), "other": other})
        login = await refresher.renewed(PLACE, server.endpoints, old.access)
        kept = room.kept()
        assert login == Login(kept["acme"]["access"], room.now + 600.0, server.endpoints)
        assert kept["acme"]["access"] in server.grants.live
        assert (kept["acme"]["accountId"], kept["acme"]["email"], kept["other"]) == ("a-1", "me@example.com", other)
        assert kept["acme"]["refresh"] != old.refresh
        for secret in (*old, kept["acme"]["access"], kept["acme"]["refresh"]):
            assert room.redactor.clean(secret) == MARK


async def test_however_many_want_it_one_asks(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old, got = server.issue(), list[Login]()
        room.write({"acme": entry(old)})

        async def want() -> None:
            got.append(await refresher.renewed(PLACE, server.endpoints, old.access))

        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(want)
        assert (len(got), len({login.access for login in got}), server.grants.refreshes) == (50, 1, 1)


async def test_what_another_process_has_renewed_meanwhile_is_taken(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        worn, theirs = server.issue(), server.issue()
        room.write({"acme": entry(theirs, expires=(room.now + 3600.0) * 1000)})
        login = await refresher.renewed(PLACE, server.endpoints, worn.access)
        assert (login.access, server.asked) == (theirs.access, [])


async def test_what_another_process_has_renewed_and_let_expire_is_renewed(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        worn, theirs = server.issue(), server.issue()
        room.write({"acme": entry(theirs)})
        await refresher.renewed(PLACE, server.endpoints, worn.access)
        assert server.asked[0]["refresh_token"] == theirs.refresh


async def test_an_account_of_ha_json_is_renewed_there(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        live, spare = server.issue(), server.issue()
        room.write({"acme": entry(live)}, {"primary": entry(live), "backup-1": entry(spare, email="b@example.com")})
        login = await refresher.renewed(BACKUP, server.endpoints, spare.access)
        assert room.kept() == {"acme": entry(live)}
        assert room.stored()["primary"] == entry(live)
        assert (room.stored()["backup-1"]["access"], room.stored()["backup-1"]["email"]) == (
            login.access,
            "b@example.com",
        )


async def test_an_account_of_both_files_is_renewed_in_both(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        live = server.issue()
        room.write({"acme": entry(live)}, {"primary": entry(live, email="me@example.com")})
        login = await refresher.renewed(PLACE, server.endpoints, live.access)
        assert room.kept()["acme"]["access"] == room.stored()["primary"]["access"] == login.access
        assert room.kept()["acme"]["refresh"] == room.stored()["primary"]["refresh"]
        assert room.stored()["primary"]["email"] == "me@example.com"


@pytest.mark.parametrize("place", [PLACE, BACKUP])
async def test_a_login_that_is_gone_is_not_asked_for(room: Room, place: Place) -> None:
    room.write({}, {})
    async with OAuthServer() as server, room.refresher() as refresher:
        with pytest.raises(LoginNeeded, match=f"it is gone from {place.file}"):
            await refresher.renewed(place, server.endpoints, "worn-access-token")
        assert server.asked == []


async def test_a_refused_login_is_told_once_and_kept(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        before = room.auth.read_bytes()
        server.trouble(Trouble(error="invalid_grant"))
        for _ in range(3):
            with pytest.raises(LoginNeeded, match="login needed: it was not renewed, its server says invalid_grant"):
                await refresher.renewed(PLACE, server.endpoints, old.access)
        assert (len(server.asked), room.auth.read_bytes()) == (1, before)


async def test_a_login_that_was_refused_is_asked_for_again_after_a_while(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(error="invalid_grant"))
        with pytest.raises(LoginNeeded):
            await refresher.renewed(PLACE, server.endpoints, old.access)
        room.now += DEAD_S - 1
        with pytest.raises(LoginNeeded):
            await refresher.renewed(PLACE, server.endpoints, old.access)
        room.now += 1
        assert (await refresher.renewed(PLACE, server.endpoints, old.access)).access in server.grants.live


async def test_a_refusal_that_is_not_of_the_token_ends_no_login(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(error="invalid_client"))
        with pytest.raises(CredentialError, match="its server says invalid_client") as failed:
            await refresher.renewed(PLACE, server.endpoints, old.access)
        assert type(failed.value) is CredentialError
        assert (await refresher.renewed(PLACE, server.endpoints, old.access)).access in server.grants.live


async def test_a_token_that_an_exchange_does_not_know_needs_a_login(room: Room) -> None:
    async with OAuthServer(exchanges=True) as server, room.refresher() as refresher:
        room.write({"acme": {"type": "oauth", "access": "tid=old", "refresh": "revoked-token", "expires": 1}})
        with pytest.raises(LoginNeeded, match="its server says unknown_token"):
            await refresher.renewed(PLACE, server.endpoints, "tid=old")


@pytest.mark.parametrize("trouble", [Trouble(status=status) for status in (302, 403, 404, 429, 500, 503)], ids=str)
async def test_a_server_in_trouble_is_asked_again_another_time(room: Room, trouble: Trouble) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        before = room.auth.read_bytes()
        server.trouble(trouble)
        with pytest.raises(CredentialError, match=f"it answered with status {trouble.status}") as failed:
            await refresher.renewed(PLACE, server.endpoints, old.access)
        assert type(failed.value) is CredentialError
        assert room.auth.read_bytes() == before
        assert (await refresher.renewed(PLACE, server.endpoints, old.access)).access in server.grants.live


async def test_a_server_that_nobody_reaches_takes_nothing_away(room: Room, free_tcp_port: int) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        gone = OAuthEndpoints(client_id="c", token_url=f"http://127.0.0.1:{free_tcp_port}/token")
        with pytest.raises(CredentialError, match=r"could not be heard \(connect\)") as failed:
            await refresher.renewed(PLACE, gone, old.access)
        assert not isinstance(failed.value, LoginNeeded)
        assert room.kept() == {"acme": entry(old)}


async def test_after_a_lost_answer_a_patient_server_gives_another(room: Room) -> None:
    async with OAuthServer(rotates=False) as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(lost=True))
        assert (await refresher.renewed(PLACE, server.endpoints, old.access)).access in server.grants.live
        assert len(server.asked) == 2


async def test_a_caller_who_leaves_is_free_at_once_and_what_was_sent_is_kept(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(after_s=0.3))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refresher.renewed, PLACE, server.endpoints, old.access)
            await server.wait_for_requests(1)
            with anyio.fail_after(0.2):
                tasks.cancel_scope.cancel()
        await refresher.renewed(PLACE, server.endpoints, old.access)
        assert (room.kept()["acme"]["access"] in server.grants.live, server.grants.refreshes) == (True, 1)


async def test_a_request_does_not_wait_long_for_a_lock_that_nobody_gives_back(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        lock = room.auth.with_name("auth.json.lock")
        lock.mkdir()
        os.utime(lock, (room.now, room.now))
        refresher.locked_s = 0.05
        for _ in range(2):
            with anyio.fail_after(2.0), pytest.raises(CredentialError, match=r"locked by another .* delete the folder"):
                await refresher.renewed(PLACE, server.endpoints, old.access)
        lock.rmdir()
        await server.wait_for_requests(1)
        login = await refresher.renewed(PLACE, server.endpoints, old.access)
        assert {login.access} == server.grants.live
        assert len(server.asked) == 1


async def test_a_lock_that_another_login_of_ours_holds_is_waited_for_as_long_as_it_takes(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        live, spare = server.issue(), server.issue()
        room.write({"acme": entry(live)}, {"backup-1": entry(spare)})
        server.trouble(Trouble(after_s=0.4))
        refresher.locked_s = 0.05

        async def slow() -> None:
            await refresher.renewed(PLACE, server.endpoints, live.access)
            refresher.locked_s = 5.0  # who waits looks for the lock less and less often

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            await server.wait_for_requests(1)
            await refresher.renewed(BACKUP, server.endpoints, spare.access)
        assert {room.kept()["acme"]["access"], room.stored()["backup-1"]["access"]} == server.grants.live


async def test_the_end_of_the_program_waits_a_moment_for_what_was_sent(room: Room) -> None:
    async with OAuthServer() as server:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(after_s=0.3))
        async with room.refresher() as refresher, anyio.create_task_group() as tasks:
            tasks.start_soon(refresher.renewed, PLACE, server.endpoints, old.access)
            await server.wait_for_requests(1)
            tasks.cancel_scope.cancel()
        assert room.kept()["acme"]["access"] in server.grants.live


async def test_the_end_of_the_program_does_not_wait_for_a_server_that_hangs(room: Room) -> None:
    async with OAuthServer() as server:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(after_s=60.0))
        with anyio.fail_after(5.0):
            async with room.refresher() as refresher, anyio.create_task_group() as tasks:
                tasks.start_soon(refresher.renewed, PLACE, server.endpoints, old.access)
                await server.wait_for_requests(1)
                tasks.cancel_scope.cancel()
        assert room.kept() == {"acme": entry(old)}
        assert not room.auth.with_name("auth.json.lock").exists()


async def test_a_login_that_cannot_be_kept_is_used_and_kept_as_soon_as_it_can_be(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)})
        server.trouble(Trouble(after_s=0.2))
        got: list[Login] = []

        async def want(worn: str) -> None:
            got.append(await refresher.renewed(PLACE, server.endpoints, worn))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(want, old.access)
            await server.wait_for_requests(1)
            room.auth.write_text("{ somebody is editing")
        assert got[0].access in server.grants.live
        assert "could not be kept" in room.problems[0]
        room.write({"acme": entry(old)})
        await want(got[0].access)
        assert (room.kept()["acme"]["access"] in server.grants.live, server.grants.reuses) == (True, 0)


@pytest.mark.parametrize("name", ["auth.json", "ha.json"])
async def test_no_token_is_spent_if_what_comes_for_it_could_not_be_kept(room: Room, name: str) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        old = server.issue()
        room.write({"acme": entry(old)}, {"primary": entry(old)})
        (room.folder / name).chmod(0o400)
        with pytest.raises(
            CredentialError, match=rf"{name} could not be written: it is read-only; run chmod u\+w on it"
        ):
            await refresher.renewed(PLACE, server.endpoints, old.access)
        assert (server.asked, room.problems) == ([], [])
        (room.folder / name).chmod(0o600)
        await refresher.renewed(PLACE, server.endpoints, old.access)
        assert room.kept()["acme"]["refresh"] == room.stored()["primary"]["refresh"] != old.refresh


async def unkept(room: Room, server: OAuthServer, refresher: Refresher) -> Login:
    """A login that was renewed while auth.json was being edited; the file is whole again, with the spent token."""
    old = server.issue()
    room.write({"acme": entry(old)})
    server.trouble(Trouble(after_s=0.2))
    got: list[Login] = []

    async def want() -> None:
        got.append(await refresher.renewed(PLACE, server.endpoints, old.access))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(want)
        await server.wait_for_requests(1)
        room.auth.write_text("{ somebody is editing")
    assert "could not be kept" in room.problems[0]
    room.write({"acme": entry(old)})
    return got[0]


async def test_a_login_that_was_not_kept_is_kept_when_it_is_met_again(room: Room) -> None:
    async with OAuthServer() as server, room.refresher() as refresher:
        login = await unkept(room, server, refresher)
        assert await refresher.renewed(PLACE, server.endpoints, "another worn token") == login
        assert (room.kept()["acme"]["access"], server.grants.refreshes) == (login.access, 1)


async def test_a_login_that_was_not_kept_is_kept_when_the_program_ends(room: Room) -> None:
    async with OAuthServer() as server:
        async with room.refresher() as refresher:
            login = await unkept(room, server, refresher)
        assert room.kept()["acme"]["access"] == login.access


async def test_the_program_ends_although_a_login_cannot_be_kept(room: Room) -> None:
    async with OAuthServer() as server:
        async with room.refresher() as refresher:
            await unkept(room, server, refresher)
            room.auth.write_text("{ somebody is editing again")
        assert len(room.problems) == 1


TOKEN_URL_IN_THE_CLEAR = OAuthEndpoints(client_id="c", token_url="http://login.example/token")
EXCHANGE_IN_THE_CLEAR = OAuthEndpoints(exchange_url="http://login.example/exchange")
GOOD = OAuthEndpoints(client_id="c", token_url="https://127.0.0.1:9/token")


@pytest.mark.parametrize(
    ("refresh", "endpoints"),
    [
        ("refresh-token", TOKEN_URL_IN_THE_CLEAR),
        ("refresh-token", EXCHANGE_IN_THE_CLEAR),
        ("half-a-character-\ud800", GOOD),
    ],
    ids=["token_url", "exchange_url", "surrogate"],
)
async def test_nothing_that_goes_wrong_with_a_login_ends_the_program(
    room: Room, refresh: str, endpoints: OAuthEndpoints
) -> None:
    async with room.refresher() as refresher:
        room.write({"acme": {"type": "oauth", "access": "old-access-token", "refresh": refresh, "expires": 1}})
        with pytest.raises(CredentialError, match="the login was not renewed") as failed:
            await refresher.renewed(PLACE, endpoints, "old-access-token")
        assert refresh not in str(failed.value)
        with pytest.raises(LoginNeeded):  # and other logins may still be asked for
            await refresher.renewed(BACKUP, GOOD, "another")


async def test_no_message_holds_a_token(room: Room) -> None:
    troubles: list[Callable[[OAuthServer], None]] = [
        lambda server: server.trouble(Trouble(error="invalid_grant")),
        lambda server: server.trouble(Trouble(status=500)),
        lambda server: server.trouble(Trouble(lost=True), Trouble(lost=True)),
    ]
    for trouble in troubles:
        async with OAuthServer() as server, room.refresher() as refresher:
            old = server.issue()
            room.write({"acme": entry(old)})
            trouble(server)
            with pytest.raises(CredentialError) as failed:
                await refresher.renewed(PLACE, server.endpoints, old.access)
            said = f"{failed.value!r} {failed.value} {refresher!r} {server.endpoints!r}"
            assert not any(secret in said for secret in old)
