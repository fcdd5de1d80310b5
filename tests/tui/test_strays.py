"""A login's address that is pasted too late goes to no model."""

import pytest

from pi_fallback.testing import Say, ScriptedProvider
from pi_fallback.tui.strays import is_login_address
from tests.tui.screen import screen

ADDRESS = "http://127.0.0.1:1455/auth/callback?code=ac_0123456789&state=xyz"


@pytest.mark.anyio
async def test_a_late_paste_of_a_login_address_is_sent_to_nobody_and_said() -> None:
    async with screen(ScriptedProvider({"a": Say("hello")})) as shown:
        await shown.say(ADDRESS)
        await shown.until(lambda: any("address that a login ended at" in line for line in shown.conversation))
        assert not any("ac_0123456789" in line for line in shown.conversation)
        await shown.say("hi")
        await shown.until(lambda: "hello" in shown.conversation)
        assert shown.rigs[0].asked == ["a"]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (ADDRESS, True),
        (f" {ADDRESS}\n", True),
        (ADDRESS.replace("127.0.0.1", "localhost"), True),
        (ADDRESS.replace("127.0.0.1", "[::1]"), True),
        (f"why does {ADDRESS} fail?", False),
        (ADDRESS.replace("127.0.0.1", "example.com"), False),
        ("http://localhost:3000/page?code=1", False),
        ("http://[", False),
        ("hello", False),
        ("", False),
    ],
)
def test_only_the_address_alone_counts(text: str, is_one: bool) -> None:
    assert is_login_address(text) is is_one
