"""Requests and failover, as far as spec ids promise: RF1, RF4 to RF6, RF8 to RF13, in every dialect."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
import time_machine

from pi_fallback.embedding import (
    AgentAborted,
    Fallback,
    ProgressSettings,
    ProviderConfig,
    RetryPolicy,
    RetryScheduled,
    RouteSwitched,
    SessionEvent,
    Settings,
    Streamed,
    TimerChanged,
    ToolStarted,
    Withdrawn,
)
from pi_fallback.runtime.plans import inline
from pi_fallback.testing import (
    CommentsOnly,
    Cut,
    CutBeforeHeaders,
    FaultServer,
    HangBeforeHeaders,
    Ok,
    Raw,
    Received,
    Script,
    Stall,
    Status,
    Step,
    ToolCallScript,
)
from pi_fallback_hookspecs import AssistantMessage, Fault, FaultKind, Ledger, UserMessage
from tests.runtime.test_engine import Bench
from tests.spec.wired import (
    ANTHROPIC,
    AT_ONCE,
    COMPLETIONS,
    GOOGLE,
    NAMES,
    ONE_KEY,
    RESPONSES,
    TWO_KEYS,
    Wired,
    at,
    full_house,
    patient,
    times,
    wired,
)

pytestmark = pytest.mark.anyio
each_dialect = pytest.mark.parametrize("dialect", NAMES)

MONTH_S = 31 * 86_400.0
DELAYS: dict[str, tuple[Mapping[str, str], float | None]] = {
    "seconds": ({"retry-after": "8"}, 8.0),
    "milliseconds": ({"retry-after-ms": "1500", "retry-after": "8"}, 1.5),
    "a date": ({"retry-after": "Wed, 21 Oct 2095 07:28:00 GMT"}, MONTH_S),
    "a date that is past": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    "huge": ({"retry-after": "9" * 30}, MONTH_S),
    "negative": ({"retry-after": "-5"}, None),
    "junk": ({"retry-after": "soon"}, None),
    "none": ({}, None),
}


@each_dialect
async def test_rf1_a_delay_is_read_in_every_form_within_a_month_and_never_slept_through(dialect: str) -> None:
    for headers, seconds in DELAYS.values():
        async with wired({"A": Status(429, headers)}, dialect) as it:
            begun = anyio.current_time()
            heard = await it.hear()
            (failure,) = heard.failures
            assert (failure.kind in ("rate_limit", "quota_exhausted"), failure.retry_after_s) == (True, seconds)
            assert ("(again at " in heard.error) is bool(seconds)
            assert anyio.current_time() - begun < 1.0


@each_dialect
async def test_rf1_escape_bytes_in_a_delay_are_no_delay(dialect: str) -> None:
    async with wired({"A": Status(429, {"retry-after": "\x1b[2J5"}), "B": Ok("elsewhere")}, dialect) as it:
        heard = await it.hear()
        assert (heard.text, heard.failures[0].retry_after_s) == ("elsewhere", None)


@each_dialect
async def test_rf1_googles_retry_info_is_read_from_the_body(dialect: str) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    error = {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED", "details": [info]}
    async with wired({"A": Status(429, body={"error": error}), "B": Ok("elsewhere")}, dialect) as it:
        assert (await it.hear()).failures[0].retry_after_s == 34.5


SAID_IN_WORDS = {
    "usage limit reached|1893459600": 3600.0,
    "usage limit reached|1893452400": 0.0,  # an hour ago
    "Your limit resets at 2030-01-01T00:00:30Z": 30.0,
    "Your limit resets at 2095-10-21T07:28:00Z": MONTH_S,
    "Your limit resets at 2030-02-31T99:00:00Z": None,
}


@each_dialect
async def test_rf1_a_moment_that_the_body_states_becomes_a_wait_of_a_month_at_most(dialect: str) -> None:
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC)):
        for text, seconds in SAID_IN_WORDS.items():
            limited = Status(429, body={"error": {"message": text}})
            async with wired({"A": limited, "B": Ok("elsewhere")}, dialect) as it:
                (failure,) = (await it.hear()).failures
                assert failure.retry_after_s == (seconds and pytest.approx(seconds, abs=10.0))


def openai_error(status: int, code: str, kind: str = "invalid_request_error") -> Status:
    return Status(status, body={"error": {"message": "no", "type": kind, "param": None, "code": code}})


def anthropic_error(status: int, kind: str) -> Status:
    return Status(status, body={"type": "error", "error": {"type": kind, "message": "no"}, "request_id": "req_1"})


def google_error(status: int, name: str, reason: str = "") -> Status:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return Status(status, body={"error": {"code": status, "message": "no", "status": name, "details": details}})


# What each API documents; see core/error_codes.py. Google says it in words alone.
TOO_LONG: dict[str, list[Step]] = {
    COMPLETIONS: [openai_error(400, "context_length_exceeded"), openai_error(400, "string_above_max_length")],
    RESPONSES: [openai_error(400, "context_length_exceeded"), openai_error(400, "string_above_max_length")],
    ANTHROPIC: [Ok("x", finish="model_context_window_exceeded")],
}


@pytest.mark.parametrize("dialect", TOO_LONG)
async def test_rf4_a_context_that_is_too_long_burns_no_account_and_goes_to_a_larger_model_only(dialect: str) -> None:
    for too_long in TOO_LONG[dialect]:
        scripts = {"A": too_long, "B": Ok("as small"), "C": Ok("larger")}
        async with wired(scripts, dialect, keys=TWO_KEYS, windows={"C": 200_000}) as it:
            heard = await it.hear()
            assert (heard.text, it.asked, heard.failures[0].kind) == ("larger", "AC", "context_overflow")
        async with wired({"A": too_long, "B": Ok("as small")}, dialect, keys=TWO_KEYS) as it:
            heard = await it.hear()
            assert it.asked == "A"
            assert "a/A: context_overflow: " in heard.error
            assert "cannot be shortened: it holds hardly more than its newest messages" in heard.error
            it.server.play("A", Ok("shorter is fine"))
            assert (await it.hear("shorter")).text == "shorter is fine"  # no account rests


@pytest.mark.parametrize("dialect", [COMPLETIONS, RESPONSES, ANTHROPIC, GOOGLE])
async def test_rf4_a_bare_413_may_be_a_gateways_and_burns_no_account_either(dialect: str) -> None:
    async with wired({"A": Status(413), "B": Ok("elsewhere")}, dialect, keys=TWO_KEYS) as it:
        heard = await it.hear()
        assert (heard.text, it.asked, heard.failures[0].kind) == ("elsewhere", "AB", "context_overflow")


GONE: dict[str, list[Step]] = {
    COMPLETIONS: [openai_error(404, "model_not_found"), openai_error(400, "model_not_found")],
    RESPONSES: [openai_error(404, "model_not_found"), openai_error(400, "model_not_found")],
    ANTHROPIC: [anthropic_error(404, "not_found_error")],
    GOOGLE: [google_error(404, "NOT_FOUND")],
}
REFUSED: dict[str, list[Step]] = {
    COMPLETIONS: [openai_error(400, "content_policy_violation"), Ok("I", finish="content_filter")],
    RESPONSES: [openai_error(400, "invalid_prompt"), Ok("I", finish="content_filter")],
    ANTHROPIC: [Ok("I", finish="refusal")],
    GOOGLE: [Ok("I", finish="SAFETY"), Ok("I", finish="PROHIBITED_CONTENT"), Ok("I", finish="RECITATION")],
}


@each_dialect
@pytest.mark.parametrize(
    ("faults", "kind"), [(GONE, "model_not_found"), (REFUSED, "content_policy")], ids=["gone", "refused"]
)
async def test_rf5_what_a_model_will_never_do_is_asked_of_another_model_and_not_twice(
    faults: Mapping[str, list[Step]], kind: str, dialect: str
) -> None:
    for fault in faults[dialect]:
        async with wired({"A": fault, "B": Ok("elsewhere")}, dialect, keys=TWO_KEYS) as it:
            heard = await it.hear()
            assert (heard.text, it.asked, [failure.kind for failure in heard.failures]) == ("elsewhere", "AB", [kind])


@each_dialect
async def test_rf5_a_request_that_nobody_takes_makes_no_storm(dialect: str) -> None:
    for status in (400, 413, 422):
        scripts = dict.fromkeys("ABCDEF", Status(status))
        async with wired(scripts, dialect, keys=TWO_KEYS) as it:
            heard = await it.hear()
            assert len(it.asked) == len(set(it.asked)) <= 4
            assert "a/A: " in heard.error


@each_dialect
async def test_rf5_an_unknown_status_of_500_and_more_is_a_server_error(dialect: str) -> None:
    for status in (520, 555, 599):
        async with wired({"A": Status(status, body="?"), "B": Ok("elsewhere")}, dialect) as it:
            heard = await it.hear()
            assert (heard.text, it.asked) == ("elsewhere", "AAB")
            assert {failure.kind for failure in heard.failures} == {"server_error"}


@each_dialect
async def test_rf6_with_everything_down_the_error_names_each_route_its_reason_and_when(dialect: str) -> None:
    scripts: dict[str, Step] = {
        "A": Status(429, {"retry-after": "90"}),
        "B": Status(401),
        "C": Stall(0),
        "D": Status(500),
        "E": CutBeforeHeaders("rst"),
        "F": Status(404),
    }
    async with wired(scripts, dialect, limits=patient(first_content_s=0.2)) as it:
        begun = anyio.current_time()
        heard = await it.hear()
        assert anyio.current_time() - begun < 2.0
        reasons = ("rate_limit", "auth", "timeout", "server_error", "network", "model_not_found")
        for name, reason in zip(scripts, reasons, strict=True):
            assert f"{name.lower()}/{name}: {reason}: " in heard.error
        assert heard.error.count("(again at ") == 2  # the limit, and the model that stalled
        assert it.asked == "ABCDDEEEF"  # the first connection to E came out of the pool


@each_dialect
async def test_rf6_prompts_into_an_outage_make_hardly_more_than_a_request_each(dialect: str) -> None:
    async with wired(dict.fromkeys("ABC", Status(503, body="down")), dialect) as it:
        for _ in range(30):
            await it.hear()
        fought = len(it.asked)
        for _ in range(20):
            assert ": server_error: down" in (await it.hear()).error
        assert fought > 60  # a short outage is fought
        assert len(it.asked) - fought <= 22


@each_dialect
async def test_rf6_what_rests_is_not_asked_at_all_and_the_error_still_says_why(dialect: str) -> None:
    async with wired(dict.fromkeys("ABC", Status(429, {"retry-after": "600"})), dialect) as it:
        for _ in range(10):
            heard = await it.hear()
            for name in "ABC":
                assert f"{name.lower()}/{name}: " in heard.error
            assert heard.error.count("(again at ") == 3
        assert it.asked == "ABC"


@each_dialect
@pytest.mark.parametrize(("there", "kind"), [(False, "network"), (True, "timeout")], ids=["refused", "no answer"])
async def test_rf6_an_address_where_nobody_opens_is_a_failure_like_any_other(
    there: bool, kind: str, dialect: str
) -> None:
    async with FaultServer({"B": Ok("elsewhere")}) as server:
        with full_house() as port:
            addresses = {"A": f"http://127.0.0.1:{port if there else 1}/v1", "B": server.base_url}
            async with at(addresses, dialect, patient(connect_s=0.2)) as host, host.session() as session:
                prompt = session.prompt("go")
                failures = [event.failure.kind async for event in prompt if isinstance(event, Withdrawn)]
                assert (prompt.answer().text, set(failures)) == ("elsewhere", {kind})


def test_rf8_a_late_word_on_an_older_attempt_changes_nothing() -> None:
    bench = Bench()
    old = bench.begin()
    bench.begin()
    assert inline(bench.engine.failed(old, Fault(FaultKind.STATUS, "late", status=503)), bench.ask) is None
    bench.engine.complete(old)
    assert bench.engine.book.ledger == Ledger()


@each_dialect
async def test_rf8_a_prompt_hears_nothing_of_the_one_that_was_aborted_before_it(dialect: str) -> None:
    late = Ok("a late answer that nobody waits for any more", chunk=4, pace_s=0.02)
    async with wired({"A": [late, Ok("the second")]}, dialect) as it:
        async with it.session.prompt("first") as prompt:
            async for event in prompt:
                if isinstance(event, Streamed):
                    break
        heard = await it.hear("second")
        assert heard.shown == ["the second"]
        whole = [m.text for m in it.session.messages if isinstance(m, AssistantMessage) and m.stop_reason == "stop"]
        assert whole == ["the second"]


@each_dialect
async def test_rf9_a_wall_clock_that_jumps_neither_ends_a_rest_nor_makes_it_endless(
    dialect: str, tmp_path: Path
) -> None:
    booked = datetime(2030, 1, 1, tzinfo=UTC)
    scripts = {"A": [Status(429, {"retry-after": "3600"}), Ok("from A")], "B": Ok("from B")}
    async with FaultServer(scripts) as server:

        async def asked(*prompts: tuple[datetime, str]) -> list[str]:
            providers = [ProviderConfig(name.lower(), server.base_url, dialect, ONE_KEY) for name in scripts]
            answers: list[str] = []
            made = Fallback(providers=providers, order=["a/A", "b/B"], settings=AT_ONCE, state_dir=tmp_path)
            with time_machine.travel(prompts[0][0]) as wall:
                async with made as host, host.session() as session:
                    for moment, text in prompts:
                        wall.move_to(moment)
                        await session.select("a/A")
                        answers.append((await session.ask(text)).text)
            return answers

        year_before, two_hours_on = datetime(2029, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, 2, tzinfo=UTC)
        # Inside a process only the monotonic clock counts.
        jumps = [(booked, "one"), (year_before, "two"), (datetime(2035, 1, 1, tzinfo=UTC), "three")]
        assert await asked(*jumps) == ["from B"] * 3
        # Another one reads the moment on its own wall clock, right or wrong.
        assert await asked((year_before, "four")) == ["from B"]
        assert await asked((two_hours_on, "five")) == ["from A"]


@each_dialect
async def test_rf10_retries_do_not_multiply(dialect: str) -> None:
    eager = Status(500, {"x-should-retry": "true", "retry-after-ms": "1"})
    scripts: dict[str, Step] = {"A": eager, "B": Cut(1, "rst"), "C": eager, "D": Status(401)}
    every_layer = Settings(
        retry=RetryPolicy(base_delay_s=0.01, max_delay_s=0.1), progress=ProgressSettings(quiet_s=0.05)
    )
    async with wired(scripts, dialect, settings=every_layer) as it:
        heard = await it.hear()
        # A blip is repeated once; neither the client, nor the host's backoff, nor progress detection adds to that.
        assert it.asked == "AABBCCD"
        assert len(heard.failures) == 7
        assert not [event for event in heard.events if isinstance(event, RetryScheduled | TimerChanged)]


@each_dialect
async def test_rf10_a_single_route_is_repeated_as_often_as_the_host_says_and_no_oftener(dialect: str) -> None:
    only_host = Settings(retry=RetryPolicy(base_delay_s=0.01), progress=ProgressSettings(quiet_s=0.05))
    async with wired({"A": Status(500, {"x-should-retry": "true"})}, dialect, settings=only_host) as it:
        heard = await it.hear()
        assert it.asked == "A" * (1 + 3)
        assert [event.attempt for event in heard.events if isinstance(event, RetryScheduled)] == [1, 2, 3]


def streaming(event: SessionEvent) -> bool:
    return isinstance(event, Streamed)


def counting(event: SessionEvent) -> bool:
    return isinstance(event, TimerChanged) and event.at is not None


def waiting(event: SessionEvent) -> bool:
    return isinstance(event, RetryScheduled)


def in_a_tool(event: SessionEvent) -> bool:
    return isinstance(event, ToolStarted)


CLOSED_S = 0.2
CALLING = Ok("I look.", tools=[ToolCallScript("sleep", {})], chunk=4)
WAITS: dict[str, tuple[Step, Any, Settings]] = {
    "waiting for the head": (HangBeforeHeaders(), None, AT_ONCE),
    "waiting for the first content": (Stall(0), None, AT_ONCE),
    "hearing pings only": (CommentsOnly(0, 0.02), None, AT_ONCE),
    "in a stall": (Stall(2), streaming, AT_ONCE),
    "in a stalled tool call": (Stall(4, CALLING), streaming, AT_ONCE),
    "in a tool": (CALLING, in_a_tool, AT_ONCE),
    "in a wait inside the turn": (Status(500), waiting, Settings(retry=RetryPolicy(base_delay_s=1.9))),
    "in a wait between two runs": (Status(500), waiting, Settings(retry=RetryPolicy(base_delay_s=9.0))),
    "in the countdown of progress detection": (Status(418, body="?"), counting, Settings()),
}


async def _aborted(it: Wired, reached: Any) -> float:
    """Abort a prompt once it has come to where it is `reached`; return the moment."""
    there = anyio.Event()
    at = 0.0

    async def listen() -> None:
        prompt = it.session.prompt("first")
        async for event in prompt:
            if reached is not None and reached(event):
                there.set()
        with pytest.raises(AgentAborted):
            prompt.answer()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await it.server.wait_for_requests(1)
        if reached is not None:
            await there.wait()
        at = anyio.current_time()
        await it.session.abort()
        assert anyio.current_time() - at < CLOSED_S
    return at


@each_dialect
@pytest.mark.parametrize("name", WAITS)
async def test_rf11_an_abort_ends_every_wait_at_once_goes_nowhere_else_and_leaves_all_usable(
    name: str, dialect: str
) -> None:
    step, reached, settings = WAITS[name]
    alone = reached is waiting

    async def sleep() -> str:
        """Sleep."""
        await anyio.sleep(60.0)
        return "slept"

    scripts = {"A": [step, Ok("well again")]} | ({} if alone else {"B": Ok("elsewhere")})
    async with wired(scripts, dialect, settings=settings, tools=[sleep]) as it:
        at = await _aborted(it, reached)
        await it.server.wait_until(lambda requests: requests[0].outcome != "open", timeout_s=1.0)
        closed_at = it.server.requests[0].closed_at
        assert closed_at is None or closed_at - at < CLOSED_S
        heard = await it.hear("second")
        assert (heard.text, it.asked) == ("well again", "AA")
        assert not [event for event in heard.events if isinstance(event, RouteSwitched)]
        assert times(it.server.requests[1], "second") == 1
        assert it.server.violations == ()


@each_dialect
async def test_rf12_while_the_host_repeats_the_quiet_timer_never_fires(dialect: str) -> None:
    # Each wait is longer than the quiet time, which begins anew at the moment of each repeat.
    both = Settings(retry=RetryPolicy(base_delay_s=0.1), progress=ProgressSettings(quiet_s=0.05))
    async with wired({"A": [Status(503, body="down")] * 3 + [Ok("well again")]}, dialect, settings=both) as it:
        heard = await it.hear()
        assert (heard.text, it.asked) == ("well again", "AAAA")
        assert [message.text for message in it.session.messages if isinstance(message, UserMessage)] == ["go"]


@each_dialect
async def test_rf12_a_silence_after_what_nobody_repeats_is_ended_once(dialect: str) -> None:
    both = Settings(retry=RetryPolicy(base_delay_s=0.1), progress=ProgressSettings(quiet_s=0.05))
    async with wired({"A": Status(418, body="?"), "B": Ok("elsewhere")}, dialect, settings=both) as it:
        heard = await it.hear()
        assert (heard.text, it.asked) == ("elsewhere", "AB")
        assert [message.text for message in it.session.messages if isinstance(message, UserMessage)] == [
            "go",
            "continue",
        ]
        assert not [event for event in heard.events if isinstance(event, RetryScheduled)]


@each_dialect
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_rf13_a_dead_pooled_connection_costs_one_more_request_and_nothing_else(how: str, dialect: str) -> None:
    dead = CutBeforeHeaders(how)  # pyright: ignore[reportArgumentType]
    async with wired({"A": [Ok("one"), dead, Ok("two")], "B": Ok("elsewhere")}, dialect) as it:
        await it.hear()
        heard = await it.hear()
        assert (heard.text, it.asked, heard.failures) == ("two", "AAA", [])
        first, second, third = (request.connection for request in it.server.requests)
        assert (first == second, second == third) == (True, False)


@each_dialect
async def test_rf13_with_a_byte_of_an_answer_or_on_a_fresh_connection_it_is_a_failure(dialect: str) -> None:
    def half_a_head(_received: Received) -> Step:
        return Raw(b"HTTP/1.1 200 OK\r\ncontent-ty")

    async with wired({"A": Script([Ok("one"), half_a_head, Ok("two")]), "B": Ok("elsewhere")}, dialect) as it:
        await it.hear()
        heard = await it.hear()
        assert (heard.text, it.asked, [failure.kind for failure in heard.failures]) == ("two", "AAA", ["network"])
    async with wired({"A": [CutBeforeHeaders("fin"), Ok("two")], "B": Ok("elsewhere")}, dialect) as it:
        heard = await it.hear()
        assert (heard.text, it.asked, [failure.kind for failure in heard.failures]) == ("two", "AA", ["network"])
