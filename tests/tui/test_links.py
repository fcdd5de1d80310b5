"""An address of a login on the screen: a link of the terminal, whole on each of the lines that it fills."""

import pytest
from textual.geometry import Region
from textual.widgets import Static

from pi_fallback.testing import Say, ScriptedProvider
from pi_fallback.tui.widgets import Conversation
from tests.tui.screen import screen

pytestmark = pytest.mark.anyio
ADDRESS = f"https://login.example/authorize?{'state=0123456789&' * 12}end=1"


async def test_an_address_that_fills_lines_is_one_link() -> None:
    async with screen(ScriptedProvider({"a": Say("hello")})) as shown:
        shown.agent.parts.ui.notify(f"Log in with a browser:\n{ADDRESS}")
        await shown.until(lambda: ADDRESS in shown.conversation)
        widget = list(shown.app.screen_stack[0].query_one(Conversation).query(Static))[-1]
        await shown.until(lambda: widget.size.height > 2)
        strips = widget.render_lines(Region(0, 0, *widget.size))
        links = [[segment.style.link for segment in strip if segment.style and segment.style.link] for strip in strips]
        assert links[0] == []
        assert len(links) > 3
        assert {link for row in links[1:] for link in row} == {ADDRESS}
        assert all(links[1:])
