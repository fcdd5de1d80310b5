"""Sessions of an embedding host: failover, tools, several at once, aborts, over real sockets."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
import sniffio

from pi_fallback.embedding import (
    AgentAborted,
    AgentBusy,
    AgentFailed,
    AnswerStarted,
    Fallback,
    GaveUp,
    Image,
    Limits,
    Noticed,
    Prompt,
    Route,
    RouteSwitched,
    SessionError,
    SessionEvent,
    Settled,
    Streamed,
    TextDelta,
    ToolEnded,
    ToolStarted,
    UnknownModel,
    Withdrawn,
)
from pi_fallback.runtime.toolbox import TEXT_MAX
from pi_fallback.testing import Cut, FaultServer, For, Ok, Received, Stall, Status, ToolCallScript
from pi_fallback_hookspecs import Retry, UserMessage, hookimpl
from tests.embedding.hosts import AT_ONCE, KEY_OF_TWO, TWO_KEYS, fallback

pytestmark = pytest.mark.anyio

ONE, ONE_BACKUP, TWO = Route("one", "big"), Route("one", "big", "backup-1"), Route("two", "mid")
CALL = Ok("I look.", tools=[ToolCallScript("weigh", {"what": "feather"})])


def texts(request: Received, role: str) -> list[str]:
    return [str(message["content"]) for message in request.messages if message["role"] == role]


async def weigh(what: str) -> str:
    """Weigh something."""
    return f"{what}: 1 g"


async def test_a_spent_key_then_a_broken_provider_and_the_answer_comes_all_the_same() -> None:
    scripts = {
        For("big", TWO_KEYS["primary"]): Status(429),
        For("big", TWO_KEYS["backup-1"]): Cut(),
        "mid": Ok("hello"),
    }
    async with FaultServer(scripts) as server, fallback(server) as host, host.session() as session:
        events = [event async for event in session.prompt("hi")]
        failed = [event.failure.route for event in events if isinstance(event, Withdrawn)]
        assert list(dict.fromkeys(failed)) == [ONE, ONE_BACKUP]
        assert [event.route for event in events if isinstance(event, RouteSwitched)] == [ONE_BACKUP, TWO]
        assert "switched to two/mid: network (pool)" in host.explain()
        assert session.route == TWO
    assert isinstance(events[-1], Settled)
    (said,) = {tuple(texts(request, "user")) for request in server.requests}
    assert said == ("hi",)
    assert server.requests[-1].key == KEY_OF_TWO
    assert server.violations == ()


async def test_what_streamed_before_the_failure_is_withdrawn_and_the_answer_stands_alone() -> None:
    scripts = {"big": Cut(after=2, of=Ok("Half an answer, and then nothing.", chunk=5)), "mid": Ok("All of it.")}
    async with FaultServer(scripts) as server, fallback(server) as host, host.session() as session:
        prompt = session.prompt("hi")
        shown = [""]
        async for event in prompt:
            match event:
                case AnswerStarted() | Withdrawn():
                    shown.append("")
                case Streamed(TextDelta(text)):
                    shown[-1] += text
                case _:
                    pass
    assert "Half an an" in shown
    assert shown[-1] == prompt.answer().text == "All of it."


async def test_a_tool_runs_once_though_the_model_that_called_it_dies() -> None:
    runs: list[str] = []

    async def weigh(what: str) -> str:
        """Weigh something."""
        runs.append(what)
        return "1 g"

    scripts = {"big": [CALL, Status(401)], "mid": Ok("It weighs 1 g.")}
    async with FaultServer(scripts) as server, fallback(server, tools=[weigh]) as host, host.session() as session:
        assert (await session.ask("how heavy?")).text == "It weighs 1 g."
    assert runs == ["feather"]
    assert texts(server.requests[-1], "tool") == ["1 g"]
    assert server.violations == ()


async def test_a_tool_that_raises_and_one_that_is_given_nonsense_are_answers_to_the_model() -> None:
    async def weigh(what: int) -> str:
        """Weigh something."""
        raise LookupError("the scales are gone")

    odd = Ok(tools=[ToolCallScript("weigh", {"what": "feather"}), ToolCallScript("weigh", {"what": 3})])
    async with (
        FaultServer({"big": [odd, Ok("Sorry.")]}) as server,
        fallback(server, "one/big", tools=[weigh]) as host,
        host.session() as session,
    ):
        events = [event async for event in session.prompt("how heavy?")]
    assert len([event for event in events if isinstance(event, ToolStarted)]) == 1  # nonsense does not begin
    assert [event.result.text for event in events if isinstance(event, ToolEnded)] == [
        "LookupError: the scales are gone"
    ]
    first, second = texts(server.requests[-1], "tool")
    assert "`what` must be of type integer" in first
    assert second == "LookupError: the scales are gone"


class Odd(BaseException):
    """An exception that few catch."""


async def of_another_task() -> None:
    """What a task raises that somebody else has cancelled."""
    raise anyio.get_cancelled_exc_class() if sniffio.current_async_library() == "asyncio" else Odd("trio has none")


async def of_a_group() -> None:
    raise BaseExceptionGroup("two", [Odd("first"), ValueError("second")])


async def odd() -> None:
    raise Odd("odd")


async def leaving() -> None:
    raise SystemExit(3)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


async def unspeakable() -> None:
    raise Unspeakable


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (of_another_task, ("CancelledError", "Odd: trio has none")),
        (of_a_group, ("BaseExceptionGroup: two (2 sub-exceptions)",)),
        (odd, ("Odd: odd",)),
        (leaving, ("SystemExit: 3",)),
        (unspeakable, ("Unspeakable",)),
    ],
)
async def test_whatever_a_tool_raises_is_an_answer_to_the_model(
    body: Callable[[], Awaitable[None]], told: tuple[str, ...]
) -> None:
    async def weigh(what: str) -> None:
        """Weigh something."""
        await body()

    async with (
        FaultServer({"big": [CALL, Ok("Sorry."), Ok("Yes?")]}) as server,
        fallback(server, "one/big", tools=[weigh]) as host,
        host.session() as session,
    ):
        assert (await session.ask("how heavy?")).text == "Sorry."
        assert (await session.ask("and now?")).text == "Yes?"
    assert texts(server.requests[1], "tool")[0].removesuffix(": ") in told


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_in_a_tool_is_not_for_the_model(backend: str) -> None:
    async def weigh(what: str) -> None:
        """Weigh something."""
        raise KeyboardInterrupt

    async def main() -> None:
        async with (
            FaultServer({"big": CALL}) as server,
            fallback(server, "one/big", tools=[weigh]) as host,
            host.session() as session,
        ):
            try:
                await session.ask("how heavy?")
            finally:
                asked.append(len(server.requests))

    asked: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        anyio.run(main, backend=backend)
    assert asked == [1]


async def test_an_output_that_no_context_holds_is_cut_with_a_note() -> None:
    async def weigh(what: str) -> str:
        """Weigh something."""
        return "x" * (TEXT_MAX + 5)

    async with (
        FaultServer({"big": [CALL, Ok("Much.")]}) as server,
        fallback(server, "one/big", tools=[weigh]) as host,
        host.session() as session,
    ):
        await session.ask("how heavy?")
    (told,) = texts(server.requests[1], "tool")
    assert told == "x" * TEXT_MAX + "\n\n[These are the first 1,048,576 characters of 1,048,581. Ask for less.]"


async def test_a_tool_that_shields_itself_holds_an_abort_up_for_five_seconds_at_most() -> None:
    async def weigh(what: str) -> str:
        """Weigh something."""
        with anyio.CancelScope(shield=True):
            started.set()
            await leave.wait()
        return "1 g"

    started, leave = anyio.Event(), anyio.Event()
    async with (
        FaultServer({"big": [CALL, Ok("too late")]}) as server,
        fallback(server, "one/big", tools=[weigh]) as host,
        host.session() as session,
        anyio.create_task_group() as tasks,
    ):
        prompt = session.prompt("how heavy?")
        tasks.start_soon(all_of, prompt)
        await started.wait()
        with anyio.fail_after(7.0):
            await session.abort()
        leave.set()
    with pytest.raises(AgentAborted):
        prompt.answer()
    assert len(server.requests) == 1


async def all_of(prompt: Prompt) -> None:
    async for _ in prompt:
        pass


async def test_a_second_prompt_goes_on_with_the_conversation_and_another_session_knows_nothing_of_it() -> None:
    async with FaultServer(Ok("yes")) as server, fallback(server, "one/big") as host:
        async with host.session(system="Be brief.") as session:
            await session.ask("first")
            await session.ask("second")
            assert [m.text for m in session.messages if isinstance(m, UserMessage)] == ["first", "second"]
        async with host.session() as session:
            await session.ask("third")
    assert [texts(request, "user") for request in server.requests] == [["first"], ["first", "second"], ["third"]]
    assert [bool(texts(request, "system")) for request in server.requests] == [True, True, False]


async def test_sessions_at_once_share_what_they_learn_of_a_spent_key() -> None:
    scripts = {For("big", TWO_KEYS["primary"]): Status(429, {"Retry-After": "600"}), "big": Ok("yes")}
    async with FaultServer(scripts) as server, fallback(server, "one/big") as host:
        async with host.session() as session:
            await session.ask("who is spent?")
        assert len(server.requests) == 2
        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(one_answer, host, f"prompt {number}")
    assert {request.key for request in server.requests[1:]} == {TWO_KEYS["backup-1"]}
    assert sorted(texts(request, "user")[-1] for request in server.requests[2:]) == [f"prompt {n}" for n in range(8)]


async def one_answer(host: Fallback, text: str) -> None:
    async with host.session() as session:
        assert (await session.ask(text)).text == "yes"


async def test_the_watchdog_serves_on_when_the_session_that_ran_it_has_closed() -> None:
    settings = replace(AT_ONCE, limits=Limits(first_content_s=1.0))
    opened, leave, closed = anyio.Event(), anyio.Event(), anyio.Event()

    async def opened_first(host: Fallback) -> None:
        async with host.session():
            opened.set()
            await leave.wait()
        closed.set()

    scripts = {"big": Stall(after=0), "mid": Ok("from the second")}
    async with (
        FaultServer(scripts) as server,
        fallback(server, settings=settings) as host,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(opened_first, host)
        await opened.wait()
        async with host.session() as session:
            leave.set()
            await closed.wait()
            with anyio.fail_after(20):
                assert (await session.ask("hi")).text == "from the second"


async def test_the_watchdog_serves_on_when_a_session_that_came_later_has_closed() -> None:
    settings = replace(AT_ONCE, limits=Limits(first_content_s=1.0))
    scripts = {"big": Stall(after=0), "mid": Ok("from the second")}
    async with (
        FaultServer(scripts) as server,
        fallback(server, settings=settings) as host,
        host.session() as session,
    ):
        async with host.session():
            pass
        with anyio.fail_after(20):
            assert (await session.ask("hi")).text == "from the second"


async def test_an_abort_closes_the_socket_within_200_ms_and_nothing_is_sent_after_it() -> None:
    async with (
        FaultServer({"big": Stall(after=1), "mid": Ok("too late")}) as server,
        fallback(server) as host,
        host.session() as session,
    ):
        prompt = session.prompt("hi")
        async for event in prompt:
            if isinstance(event, Streamed):
                aborted_at = anyio.current_time()
                await session.abort()
        await server.wait_until(lambda requests: requests[0].outcome == "left")
        closed_at = server.requests[0].closed_at
        assert closed_at is not None
        assert closed_at - aborted_at < 0.2
        with pytest.raises(AgentAborted, match="Say it again"):
            prompt.answer()
        assert len(server.requests) == 1
        server.play("big", Ok("here"))
        assert (await session.ask("and now?")).text == "here"
    assert server.violations == ()


async def test_a_timeout_around_ask_aborts_it() -> None:
    async with (
        FaultServer({"big": Stall(after=1)}) as server,
        fallback(server, "one/big") as host,
        host.session() as session,
    ):
        with anyio.move_on_after(0.2) as scope:
            await session.ask("hi")
        assert scope.cancelled_caught
        await server.wait_until(lambda requests: requests[0].outcome == "left")
        server.play("big", Ok("here"))
        assert (await session.ask("and now?")).text == "here"


async def test_leaving_an_async_with_early_aborts_the_prompt() -> None:
    async with (
        FaultServer({"big": Stall(after=1)}) as server,
        fallback(server, "one/big") as host,
        host.session() as session,
    ):
        async with session.prompt("hi") as prompt:
            async for event in prompt:
                if isinstance(event, Streamed):
                    break
        assert prompt.is_over
        await server.wait_until(lambda requests: requests[0].outcome == "left")


async def test_one_prompt_at_a_time_and_the_error_says_what_else_to_do() -> None:
    async with (
        FaultServer({"big": Stall(after=1)}) as server,
        fallback(server, "one/big") as host,
        host.session() as session,
    ):
        with pytest.raises(AgentBusy, match="No prompt is going on"):
            session.steer("faster")
        async with session.prompt("hi") as prompt:
            await anext(prompt)
            with pytest.raises(AgentBusy, match="abort it, or steer it"):
                await session.ask("me too")
            with pytest.raises(AgentBusy, match="Iterate to the end"):
                prompt.answer()


async def test_what_is_steered_is_heard_with_the_next_request() -> None:
    async with (
        FaultServer({"big": [CALL, Ok("Done.")]}) as server,
        fallback(server, "one/big", tools=[weigh]) as host,
        host.session() as session,
    ):
        async for event in session.prompt("how heavy?"):
            if isinstance(event, ToolStarted):
                session.steer("in ounces")
    assert texts(server.requests[-1], "user") == ["how heavy?", "in ounces"]


async def test_when_all_fail_the_error_names_every_route_and_its_reason() -> None:
    scripts = {"big": Status(401), "mid": Status(402)}
    async with FaultServer(scripts) as server, fallback(server) as host, host.session() as session:
        with pytest.raises(AgentFailed) as caught:
            await session.ask("hi")
        assert {route: failure.kind.value for route, failure in caught.value.failures.items()} == {
            ONE: "auth",
            ONE_BACKUP: "auth",
            TWO: "quota_exhausted",
        }
        for name in ("one/big: auth", "one/big (backup-1): auth", "two/mid: quota_exhausted", "again at 20"):
            assert name in str(caught.value)
        events = [event async for event in session.prompt("again")]  # a prompt tells it, and raises nothing
        assert any(isinstance(event, GaveUp) for event in events)


async def test_a_session_may_have_an_order_and_tools_of_its_own() -> None:
    async with FaultServer(Ok("yes")) as server, fallback(server, tools=[weigh]) as host:
        async with host.session(order=["two/mid"], tools=[]) as session:
            await session.ask("hi")
            with pytest.raises(UnknownModel):
                await session.select("one/big")
        async with host.session() as session:
            await session.select("two/mid")
            await session.ask("hi")
    assert [(request.model, "tools" in (request.body or {})) for request in server.requests] == [
        ("mid", False),
        ("mid", True),
    ]


async def test_a_route_in_the_order_stands_for_one_key_alone() -> None:
    async with FaultServer({"big": Status(401), "mid": Ok("yes")}) as server:
        host = fallback(server)
        async with host, host.session(order=[ONE_BACKUP, "two/mid"]) as session:
            await session.ask("hi")
    assert [request.key for request in server.requests] == [TWO_KEYS["backup-1"], KEY_OF_TWO]


async def test_a_provider_without_keys_is_sent_none() -> None:
    async with (
        FaultServer(Ok("yes")) as server,
        fallback(server, "one/big", keys={}) as host,
        host.session() as session,
    ):
        await session.ask("hi")
    assert "authorization" not in server.requests[0].headers


async def test_a_key_in_a_tools_output_reaches_neither_the_model_nor_the_session() -> None:
    async def weigh(what: str) -> str:
        """Weigh something."""
        return f"it says {TWO_KEYS['backup-1']}"

    async with (
        FaultServer({"big": [CALL, Ok("I see.")]}) as server,
        fallback(server, "one/big", tools=[weigh]) as host,
        host.session() as session,
    ):
        await session.ask("how heavy?")
        assert TWO_KEYS["backup-1"] not in repr(session.messages)
    assert TWO_KEYS["backup-1"].encode() not in server.requests[-1].raw


async def test_a_plugin_given_in_code_decides_and_one_that_fails_is_told() -> None:
    class Elsewhere:
        @hookimpl
        def request_failed(self) -> Retry:
            return Retry((TWO,), reason="elsewhere says so")

        @hookimpl
        def session_start(self) -> None:
            raise ValueError("no thanks")

    scripts = {"big": Status(401), "mid": Ok("yes")}
    async with (
        FaultServer(scripts) as server,
        fallback(server, plugins={"elsewhere": Elsewhere()}) as host,
        host.session() as session,
    ):
        events: list[SessionEvent] = [event async for event in session.prompt("hi")]
    assert [request.key for request in server.requests] == [TWO_KEYS["primary"], KEY_OF_TWO]
    assert any(isinstance(event, Noticed) and "no thanks" in event.text for event in events)


async def test_a_session_in_a_state_folder_is_gone_on_with(tmp_path: Path) -> None:
    async with FaultServer(Ok("yes")) as server:
        async with fallback(server, "one/big", state_dir=tmp_path) as host, host.session() as session:
            assert session.path is not None
            await session.ask("first")
            path = session.path
            assert path.is_relative_to(tmp_path)
        async with fallback(server, "one/big", state_dir=tmp_path) as host:
            async with host.session(resume=path) as session:
                await session.ask("second")
            with pytest.raises(SessionError):
                async with host.session(resume=tmp_path / "nothing.jsonl"):
                    pass
    assert texts(server.requests[-1], "user") == ["first", "second"]


async def test_a_rest_that_is_kept_in_the_state_folder_holds_for_the_next_process(tmp_path: Path) -> None:
    scripts = {"big": Status(429, {"Retry-After": "600"}), "mid": Ok("yes")}
    async with FaultServer(scripts) as server:
        for _ in range(2):
            async with fallback(server, state_dir=tmp_path) as host, host.session() as session:
                await session.ask("hi")
    assert [request.model for request in server.requests] == ["big", "big", "mid", "mid"]


async def test_it_must_be_entered_and_only_once() -> None:
    host = fallback(FaultServer())
    with pytest.raises(RuntimeError, match="async with Fallback"):
        async with host.session():
            pass
    async with host:
        with pytest.raises(RuntimeError, match="entered already"):
            await host.__aenter__()


async def test_an_answer_that_is_in_the_session_has_its_route_and_tokens() -> None:
    async with FaultServer(Ok("yes")) as server, fallback(server) as host, host.session() as session:
        answer = await session.ask("hi")
        assert (answer.producer.provider, answer.producer.model) == ("one", "big")
        assert answer.usage.total == 15
        assert session.messages[-1] == answer


NO_PROMPTS: dict[str, tuple[Any, Any, str]] = {
    "nothing": (None, (), "A prompt is a str, not NoneType."),
    "bytes": (b"hi", (), "A prompt is a str, not bytes."),
    "images that are none": ("hi", ["a.png"], "`images` is a list of Image"),
    "one image": ("hi", Image("aGk=", "image/png"), "`images` is a list of Image"),
    "no list": ("hi", None, "`images` is a list of Image"),
    "an image in bytes": ("hi", [Image(b"hi", "image/png")], "`images` is a list of Image"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", NO_PROMPTS)
async def test_what_is_no_prompt_is_refused_at_the_call_and_the_session_goes_on(name: str) -> None:
    text, images, why = NO_PROMPTS[name]
    async with (
        FaultServer({"big": [CALL, Ok("Done."), Ok("here")]}) as server,
        fallback(server, "one/big", tools=[weigh]) as host,
        host.session() as session,
    ):
        with pytest.raises(TypeError, match=why):
            session.prompt(text, images)
        with pytest.raises(TypeError, match=why):
            await session.ask(text, images)
        async for event in session.prompt("how heavy?"):
            if isinstance(event, ToolStarted):
                with pytest.raises(TypeError, match=why):
                    session.steer(text, images)
        assert (await session.ask("and now?")).text == "here"
    assert texts(server.requests[-1], "user") == ["how heavy?", "and now?"]


async def test_a_system_prompt_or_a_model_that_is_no_text_is_refused_at_the_call() -> None:
    async with FaultServer(Ok("yes")) as server, fallback(server, "one/big") as host:
        odd: Any = 5
        with pytest.raises(TypeError, match="`system` is a str, not int"):
            async with host.session(system=odd):
                pass
        async with host.session() as session:
            with pytest.raises(TypeError, match="not by int"):
                await session.select(odd)
            with pytest.raises(UnknownModel):
                await session.select(" ")


async def test_one_task_iterates_over_a_prompt() -> None:
    async with (
        FaultServer({"big": Stall(after=1)}) as server,
        fallback(server, "one/big") as host,
        host.session() as session,
        session.prompt("hi") as prompt,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(all_of, prompt)
        await server.wait_for_requests(1)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5), pytest.raises(AgentBusy, match="Somebody iterates over this prompt already"):
            await anext(prompt)
        await session.abort()


async def test_a_session_is_used_in_the_loop_that_opened_it() -> None:
    def elsewhere() -> str:
        try:
            anyio.run(session.ask, "hi")
        except RuntimeError as error:
            return str(error)
        return "answered"

    async with FaultServer(Ok("yes")) as server, fallback(server) as host, host.session() as session:
        with anyio.fail_after(10):
            told = await anyio.to_thread.run_sync(elsewhere)
        assert told == "This session belongs to another event loop. Use it in the loop that opened it."
        assert (await session.ask("hi")).text == "yes"


async def test_a_session_ends_with_its_fallback() -> None:
    async with FaultServer({"big": Stall(after=1)}) as server:
        host = fallback(server, "one/big")
        async with contextlib.AsyncExitStack() as sessions:
            async with host:
                session = await sessions.enter_async_context(host.session())
                prompt = session.prompt("hi")
                async for event in prompt:
                    if isinstance(event, Streamed):
                        break
            with pytest.raises(AgentAborted):
                prompt.answer()
            await server.wait_until(lambda requests: requests[0].outcome == "left")
            with pytest.raises(RuntimeError, match="The Fallback of this session was exited"):
                await session.ask("and now?")
            async with host:  # entered again: that session is still one of the first time
                with pytest.raises(RuntimeError, match="open a session"):
                    await session.ask("and now?")
    assert len(server.requests) == 1


async def test_a_key_in_what_a_plugin_raises_is_told_to_nobody() -> None:
    class Loud:
        @hookimpl
        def request_failed(self) -> None:
            raise RuntimeError(f"it was {TWO_KEYS['backup-1']}")

    scripts = {"big": Status(401), "mid": Ok("yes")}
    async with (
        FaultServer(scripts) as server,
        fallback(server, plugins={"loud": Loud()}) as host,
        host.session() as session,
    ):
        told = [event.text async for event in session.prompt("hi") if isinstance(event, Noticed)]
    assert any("it was [redacted]" in text for text in told)
    assert not any(TWO_KEYS["backup-1"] in text for text in told)


async def test_no_error_of_a_session_speaks_of_the_terminal() -> None:
    async with (
        FaultServer({"big": Status(400)}) as server,
        fallback(server, "one/big") as host,
        host.session() as session,
    ):
        with pytest.raises(AgentFailed) as failed:
            await session.ask("hi", [Image("aGk=", "image/png")])
        with pytest.raises(UnknownModel) as unknown:
            await session.select("quite another")
    told = f"{failed.value} {unknown.value}"
    assert "session.select()" in told
    assert "The order has one/big." in told
    for word in ("/model", "--", "/new", "pi-fallback"):
        assert word not in told
