"""A route whose rest is over by the time another one fails is asked again in the incident."""

from functools import partial

import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.plugins.pool import NAME, PoolFailover
from pi_fallback.testing import Say, ScriptedProvider, Wait, fail
from pi_fallback_hookspecs import AssistantMessage
from tests import rigs
from tests.conftest import Backend

pytestmark = pytest.mark.anyio
rig = partial(rigs.rig, own_providers=True)


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def test_a_route_that_rested_a_second_is_asked_again_before_the_run_is_given_up() -> None:
    script = ScriptedProvider(
        {"A": [fail(status=429, retry_after_s=1.0), Say("from A")], "B": Wait(1.5, fail(status=500))}
    )
    async with rig(script, ("A", "B"), plugins=((NAME, PoolFailover()),), retry=RetryPolicy()) as r:
        await r.agent.prompt("go")
        await r.agent.settled()
        last = r.agent.messages[-1]
        assert isinstance(last, AssistantMessage)
        assert last.text == "from A", r.calls
