"""Dispatch: each shape, each kind of nonsense, and what a third party's thread may and may not do."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest

from pi_fallback.runtime.discovery import given
from pi_fallback.runtime.dispatch import Dispatcher
from pi_fallback.runtime.faults import PluginFault
from pi_fallback.runtime.registry import Registry
from pi_fallback_hookspecs import (
    AgentEnd,
    BeforeCompact,
    ClassifyFailure,
    Event,
    Failure,
    FailureKind,
    Fault,
    FaultKind,
    Input,
    Judgement,
    KeepHistory,
    Ledger,
    Notify,
    OrderRoutes,
    Phase,
    RefuseRoutes,
    Request,
    RequestFailed,
    Rest,
    Retry,
    Route,
    Run,
    Scope,
    ScopeKind,
    SessionStart,
    StartTimer,
    Stop,
    StopReason,
    Summary,
    Text,
    TimerFired,
    ToolCall,
    ToolCallEvent,
    ToolResultEvent,
    ToolResultMessage,
    View,
    Wake,
    hookimpl,
    user_message,
)

pytestmark = pytest.mark.anyio

A, B, C = Route("a", "big"), Route("b", "mid"), Route("c", "small")
SCOPE = Scope.of(ScopeKind.MODEL, A)
VIEW = View(now=0.0, order=(A, B, C))
FAILURE = Failure(
    A, FailureKind.UNKNOWN, ScopeKind.REQUEST, "boom", Phase.PRE, at=0.0, fault=Fault(FaultKind.OTHER, "")
)
RESULT = ToolResultMessage("1", "bash", (Text("ok"),))
CALL = ToolCall("1", "bash", {"command": ["ls"]})
EVENTS: dict[str, Event] = {
    "agent_end": AgentEnd(view=VIEW, stop_reason=StopReason.ERROR),
    "timer_fired": TimerFired(view=VIEW, name="quiet"),
    "request_failed": RequestFailed(view=VIEW, failure=FAILURE, request=Request(()), attempts=1),
    "classify_failure": ClassifyFailure(view=VIEW, failure=FAILURE),
    "input": Input(view=VIEW, text="hello"),
    "before_compact": BeforeCompact(view=VIEW, reason="manual", older=(user_message("hi"),), kept=()),
    "order_routes": OrderRoutes(view=VIEW, order=(A, B, C)),
    "refuse_routes": RefuseRoutes(view=VIEW, order=(A, B, C)),
    "tool_call": ToolCallEvent(view=VIEW, call=CALL),
    "tool_result": ToolResultEvent(view=VIEW, call=CALL, result=RESULT),
}


def plugin(hook: str, answer: Callable[[Any], object]) -> object:
    """A plugin whose only hook answers with `answer(event)`."""

    def answering(_self: object, event: Any) -> object:
        return answer(event)

    answering.__name__ = hook
    return type("Plugin", (), {hook: hookimpl(answering)})()


class Asked:
    """A dispatcher over foreign plugins `p0`, `p1`, … of one hook, and the faults it was told of."""

    def __init__(
        self, hook: str, *answers: Callable[[Any], object], limit_s: float = 2.0, builtin: bool = False
    ) -> None:
        plugins = [(f"p{index}", plugin(hook, answer)) for index, answer in enumerate(answers)]
        found = [] if builtin else [given(name, each) for name, each in plugins]
        self.hook = hook
        self.registry = Registry.load(first=plugins if builtin else [], found=found)
        self.faults: list[PluginFault] = []
        self.dispatcher = Dispatcher(self.registry, limit_s=limit_s, on_fault=self.faults.append)

    async def ask(self) -> Any:
        return await self.dispatcher.ask(self.hook, EVENTS[self.hook])


def always(value: object) -> Callable[[object], object]:
    return lambda _event: value


def raising(error: BaseException) -> Callable[[object], object]:
    def answer(_event: object) -> object:
        raise error

    return answer


NOTE = Notify("x")
JUDGED = Judgement(FailureKind.AUTH, ScopeKind.CREDENTIAL)
SHAPES = [
    ("agent_end", [NOTE, None, [NOTE, Wake(SCOPE)]], [("p0", (NOTE,)), ("p2", (NOTE, Wake(SCOPE)))]),
    ("request_failed", [None, Retry((B,)), Stop("never asked")], ("p1", Retry((B,)))),
    ("request_failed", [None, None], None),
    ("classify_failure", [None, JUDGED], JUDGED),
    ("before_compact", [None, KeepHistory("mine"), Summary("never asked")], KeepHistory("mine")),
    ("input", ["one", None, "two"], "two"),
    ("input", [None], "hello"),
    ("order_routes", [[C, A, C, Route("un", "known")], None], (C, A)),
    ("refuse_routes", [{A: "first"}, {A: "second", B: "b", Route("un", "known"): "u"}], {A: "first", B: "b"}),
    ("tool_call", [None, "no", "never"], [("p1", "no"), ("p2", "never")]),
    ("tool_result", [replace(RESULT, is_error=True)], replace(RESULT, is_error=True)),
]


@pytest.mark.parametrize("builtin", [False, True])
@pytest.mark.parametrize(("hook", "answers", "expected"), SHAPES)
async def test_each_hook_makes_one_answer_of_many_by_its_shape(
    hook: str, answers: Sequence[object], expected: object, builtin: bool
) -> None:
    asked = Asked(hook, *map(always, answers), builtin=builtin)
    assert await asked.ask() == expected
    assert asked.dispatcher.ask_sync(hook, EVENTS[hook]) == expected
    assert asked.faults == []


async def test_in_a_fold_each_plugin_sees_what_the_one_before_it_returned() -> None:
    asked = Asked("input", lambda event: event.text + " world", lambda event: event.text.upper())
    assert await asked.dispatcher.fold("input", EVENTS["input"], "text") == "HELLO WORLD"


async def test_a_timer_fires_to_its_owner_only() -> None:
    asked = Asked("timer_fired", always(Notify("mine")), always(Notify("theirs")))
    assert await asked.dispatcher.only("p1", "timer_fired", EVENTS["timer_fired"]) == [("p1", (Notify("theirs"),))]


async def a_coroutine() -> None: ...


def endless_effects() -> Iterator[Notify]:
    while True:
        yield Notify("again")


class EndlessList(list[Notify]):
    def __iter__(self) -> Iterator[Notify]:
        return endless_effects()


class OwnNotify(Notify):
    """A subclass could answer with another text each time it is read."""


NONSENSE: list[tuple[str, Callable[[Any], object], str]] = [
    ("agent_end", always(3), "returned an int, not a sequence of effects"),
    ("agent_end", always("text"), "returned a str, not a sequence of effects"),
    ("agent_end", always(Notify), "returned a type, not a sequence of effects"),
    ("agent_end", always([Notify("x"), 3]), "returned an int where an effect belongs"),
    ("agent_end", always(Retry((A,))), "returned a Retry, not a sequence of effects"),
    ("agent_end", always(OwnNotify("x")), "returned an OwnNotify, not a sequence"),
    ("agent_end", always(Notify(3)), "returned a Notify with a wrong `text`: input should be a valid string"),
    ("agent_end", always(Notify("x", "loud")), "wrong `level`: input should be 'info', 'warning' or 'error'"),
    ("agent_end", always(Rest("a/big", 3.0, "x")), "returned a Rest with a wrong `scope`"),
    ("agent_end", always(Rest(SCOPE, math.nan, "x")), "wrong `until`: input should be a finite number"),
    ("agent_end", always(StartTimer("x", math.inf, holds=True)), "wrong `at`: input should be a finite number"),
    ("agent_end", always(Run(("a/big",))), "returned a Run with a wrong `on.0`"),
    ("agent_end", lambda _event: a_coroutine(), "returned a coroutine; hooks are plain functions"),
    ("agent_end", lambda _event: endless_effects(), "returned a generator, not a sequence of effects"),
    ("agent_end", always(EndlessList()), "returned more than 100 effects"),
    ("agent_end", raising(ValueError("boom")), "ValueError: boom"),
    ("agent_end", raising(SystemExit(1)), "SystemExit: 1"),
    ("agent_end", raising(KeyboardInterrupt()), "KeyboardInterrupt"),
    ("request_failed", always(Run((A,))), "returned a Run, not a Retry or a Stop"),
    ("request_failed", always(Retry((A,), math.nan)), "wrong `after_s`"),
    ("request_failed", always(Retry((A,), effects=(Notify(3),))), "returned a Notify with a wrong `text`"),
    ("classify_failure", always(FailureKind.AUTH), "returned a FailureKind, not a Judgement"),
    ("classify_failure", always(Judgement("weather", ScopeKind.MODEL)), "wrong `kind`"),
    ("before_compact", always("short"), "returned a str, not a Summary or a KeepHistory"),
    ("before_compact", always(Summary(" \n")), "returned a Summary that says nothing"),
    ("before_compact", always(KeepHistory(3)), "returned a KeepHistory with a wrong `reason`"),
    ("input", always(Run((A,))), "returned a Run, not a string"),
    ("order_routes", always("abc"), "returned a str, not a sequence of routes"),
    ("order_routes", always(["a/big"]), "returned a str where a route belongs"),
    ("refuse_routes", always([A]), "returned a list, not a mapping of routes to reasons"),
    ("refuse_routes", always({A: 3}), "returned an int, not a string"),
    ("tool_result", always("text"), "returned a str, not a ToolResultMessage"),
    ("tool_result", always(replace(RESULT, call_id="2")), "returned the result of another call"),
    ("tool_result", always(replace(RESULT, content=("x",))), "returned a ToolResultMessage with a wrong `content"),
]
GOOD: dict[str, tuple[object, object]] = {
    "agent_end": (Notify("good"), [("p1", (Notify("good"),))]),
    "request_failed": (Stop("good"), ("p1", Stop("good"))),
    "classify_failure": (Judgement(FailureKind.AUTH, ScopeKind.MODEL), Judgement(FailureKind.AUTH, ScopeKind.MODEL)),
    "before_compact": (Summary("good"), Summary("good")),
    "input": ("good", "good"),
    "order_routes": ([B, A], (B, A)),
    "refuse_routes": ({B: "good"}, {B: "good"}),
    "tool_result": (replace(RESULT, is_error=True), replace(RESULT, is_error=True)),
}


@pytest.mark.parametrize(("hook", "answer", "reason"), NONSENSE)
async def test_nonsense_loses_only_the_answer_of_the_plugin_that_is_named(
    hook: str, answer: Callable[[Any], object], reason: str
) -> None:
    good, expected = GOOD[hook]
    asked = Asked(hook, answer, always(good))
    assert await asked.ask() == expected
    (fault,) = asked.faults
    assert (fault.plugin, fault.hook) == ("p0", hook)
    assert reason in fault.reason
    assert "\n" not in str(fault)


async def test_routes_may_be_given_as_a_list() -> None:
    asked = Asked("agent_end", always(Run([A, B])))
    assert await asked.ask() == [("p0", (Run((A, B)),))]


@pytest.mark.parametrize("answer", [raising(ValueError("boom")), always(True), always(b"no")])
async def test_a_fault_in_a_tool_call_refuses_it(answer: Callable[[Any], object]) -> None:
    asked = Asked("tool_call", always(None), answer)
    ((name, reason),) = await asked.ask()
    assert name == "p1"
    assert reason.startswith("The plugin that checks tool calls failed: ")
    assert [fault.plugin for fault in asked.faults] == ["p1"]


async def test_a_plugin_is_off_after_three_faults_in_a_row_and_named() -> None:
    asked = Asked("agent_end", raising(ValueError("boom")), always(Notify("good")))
    for _ in range(5):
        assert await asked.ask() == [("p1", (Notify("good"),))]
    assert [fault.disabled for fault in asked.faults] == [False, False, True]
    assert str(asked.faults[-1]).endswith("It is off now, after 3 faults in a row.")
    assert [(row.name, row.faults, row.disabled) for row in asked.registry.listing()] == [
        ("p0", 3, True),
        ("p1", 0, False),
    ]


async def test_a_good_answer_ends_a_row_of_faults() -> None:
    answers = iter([3, 3, None, 3, 3, Notify("still here")])
    asked = Asked("agent_end", lambda _event: next(answers))
    for _ in range(5):
        assert await asked.ask() == []
    assert await asked.ask() == [("p0", (Notify("still here"),))]
    assert not any(fault.disabled for fault in asked.faults)


async def test_a_built_in_plugin_is_never_switched_off() -> None:
    asked = Asked("agent_end", raising(ValueError("boom")), builtin=True)
    for _ in range(4):
        await asked.ask()
    assert len(asked.faults) == 4
    assert not any(fault.disabled for fault in asked.faults)


async def test_a_guard_that_was_switched_off_is_asked_about_tools_all_the_same() -> None:
    asked = Asked("tool_call", raising(ValueError("boom")))
    for _ in range(5):
        assert len(await asked.ask()) == 1
    assert asked.registry.plugins[0].disabled


async def test_a_fault_is_told_by_signal_too() -> None:
    asked, heard = Asked("agent_end", raising(ValueError("boom"))), list[PluginFault]()

    def hear(_sender: object, fault: PluginFault) -> None:
        heard.append(fault)

    asked.dispatcher.signals.plugin_fault.connect(hear)
    await asked.ask()
    assert heard == asked.faults


# Threads


async def test_a_foreign_plugin_is_asked_in_one_daemon_thread_of_its_own_and_ours_in_place() -> None:
    def where(_event: object) -> Notify:
        thread = threading.current_thread()
        return Notify(f"{thread.name} {thread.daemon}")

    foreign, ours = Asked("agent_end", where, where), Asked("agent_end", where, builtin=True)
    for _ in range(2):
        assert await foreign.ask() == [("p0", (Notify("plugin p0 True"),)), ("p1", (Notify("plugin p1 True"),))]
    assert await ours.ask() == [("p0", (Notify(f"{threading.current_thread().name} False"),))]


async def test_the_threads_of_plugins_end_with_their_dispatcher() -> None:
    threads: list[threading.Thread] = []
    asked = Asked("agent_end", lambda _event: threads.append(threading.current_thread()))
    await asked.ask()
    del asked
    threads[0].join(timeout=5.0)
    assert not threads[0].is_alive()


class Stuck:
    """Answers the first question only when it is let go, and busily, as a plugin in an endless loop does."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.entered, self.free, self.returned = threading.Event(), threading.Event(), threading.Event()
        self.asked = 0

    def __call__(self, _event: object) -> object:
        self.asked += 1
        if self.asked == 1:
            self.entered.set()
            while not self.free.is_set():
                pass
            self.returned.set()
        return self.answer

    async def let_go(self) -> None:
        self.free.set()
        await anyio.to_thread.run_sync(self.returned.wait)


async def test_a_plugin_that_hangs_is_suspended_until_it_returns() -> None:
    stuck = Stuck(Notify("at last"))
    asked = Asked("agent_end", stuck, always(Notify("good")), limit_s=0.02)
    try:
        for _ in range(3):
            assert await asked.ask() == [("p1", (Notify("good"),))]
        assert stuck.asked == 1
        assert [fault.reason for fault in asked.faults] == [
            "does not return in time; it is asked again once it has returned"
        ]
    finally:
        await stuck.let_go()
    answers = await asked.ask()
    while len(answers) < 2:  # its thread may still be on its way out of the first call
        answers = await asked.ask()
    assert answers == [("p0", (Notify("at last"),)), ("p1", (Notify("good"),))]


async def test_a_guard_that_hangs_refuses_the_tool_call() -> None:
    stuck = Stuck(None)
    asked = Asked("tool_call", stuck, limit_s=0.02)
    try:
        assert [who for who, _why in await asked.ask()] == ["p0"]
        assert await asked.ask() == [("p0", "The plugin that checks tool calls has not returned from an earlier call.")]
    finally:
        await stuck.let_go()


async def test_a_host_without_an_event_loop_has_the_same_time_limit() -> None:
    stuck = Stuck(Notify("late"))
    asked = Asked("agent_end", stuck, always(Notify("good")), limit_s=0.02)
    try:
        for _ in range(2):
            assert asked.dispatcher.ask_sync("agent_end", EVENTS["agent_end"]) == [("p1", (Notify("good"),))]
        assert len(asked.faults) == 1
    finally:
        await stuck.let_go()


async def test_cancelling_who_asks_ends_the_asking_at_once() -> None:
    stuck = Stuck(None)
    asked = Asked("agent_end", stuck, limit_s=60.0)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(asked.ask)
            await anyio.to_thread.run_sync(stuck.entered.wait)
            tasks.cancel_scope.cancel()
        assert asked.faults == []
    finally:
        await stuck.let_go()


async def test_the_event_loop_goes_on_while_a_plugin_thinks() -> None:
    stuck = Stuck(Notify("thought"))
    asked = Asked("agent_end", stuck, limit_s=60.0)
    answers: list[object] = []

    async def ask() -> None:
        answers.extend(await asked.ask())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.to_thread.run_sync(stuck.entered.wait)
        assert answers == []
        await stuck.let_go()
    assert answers == [("p0", (Notify("thought"),))]


async def test_several_tasks_may_ask_one_plugin_at_a_time_and_it_answers_one_after_another() -> None:
    inside = threading.Lock()

    def alone(_event: object) -> Notify:
        assert inside.acquire(blocking=False)
        inside.release()
        return Notify("x")

    asked, answers = Asked("agent_end", alone), list[object]()

    async def ask() -> None:
        answers.append(await asked.ask())

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(ask)
    assert answers == [[("p0", (Notify("x"),))]] * 50
    assert asked.faults == []


def test_an_inline_runner_asks_foreign_plugins_in_place() -> None:
    registry = Registry.load(
        found=[given("p", plugin("agent_end", lambda _event: Notify(threading.current_thread().name)))]
    )
    dispatcher = Dispatcher(registry, runner="inline")
    assert dispatcher.ask_sync("agent_end", EVENTS["agent_end"]) == [("p", (Notify(threading.current_thread().name),))]


# What a foreign plugin is given

WRITES: list[tuple[str, Callable[[Any], object]]] = [
    ("agent_end", lambda event: event.view.ledger.rests.clear()),
    ("agent_end", lambda event: event.view.ledger.failures.clear()),
    ("agent_end", lambda event: event.view.ledger.worked_at.clear()),
    ("agent_end", lambda event: event.view.refusals.clear()),
    ("agent_end", lambda event: event.view.timers.clear()),
    ("agent_end", lambda event: event.view.catalog.clear()),
    ("agent_end", lambda event: event.view.order.clear()),
    ("agent_end", lambda event: event.view.visited.clear()),
    ("agent_end", lambda event: setattr(event, "stop_reason", StopReason.STOP)),
    ("session_start", lambda event: event.settings["a"].append(1)),
    ("tool_call", lambda event: event.call.arguments.update(command="rm")),
    ("tool_call", lambda event: event.call.arguments["command"].append("rm")),
    ("request_failed", lambda event: event.failure.fault.headers.clear()),
]


@pytest.mark.parametrize(("hook", "write"), WRITES)
async def test_a_foreign_plugin_cannot_change_what_the_host_knows(hook: str, write: Callable[[Any], object]) -> None:
    ledger = Ledger().rest(SCOPE, until=9.0, reason="x")
    ledger = ledger.failed(A.ref, at=1.0, kind=FailureKind.AUTH, text="x").worked(B.ref, at=1.0)
    timers = {("p", "quiet"): 3.0}
    view = View(now=0.0, order=[A, B], ledger=ledger, refusals={A: "x"}, timers=timers)
    fault = Fault(FaultKind.OTHER, "", headers={"x": "y"})
    events: dict[str, Event] = {
        "agent_end": AgentEnd(view=view, stop_reason=StopReason.ERROR),
        "session_start": SessionStart(view=view, reason="new", session_id="1", cwd="/", settings={"a": [0]}),
        "tool_call": ToolCallEvent(view=view, call=ToolCall("1", "bash", {"command": ["ls"]})),
        "request_failed": RequestFailed(
            view=view, failure=replace(FAILURE, fault=fault), request=Request(()), attempts=1
        ),
    }
    asked = Asked(hook, write)
    before = repr(events[hook])
    await asked.dispatcher.ask(hook, events[hook])
    assert len(asked.faults) == 1
    assert repr(events[hook]) == before
