"""Streams, as far as spec ids promise: RS1 to RS7, RS10, RS11, in every dialect, through a whole agent.

What each dialect makes of each odd event is in tests/providers; every fault in every phase is in tests/faults.
"""

import anyio
import pytest

from pi_fallback.embedding import Failure
from pi_fallback.testing import (
    CommentsOnly,
    Cut,
    Drip,
    Empty200,
    ErrorEvent,
    HangBeforeHeaders,
    Html,
    Malformed,
    Ok,
    Raw,
    Stall,
    Status,
    Step,
    ToolCallScript,
)
from pi_fallback.testing.steps import Play
from pi_fallback_hookspecs import AssistantMessage, FaultKind, Phase
from tests.faults import bending
from tests.spec.wired import ANTHROPIC, COMPLETIONS, GOOGLE, NAMES, RESPONSES, patient, times, wired

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("dialect", NAMES)]

HALF = Ok("Half an answer, in many pieces, and then nothing more of it.", chunk=5)
CALLING = Ok("I look.", tools=[ToolCallScript("weigh", {"what": "nothing that is ever weighed"})], chunk=5)


def kind_of(failure: Failure) -> FaultKind:
    assert failure.fault is not None
    return failure.fault.kind


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("fin", FaultKind.BROKEN),
        ("rst", FaultKind.BROKEN),
        ("clean", FaultKind.INCOMPLETE),
        ("close", FaultKind.INCOMPLETE),
    ],
)
async def test_rs1_a_body_that_ends_before_its_terminal_event_is_no_answer(
    how: str, kind: FaultKind, dialect: str
) -> None:
    everything = 1000  # all of the content, but not what ends an answer
    cuts = [Cut(after, how, HALF) for after in (2, everything)]  # pyright: ignore[reportArgumentType]
    async with wired({"A": cuts, "B": Ok("whole")}, dialect) as it:
        heard = await it.hear()
        assert [(kind_of(failure), failure.phase) for failure in heard.failures] == [(kind, Phase.TEXT)] * 2
        assert (heard.text, it.asked) == ("whole", "AAB")


ENOUGH = {
    COMPLETIONS: [Ok("yes", done=False), Ok("yes", finish="")],  # no `[DONE]`, or that alone
    RESPONSES: [Ok("yes")],
    ANTHROPIC: [Ok("yes")],
    GOOGLE: [Ok("yes", done=False)],
}
TOO_LITTLE = {
    COMPLETIONS: [Ok("no", finish="", done=False), Ok("no", finish="insufficient_system_resource")],
    RESPONSES: [Ok("no", done=False), Ok("no", finish="failed"), Ok("no", finish="cancelled")],
    ANTHROPIC: [Ok("no", done=False), Ok("no", finish="insufficient_system_resource")],
    GOOGLE: [Ok("no", finish=""), Ok("no", finish="MALFORMED_RESPONSE")],
}


async def test_rs2_an_answer_is_whole_by_the_terminal_event_of_its_dialect_and_by_no_other(dialect: str) -> None:
    for enough in ENOUGH[dialect]:
        async with wired({"A": enough, "B": Ok("elsewhere")}, dialect) as it:
            assert ((await it.hear()).text, it.asked) == ("yes", "A")
    for too_little in TOO_LITTLE[dialect]:
        async with wired({"A": too_little, "B": Ok("elsewhere")}, dialect) as it:
            heard = await it.hear()
            assert heard.text == "elsewhere"
            assert {kind_of(failure) for failure in heard.failures} <= {
                FaultKind.INCOMPLETE,
                FaultKind.FINISH,
                FaultKind.ERROR_EVENT,
            }


async def test_rs2_done_in_the_words_of_another_dialect_says_nothing(dialect: str) -> None:
    foreign = Malformed(1000, b"data: [DONE]\n\n", Ok("all of it", finish="", done=False))
    async with wired({"A": foreign, "B": Ok("elsewhere")}, dialect) as it:
        assert (await it.hear()).text == ("all of it" if dialect == COMPLETIONS else "elsewhere")


WORDS = {
    COMPLETIONS: {"message": "The engine is on fire.", "type": "server_error", "code": None},
    RESPONSES: {"type": "server_error", "code": "server_error", "message": "The engine is on fire.", "param": None},
    ANTHROPIC: {"type": "api_error", "message": "The engine is on fire."},
    GOOGLE: {"code": 500, "message": "The engine is on fire.", "status": "INTERNAL"},
}


@pytest.mark.parametrize(("after", "phase"), [(0, Phase.PRE), (3, Phase.TEXT), (1000, Phase.TEXT)])
async def test_rs3_an_error_in_a_200_stream_is_a_failure_in_the_providers_words(
    after: int, phase: Phase, dialect: str
) -> None:
    async with wired({"A": ErrorEvent(after, WORDS[dialect], HALF)}, dialect) as it:
        heard = await it.hear()
        failure = heard.failures[0]
        assert (kind_of(failure), failure.phase) == (FaultKind.ERROR_EVENT, phase)
        assert "The engine is on fire." in heard.error
        kept = [message for message in it.session.messages if isinstance(message, AssistantMessage)]
        assert [message.stop_reason for message in kept] == ["error"]


LIMIT_S, LATE_S = 0.25, 1.0  # how late a machine that is busy with other tests may notice
SILENCES: dict[str, tuple[Step, FaultKind, dict[str, float]]] = {
    "a head that never comes": (HangBeforeHeaders(), FaultKind.HEAD_TIMEOUT, {"head_s": LIMIT_S}),
    "a head that drips": (Drip(0.1, headers=True), FaultKind.HEAD_TIMEOUT, {"head_s": LIMIT_S}),
    "nothing after the head": (Stall(0), FaultKind.FIRST_CONTENT_TIMEOUT, {"first_content_s": LIMIT_S}),
    "pings before the content": (CommentsOnly(0, 0.05), FaultKind.FIRST_CONTENT_TIMEOUT, {"first_content_s": LIMIT_S}),
    "a stall": (Stall(2), FaultKind.QUIET_TIMEOUT, {"quiet_s": LIMIT_S}),
    "pings in the middle": (CommentsOnly(2, 0.05), FaultKind.QUIET_TIMEOUT, {"quiet_s": LIMIT_S}),
    "a stall in a tool call": (Stall(4, CALLING), FaultKind.QUIET_TIMEOUT, {"quiet_s": LIMIT_S}),
    "an answer without end": (Drip(0.02, 3, of=HALF), FaultKind.TOTAL_TIMEOUT, {"total_s": LIMIT_S}),
}


@pytest.mark.parametrize("name", SILENCES)
async def test_rs4_only_content_counts_and_a_silence_ends_at_its_limit(name: str, dialect: str) -> None:
    step, kind, limits = SILENCES[name]
    async with wired({"A": step, "B": Ok("elsewhere")}, dialect, limits=patient(**limits)) as it:
        begun = anyio.current_time()
        heard = await it.hear()
        (failure,) = heard.failures
        assert (kind_of(failure), heard.text, it.asked) == (kind, "elsewhere", "AB")
        assert LIMIT_S <= failure.at - begun < LIMIT_S + LATE_S
        await it.server.wait_until(lambda requests: requests[0].outcome == "left")


async def test_rs5_an_answer_that_is_slow_but_alive_is_left_alone(dialect: str) -> None:
    slow = Ok("slow, but sure, and longer in all than any limit", chunk=8, pace_s=0.2)
    limits = patient(head_s=1.0, first_content_s=1.0, quiet_s=1.0)
    async with wired({"A": slow, "B": Ok("elsewhere")}, dialect, limits=limits) as it:
        begun = anyio.current_time()
        assert ((await it.hear()).text, it.asked) == (slow.said, "A")
        assert anyio.current_time() - begun > 1.0


@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
async def test_rs6_legal_oddities_in_any_pieces_are_one_request_and_the_same_text(size: int, dialect: str) -> None:
    text = Ok("Zwölf 🥊 jagen 祝您愉快.", chunk=4)

    def odd(body: bytes) -> bytes:
        for name in ("data in two lines", "ids", "unknown events", "comments", "no space", "no final newline", "CRLF"):
            body = bending.ODDITIES[name](body)
        return bending.ODDITIES["a BOM"](body)

    async with wired({"A": bending.bent(text, odd, size), "B": Ok("elsewhere")}, dialect) as it:
        assert ((await it.hear()).text, it.asked) == (text.said, "A")


async def test_rs7_one_agent_outlives_every_hostile_event(dialect: str) -> None:
    junk = [Malformed(after, bending.event(data), HALF) for data in bending.JUNK.values() for after in (0, 2)]
    values = [bending.wrongly(HALF, value) for value in bending.WRONG_VALUES.values()]
    script: list[Play] = [*junk, *values]
    async with wired({"A": [*script, Ok("well again")], "B": Ok("elsewhere")}, dialect) as it:
        for _ in script:
            heard = await it.hear()
            assert [kind_of(failure) for failure in heard.failures] == [FaultKind.MALFORMED]
            assert heard.text == "elsewhere"
            await it.session.select("a/A")
        assert (await it.hear()).text == "well again"
        assert it.asked == "AB" * len(script) + "A"
        assert it.server.violations == ()


NO_ANSWERS: dict[str, Step] = {
    "an empty 200": Empty200(),
    "204": Status(204),
    "a captive portal": Html(),
    "JSON of something else": Status(200, body={"status": "fine"}),
    "a JSON text": Status(200, {"content-type": "application/json"}, b'"hello"'),
    "not HTTP": Raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "nothing but blank lines": Status(200, {"content-type": "text/event-stream"}, b"\n\n\n"),
}
BADLY_FRAMED = ("too long", "too short", "broken")


async def test_rs10_what_is_no_answer_goes_to_the_next_route(dialect: str) -> None:
    framed = [bending.badly_framed(HALF, 3, how) for how in BADLY_FRAMED]
    for play in (*NO_ANSWERS.values(), *framed, bending.zipped(HALF)):
        async with wired({"A": play, "B": Ok("elsewhere")}, dialect) as it:
            heard = await it.hear()
            assert (heard.text, it.asked[-1]) == ("elsewhere", "B")
            assert all(failure.text for failure in heard.failures)


@pytest.mark.parametrize("to", NAMES)
async def test_rs11_a_dead_answer_is_neither_glued_to_the_next_nor_sent_nor_kept(to: str, dialect: str) -> None:
    broken = Stall(6, Ok(HALF.text, thinking="half a thought", tools=CALLING.tools, chunk=5))
    async with wired({"A": broken, "B": Ok("whole")}, (dialect, to), limits=patient(quiet_s=0.2)) as it:
        heard = await it.hear()
        assert heard.shown[0]
        assert heard.shown[1:] == ["whole"]
        again = await it.hear("and then?")
        assert (heard.text, again.text) == ("whole", "whole")
        assert [m.text for m in it.session.messages if isinstance(m, AssistantMessage)] == ["whole", "whole"]
        for request in it.server.requests:
            assert times(request, "Half") == times(request, "half a") == times(request, "weigh") == 0
        assert it.server.violations == ()
