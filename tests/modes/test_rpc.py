"""The line protocol: each command, questions, and what happens when either end misbehaves."""

from collections.abc import Mapping
from typing import get_args

import anyio
import pytest

from pi_fallback.config.schema import RetryPolicy
from pi_fallback.modes import rpc_commands
from pi_fallback.modes.rpc_commands import NAMES
from pi_fallback.testing import CallTool, Hang, Pieces, Say, ScriptedProvider, Wait, fail
from pi_fallback_hookspecs import Command, CommandContext, Json, ModelRef, Route, Run, Tool, ToolContext, hookimpl
from tests.conftest import Backend
from tests.core.test_pictures import PIXELS
from tests.modes.streams import Client, Written, rpc
from tests.rigs import P, rig

pytestmark = pytest.mark.anyio
FINE = {"A": Say("from A"), "B": Say("from B"), "C": Say("from C")}
ABC = ("A", "B", "C")


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


def ok(command: str, data: object = None, ident: str = "1") -> dict[str, object]:
    response = {"id": ident, "type": "response", "command": command, "success": True}
    return response if data is None else {**response, "data": data}


class Commands:
    """Two commands: one asks, one goes on with another model."""

    @hookimpl
    def register_commands(self) -> list[Command]:
        async def ask(context: CommandContext, argument: str) -> str:
            sure = await context.ui.confirm("Sure?", argument)
            which = await context.ui.select("Which?", ["red", "blue"])
            name = await context.ui.input("Name?", "anybody")
            return f"{sure} {which} {name}"

        async def go(context: CommandContext, argument: str) -> list[Run]:
            return [Run((Route(P, argument),), say="go on")]

        return [Command("ask", "Asks.", ask, argument="[detail]"), Command("go", "Goes on.", go)]


COMMANDS = [("commands", Commands())]


async def test_a_prompt_is_accepted_at_once_and_done_when_settled() -> None:
    script = ScriptedProvider({"A": Wait(5.0, Say("from A"))})
    async with rig(script, ["A"]) as r, rpc(r) as client:
        assert await client.ask("prompt", message="hello") == ok("prompt")
        assert not client.out.of("agent_settled")
        await r.until(6.0)
        assert client.out.events[-1] == {"type": "agent_settled", "stopReason": "stop"}
        assert r.said() == ["hello"]
    assert client.exit_code == 0


async def test_images_go_with_a_prompt() -> None:
    async with rig(ScriptedProvider(FINE), ["A"]) as r, rpc(r) as client:
        picture = {"type": "image", "data": PIXELS["image/png"], "mimeType": "image/png"}
        await client.ask("prompt", message="what is this?", images=[picture])
        assert client.out.of("message_end")[0]["message"]["content"][1] == picture
        assert len(r.call(0).call.request.messages[0].content) == 2


@pytest.mark.parametrize("command", ["prompt", "steer", "follow_up"])
@pytest.mark.parametrize(
    ("data", "mime_type", "told"),
    [
        ("!!!", "image/png", "base64"),
        ("", "image/png", "without data"),
        (PIXELS["image/png"], "image/x-evil", "not taken"),
    ],
)
async def test_an_image_that_providers_refuse_is_refused_before_it_is_in_the_conversation(
    command: str, data: str, mime_type: str, told: str
) -> None:
    async with rig(ScriptedProvider(FINE), ["A"]) as r, rpc(r) as client:
        refused = await client.ask(
            command, message="what?", images=[{"type": "image", "data": data, "mimeType": mime_type}]
        )
        assert (refused["success"], told in refused["error"]) == (False, True)
        assert refused["error"].startswith("`images`: ")
        await client.ask("prompt", message="hello")
        await r.until(6.0)
        assert r.said() == ["hello"]


async def test_a_prompt_in_a_run_needs_to_say_how_it_is_meant() -> None:
    script = ScriptedProvider({"A": [Wait(5.0, Say("one")), Say("two"), Say("three")]})
    async with rig(script, ["A"]) as r, rpc(r) as client:
        await client.ask("prompt", message="first")
        refused = await client.ask("prompt", message="second")
        assert refused["success"] is False
        assert "Steer it, queue a follow-up, or abort it first." in refused["error"]
        assert (await client.ask("prompt", message="steered", streamingBehavior="steer"))["success"]
        assert (await client.ask("prompt", message="later", streamingBehavior="followUp"))["success"]
        assert client.out.of("queue_update")[-1] == {
            "type": "queue_update",
            "steering": ["steered"],
            "followUp": ["later"],
        }
        assert (await client.ask("get_state"))["data"]["pendingMessageCount"] == 2
        await r.until(100.0)
        assert r.said() == ["first", "steered", "later"]


async def test_steer_and_follow_up_are_heard_and_start_a_run_when_there_is_none() -> None:
    async with rig(ScriptedProvider(FINE), ["A"]) as r, rpc(r) as client:
        assert await client.ask("steer", message="one") == ok("steer")
        await r.until(10.0)
        assert await client.ask("follow_up", message="two") == ok("follow_up", ident="2")
        await r.until(20.0)
        assert r.said() == ["one", "two"]


async def test_abort_ends_the_run() -> None:
    async with rig(ScriptedProvider({"A": Hang()}), ["A"]) as r, rpc(r) as client:
        await client.ask("prompt", message="hello")
        assert (await client.ask("get_state"))["data"]["isStreaming"] is True
        assert await client.ask("abort") == ok("abort", ident="3")
        assert client.out.of("agent_end")[0]["stopReason"] == "aborted"
        assert (await client.ask("get_state"))["data"]["isSettled"] is True


async def test_abort_retry_ends_the_wait_and_nothing_goes_on() -> None:
    script = ScriptedProvider({"A": fail("busy", status=503)})
    async with rig(script, ["A"], retry=RetryPolicy()) as r, rpc(r) as client:
        await client.ask("prompt", message="hello")
        await r.until(3.0)
        assert client.out.of("auto_retry_start")[-1]["delayMs"] == 4000
        assert await client.ask("abort_retry") == ok("abort_retry", ident="2")
        await r.until(1000.0)
        assert len(r.calls) == 2
        assert client.out.of("auto_retry_end")[-1]["success"] is False


async def test_set_auto_retry_switches_the_hosts_own_retries() -> None:
    script = ScriptedProvider({"A": fail("busy", status=503)})
    async with rig(script, ["A"], retry=RetryPolicy()) as r, rpc(r) as client:
        assert await client.ask("set_auto_retry", enabled=False) == ok("set_auto_retry")
        assert (await client.ask("get_state"))["data"]["autoRetryEnabled"] is False
        await client.ask("prompt", message="hello")
        await r.until(1000.0)
        assert len(r.calls) == 1
        assert client.out.of("gave_up")


async def test_state_messages_text_and_statistics_tell_what_is_there() -> None:
    script = ScriptedProvider({"A": [CallTool("echo", {"x": 1}), Say("done")]})

    async def echo(_context: ToolContext, arguments: Mapping[str, Json]) -> str:
        return str(arguments["x"])

    tool = Tool("echo", "Echoes.", {"type": "object"}, echo)
    async with rig(script, ["A"], tools={"echo": tool}) as r, rpc(r) as client:
        assert (await client.ask("get_last_assistant_text"))["data"] == {"text": None}
        await client.ask("prompt", message="hello")
        await r.agent.settled()
        state = (await client.ask("get_state"))["data"]
        assert state["model"] == {
            "id": "A",
            "name": "A",
            "provider": "p",
            "api": "scripted",
            "baseUrl": "",
            "reasoning": False,
            "input": ["text"],
            "contextWindow": 128000,
            "maxTokens": 16384,
        }
        assert (state["isStreaming"], state["sessionId"], state["messageCount"]) == (False, "unwritten", 4)
        assert (state["thinkingLevel"], state["credential"]) == ("off", "primary")
        messages = (await client.ask("get_messages"))["data"]["messages"]
        assert messages == [event["message"] for event in client.out.of("message_end")]
        assert (await client.ask("get_last_assistant_text"))["data"] == {"text": "done"}
        stats = (await client.ask("get_session_stats"))["data"]
        assert stats.pop("tokens") == {
            "input": 20,
            "output": 10,
            "cacheRead": 0,
            "cacheWrite": 0,
            "reasoning": 0,
            "totalTokens": 30,
            "total": 30,
        }
        assert stats == {
            "sessionId": "unwritten",
            "userMessages": 1,
            "assistantMessages": 2,
            "toolCalls": 1,
            "toolResults": 1,
            "totalMessages": 4,
        }


async def test_models_are_listed_set_and_cycled_without_a_run() -> None:
    async with rig(ScriptedProvider(FINE), ABC) as r, rpc(r) as client:
        listed = (await client.ask("get_available_models"))["data"]["models"]
        assert [model["id"] for model in listed] == ["A", "B", "C"]
        assert (await client.ask("set_model", provider="p", modelId="C"))["data"]["id"] == "C"
        assert client.out.of("model_select")[-1]["modelId"] == "C"
        assert (await client.ask("cycle_model"))["data"]["model"]["id"] == "A"
        assert (await client.ask("cycle_model"))["data"]["model"]["id"] == "B"
        assert r.agent.route == Route(*ModelRef(P, "B"))
        assert r.calls == []


async def test_cycling_among_one_model_has_no_data() -> None:
    async with rig(ScriptedProvider(FINE), ["A"]) as r, rpc(r) as client:
        assert await client.ask("cycle_model") == ok("cycle_model")


async def test_commands_are_listed_and_a_prompt_may_call_one() -> None:
    async with rig(ScriptedProvider(FINE), ABC, plugins=COMMANDS) as r, rpc(r) as client:
        listed = (await client.ask("get_commands"))["data"]["commands"]
        assert {"name": "ask", "description": "Asks.", "argument": "[detail]", "source": "extension"} in listed
        assert await client.ask("prompt", message="/go B") == ok("prompt", ident="2")
        await r.agent.settled()
        assert r.asked == ["B"]
        await client.ask("prompt", message="/no such command")
        await r.agent.settled()
        assert r.said() == ["go on", "/no such command"]


async def test_a_command_asks_its_questions_over_the_protocol() -> None:
    async with rig(ScriptedProvider(FINE), ABC, plugins=COMMANDS) as r, rpc(r) as client:
        await client.ask("prompt", message="/ask detail")
        [confirm] = client.requests("confirm")
        assert (confirm["title"], confirm["message"]) == ("Sure?", "detail")
        assert (await client.ask("get_state"))["success"]  # a question stops nothing
        await client.tell({"type": "extension_ui_response", "id": confirm["id"], "confirmed": True})
        [select] = client.requests("select")
        assert select["options"] == ["red", "blue"]
        await client.tell({"type": "extension_ui_response", "id": select["id"], "value": "blue"})
        [asked] = client.requests("input")
        assert asked["placeholder"] == "anybody"
        assert not await client.tell({"type": "extension_ui_response", "id": asked["id"], "value": "me"})
        assert client.requests("notify")[-1]["message"] == "True blue me"
        assert client.requests("notify")[-1]["notifyType"] == "info"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"cancelled": True}, "False None None"),
        ({"value": "green"}, "False None green"),  # not one of the options
        ({"confirmed": True, "cancelled": True}, "False None None"),
    ],
)
async def test_a_question_may_be_cancelled_or_answered_wrongly(answer: dict[str, object], said: str) -> None:
    async with rig(ScriptedProvider(FINE), ABC, plugins=COMMANDS) as r, rpc(r) as client:
        await client.ask("prompt", message="/ask")
        for method in ("confirm", "select", "input"):
            [request] = client.requests(method)
            await client.tell({"type": "extension_ui_response", "id": request["id"], **answer})
        assert client.requests("notify")[-1]["message"] == said


async def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    async with rig(ScriptedProvider(FINE), ABC) as r, rpc(r) as client:
        assert not await client.tell({"type": "extension_ui_response", "id": "ui-99", "confirmed": True})
        assert (await client.ask("get_state"))["success"]


async def test_a_tool_asks_for_permission_and_an_abort_takes_the_question_back() -> None:
    ran: list[int] = []

    async def act(_context: ToolContext, _arguments: Mapping[str, Json]) -> str:
        ran.append(1)
        return "acted"

    tool = Tool("act", "Acts.", {"type": "object"}, act, asks=True)
    script = ScriptedProvider({"A": [CallTool("act"), Say("done"), CallTool("act")]})
    async with rig(script, ["A"], tools={"act": tool}, approval="ask") as r, rpc(r) as client:
        await client.ask("prompt", message="do it")
        await client.tell(
            {"type": "extension_ui_response", "id": client.requests("confirm")[0]["id"], "confirmed": True}
        )
        await r.agent.settled()
        assert ran == [1]
        await client.ask("prompt", message="again")
        assert len(client.requests("confirm")) == 2
        await client.ask("abort")
        await client.tell(
            {"type": "extension_ui_response", "id": client.requests("confirm")[1]["id"], "confirmed": True}
        )
        await r.agent.settled()
        assert ran == [1]


async def test_a_new_session_ends_the_old_one() -> None:
    async with rig(ScriptedProvider({"A": [Say("fine"), Hang()]}), ["A"]) as r, rpc(r) as client:
        await client.ask("prompt", message="one")
        await r.agent.settled()
        await client.ask("prompt", message="two")
        assert await client.ask("new_session") == ok("new_session", {"cancelled": False}, "3")
        assert client.out.of("session_changed")
        assert (await client.ask("get_messages"))["data"] == {"messages": []}


async def test_what_a_session_leaves_behind_is_told_to_be_over_before_the_next_one() -> None:
    script = ScriptedProvider({"A": [Hang(), Say("fine")]})
    async with rig(script, ["A"]) as r, rpc(r) as client:
        await client.ask("prompt", message="one")
        await client.ask("steer", message="not that")
        await client.ask("new_session")
        told = [event for event in client.out.events if event["type"] != "response"]
        over = told.index({"type": "queue_update", "steering": [], "followUp": []})
        (changed,) = (at for at, event in enumerate(told) if event["type"] == "session_changed")
        between = [event["type"] for event in told[over:changed] if not event["type"].startswith("message_")]
        assert between == ["queue_update", "agent_end", "agent_settled"]
        assert told[changed - 1] == {"type": "agent_settled", "stopReason": "aborted"}
        assert [event["type"] for event in told[changed:]] == ["session_changed"]


async def test_a_countdown_that_a_new_session_ends_is_settled_too() -> None:
    async with rig(ScriptedProvider({"A": fail(status=401), "B": Say("late")}), ["A", "B"]) as r, rpc(r) as client:
        await client.ask("prompt", message="one")
        await r.until(1.0)
        assert not client.out.of("agent_settled")
        await client.ask("new_session")
        assert client.out.of("agent_settled") == [{"type": "agent_settled", "stopReason": "aborted"}]
        await client.ask("new_session")
        assert len(client.out.of("agent_settled")) == 1


@pytest.mark.parametrize(
    ("line", "command", "ident", "error"),
    [
        (b"{not json", "parse", None, "This line is not JSON in UTF-8"),
        (b'{"type":"prompt","message":"\xff"}', "parse", None, "This line is not JSON in UTF-8"),
        (b"[1, 2]", "parse", None, "This line is not a JSON object."),
        (b"[" * 100_000, "parse", None, "This line is not JSON in UTF-8"),
        (b"x" * (16 * 1024 * 1024 + 1), "parse", None, "This line is longer than 16777216 bytes. It was not read."),
        (b'{"id":"7"}', "parse", "7", "`type` must be the name of a command."),
        (b'{"id":"7","type":"fork"}', "fork", "7", "There is no command 'fork'. The commands are: prompt, "),
        (b'{"id":7,"type":"get_state"}', "get_state", None, "`id`: Input should be a valid string"),
        (b'{"type":"prompt"}', "prompt", None, "`message`: Field required"),
        (b'{"type":"set_auto_retry","enabled":"yes"}', "set_auto_retry", None, "`enabled`: Input should be a valid"),
        (b'{"type":"prompt","message":"a","images":[{"data":1}]}', "prompt", None, "`images.0.data`: Input should"),
        (b'{"type":"prompt","message":"a","streamingBehavior":"shout"}', "prompt", None, "`streamingBehavior`: Input"),
        (b'{"type":"extension_ui_response"}', "extension_ui_response", None, "`id`: Field required"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
async def test_a_bad_line_is_answered_and_the_session_goes_on(
    line: bytes, command: str, ident: str | None, error: str
) -> None:
    async with rig(ScriptedProvider(FINE), ["A"]) as r, rpc(r) as client:
        [answer] = await client.tell(line)
        assert (answer["command"], answer["success"], answer.get("id")) == (command, False, ident)
        assert answer["error"].startswith(error)
        assert len(answer["error"]) < 600
        assert (await client.ask("get_state"))["success"]


async def test_crlf_and_blank_lines_are_borne_and_u2028_ends_no_line() -> None:
    async with rig(ScriptedProvider(FINE), ["A"]) as r, rpc(r) as client:
        await client.tell(b'\r\n\n{"type":"prompt","message":"a\xe2\x80\xa8b"}\r')
        await r.agent.settled()
        assert r.said() == ["a\u2028b"]


async def test_the_end_of_the_input_aborts_the_run_in_order_and_is_no_failure() -> None:
    async with rig(ScriptedProvider({"A": Hang()}), ["A"], plugins=COMMANDS) as r:
        async with rpc(r) as client:
            await client.ask("prompt", message="/ask")  # a question stands open as well
            await client.ask("prompt", message="hello")
        assert client.exit_code == 0
        assert [event["type"] for event in client.out.events][-2:] == ["agent_end", "agent_settled"]
        assert r.agent.settled_now


async def test_the_last_command_needs_no_lf() -> None:
    async with rig(ScriptedProvider(FINE), ["A"]) as r:
        async with rpc(r) as client:
            client.lines.send(b'{"type":"get_state"}')
        assert client.out.of("response")[0]["command"] == "get_state"


async def test_a_client_that_is_gone_ends_the_program_as_a_failure() -> None:
    client = Client(out=Written(closes_after=1))
    async with rig(ScriptedProvider({"A": Pieces(["a"] * 100, every_s=1.0)}), ["A"]) as r:
        async with rpc(r, client):
            client.lines.send(b'{"type":"prompt","message":"hello"}\n')
            await r.until(50.0)
        assert client.exit_code == 1
        assert r.agent.settled_now


async def test_retries_timers_and_switches_are_told() -> None:
    script = ScriptedProvider({"A": fail("odd", status=418), "B": Say("from B")})
    async with rig(script, ("A", "B")) as r, rpc(r) as client:
        await client.ask("prompt", message="hello")
        assert client.out.of("timer")[-1]["remainingMs"] == 20000
        with anyio.fail_after(100.0):
            await r.agent.settled()
        await anyio.wait_all_tasks_blocked()
        assert client.out.of("timer")[-1]["remainingMs"] is None
        assert client.out.of("model_select")[-1]["source"] == "failover"
        assert client.out.events[-1]["type"] == "agent_settled"


def test_every_command_has_a_name_that_the_protocol_knows() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(get_args(rpc_commands.Command)) + 1
