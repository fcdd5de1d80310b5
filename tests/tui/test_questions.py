"""Questions on the screen."""

from collections.abc import Mapping

import anyio
import pytest

from pi_fallback.testing import CallTool, Say, ScriptedProvider
from pi_fallback_hookspecs import Command, CommandContext, Json, Tool, ToolContext, Ui
from tests.tui.screen import Screen, screen

pytestmark = pytest.mark.anyio


class Bash:
    """A tool that asks, and remembers what it ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def run(self, _context: ToolContext, arguments: Mapping[str, Json]) -> str:
        self.ran.append(str(arguments["command"]))
        return "it ran"

    @property
    def tools(self) -> Mapping[str, Tool]:
        preview = "$ make\n\x1b]52;c;x\x07all"
        return {"bash": Tool("bash", "", {"type": "object"}, self.run, asks=True, preview=lambda _arguments: preview)}


def asking() -> ScriptedProvider:
    return ScriptedProvider({"a": [CallTool("bash", {"command": "make"}), Say("after")]})


@pytest.mark.parametrize(("key", "ran"), [("y", ["make"]), ("enter", ["make"]), ("n", []), ("escape", [])])
async def test_a_tool_runs_only_if_the_user_says_so(key: str, ran: list[str]) -> None:
    bash = Bash()
    async with screen(asking(), tools=bash.tools, approval="ask") as shown:
        await shown.say("go")
        await shown.until(lambda: "Run bash?" in shown.question)
        assert shown.question[1:3] == ["$ make", "all"]
        await shown.pilot.press(key)
        await shown.until(lambda: "after" in shown.conversation)
    assert bash.ran == ran


async def test_an_abort_takes_the_question_away_and_the_tool_does_not_run() -> None:
    bash = Bash()
    async with screen(asking(), tools=bash.tools, approval="ask") as shown:
        await shown.say("go")
        await shown.until(lambda: shown.question)
        await shown.pilot.press("ctrl+c")
        await shown.until(lambda: not shown.question and not shown.agent.busy)
        assert shown.rigs[0].asked == ["a"]
    assert bash.ran == []


async def test_what_was_being_typed_is_no_answer() -> None:
    bash = Bash()
    async with screen(asking(), tools=bash.tools, approval="ask", calm_s=3_600.0) as shown:
        await shown.say("go")
        await shown.until(lambda: shown.question)
        await shown.type("yes y", "enter")
        assert shown.question
    assert bash.ran == []


async def test_a_command_may_ask_for_a_line_and_a_choice() -> None:
    async def ask(context: CommandContext, _argument: str) -> str:
        name = await context.ui.input("Your name?", "name")
        colour = await context.ui.select("Colour?", ["red", "green"])
        return f"{name} likes {colour}"

    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        shown.agent.parts.commands = {"ask": Command("ask", "asks", ask)}
        await shown.say("/ask")
        await shown.until(lambda: "Your name?" in shown.question)
        await shown.type("Ada", "enter")
        await shown.until(lambda: "Colour?" in shown.question)
        await shown.pilot.press("down", "enter")
        await shown.until(lambda: "· Ada likes green" in shown.conversation)


async def test_a_question_comes_before_the_agent_and_others_wait_their_turn() -> None:
    answers: list[object] = []

    async def trust(ui: Ui) -> None:
        async def ask(title: str) -> None:
            answers.append((title, await ui.confirm(title)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "first?")
            tasks.start_soon(ask, "second?")

    async def answered(shown: Screen, title: str, key: str) -> None:
        await shown.until(lambda: title in shown.question)
        await shown.pilot.press(key)

    async with screen(ScriptedProvider({"a": Say("ok")}), before=trust) as shown:
        await answered(shown, "first?", "y")
        await answered(shown, "second?", "n")
        await shown.until(lambda: shown.status == "p/a")
    assert answers == [("first?", True), ("second?", False)]


async def test_quitting_ends_a_question_that_was_asked_before_the_agent() -> None:
    async def trust(ui: Ui) -> None:
        await ui.confirm("Trust this folder?")

    async with screen(ScriptedProvider({"a": Say("ok")}), before=trust) as shown:
        await shown.until(lambda: shown.question)
        await shown.pilot.press("ctrl+c", "ctrl+c")
        await shown.until(lambda: not shown.app.is_running)
        assert shown.app.failure is None
