"""Labels that are given anew: what rests of the account that was called so before does not bar the new one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pi_fallback.account_rests import AccountRests
from pi_fallback.app import keeper_of, ledger_path
from pi_fallback.credentials.account_edits import added
from pi_fallback.credentials.adding import add
from pi_fallback.credentials.login_keeping import keep
from pi_fallback.preparing import World
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Ledger, Scope, ScopeKind

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000.0
LABELS = ("primary", "backup-1", "backup-2")


class House:
    """Files, and a ledger in which every label of `pa` rests."""

    def __init__(self, home: Path) -> None:
        self.world = World(environ={"HOME": str(home)}, home=home, wall=lambda: NOW)
        self.world.agent_dir.mkdir(parents=True)
        self.keeper = keeper_of(self.world)
        ledger_path(self.world).parent.mkdir()
        store = SqliteLedger(ledger_path(self.world), now=self.world.wall, wall=self.world.wall, on_problem=print)
        ledger = Ledger()
        for label in LABELS:
            scope = Scope(ScopeKind.CREDENTIAL, "pa", credential=label)
            ledger = ledger.rest(scope, until=NOW + 3600, reason="quota")
        store.sync(ledger)
        store.close()

    def write(self, **files: Any) -> None:
        for name, value in files.items():
            (self.world.agent_dir / f"{name}.json").write_text(json.dumps(value))

    def rests(self) -> list[str]:
        rests = AccountRests(ledger_path(self.world), self.world.wall, print)
        return [label for label in LABELS if rests.of("pa", label) is not None]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def login(refresh: str) -> dict[str, Any]:
    return {"type": "oauth", "access": f"access of {refresh}", "refresh": refresh, "expires": (NOW + 3600) * 1000}


async def of_another(labels: Sequence[str]) -> str | None:
    return None


@pytest.mark.parametrize("at_start", [True, False])
async def test_a_sync_that_gives_a_label_ends_what_rests_under_it(at_start: bool, house: House) -> None:
    house.write(auth={"pa": login("r2")}, ha={"credentials": {"pa": {"primary": login("r1")}}})
    if at_start:
        assert house.keeper.sync_at_start() == ""
    else:
        await house.keeper.sync()
    assert house.rests() == ["primary", "backup-2"]
    await house.keeper.sync()
    assert house.rests() == ["primary", "backup-2"]


async def test_a_login_ends_what_rests_under_its_label(house: House) -> None:
    house.write(auth={"pa": login("r1")})
    assert await keep(house.keeper, "pa", login("r2"), of_another) == "backup-1"
    assert house.rests() == ["primary", "backup-2"]


@pytest.mark.parametrize("by_keep", [True, False])
async def test_the_first_login_of_a_provider_ends_what_a_key_of_the_environment_rests(
    by_keep: bool, house: House
) -> None:
    house.write(auth={})
    if by_keep:
        assert await keep(house.keeper, "pa", login("r1"), of_another) == "primary"
    else:
        await add(house.keeper, "pa", login("r1"), label=None, others=(), pi_reads=True)
    assert house.rests() == ["backup-1", "backup-2"]


async def test_the_account_that_was_alone_goes_on_resting_when_a_second_one_is_added(house: House) -> None:
    house.write(auth={"pa": login("r1")})
    await house.keeper.change(lambda books: added(books, "pa", "backup-1", login("r2")))
    assert house.rests() == ["primary", "backup-2"]
