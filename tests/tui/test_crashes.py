"""A screen that breaks tells its caller what broke, and nobody what the variables held."""

import pytest

from pi_fallback.testing import ScriptedProvider
from tests.tui.screen import screen

pytestmark = pytest.mark.anyio


def breaks() -> None:
    held = "-".join(("the", "value", "of", "a", "variable"))
    raise ZeroDivisionError(len(held))


async def crash() -> None:
    async with screen(ScriptedProvider({"a": [], "b": []})) as shown:
        shown.app.call_later(breaks)
        await shown.until(lambda: False)


async def test_rk8_a_crash_of_the_screen_reaches_its_caller_and_shows_no_variables(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ZeroDivisionError):
        await crash()
    out, err = capfd.readouterr()
    assert "ZeroDivisionError" not in out + err  # its caller tells it
    assert "the-value-of-a-variable" not in out + err
