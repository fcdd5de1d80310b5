"""RK14 and G20: twelve bad third-party plugins. Each is named, and the others answer as if it were not there."""

import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from pi_fallback.runtime.discovery import discover
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.registry import Registry
from pi_fallback_hookspecs import (
    AgentEnd,
    Input,
    Ledger,
    Notify,
    Request,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Scope,
    ScopeKind,
    StopReason,
    ToolCall,
    ToolCallEvent,
    View,
    hookimpl,
)
from tests.runtime.test_dispatch import FAILURE

pytestmark = pytest.mark.anyio

HEAD = "from pi_fallback_hookspecs import *\nimport sys, threading\n"
BAD = {
    "raises": """
@hookimpl
def request_failed(event): raise RuntimeError("boom")
@hookimpl
def agent_end(event): raise RuntimeError("boom")
""",
    "hangs": """
@hookimpl
def request_failed(event): sys.test_is_over.wait()
""",
    "blocks": """
@hookimpl
def request_failed(event):
    while not sys.test_is_over.is_set(): pass
""",
    "mutates": """
@hookimpl
def request_failed(event):
    event.view.ledger.rests.clear()
""",
    "wrong_type": """
@hookimpl
def request_failed(event): return {"retry": True}
""",
    "import_error": "import a_module_that_nobody_has",
    "exits": "sys.exit(3)",
    "misspelt": """
@hookimpl
def request_fialed(event): return Stop("never")
""",
    "wraps": """
@hookimpl(wrapper=True)
def request_failed(event):
    yield
    return Stop("never")
""",
    "async_hook": """
@hookimpl
async def request_failed(event): return Stop("never")
""",
    "coroutine": """
async def later(): return Stop("never")
@hookimpl
def request_failed(event): return later()
""",
    "endless": """
class Endless(list):
    def __iter__(self):
        while True: yield Notify("again")
@hookimpl
def request_failed(event): return Retry(event.view.order, effects=Endless())
""",
}
A, B = Route("a", "big"), Route("b", "mid")
LEDGER = Ledger().rest(Scope.of(ScopeKind.MODEL, A), until=60.0, reason="quota")
VIEW = View(now=0.0, order=(A, B), ledger=LEDGER)


class Failover:
    """What keeps the turn going: asked after the bad ones."""

    @hookimpl
    def request_failed(self, event: RequestFailed) -> Retry:
        usable = tuple(route for route in event.view.order if event.view.usable(route))
        return Retry(usable, effects=(Rest(Scope.of(ScopeKind.MODEL, event.failure.route), 60.0, "failed"),))

    @hookimpl
    def agent_end(self, event: AgentEnd) -> Notify:
        return Notify("ended")

    @hookimpl
    def input(self, event: Input) -> str:
        return event.text.strip()


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Lets plugins that hang go, once the test is over."""
    event = threading.Event()
    monkeypatch.setattr("sys.test_is_over", event, raising=False)
    yield event
    event.set()


@pytest.mark.usefixtures("over")
@pytest.mark.parametrize("name", BAD)
async def test_the_turn_goes_on_and_the_plugin_is_named(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "pi-fallback" / "plugins"
    folder.mkdir(parents=True)
    (folder / f"{name}.py").write_text(HEAD + BAD[name])
    registry = Registry.load(found=discover(agent_dir=tmp_path), last=[("failover", Failover())])
    dispatcher = Dispatcher(registry, limit_s=0.05)
    failed = RequestFailed(view=VIEW, failure=FAILURE, request=Request(()), attempts=1)

    answer = await dispatcher.decide(failed)
    assert answer is not None
    assert (answer[0], answer[1].effects) == ("failover", (Rest(Scope.of(ScopeKind.MODEL, A), 60.0, "failed"),))
    assert isinstance(answer[1], Retry)
    assert answer[1].on == (B,)
    assert await dispatcher.fold("input", Input(view=VIEW, text=" hi "), "text") == "hi"
    ended = AgentEnd(view=VIEW, stop_reason=StopReason.STOP)
    assert await dispatcher.collect("agent_end", ended) == [("failover", (Notify("ended"),))]

    assert {fault.plugin for fault in registry.faults} == {name}
    assert all(f"Plugin {name} ({folder / name}.py)" in str(fault) for fault in registry.faults)
    assert VIEW.ledger.rests == LEDGER.rests


def test_there_are_twelve_bad_plugins() -> None:
    assert len(BAD) == 12


@pytest.mark.usefixtures("over")
@pytest.mark.parametrize("name", ["hangs", "blocks"])
async def test_escape_ends_the_asking_of_a_plugin_that_hangs(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.py"
    path.write_text(HEAD + BAD[name])
    dispatcher = Dispatcher(Registry.load(found=discover(explicit=[str(path)])), limit_s=3600.0)
    with anyio.move_on_after(0.01) as scope:
        await dispatcher.decide(RequestFailed(view=VIEW, failure=FAILURE, request=Request(()), attempts=1))
    assert scope.cancelled_caught


async def test_a_guard_that_fails_refuses_the_tool_call(tmp_path: Path) -> None:
    path = tmp_path / "guard.py"
    path.write_text(HEAD + "@hookimpl\ndef tool_call(event): raise RuntimeError('boom')\n")
    dispatcher = Dispatcher(Registry.load(found=discover(explicit=[str(path)])))
    refusals = await dispatcher.veto("tool_call", ToolCallEvent(view=VIEW, call=ToolCall("1", "bash")))
    assert [plugin for plugin, _reason in refusals] == ["guard"]
