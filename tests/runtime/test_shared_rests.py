"""A command sees what other agents have shared meanwhile, also in an agent that has been idle since."""

from pathlib import Path

import anyio
import pytest

from pi_fallback.plugins.ha import NAME, HighAvailability
from pi_fallback.runtime import feed
from pi_fallback.runtime.book import LedgerBook
from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback.testing import ScriptedProvider
from pi_fallback_hookspecs import Rest, Scope, ScopeKind, Wake
from tests.conftest import Backend
from tests.rigs import rig, route

pytestmark = pytest.mark.anyio
SCOPE = Scope.of(ScopeKind.MODEL, route("A"))


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def test_ha_status_in_an_idle_agent_tells_what_another_one_booked(tmp_path: Path) -> None:
    problems: list[str] = []

    def store() -> SqliteLedger:
        return SqliteLedger(
            tmp_path / "ledger", now=anyio.current_time, wall=anyio.current_time, on_problem=problems.append
        )

    other = LedgerBook(store())
    async with rig(ScriptedProvider({}), ["A"], plugins=((NAME, HighAvailability()),), store=store()) as r:
        for entry, shown in ((Rest(SCOPE, anyio.current_time() + 900.0, "capacity"), True), (Wake(SCOPE), False)):
            other.enter(entry)
            await r.agent.command("/ha-status")
            said = r.of(feed.Noticed)[-1]
            assert isinstance(said, feed.Noticed)
            assert ("(capacity)" in said.text) is shown
    other.close()
    r.book.close()
    assert problems == []
