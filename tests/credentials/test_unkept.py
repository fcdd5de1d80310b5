"""Renewed logins that no file takes are written later, whoever waits or not: in virtual time, on real files."""

from pathlib import Path

import anyio
import pytest

from pi_fallback.config import files
from pi_fallback.credentials.unkept import AGAIN_S, Unkept
from pi_fallback.testing.oauth_grants import Tokens
from tests.conftest import Backend
from tests.credentials.logins import PLACE, Room, entry

pytestmark = pytest.mark.anyio

OLD, NEW = entry(Tokens("old-access", "old-refresh")), entry(Tokens("new-access", "new-refresh"))


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def test_it_is_tried_until_it_works_and_told_once(tmp_path: Path) -> None:
    room = Room(tmp_path)
    unkept: Unkept | None = None
    async with anyio.create_task_group() as tasks:
        unkept = Unkept(room.file(), room.ha, tasks, room.problems.append)
        room.auth.write_text("{ somebody is editing")
        async with room.file().held() as held:
            assert not await unkept.keep(held, PLACE, "old-refresh", NEW)
        await anyio.sleep(AGAIN_S * 3.5)
        assert unkept.instead_of("old-refresh") == NEW
        room.write({"acme": OLD})
    # The group ends when nothing is left to be tried.
    assert unkept is not None
    assert (room.kept(), unkept.instead_of("old-refresh"), len(room.problems)) == ({"acme": NEW}, None, 1)


async def test_what_is_ended_while_ha_json_is_locked_is_told_and_tried_again_too(tmp_path: Path) -> None:
    room = Room(tmp_path)
    unkept: Unkept | None = None
    async with anyio.create_task_group() as tasks:
        unkept = Unkept(room.file(), room.ha, tasks, room.problems.append)
        room.write({"acme": OLD}, {"primary": OLD})
        with files.locked(room.ha):
            async with room.file().held() as held:
                with anyio.move_on_after(1.0):
                    await unkept.keep(held, PLACE, "old-refresh", NEW)
            assert (room.stored()["primary"], len(room.problems)) == (OLD, 1)
    assert unkept is not None
    assert (room.stored()["primary"], unkept.instead_of("old-refresh"), len(room.problems)) == (NEW, None, 1)
