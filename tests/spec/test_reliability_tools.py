"""Tools and history, as far as spec ids promise: RT1 to RT7, in every dialect, through a whole agent.

What each dialect makes of half a call is in tests/providers; every fault in a call is in tests/faults.
"""

import json
from pathlib import Path

import pytest

from pi_fallback.embedding import Fallback, Image, ProgressSettings, ProviderConfig, RetryPolicy, Settings
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback.testing import Cut, FaultServer, Ok, Received, Stall, Status, Step, ToolCallScript
from pi_fallback.testing.steps import Play
from pi_fallback_hookspecs import (
    AssistantMessage,
    Producer,
    StopReason,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    frozen_object,
    user_message,
)
from tests.spec.test_reliability_sessions import noon
from tests.spec.wired import (
    ANTHROPIC,
    AT_ONCE,
    COMPLETIONS,
    GOOGLE,
    NAMES,
    ONE_KEY,
    PAIRS,
    RESPONSES,
    patient,
    times,
    wired,
)

pytestmark = pytest.mark.anyio
each_pair = pytest.mark.parametrize(("dialect", "to"), PAIRS)
each_dialect = pytest.mark.parametrize("dialect", NAMES)


class Scales:
    """A tool that counts how often it ran."""

    def __init__(self) -> None:
        self.weighed: list[str] = []

    async def weigh(self, what: str) -> str:
        """Weigh something."""
        self.weighed.append(what)
        return f"{what}: 1 g"


def call(what: str, **more: str) -> ToolCallScript:
    return ToolCallScript("weigh", {"what": what}, **more)


WEIGH = Ok("I look.", tools=[call("feather")])
DEATHS: dict[str, Step] = {"a rate limit": Status(429), "a cut": Cut(2, "rst"), "a stall": Stall(1)}


def noting(step: Step, folder: Path, journals: list[list[str]]) -> Play:
    """Play `step`, once it is noted what of tools the session file in `folder` says."""

    def play(_received: Received) -> Step:
        (file,) = folder.rglob("sessions/**/*.jsonl")
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        kinds = [record["type"] for record in records if record["type"].startswith("tool_")]
        journals.append([*kinds, *("result" for record in records if "feather: 1 g" in json.dumps(record))])
        return step

    return play


@each_pair
async def test_rt1_a_result_is_on_disk_before_the_next_request_and_goes_to_the_next_route(
    dialect: str, to: str, tmp_path: Path
) -> None:
    for name, death in DEATHS.items():
        scales, journals, folder = Scales(), list[list[str]](), tmp_path / name
        scripts = {
            "A": [WEIGH, noting(death, folder, journals)],
            "B": noting(Ok("It weighs 1 g."), folder, journals),
        }
        limits = patient(quiet_s=0.2)
        async with wired(scripts, (dialect, to), limits=limits, tools=[scales.weigh], state_dir=folder) as it:
            assert (await it.hear("how heavy?")).text == "It weighs 1 g."
            first, *later = it.server.requests
            assert [times(request, "feather: 1 g") for request in (first, *later)] == [0] + [1] * len(later)
            assert it.server.violations == ()
        assert scales.weighed == ["feather"]
        assert journals == [["tool_started", "tool_finished", "result"]] * len(later)


HALF = ToolCallScript("weigh", '{"what": "feather and every')
LENGTHS = {COMPLETIONS: "length", RESPONSES: "max_output_tokens", ANTHROPIC: "max_tokens", GOOGLE: "MAX_TOKENS"}


@each_dialect
async def test_rt2_half_a_tool_call_is_neither_run_nor_mended(dialect: str) -> None:
    scales = Scales()
    long = Ok("I look.", tools=[call("feather and everything else")], chunk=7)
    halves: list[Play] = [
        *(Cut(3, how, long) for how in ("fin", "rst", "clean", "close")),
        Stall(3, long),
        Ok("I look.", tools=[HALF]),
        Ok("I look.", tools=[HALF], finish=LENGTHS[dialect]),
    ]
    for half in halves:
        scripts = {"A": half, "B": Ok("whole")}
        async with wired(scripts, dialect, tools=[scales.weigh], limits=patient(quiet_s=0.2)) as it:
            heard = await it.hear()
            assert (heard.text, heard.ran) == ("whole", [])
            assert all(times(request, "feather") == 0 for request in it.server.requests)
    assert scales.weighed == []


@each_dialect
async def test_rt2_of_a_whole_call_and_half_a_one_neither_runs(dialect: str) -> None:
    scales = Scales()
    both = Ok("I look.", tools=[call("feather"), HALF])
    async with wired({"A": both, "B": Ok("whole")}, dialect, tools=[scales.weigh]) as it:
        assert ((await it.hear()).text, scales.weighed) == ("whole", [])


@each_dialect
async def test_rt2_a_whole_call_of_an_answer_that_was_cut_at_its_length_is_not_run_and_said_so(dialect: str) -> None:
    scales = Scales()
    cut = Ok("I look.", tools=[call("feather")], finish=LENGTHS[dialect])
    async with wired({"A": [cut, Ok("Then not.")]}, dialect, tools=[scales.weigh]) as it:
        assert ((await it.hear()).text, scales.weighed) == ("Then not.", [])
        assert times(it.server.requests[1], "cut off at its length limit") == 1
        assert it.server.violations == ()


@each_dialect
@pytest.mark.parametrize("how", ["fin", "rst", "clean", "close", "stall"])
async def test_rt3_a_whole_call_without_the_end_of_its_answer_is_not_run(how: str, dialect: str) -> None:
    scales = Scales()
    everything = 1000
    step = Stall(everything, WEIGH) if how == "stall" else Cut(everything, how, WEIGH)  # pyright: ignore[reportArgumentType]
    scripts = {"A": step, "B": [WEIGH, Ok("1 g")]}
    async with wired(scripts, dialect, tools=[scales.weigh], limits=patient(quiet_s=0.2)) as it:
        heard = await it.hear()
        assert (heard.text, heard.ran, scales.weighed) == ("1 g", ["weigh"], ["feather"])
        assert it.asked in ("ABB", "AABB")


@each_dialect
async def test_rt4_a_call_that_a_crash_ended_is_told_as_that_and_not_run_again(dialect: str, tmp_path: Path) -> None:
    calls = (
        ToolCall("c1", "weigh", frozen_object({"what": "feather"})),
        ToolCall("c2", "weigh", frozen_object({"what": "stone"})),
    )
    log = SessionLog.create(tmp_path, "/", wall=noon, on_problem=pytest.fail)
    log.message(user_message("weigh both"))
    log.message(AssistantMessage(calls, StopReason.TOOL_USE, Producer("a", "A", dialect)))
    log.tool_started(calls[0])
    log.close()  # and the program is gone
    scales = Scales()
    async with FaultServer({"A": Ok("I check first.")}) as server:
        provider = ProviderConfig("a", server.base_url, dialect, ONE_KEY)
        host = Fallback(providers=[provider], order=["a/A"], tools=[scales.weigh], settings=AT_ONCE, state_dir=tmp_path)
        async with host, host.session(resume=log.path) as session:
            assert (await session.ask("go on")).text == "I check first."
        (request,) = server.requests
        assert times(request, "It may or may not have run") == 1
        assert times(request, "It was not run") == 1
        assert server.violations == ()
    assert scales.weighed == []


@pytest.mark.parametrize("first", range(len(NAMES)))
async def test_rt5_a_conversation_through_all_dialects_is_legal_in_each(first: int) -> None:
    spoken = (*NAMES[first:], *NAMES[:first])
    rich = Ok(
        "I look at both.",
        thinking="Which is heavier?",
        tools=[call("feather"), call("stone"), ToolCallScript("fly", {})],
    )
    scales = Scales()
    scripts = {name: [rich, Status(401), rich, Ok("Equal.")] for name in "ABCD"}
    async with wired(scripts, spoken, tools=[scales.weigh]) as it:
        for name in "ABCDCBADBCA":
            await it.session.select(f"{name.lower()}/{name}")
            await it.hear(f"and now, {name}?")
        assert it.server.violations == ()
        assert {request.model for request in it.server.requests} == set("ABCD")
        calls = [call.id for m in it.session.messages if isinstance(m, AssistantMessage) for call in m.tool_calls]
        results = [m.call_id for m in it.session.messages if isinstance(m, ToolResultMessage)]
        assert len(set(calls)) == len(calls)
        assert calls == results


@each_dialect
async def test_rt6_two_calls_by_one_id_and_an_unknown_tool_run_once_each_or_not_at_all(dialect: str) -> None:
    scales = Scales()
    same = Ok(tools=[call("feather", id="same"), call("stone", id="same"), ToolCallScript("fly", {}, id="fly_1")])
    again = Ok(tools=[call("leaf", id="same")])
    async with wired({"A": [same, again, Ok("done")]}, dialect, tools=[scales.weigh]) as it:
        heard = await it.hear()
        assert (heard.text, scales.weighed) == ("done", ["feather", "stone", "leaf"])
        results = [message for message in it.session.messages if isinstance(message, ToolResultMessage)]
        assert len({result.call_id for result in results}) == 4
        assert [result.is_error for result in results] == [False, False, True, False]
        assert "There is no tool 'fly'" in results[2].text
        assert it.server.violations == ()


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@each_pair
async def test_rt7_the_prompt_is_in_every_request_once_however_often_it_fails(dialect: str, to: str) -> None:
    scales = Scales()
    broken: list[Play] = [WEIGH, Cut(2, "fin"), Status(429)]
    scripts = {"A": broken, "B": [Status(500), Status(500)], "C": [WEIGH, Ok("1 g")]}
    async with wired(scripts, (dialect, to, dialect), tools=[scales.weigh]) as it:
        assert (await it.hear("how heavy is it?")).text == "1 g"
        assert it.asked == "AAABBCC"
        assert [times(request, "how heavy is it?") for request in it.server.requests] == [1] * 7
        await it.hear("and the other?")
        for request in it.server.requests[7:]:
            assert (times(request, "how heavy is it?"), times(request, "and the other?")) == (1, 1)
        assert it.server.violations == ()


@each_dialect
async def test_rt7_what_progress_detection_says_does_not_say_the_prompt_again(dialect: str) -> None:
    net = Settings(retry=RetryPolicy(enabled=False), progress=ProgressSettings(quiet_s=0.05))
    odd = Status(418, body="I am a teapot")
    async with wired({"A": odd, "B": odd, "C": Ok("hello")}, dialect, settings=net) as it:
        assert (await it.hear("who is there?")).text == "hello"
        assert it.asked == "ABC"
        assert [times(request, "who is there?") for request in it.server.requests] == [1, 1, 1]
        said = [message.text for message in it.session.messages if isinstance(message, UserMessage)]
        assert said == ["who is there?", "continue"]


@each_dialect
async def test_rt7_an_image_goes_along_to_the_next_route(dialect: str) -> None:
    async with wired({"A": Status(429), "B": Ok("a pixel")}, dialect, images=True) as it:
        assert (await it.session.ask("what is this?", [Image(PNG, "image/png")])).text == "a pixel"
        assert [times(request, PNG) for request in it.server.requests] == [1, 1]
        assert it.server.violations == ()
