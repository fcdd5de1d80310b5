"""Plugins that are given to a `Failover` are asked before the pool, in both kinds of loop."""

import logging
from collections.abc import Sequence

import pytest

from pi_fallback.errors import PluginError
from pi_fallback.failover import Attempt, Failover, NoRouteLeft, Route
from pi_fallback_hookspecs import (
    ClassifyFailure,
    Decision,
    FailureKind,
    Judgement,
    Notify,
    OrderRoutes,
    RefuseRoutes,
    RequestFailed,
    Retry,
    Run,
    ScopeKind,
    Stop,
    hookimpl,
)
from tests.failover.calls import ApiError, Client, Drive, by_async_for, by_for

A, B, C = Route("a", "big"), Route("b", "mid"), Route("c", "small")
pytestmark = pytest.mark.anyio


@pytest.fixture(params=[by_for, by_async_for])
def drive(request: pytest.FixtureRequest) -> Drive:
    return request.param


class ToTheLast:
    """Decides, and orders more than can be done around a call."""

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Decision:
        effects = (Notify("going to the end", "info"), Run(event.view.order, say="continue"))
        return Retry(tuple(reversed(event.view.order)), reason="the last is cheapest", effects=effects)


class NoMore:
    @hookimpl
    def request_failed(self, event: RequestFailed) -> Decision:
        return Stop(f"{event.failure.route} was the only one that may be used for this")


class Reads418:
    """Knows what a status means that nobody else knows."""

    @hookimpl
    def classify_failure(self, event: ClassifyFailure) -> Judgement | None:
        fault = event.failure.fault
        return Judgement(FailureKind.CAPACITY, ScopeKind.PROVIDER) if fault and fault.status == 418 else None


class Orders:
    @hookimpl
    def order_routes(self, event: OrderRoutes) -> Sequence[Route]:
        return [route for route in reversed(event.order) if route != A]

    @hookimpl
    def refuse_routes(self, event: RefuseRoutes) -> dict[Route, str]:
        return {C: "not on Sundays"}


class Raises:
    @hookimpl
    def request_failed(self, event: RequestFailed) -> Decision:
        raise RuntimeError("out of luck")


async def tried(drive: Drive, plugin: object, client: Client) -> list[Route]:
    def block(attempt: Attempt) -> None:
        attempt.complete(client.answer(attempt.route))

    await drive(Failover([A, B, C], plugins=[plugin]), block)
    return client.asked


async def test_a_plugin_decides_before_the_pool(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert await tried(drive, ToTheLast(), Client({A: [ApiError(404)]})) == [A, C]
    assert "ToTheLast-1: going to the end" in caplog.messages
    assert "ToTheLast-1 ordered Run, which is not possible here" in caplog.messages


async def test_a_plugin_that_stops_is_named(drive: Drive) -> None:
    with pytest.raises(NoRouteLeft) as caught:
        await tried(drive, NoMore(), Client({A: [ApiError(404)]}))
    assert str(caught.value).startswith("No route is left: NoMore-1: a/big was the only one")
    assert "b/mid: not tried: no more attempts were made" in str(caught.value)


async def test_a_plugin_names_a_failure_and_the_pool_acts_on_it(drive: Drive) -> None:
    assert await tried(drive, Reads418(), Client({A: [ApiError(418)]})) == [A, B]


async def test_a_plugin_orders_and_refuses_routes(drive: Drive) -> None:
    assert await tried(drive, Orders(), Client()) == [B]


async def test_a_plugin_that_raises_loses_its_own_answer_only(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    assert await tried(drive, Raises(), Client({A: [ApiError(404)]})) == [A, B]
    assert any("Raises-1" in message and "out of luck" in message for message in caplog.messages)


async def test_what_is_no_plugin_is_refused() -> None:
    with pytest.raises(PluginError, match="Correct it, or leave it out of `plugins`"):
        Failover([A], plugins=[object()])


async def test_a_secret_in_what_a_plugin_raises_or_says_is_not_logged(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    class Loud:
        @hookimpl
        def request_failed(self) -> None:
            raise RuntimeError("it was sk-secret")

    class Chatty:
        @hookimpl
        def request_failed(self) -> Decision:
            return Retry((B,), effects=(Notify("it was sk-secret", "info"),))

    caplog.set_level(logging.INFO)
    failover = Failover([A, B], plugins=[Loud(), Chatty()], redact=lambda text: text.replace("sk-secret", "***"))
    await drive(failover, lambda attempt: attempt.complete("stop" if attempt.route == B else "content_filter"))
    assert caplog.text.count("it was ***") == 2
    assert "sk-secret" not in caplog.text
