"""The loop of attempts in virtual time: what follows which end of a block, by `for` and by `async for`."""

import contextlib
import logging
import os
import traceback
from typing import Any

import anyio
import pytest

from pi_fallback.failover import (
    Attempt,
    AttemptFailed,
    Failover,
    IncompleteAttempt,
    NoRouteLeft,
    Phase,
    RedactedError,
    Request,
    RetryPolicy,
    Route,
)
from pi_fallback_hookspecs import Fault, FaultKind, Image, Model, ModelRef, user_message
from tests.conftest import Backend
from tests.failover.calls import ApiError, Client, Drive, Move, by_async_for, by_for

A, A_BACKUP, B, C = Route("a", "big"), Route("a", "big", "backup-1"), Route("b", "mid"), Route("c", "small")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_backend: Backend) -> Backend:
    return virtual_backend


@pytest.fixture(params=[by_for, by_async_for])
def drive(request: pytest.FixtureRequest) -> Drive:
    return request.param


class Clock:
    """The clock of both loops: `for` moves it by sleeping, `async for` by waiting on the event loop."""

    def __init__(self) -> None:
        self.slept_s = 0.0
        self.begun = anyio.current_time()

    def now(self) -> float:
        return anyio.current_time() + self.slept_s

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    @property
    def passed_s(self) -> float:
        return self.now() - self.begun


def made(*routes: Route | str, clock: Clock | None = None, **settings: Any) -> Failover:
    clock = clock or Clock()
    return Failover(routes, now=clock.now, sleep=clock.sleep, **settings)


def asking(client: Client, phase: Phase = Phase.PRE) -> Any:
    def block(attempt: Attempt) -> None:
        if phase is not Phase.PRE:
            attempt.emitted(phase)
        attempt.complete(client.answer(attempt.route))

    return block


# What follows a failure


async def test_the_first_route_that_works_answers(drive: Drive) -> None:
    client = Client()
    last = await drive(made(A, B), asking(client))
    assert (client.asked, last.number, last.cause, last.is_complete) == ([A], 1, None, True)


FAILURES: dict[str, tuple[Move, list[Route]]] = {
    "RF1 a rate limit tries the other account": (ApiError(429), [A, A_BACKUP]),
    "RF5 a model that is gone tries the next model": (ApiError(404), [A, B]),
    "capacity is shared by the accounts": (ApiError(529), [A, B]),
    "a stumble is repeated once at the same place": (ApiError(500), [A, A]),
    "RF5 a refused request tries the next model": (ApiError(400, code="content_filter"), [A, B]),
    "a content filter tries the next model": ("content_filter", [A, B]),
    "an answer without a finish reason is repeated once": ("", [A, A]),
    "a word that nobody knows tries the next model": ("whatever", [A, B]),
    "RF13 a dead connection is repeated once": (type("ServerDisconnectedError", (Exception,), {})(), [A, A]),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_goes_on_at_once_where_it_may_help(name: str, drive: Drive) -> None:
    failure, expected = FAILURES[name]
    clock = Clock()
    client = Client({A: [failure, "stop"]})
    last = await drive(made(A, A_BACKUP, B, clock=clock), asking(client))
    assert (client.asked, last.route) == (expected, expected[-1])
    assert clock.passed_s == 0.0


async def test_rf4_a_context_that_is_too_long_burns_no_accounts(drive: Drive) -> None:
    client = Client({route: [ApiError(400, code="context_length_exceeded")] for route in (A, A_BACKUP, B)})
    models = [Model(A.ref, context_window=100_000), Model(B.ref, context_window=50_000)]
    with pytest.raises(NoRouteLeft) as caught:
        await drive(made(A, A_BACKUP, B, models=models), asking(client))
    assert client.asked == [A]
    assert "shorten the conversation" in str(caught.value)


async def test_what_failed_rests_for_the_next_call(drive: Drive) -> None:
    failover, client = made(A, B), Client({A: [ApiError(429, retry_after_s=30)]})
    await drive(failover, asking(client))
    await drive(failover, asking(client))
    assert client.asked == [A, B, B]
    assert failover.ledger.resting(A, now=0.0) is not None


async def test_an_attempt_knows_its_number_what_led_to_it_and_what_is_left(drive: Drive) -> None:
    seen: list[tuple[int, Route, int, str]] = []
    client = Client({A: [ApiError(404)], B: [ApiError(404)]})

    def block(attempt: Attempt) -> None:
        seen.append((attempt.number, attempt.route, attempt.remaining, str(attempt.cause or "")))
        attempt.complete(client.answer(attempt.route))

    await drive(made(A, B, C), block)
    gone = "model_not_found: HTTP 404"
    assert seen == [(1, A, 2, ""), (2, B, 1, f"a/big: {gone}"), (3, C, 0, f"b/mid: {gone}")]


async def test_each_switch_is_told(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    await drive(made(A, B), asking(Client({A: [ApiError(404)]})))
    assert caplog.record_tuples == [
        (
            "pi_fallback.failover",
            logging.WARNING,
            "a/big: model_not_found: HTTP 404; going on with b/mid: model_not_found",
        )
    ]


async def test_each_decision_is_a_record(drive: Drive) -> None:
    records: list[tuple[str, Route | None]] = []
    failover = made(A, B, explain=lambda record: records.append((record.verdict, record.choice)))
    await drive(failover, asking(Client({A: [ApiError(404)]})))
    assert records == [("begins", A), ("switches", B)]


async def test_an_unnamed_failure_tries_each_other_model_once(drive: Drive) -> None:
    client = Client({route: ["whatever"] for route in (A, A_BACKUP, B)})
    last = await drive(made(A, A_BACKUP, B, C), asking(client))
    assert client.asked == [A, B, C]
    assert last.route == C


# Waits


async def test_a_single_route_is_waited_for(drive: Drive) -> None:
    clock, client = Clock(), Client({A: [ApiError(429, retry_after_s=7), "stop"]})
    last = await drive(made(A, clock=clock), asking(client))
    assert last.is_complete
    assert 7.0 <= clock.passed_s <= 7.1


async def test_a_wait_is_no_longer_than_the_cap(drive: Drive) -> None:
    clock, client = Clock(), Client({A: [ApiError(429, retry_after_s=61)]})
    with pytest.raises(NoRouteLeft) as caught:
        await drive(made(A, clock=clock), asking(client))
    assert clock.passed_s == 0.0
    assert caught.value.again_in_s == 61.0


async def test_all_waits_of_a_call_together_are_no_longer_than_the_cap(drive: Drive) -> None:
    clock = Clock()
    client = Client({A: [ApiError(429, retry_after_s=25)]})
    with pytest.raises(NoRouteLeft):
        await drive(made(A, clock=clock, retry=RetryPolicy(max_retries=50)), asking(client))
    assert clock.passed_s <= 60.0


async def test_with_retries_off_nothing_is_waited_for(drive: Drive) -> None:
    clock, client = Clock(), Client({A: [ApiError(429, retry_after_s=1)]})
    with pytest.raises(NoRouteLeft):
        await drive(made(A, clock=clock, retry=RetryPolicy(enabled=False)), asking(client))
    assert (client.asked, clock.passed_s) == ([A], 0.0)


async def test_a_call_that_finds_all_resting_waits_for_the_first_to_wake(drive: Drive) -> None:
    clock = Clock()
    failover = made(A, B, clock=clock, retry=RetryPolicy(max_delay_s=10.0))
    first = Client({A: [ApiError(429, retry_after_s=300)], B: [ApiError(429, retry_after_s=12)]})
    with pytest.raises(NoRouteLeft):
        await drive(failover, asking(first))
    clock.slept_s += 5.0
    begun = clock.now()
    last = await drive(failover, asking(Client()))
    assert last.route == B
    assert clock.now() - begun == pytest.approx(7.0)


# The closing error


async def test_rf6_the_error_names_each_route_its_reason_and_when_the_first_wakes(drive: Drive) -> None:
    spent = ApiError(429, code="insufficient_quota", retry_after_s=7200)
    client = Client({A: [ApiError(401)], B: [spent], C: [ApiError(404)]})
    failover = made(A, B, C)
    with pytest.raises(NoRouteLeft) as caught:
        await drive(failover, asking(client))
    error = caught.value
    assert {report.route: report.again_in_s for report in error.reports} == {A: None, B: 7200.0, C: None}
    assert error.again_in_s == 7200.0
    lines = str(error).splitlines()
    assert lines[1:] == [
        "  a/big: auth: HTTP 401",
        "  b/mid: quota_exhausted: HTTP 429 (again in 7200 s)",
        "  c/small: model_not_found: HTTP 404",
        "Try again in 7200 s.",
    ]
    assert isinstance(error.__cause__, ApiError)


@pytest.mark.parametrize("status", [429, 500, 503, 529])
async def test_rf6_in_an_outage_calls_make_hardly_more_than_one_request_each(status: int, drive: Drive) -> None:
    clock = Clock()
    client = Client({route: [ApiError(status)] for route in (A, B)})
    failover = made(A, B, clock=clock, retry=RetryPolicy(enabled=False))
    asked: list[int] = []
    for _ in range(200):
        with pytest.raises(NoRouteLeft):
            await drive(failover, asking(client))
        clock.slept_s += 1.0
        asked.append(len(client.asked))
    assert asked[-1] - asked[59] <= 1.1 * 140  # after the first minute


async def test_the_error_says_why_a_route_was_not_tried(drive: Drive) -> None:
    failover = made(A, B)
    await drive(failover, asking(Client({A: [ApiError(429, retry_after_s=90)]})))
    with pytest.raises(NoRouteLeft) as caught:
        await drive(failover, asking(Client({B: [ApiError(401)]})))
    assert "a/big: not tried: rate_limit (again in 90 s)" in str(caught.value)


SECRET = "sk-secret"


def without_secret(text: str) -> str:
    return text.replace(SECRET, "***")


class Echo(ApiError):
    """A client's exception that says the key wherever it can."""

    def __init__(self) -> None:
        super().__init__(401, code=SECRET)
        self.args = (f"bad key {SECRET}",)
        self.headers = {"x-request-id": SECRET}
        self.body = {"error": {"message": f"bad key {SECRET}", "code": SECRET, "type": SECRET}}


@pytest.mark.parametrize("failing", [Echo(), SECRET], ids=["an exception", "a finish reason"])
async def test_secrets_are_taken_out_of_what_is_told(
    failing: Move, drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    failover = made(A, B, redact=without_secret)
    with pytest.raises(NoRouteLeft) as caught:
        await drive(failover, asking(Client({A: [failing], B: [failing]})))
    error = caught.value
    shown = "".join(traceback.format_exception(error.__cause__)) if error.__cause__ else ""
    assert SECRET not in str(error) + repr(error.reports) + shown + caplog.text + repr(failover.ledger)
    assert "***" in str(error)
    assert isinstance(error.__cause__, RedactedError) is isinstance(failing, Exception)
    assert error.__suppress_context__


async def test_a_failed_attempt_shows_no_secret_inside_its_block() -> None:
    for attempt in made(A, B, redact=without_secret).attempts():
        with attempt, pytest.raises(AttemptFailed) as caught:
            attempt.failed(Echo())
        assert SECRET not in str(caught.value) + repr(caught.value.fault)
        break


class BadWords(Exception):
    def __str__(self) -> str:
        raise RuntimeError


async def test_an_exception_without_words_is_told_by_its_class(drive: Drive) -> None:
    with pytest.raises(NoRouteLeft, match="unknown: BadWords"):
        await drive(made(A, redact=without_secret), lambda attempt: attempt.failed(BadWords()))


PASSING: dict[str, tuple[Move, str]] = {
    "a rate limit": (ApiError(429), "A rate limit may pass by itself: try again in a little while."),
    "a full server": (ApiError(503), "A server error may pass by itself: try again in a little while."),
    "a bad key": (ApiError(401), "Read the reasons above: none of them passes by waiting."),
}


@pytest.mark.parametrize("name", PASSING)
async def test_the_error_says_whether_waiting_may_help(name: str, drive: Drive) -> None:
    failing, advice = PASSING[name]
    with pytest.raises(NoRouteLeft) as caught:
        await drive(made(A, retry=RetryPolicy(enabled=False)), asking(Client({A: [failing]})))
    assert str(caught.value).splitlines()[-1] == advice


async def test_what_providers_write_cannot_command_a_terminal(drive: Drive) -> None:
    failing = ApiError(401)
    failing.args = ("\x1b]52;c;aGk=\x07bad\nkey",)
    with pytest.raises(NoRouteLeft) as caught:
        await drive(made(A), asking(Client({A: [failing]})))
    assert str(caught.value).splitlines()[1] == "  a/big: auth: bad key"


# The block


class Mine(Exception):
    """An error of the caller's own."""


@pytest.mark.parametrize("error", [TypeError("mine"), Mine("mine"), KeyboardInterrupt(), GeneratorExit()])
async def test_what_is_no_failed_call_passes_through_untouched(error: BaseException, drive: Drive) -> None:
    client, failover = Client({A: [error]}), made(A, B)
    with pytest.raises(type(error)) as caught:
        await drive(failover, asking(client))
    assert caught.value is error
    assert (client.asked, failover.ledger.failures) == ([A], {})


async def test_a_reader_of_the_callers_own_that_is_gone_costs_no_second_request(drive: Drive) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    client, failover = Client(), made(A, B)
    with open(writing, "w", buffering=1) as downstream:

        def block(attempt: Attempt) -> None:
            client.answer(attempt.route)
            print("a piece", file=downstream)

        with pytest.raises(BrokenPipeError):
            await drive(failover, block)
        with contextlib.suppress(BrokenPipeError):
            downstream.close()
    assert (client.asked, failover.ledger.failures) == ([A], {})


async def test_leaving_a_block_without_a_word_is_an_error(drive: Drive) -> None:
    with pytest.raises(IncompleteAttempt, match=r"attempt\.complete\(finish_reason\)"):
        await drive(made(A, B), lambda _attempt: None)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_attempt_that_nobody_used_is_an_error(asynchronous: bool) -> None:
    attempts = made(A, B).attempts()
    await anext(attempts) if asynchronous else next(attempts)
    with pytest.raises(IncompleteAttempt):
        await anext(attempts) if asynchronous else next(attempts)


async def test_an_answer_may_be_returned_from_the_block() -> None:
    failover = made(A, B)
    client = Client({A: [ApiError(404)]})

    async def ask() -> str:
        async for attempt in failover.attempts():
            with attempt:
                reason = client.answer(attempt.route)
                attempt.complete(reason)
                return reason
        raise AssertionError("the loop ends with an answer or an error")

    assert await ask() == "stop"
    assert failover.ledger.worked_at.keys() == {B.ref}


@pytest.mark.parametrize("reason", [None, "content_filter"])
async def test_half_an_answer_cannot_be_returned_from_the_block(reason: str | None) -> None:
    failover = made(A, B)

    def ask() -> Route:
        for attempt in failover.attempts():
            with attempt:
                attempt.complete(reason if attempt.route == A else "stop")
                return attempt.route
        raise AssertionError("the loop ends with an answer or an error")

    assert ask() == B


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        (Mine("odd"), "unknown", "Mine: odd"),
        (ApiError(429), "rate_limit", "HTTP 429"),
        ("the answer is in Latin", "unknown", "the answer is in Latin"),
        (Fault(FaultKind.EMPTY, "nothing in it"), "server_error", "nothing in it"),
    ],
)
async def test_a_failure_that_raises_nothing_can_be_said(said: Any, kind: str, text: str, drive: Drive) -> None:
    def block(attempt: Attempt) -> None:
        if attempt.number == 1:
            attempt.failed(said)
        attempt.complete("stop")

    last = await drive(made(A, B), block)
    assert last.cause is not None
    assert (last.cause.kind, last.cause.text) == (kind, text)


async def test_a_failed_attempt_cannot_become_complete_in_its_block(drive: Drive) -> None:
    routes: list[Route] = []

    def block(attempt: Attempt) -> None:
        routes.append(attempt.route)
        if attempt.route == A:
            try:
                attempt.failed("no use")
            except AttemptFailed:
                attempt.complete("stop")
            routes.append(C)
        attempt.complete("stop")

    await drive(made(A, B), block)
    assert routes == [A, B]


async def test_an_error_after_the_answer_is_the_callers_own(drive: Drive) -> None:
    def block(attempt: Attempt) -> None:
        attempt.complete("stop")
        raise ConnectionResetError("to the database")

    failover = made(A, B)
    with pytest.raises(ConnectionResetError):
        await drive(failover, block)
    assert failover.ledger.worked_at.keys() == {A.ref}


async def test_content_that_came_is_in_the_failure(drive: Drive) -> None:
    client = Client({A: [ApiError(404)]})
    last = await drive(made(A, B), asking(client, Phase.TEXT))
    assert last.cause is not None
    assert last.cause.phase is Phase.TEXT


async def test_a_limit_inside_a_tool_call_is_no_answer(drive: Drive) -> None:
    client = Client({A: ["max_tokens"]})
    assert (await drive(made(A, B), asking(client, Phase.TOOL_ARGS))).route == B
    assert (await drive(made(A, B), asking(Client({A: ["max_tokens"]}), Phase.TEXT))).route == A


async def test_rf8_a_late_word_on_an_attempt_that_was_given_up_is_ignored(drive: Drive) -> None:
    given_up: list[Attempt] = []

    def block(attempt: Attempt) -> None:
        given_up.append(attempt)
        if attempt.number == 1:
            attempt.failed(TimeoutError())
        given_up[0].complete("stop")
        assert not attempt.is_complete
        attempt.complete("stop")

    failover = made(A, B)
    last = await drive(failover, block)
    assert (last.route, given_up[0].is_complete) == (B, False)
    assert failover.ledger.worked_at.keys() == {B.ref}


async def test_a_loop_that_is_left_holds_nothing(drive: Drive) -> None:
    failover = made(A, B)
    next(failover.attempts())
    assert (await drive(failover, asking(Client()))).route == A


async def test_a_wait_can_be_cancelled() -> None:
    client = Client({A: [ApiError(429, retry_after_s=30)]})
    with anyio.move_on_after(1.0) as scope:
        await by_async_for(made(A), asking(client))
    assert scope.cancelled_caught
    assert client.asked == [A]


async def test_a_timeout_of_the_callers_own_inside_the_block_is_a_failure_of_the_route() -> None:
    failover, routes = made(A, B), list[Route]()
    async for attempt in failover.attempts():
        with attempt:
            routes.append(attempt.route)
            with anyio.fail_after(5.0):
                await anyio.sleep(60.0 if attempt.route == A else 0.0)
            attempt.complete("stop")
    assert routes == [A, B]


async def test_a_timeout_around_the_loop_ends_it() -> None:
    failover, routes = made(A, B), list[Route]()
    with anyio.move_on_after(5.0) as scope:
        async for attempt in failover.attempts():
            with attempt:
                routes.append(attempt.route)
                await anyio.sleep(60.0)
    assert scope.cancelled_caught
    assert (routes, failover.ledger.failures) == ([A], {})


# What a call asks for


async def test_a_route_that_cannot_take_the_request_is_passed_over(drive: Drive) -> None:
    models = [Model(A.ref), Model(B.ref, inputs=frozenset({"text", "image"}))]
    seen = Request((user_message("what is this?", [Image("aGk=", "image/png")]),))
    failover = made(A, B, models=models)
    assert (await drive(failover, asking(Client()), seen)).route == B
    assert (await drive(failover, asking(Client()))).route == A


def test_routes_may_be_written_as_provider_and_model() -> None:
    (attempt,) = [next(Failover(["openrouter/z-ai/glm-5.3"]).attempts())]
    assert attempt.route == Route("openrouter", "z-ai/glm-5.3")
    assert attempt.route.ref == ModelRef("openrouter", "z-ai/glm-5.3")


@pytest.mark.parametrize("routes", [[], ["no-slash"]])
def test_routes_that_are_none_are_refused(routes: list[str]) -> None:
    with pytest.raises(ValueError, match=r"at least one route|provider/model"):
        Failover(routes)


ODD: dict[str, tuple[Any, type[Exception], str]] = {
    "text": ({"routes": "a/b"}, TypeError, r"Failover\(\['a/b'\]\)"),
    "nothing": ({"routes": [None]}, TypeError, "A route is 'provider/model' or Route"),
    "a number": ({"routes": [1]}, TypeError, "not 1"),
    "a tuple": ({"routes": [("a", "b")]}, TypeError, "A route is"),
    "a route of nothing": ({"routes": [Route("a", None)]}, TypeError, "A route is"),  # type: ignore[arg-type]
    "an empty model": ({"routes": [Route("a", "")]}, ValueError, "each part needs a name"),
    "a line break": ({"routes": ["a/b\nc"]}, ValueError, "without line breaks"),
    "no policy": ({"routes": [A], "retry": None}, TypeError, "`retry` is RetryPolicy"),
    "less than zero": (
        {"routes": [A], "retry": RetryPolicy(max_delay_s=-1)},
        ValueError,
        "max_delay_s must be a number",
    ),
    "no number": ({"routes": [A], "retry": RetryPolicy(max_delay_s=float("nan"))}, ValueError, "it is nan"),
    "a word": ({"routes": [A], "retry": RetryPolicy(max_retries="x")}, ValueError, "it is 'x'"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", ODD)
def test_what_a_failover_cannot_work_with_is_refused_when_it_is_given(name: str) -> None:
    given, kind, why = ODD[name]
    with pytest.raises(kind, match=why):
        Failover(**given)
