"""The scene of a cell: two providers on sockets of their own, an agent on both, one fault, and what came of it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import anyio

from pi_fallback.embedding import (
    AgentFailed,
    AnswerStarted,
    Fallback,
    Limits,
    ModelConfig,
    ProgressSettings,
    Prompt,
    ProviderConfig,
    RetryPolicy,
    Session,
    Settings,
    Streamed,
    TextDelta,
    Withdrawn,
)
from pi_fallback.providers.dialects import DIALECTS
from pi_fallback.testing import FaultServer, Ok, Received, Script, ToolCallScript
from pi_fallback_hookspecs import AssistantMessage, StopReason, ToolResultMessage, UserMessage
from tests.canary import canary
from tests.faults.cases import GENEROUS, Case, cases

HANG_S = 10.0
NAMES = tuple(dialect.name for dialect in DIALECTS)
PROMPT, RESULT, ANSWER = "How heavy is a feather?", "exactly 1 gram", "A feather weighs one gram."
WEIGH = Ok("I look.", tools=[ToolCallScript("weigh", {"what": "feather"})])
PATIENCE = Settings(retry=RetryPolicy(base_delay_s=0.02), progress=ProgressSettings(quiet_s=0.05))


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A case in a dialect, with a next route that speaks the dialect `to`."""

    case: Case
    dialect: str
    to: str

    def __str__(self) -> str:
        return f"{self.case.name} | {self.case.phase} | {self.dialect} > {self.to}"


def cells() -> tuple[Cell, ...]:
    """All of them: from each dialect to itself, and to the next one."""
    found: list[Cell] = []
    for at, dialect in enumerate(NAMES):
        for to in (dialect, NAMES[(at + 1) % len(NAMES)]):
            found += [Cell(case, dialect, to) for case in cases() if not case.only or dialect in case.only]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a cell. `asked` are the routes in the order of requests, `wrong` the promises that were broken."""

    ends: str
    asked: str
    said: str
    seconds: float
    wrong: Sequence[str] = ()


def fallback(
    servers: tuple[FaultServer, FaultServer],
    dialects: tuple[str, str],
    runs: list[str],
    *,
    limits: Limits = GENEROUS,
    alone: bool = False,
) -> Fallback:
    """An agent of two routes, `one/big` and `two/mid`, whose one tool notes its `runs`."""

    async def weigh(what: str) -> str:
        """Weigh something."""
        runs.append(what)
        return RESULT

    of_one = {"big": ModelConfig(limits=limits, context_window=50_000)}
    of_two = {"mid": ModelConfig(limits=GENEROUS, context_window=100_000)}
    one = ProviderConfig("one", servers[0].base_url, dialects[0], {"primary": canary("one")}, of_one)
    two = ProviderConfig("two", servers[1].base_url, dialects[1], {"primary": canary("two")}, of_two)
    order = ["one/big"] if alone else ["one/big", "two/mid"]
    return Fallback(providers=[one, two], order=order, tools=[weigh], settings=PATIENCE)


async def played(cell: Cell) -> Outcome:
    """Play `cell`; the whole of it may take `HANG_S`."""
    begun = time.monotonic()
    runs: list[str] = []
    case = cell.case
    plays = case.play.steps if isinstance(case.play, Script) else (case.play,)
    script = plays if case.first else (WEIGH, *plays)
    with anyio.move_on_after(HANG_S):
        async with FaultServer(script) as one, FaultServer(Ok(ANSWER)) as two:
            made = fallback((one, two), (cell.dialect, cell.to), runs, limits=case.limits, alone=case.alone)
            async with made as host, host.session() as session:
                prompt = session.prompt(PROMPT)
                shown = await _shown(prompt)
                ends, said, wrong = _judged(prompt, session, shown)
            wrong += _broken(cell, one, two, runs)
            requests = sorted((*one.requests, *two.requests), key=lambda request: request.at)
            asked = "".join("A" if request in one.requests else "B" for request in requests)
            wrong += _unexpected(cell, ends, said, asked)
            return Outcome(ends, asked, said, time.monotonic() - begun, wrong)
    return Outcome("hung", "", "", time.monotonic() - begun, [f"not over within {HANG_S:g} s"])


@dataclass(slots=True)
class Shown:
    """What a user saw: the texts of answers, and how many of them were withdrawn."""

    texts: list[str]
    failures: int = 0


async def _shown(prompt: Prompt) -> Shown:
    shown = Shown([])
    async for event in prompt:
        match event:
            case AnswerStarted():
                shown.texts.append("")
            case Streamed(TextDelta(text)):
                shown.texts[-1] += text
            case Withdrawn():
                shown.failures += 1
            case _:
                pass
    return shown


def _judged(prompt: Prompt, session: Session, shown: Shown) -> tuple[str, str, list[str]]:
    """How it ended, what was said at the end, and what of it must not be."""
    wrong: list[str] = []
    try:
        answer = prompt.answer()
    except AgentFailed as error:
        if not shown.failures:
            wrong.append("it failed, and no failure was shown")
        return "failed", str(error), wrong
    if answer.producer.provider == "two" and not shown.failures:
        wrong.append("it went elsewhere, and no failure was shown")
    if shown.texts[-1] != answer.text:
        wrong.append(f"what was shown last is not the answer: {shown.texts[-1]!r}")
    kept = [message for message in session.messages if not _is_void(message)]
    for message in kept:
        match message:
            case UserMessage() if message.text not in (PROMPT, "continue"):
                wrong.append(f"nobody said {message.text!r}")
            case AssistantMessage() if message.text not in ("I look.", answer.text):
                wrong.append(f"partial text was kept: {message.text!r}")
            case ToolResultMessage() if message.text != RESULT:
                wrong.append(f"a tool answered {message.text!r}")
            case _:
                pass
    return ("recovered" if answer.producer.provider == "two" else "kept"), answer.text, wrong


def _is_void(message: object) -> bool:
    """An answer that failed stays in the session, and is never sent."""
    return isinstance(message, AssistantMessage) and message.stop_reason is StopReason.ERROR


def _broken(cell: Cell, one: FaultServer, two: FaultServer, runs: Sequence[str]) -> Iterator[str]:
    """The promises of every cell, whatever its fault is."""
    weighed = 0 if cell.case.first else 1
    if runs != ["feather"] * weighed:
        yield f"the tool ran for {runs}"
    for number, request in enumerate((*one.requests, *two.requests)):
        where = f"request {number + 1} to {request.path}"
        if (times := _times(request, PROMPT)) != 1:
            yield f"{where} holds the prompt {times} times"
        results = 0 if request is one.requests[0] else weighed
        if (times := _times(request, RESULT)) != results:
            yield f"{where} holds the tool's result {times} times, not {results}"
        for part in ("several pieces", "must never", "I weigh"):
            if _times(request, part):
                yield f"{where} holds {part!r} of an answer that broke off"
    for violation in (*one.violations, *two.violations):
        yield f"a provider would refuse a request: {violation}"


def _unexpected(cell: Cell, ends: str, said: str, asked: str) -> Iterator[str]:
    """What is not as the case has it."""
    case = cell.case
    if ends != case.ends:
        yield f"it is {ends}, not {case.ends}"
    expected = "A" * (case.asked_of(cell.dialect) + (not case.first)) + "B" * (case.ends == "recovered")
    if asked != expected:
        yield f"the routes were asked in the order {asked}, not {expected}"
    if case.says not in said or (case.ends == "kept" and case.says != said):
        yield f"it says {said!r}, not {case.says!r}"


def _times(request: Received, text: str) -> int:
    return request.raw.count(text.encode())
