"""The app by its keys, with a real agent over scripted models."""

import sys
from collections.abc import Callable, Mapping, Sequence

import pytest
from textual.events import Key, Paste

from pi_fallback.config.schema import ProgressSettings
from pi_fallback.runtime.agent import Reopened
from pi_fallback.runtime.conversation import UnwrittenLog
from pi_fallback.testing import CallTool, Hang, Pieces, Say, ScriptedProvider, fail
from pi_fallback.tui.ports import PastSession
from pi_fallback_hookspecs import Command, CommandContext, Json, Route, Tool, ToolContext, View, user_message
from tests.tui.screen import screen

pytestmark = pytest.mark.anyio

QUICK = ProgressSettings(quiet_s=0.05)


async def test_a_prompt_is_answered_on_the_screen() -> None:
    async with screen(ScriptedProvider({"a": Say("hello back")})) as shown:
        await shown.say("hello")
        await shown.until(lambda: shown.conversation == ["> hello", "hello back"])
        await shown.until(lambda: shown.status == "p/a")
        assert shown.prompt.text == ""


async def test_withdrawn_text_leaves_the_screen_and_the_next_model_goes_on() -> None:
    script = ScriptedProvider(
        {"a": Pieces(["half an answer"], then=fail("out of quota", status=402)), "b": Say("the whole answer")}
    )
    async with screen(script, progress=QUICK) as shown:
        await shown.say("go")
        await shown.until(lambda: "the whole answer" in shown.conversation)
        assert shown.conversation == [
            "> go",
            "✗ p/a: quota_exhausted: out of quota",
            "· → p/b: no progress for 0.05 s",
            "> continue",
            "the whole answer",
        ]
        await shown.until(lambda: shown.status == "p/b")


async def test_what_streams_is_seen_while_it_streams() -> None:
    async with screen(ScriptedProvider({"a": Pieces(["half"], then=Hang())})) as shown:
        await shown.say("go")
        await shown.until(lambda: shown.conversation == ["> go", "half", "…"])
        assert shown.status == "p/a · working, Esc stops"


async def test_escape_ends_the_run() -> None:
    async with screen(ScriptedProvider({"a": Pieces(["half"], then=Hang())})) as shown:
        await shown.say("go")
        await shown.until(lambda: "half" in shown.conversation)
        await shown.pilot.press("escape")
        await shown.until(lambda: shown.conversation[-1] == "· Aborted.")
        assert not shown.agent.busy
        assert shown.conversation[1:3] == ["half", "(cut off; not part of the conversation)"]


async def test_escape_ends_the_countdown_to_the_next_model() -> None:
    async with screen(ScriptedProvider({"a": fail("down", status=503), "b": Say("never")})) as shown:
        await shown.say("go")
        await shown.until(lambda: "next model in" in shown.status)
        await shown.pilot.press("escape")
        await shown.until(lambda: shown.status == "p/a")
        assert shown.agent.view().timers == {}
        assert shown.rigs[0].asked == ["a"]


async def test_enter_steers_a_run_and_alt_enter_waits_for_its_end() -> None:
    async with screen(ScriptedProvider({"a": Hang()})) as shown:
        await shown.say("go")
        await shown.until(lambda: shown.agent.busy)
        await shown.say("now")
        await shown.type("then", "alt+enter")
        await shown.until(lambda: shown.queue == ["next: now", "later: then"])
        await shown.pilot.press("escape")
        await shown.until(lambda: shown.queue == [])
        assert shown.prompt.text == "now\nthen"  # what was not heard may be sent again


async def test_lines_of_one_prompt_stay_together() -> None:
    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        await shown.say("one\ntwo")
        await shown.until(lambda: shown.conversation == ["> one", "  two", "ok"])


async def test_the_arrows_bring_back_what_was_sent() -> None:
    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        for text in ("first", "second"):
            await shown.say(text)
            await shown.until(lambda: shown.status == "p/a" and not shown.agent.busy)
        await shown.type("draft", "up", "up")
        assert shown.prompt.text == "first"
        await shown.pilot.press("down", "down")
        assert shown.prompt.text == "draft"


async def test_control_c_clears_the_input_then_quits() -> None:
    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        await shown.type("a draft", "ctrl+c")
        assert shown.prompt.text == ""
        await shown.until(lambda: "Ctrl+C again quits" in shown.status)
        await shown.pilot.press("ctrl+c")
        await shown.until(lambda: not shown.app.is_running)
        assert shown.rigs == []  # the agent was closed before the screen


async def test_control_c_ends_a_run() -> None:
    async with screen(ScriptedProvider({"a": Hang()})) as shown:
        await shown.say("go")
        await shown.until(lambda: shown.agent.busy)
        await shown.pilot.press("ctrl+c")
        await shown.until(lambda: not shown.agent.busy)
        assert shown.app.is_running


async def test_tab_completes_commands_and_models() -> None:
    async with screen(ScriptedProvider({"a": Say("ok"), "b": Say("ok")})) as shown:
        await shown.type("/mod")
        await shown.until(lambda: shown.choices == ["/model ", "/cycle-model "])
        await shown.pilot.press("tab")
        await shown.until(lambda: shown.choices == ["/model p/a", "/model p/b"])
        await shown.pilot.press("down", "down", "enter")
        await shown.until(lambda: shown.status == "p/b")
        assert shown.agent.route == Route("p", "b")


async def test_keys_that_come_at_once_mean_what_they_spell() -> None:
    async with screen(ScriptedProvider({"a": Say("ok"), "b": Say("ok")})) as shown:
        for character in "/help":
            shown.prompt.post_message(Key(character, character))
        shown.prompt.post_message(Key("enter", "\r"))
        await shown.until(lambda: any("commands and keys" in line for line in shown.conversation))


async def test_a_command_completes_its_own_arguments() -> None:
    async with screen(ScriptedProvider({"a": Say("ok"), "b": Say("ok")})) as shown:
        await shown.type("/cycle-model b")
        await shown.until(lambda: shown.choices == ["/cycle-model p/b"])
        await shown.pilot.press("escape")
        await shown.until(lambda: shown.choices == [])


async def test_a_completion_that_raises_loses_itself_only() -> None:
    async def nothing(_context: CommandContext, _argument: str) -> None:
        return None

    def broken(_view: View, _prefix: str) -> Sequence[str]:
        raise LookupError("nothing found")

    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        shown.agent.parts.commands = {"bad": Command("bad", "completes badly", nothing, complete=broken)}
        await shown.type("/bad ")
        await shown.until(lambda: "! Completing '/bad ' failed: LookupError: nothing found" in shown.conversation)
        assert shown.prompt.text == "/bad "


async def test_model_without_a_name_offers_a_list() -> None:
    async with screen(ScriptedProvider({"a": Say("ok"), "b": Say("ok")})) as shown:
        await shown.say("/model")
        await shown.until(lambda: "Which model?" in shown.question)
        await shown.type("b", "enter")
        await shown.until(lambda: shown.status == "p/b")


async def test_abort_closes_a_list_of_the_users_own() -> None:
    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        await shown.say("/model")
        await shown.until(lambda: shown.question)
        await shown.pilot.press("ctrl+c")
        await shown.until(lambda: not shown.question)
        assert shown.app.is_running


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/modle", "! There is no command /modle. Did you mean /model?"),
        ("/resume", "· There is no earlier session of this folder."),
        ("/model nope", "✗ 'nope' is not of the form provider/model"),
    ],
)
async def test_what_cannot_be_done_is_said(line: str, answer: str) -> None:
    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        await shown.say(line)
        await shown.until(lambda: answer in shown.conversation)


async def test_help_lists_commands_of_plugins_too() -> None:
    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        await shown.say("/help")
        await shown.until(lambda: any("/cycle-model [model]" in line for line in shown.conversation))


async def test_new_empties_the_screen() -> None:
    async with screen(ScriptedProvider({"a": Say("hello back")})) as shown:
        await shown.say("hello")
        await shown.until(lambda: "hello back" in shown.conversation)
        await shown.say("/new")
        await shown.until(lambda: shown.conversation == [])
        assert shown.agent.messages == []
        assert shown.status == "p/a"


async def test_resume_shows_the_session_that_was_picked() -> None:
    past = [PastSession("yesterday", "/s/1"), PastSession("today", "/s/2")]
    read: list[str] = []

    def reopen(path: str) -> Reopened:
        read.append(path)
        return Reopened(UnwrittenLog(), (user_message("an old prompt"),), Route("p", "b"))

    async with screen(ScriptedProvider({"a": Say("ok"), "b": Say("ok")}), sessions=past) as shown:
        shown.agent.parts.reopen = reopen
        await shown.say("/resume")
        await shown.until(lambda: "Which session?" in shown.question)
        await shown.pilot.press("down", "enter")
        await shown.until(lambda: shown.conversation == ["> an old prompt"])
        assert read == ["/s/2"]
        assert shown.status == "p/b"


class Open(UnwrittenLog):
    """The log in /s/1."""

    def is_in(self, path: str) -> bool:
        return path == "/s/1"


async def test_the_session_that_is_open_is_not_opened_again() -> None:
    past = Reopened(Open(), (user_message("an old prompt"),), Route("p", "a"))
    sessions = [PastSession("today", "/s/1")]
    async with screen(ScriptedProvider({"a": Say("ok")}), sessions=sessions, past=past) as shown:
        await shown.say("/resume")
        await shown.until(lambda: "Which session?" in shown.question)
        await shown.pilot.press("enter")
        await shown.until(lambda: "· This session is the one that is open." in shown.conversation)


async def test_a_session_that_is_gone_on_with_is_shown_from_the_start() -> None:
    past = Reopened(UnwrittenLog(), (user_message("an old prompt"),), Route("p", "a"))
    async with screen(ScriptedProvider({"a": Say("ok")}), past=past) as shown:
        await shown.until(lambda: shown.conversation == ["> an old prompt"])
        await shown.pilot.press("up")
        assert shown.prompt.text == "an old prompt"


async def test_what_is_printed_goes_to_the_log() -> None:
    async def loud(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
        sys.stderr.write("written \x1b[2Jto stderr\n")
        return "done"

    tool = Tool("loud", "", {"type": "object"}, loud)
    script = ScriptedProvider({"a": [CallTool("loud"), Say("ok")]})
    async with screen(script, tools={"loud": tool}) as shown:
        await shown.pilot.press("f2")
        await shown.say("go")
        await shown.until(lambda: "written to stderr" in shown.log)


async def test_debug_lines_come_to_the_log_pane_and_the_key_shows_it() -> None:
    listeners: list[Callable[[str], None]] = []

    def lines(listener: Callable[[str], None]) -> Callable[[], None]:
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    async with screen(ScriptedProvider({"a": Say("ok")}), debug_lines=lines) as shown:
        await shown.pilot.press("f2")
        listeners[0]("timer \x1b]52;c;x\x07progress.quiet")
        await shown.until(lambda: shown.log == ["timer progress.quiet"])
    assert listeners == []


async def test_output_of_tools_is_shown_in_full_on_demand() -> None:
    async def many(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
        return "\n".join(f"line {number}" for number in range(9))

    script = ScriptedProvider({"a": [CallTool("many"), Say("ok")]})
    async with screen(script, tools={"many": Tool("many", "", {"type": "object"}, many)}) as shown:
        await shown.say("go")
        await shown.until(lambda: "  … 6 more lines (Ctrl+O shows them)" in shown.conversation)
        await shown.pilot.press("ctrl+o")
        await shown.until(lambda: "  line 8" in shown.conversation)


async def test_a_paste_is_clean_and_keeps_its_lines() -> None:
    async with screen(ScriptedProvider({"a": Say("ok")})) as shown:
        shown.prompt.post_message(Paste("one\x1b[2J\r\ntwo"))
        await shown.until(lambda: shown.prompt.text == "one\ntwo")


async def test_hostile_text_is_drawn_clean() -> None:
    script = ScriptedProvider({"a": Say("before\x1b]52;c;c2VjcmV0\x07 [red]after[/red]\x9b2J\u202e")})
    async with screen(script) as shown:
        await shown.say("go")
        await shown.until(lambda: "before [red]after[/red]" in shown.conversation)


async def test_an_agent_that_cannot_open_ends_the_app_with_its_error() -> None:
    async def refuse(_ui: object) -> None:
        raise LookupError("no models.json")

    with pytest.raises(LookupError, match=r"no models\.json"):
        async with screen(ScriptedProvider({"a": Say("ok")}), before=refuse) as shown:
            await shown.until(lambda: not shown.app.is_running)
