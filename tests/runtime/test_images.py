"""Images in a conversation: what is said when every model refuses them."""

import pytest

from pi_fallback.testing import Say, ScriptedProvider, fail
from pi_fallback_hookspecs import Image
from tests.conftest import Backend
from tests.core.test_pictures import PIXELS
from tests.rigs import rig

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


async def test_a_conversation_with_a_refused_image_says_how_to_start_without_it() -> None:
    refused = fail(status=400, text="Could not process image")
    async with rig(ScriptedProvider({"A": refused, "B": refused}), ["A", "B"]) as r:
        await r.agent.prompt("look", [Image(PIXELS["image/png"], "image/png")])
        await r.until(100.0)
        assert "/new starts without them" in (r.agent.final_error or "")


async def test_without_an_image_nothing_is_said_of_images() -> None:
    refused = fail(status=400, text="no")
    async with rig(ScriptedProvider({"A": refused, "B": Say("fine")}), ["A"]) as r:
        await r.agent.prompt("look")
        await r.until(100.0)
        assert "images" not in (r.agent.final_error or "images")
