"""`midStream: continue`: the beginning is neither lost, doubled nor handed where it must not go."""

from functools import partial

import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback.testing import Pieces, Say, ScriptedProvider, fail
from pi_fallback_hookspecs import AssistantMessage, FaultKind
from tests import rigs
from tests.conftest import Backend

pytestmark = pytest.mark.anyio
rig = partial(rigs.rig, own_providers=True)
POOL = ((NAME, PoolFailover()),)
AB = ("A", "B")


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def answer(script: ScriptedProvider) -> tuple[str, list[str]]:
    async with rig(script, AB, plugins=POOL, retry=RetryPolicy(), prefills=AB, goes_on=True) as r:
        await r.agent.prompt("count")
        await r.agent.settled()
        last = r.agent.messages[-1]
        assert isinstance(last, AssistantMessage)
        return last.text, [called.call.request.prefix for called in r.script.calls]


async def test_a_stale_connection_under_the_continuation_does_not_lose_the_beginning() -> None:
    broken = Pieces(["One, ", "two"], then=fail(kind=FaultKind.QUIET_TIMEOUT))
    script = ScriptedProvider({"A": broken, "B": [fail(kind=FaultKind.STALE), Say(", three.")]})
    text, prefixes = await answer(script)
    assert prefixes == ["", "One, two", "One, two"]
    assert text == "One, two, three."


async def test_what_a_content_filter_stopped_is_not_gone_on_with() -> None:
    refused = Pieces(["I cannot ", "help"], then=fail(kind=FaultKind.FINISH, code="refusal"))
    _text, prefixes = await answer(ScriptedProvider({"A": refused, "B": Say("fine")}))
    assert prefixes == ["", ""]
