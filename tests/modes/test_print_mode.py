"""Print mode: the answer alone on stdout, the way to it on stderr, the exit code tells."""

from io import StringIO

import anyio
import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.modes.print_mode import run_print
from pi_fallback.testing import Fail, Hang, Pieces, Say, ScriptedProvider, fail
from pi_fallback_hookspecs import Command, CommandContext, StopReason, hookimpl
from tests.conftest import Backend
from tests.rigs import Rig, rig

pytestmark = pytest.mark.anyio
ERROR = fail("bad key", status=401)
CUT = Pieces(["half an ", "answer"], then=Fail(fail("cut off").fault))


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


async def printed(r: Rig, prompt: str = "hello", out: StringIO | None = None) -> tuple[int, str, str]:
    out, err = out or StringIO(), StringIO()
    code = await run_print(r.agent, prompt, out=out, err=err)
    return code, out.getvalue(), err.getvalue()


async def test_a_good_answer_is_all_that_stdout_gets() -> None:
    async with rig(ScriptedProvider({"A": Say("fine", thinking="let me see")}), ["A"]) as r:
        assert await printed(r) == (0, "fine\n", "")


async def test_a_failover_prints_the_second_answer_alone_and_tells_on_stderr() -> None:
    async with rig(ScriptedProvider({"A": [CUT], "B": Say("whole")}), ["A", "B"]) as r:
        code, out, err = await printed(r)
    assert (code, out) == (0, "whole\n")
    assert "switched from p/A to p/B" in err
    assert "waiting: next model at 20" in err


async def test_when_all_fail_stderr_has_each_reason_once_and_stdout_nothing() -> None:
    async with rig(ScriptedProvider({"A": ERROR, "B": fail("no money", status=402)}), ["A", "B"]) as r:
        code, out, err = await printed(r)
    assert (code, out) == (1, "")
    assert err.count("No model is left to try.") == 1
    assert "bad key" in err
    assert "no money" in err


async def test_a_wait_says_when_it_ends() -> None:
    script = ScriptedProvider({"A": [fail("busy", status=503)] * 2 + [Say("fine")]})
    async with rig(script, ["A"], retry=RetryPolicy()) as r:
        code, out, err = await printed(r)
    assert (code, out) == (0, "fine\n")
    assert "waiting 2.0 s: p/A again at 2 (1 of 3)" in err
    assert "next model" not in err
    assert "busy" in err


async def test_an_abort_is_a_failure() -> None:
    async with rig(ScriptedProvider({"A": Hang()}), ["A"]) as r, anyio.create_task_group() as tasks:

        async def abort() -> None:
            await r.until(5.0)
            await r.agent.abort()

        tasks.start_soon(abort)
        assert (await printed(r))[0] == 1


async def test_a_terminal_gets_no_control_sequences_and_a_file_gets_what_was_said() -> None:
    dirty = "\x1b[2Jfine\x1b]0;title\x07"
    for out, expected in ((Terminal(), "fine\n"), (StringIO(), dirty + "\n")):
        async with rig(ScriptedProvider({"A": Say(dirty)}), ["A"]) as r:
            assert (await printed(r, out=out))[1] == expected


async def test_stderr_gets_no_control_sequences_of_a_provider() -> None:
    async with rig(ScriptedProvider({"A": fail("\x1b[31mred\x1b[0m", status=400)}), ["A"]) as r:
        _, _, err = await printed(r)
    assert "red" in err
    assert "\x1b" not in err


async def test_half_a_surrogate_pair_does_not_stop_the_printing() -> None:
    async with rig(ScriptedProvider({"A": Say("half \ud83d pair")}), ["A"]) as r:
        assert (await printed(r))[1] == "half ? pair\n"


class Spoken:
    @hookimpl
    def register_commands(self) -> list[Command]:
        async def run(context: CommandContext, argument: str) -> str:
            return f"you said {argument}"

        return [Command("say", "Says it.", run)]


async def test_a_command_that_only_speaks_asks_no_model() -> None:
    async with rig(ScriptedProvider({"A": Say("fine")}), ["A"], plugins=[("spoken", Spoken())]) as r:
        assert await printed(r, "/say this") == (0, "", "you said this\n")
        assert r.asked == []


async def test_an_answer_that_was_cut_off_by_its_limit_says_so() -> None:
    out, err = StringIO(), StringIO()
    script = ScriptedProvider({"A": Say("as far as it g", stop=StopReason.LENGTH)})
    async with rig(script, ["A"]) as r:
        assert await run_print(r.agent, "go", out=out, err=err) == 0
    assert out.getvalue() == "as far as it g\n"
    assert "length limit" in err.getvalue()
