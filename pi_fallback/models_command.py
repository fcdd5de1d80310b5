"""The command `models`: brings together what files, providers, the ledger and the list of prices know."""

from collections.abc import Sequence
from typing import NamedTuple

import anyio

from pi_fallback import models_cache
from pi_fallback.app import clock_time, keeper_of, ledger_path
from pi_fallback.credentials.refreshing import refresher
from pi_fallback.credentials.vault import Vault
from pi_fallback.http import Http
from pi_fallback.overview import Overview, Row
from pi_fallback.preparing import Setup
from pi_fallback.prices import facts
from pi_fallback.refreshing import refreshed
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Ledger


class Shown(NamedTuple):
    """The rows to show, and what is to be said beside them."""

    rows: list[Row]
    notices: tuple[str, ...]


async def shown_models(setup: Setup, words: Sequence[str], *, everything: bool = False, refresh: bool = False) -> Shown:
    """Ask the providers, if their lists are a day old or `refresh` is set, and make the rows."""
    world = setup.world
    known = facts(world.wall())
    keeper, complaints = keeper_of(world), list[str]()
    async with (
        Http(wall=world.wall) as http,
        refresher(http, keeper.auth, keeper.ha, setup.redactor, world.wall, complaints.append) as renews,
    ):
        vault = Vault(
            setup.accounts, world.environ, setup.redactor, wall=world.wall, headers=setup.headers, refresher=renews
        )
        cache, said = await refreshed(setup, http, vault, known, force=refresh)
    usable = [setup.catalog.providers[name] for name in setup.usable]
    listed = [model for provider in usable for model in models_cache.models_of(cache, provider)]
    ledger, problems = _ledger(setup)
    now = anyio.current_time()
    overview = Overview(setup, known, ledger, now, lambda at: clock_time(at - now, world.wall()).removeprefix("at "))
    rows = overview.rows(words, everything=everything, listed=listed)
    notices = [*complaints, *said, *problems]
    hidden = len({model.ref for model in listed} - setup.catalog.models.keys())
    if hidden and not (everything or words):
        notices.append(f"Providers list {hidden} more models: `pi-fallback models --all`, or with a part of a name.")
    if not rows:
        notices.append("No model fits that." if words else "No account was found: --all lists what there is.")
    return Shown(rows, tuple(notices))


def _ledger(setup: Setup) -> tuple[Ledger, list[str]]:
    """What the machine's agents remember. Nothing is made where nothing is."""
    path, world, problems = ledger_path(setup.world), setup.world, list[str]()
    if not path.exists():
        return Ledger(), problems
    store = SqliteLedger(path, now=anyio.current_time, wall=world.wall, on_problem=problems.append)
    try:
        return store.sync(Ledger()), problems
    finally:
        store.close()
