"""The demo: an agent loses two models in the middle of its work and finishes it on a third one.

Everything is real but the models: the agent, HTTP on loopback, files, tools, and the failing test.
The models are scripts behind a server that fails in two ways: by an error that has a name, which
switches at once, and by one that nobody can name, which progress detection notices.
"""

import json
import sys
import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import click

from pi_fallback.app import agent_of
from pi_fallback.core.clean import clean
from pi_fallback.preparing import Options, World, prepare
from pi_fallback.runtime import feed
from pi_fallback.runtime.nobody import Nobody
from pi_fallback.testing import Cut, FaultServer, Ok, Received, Status, Step, ToolCallScript
from pi_fallback_hookspecs import AssistantMessage, Route, TextDelta, ToolResultMessage

QUIET_S = 3
PROMPT = "The test in this folder fails. Find the bug, fix it, and run the test."
PROGRAM = '''\
def total(prices, discount_percent):
    """The sum of `prices`, less the discount."""
    return sum(prices) * (1 - discount_percent)
'''
TEST = """\
import unittest

from cart import total


class TestTotal(unittest.TestCase):
    def test_a_tenth_off(self):
        self.assertAlmostEqual(total([60, 40], 10), 90)
"""
BUG = "(1 - discount_percent)"
FIX = "(1 - discount_percent / 100)"
RUN_TEST = f"{sys.executable} -m unittest -q"
ODD = "E-4711: flux out of phase"
DYING = "The discount is a percentage, but the program multiplies by it as if it were a fraction, so I will"


def first_model(asked: Received) -> Step:
    """Reads both files; then its connection dies in the middle of a sentence, and dies again."""
    if not _results(asked):
        return Ok(
            "Let me look at the program and its test.",
            tools=[ToolCallScript("read", {"path": name}) for name in ("cart.py", "test_cart.py")],
            pace_s=0.03,
        )
    return Cut(after=5, how="rst", of=Ok(DYING, pace_s=0.05))


def second_model(asked: Received) -> Step:
    """Fixes the line; then it fails with words that no rule knows."""
    results = _results(asked)
    if len(results) > 2:
        return Status(418, body={"error": {"message": ODD}})
    if any(BUG in result for result in results):
        edit = {"path": "cart.py", "edits": [{"oldText": BUG, "newText": FIX}]}
        return Ok(
            "Both files have been read already. I fix the line.", tools=[ToolCallScript("edit", edit)], pace_s=0.03
        )
    return Ok("I see no program in this conversation.")


def third_model(asked: Received) -> Step:
    """Goes on from what it is told: it decides by the results in the conversation, not by a counter."""
    results = _results(asked)
    if any("OK" in result for result in results):
        return Ok("Fixed: the discount is a percentage, so it is divided by 100 now. The test passes.", pace_s=0.03)
    if len(results) > 2:
        return Ok(
            "The line is fixed. I run the test.", tools=[ToolCallScript("bash", {"command": RUN_TEST})], pace_s=0.03
        )
    return Ok("I see no work to go on with in this conversation.")


def _results(asked: Received) -> list[str]:
    return [str(message.get("content")) for message in asked.messages if message.get("role") == "tool"]


MODELS = {
    "atlas": ("atlas-large", first_model),
    "beacon": ("beacon-medium", second_model),
    "comet": ("comet-small", third_model),
}


@dataclass
class Teller:
    """Tells the story as it happens, and keeps what the timeline needs."""

    started: float
    line_open: bool = False
    route: Route | None = None
    timeline: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    failed_at: float | None = None
    lost_s: float = 0.0

    def hear(self, item: feed.FeedItem) -> None:
        match item:
            case feed.AnswerStarted(route):
                self.route = route
            case feed.Streamed(TextDelta(text)):
                if self.failed_at is not None:
                    self.lost_s += anyio.current_time() - self.failed_at
                    self.failed_at = None
                self._write(text if self.line_open else f"  {self.name:<14} {text}")
            case feed.Withdrawn(failure):
                self.failed_at = self.failed_at or anyio.current_time()
                self._line(f"  ✗ {failure.route}: {failure.kind.value} ({failure.phase.value}): {clean(failure.text)}")
                self._note(f"{failure.route} failed: {failure.kind.value}: {clean(failure.text)}")
            case feed.RetryScheduled():
                self._line(f"  … the host tries {item.route} again in {item.delay_s:.1f} s")
            case feed.TimerChanged(at=at, label=label) if at is not None:
                self._line(f"  … nothing goes on; {label} in {at - anyio.current_time():.0f} s")
            case feed.RouteSwitched(route, previous, _, reason):
                self._line(f"  → {previous} → {route}: {reason}")
                self._note(f"switched to {route}: {reason}")
            case feed.MessageEnded(AssistantMessage(stop_reason=stop) as message) if not message.error:
                self._line("")
                calls = ", ".join(call.name for call in message.tool_calls)
                self._note(f"{self.name} answered" + (f" and called {calls}" if calls else f" ({stop.value})"))
            case feed.MessageEnded(ToolResultMessage(name=name) as result):
                self._line(f"  {'tool':<14} {name}: {_first_line(result.text)}")
            case feed.GaveUp(text):
                self._line(clean(text))
            case _:
                pass

    @property
    def name(self) -> str:
        return self.route.model if self.route else ""

    def _write(self, text: str) -> None:
        click.echo(clean(text), nl=False)
        self.line_open = True

    def _line(self, text: str) -> None:
        if self.line_open:
            click.echo()
            self.line_open = False
        if text:
            click.echo(text)

    def _note(self, text: str) -> None:
        self.timeline.append((anyio.current_time() - self.started, text))


def _first_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    shown = clean(lines[-1] if lines else "(nothing)")
    return textwrap.shorten(shown, 80, placeholder=" …")


async def demo() -> int:
    """Play the story. 0 only if the test of the broken program passes in the end."""
    with tempfile.TemporaryDirectory(prefix="pi-fallback-demo-") as room:
        folder, agent_dir = Path(room) / "project", Path(room) / "agent"
        folder.mkdir()
        agent_dir.mkdir()
        (folder / "cart.py").write_text(PROGRAM)
        (folder / "test_cart.py").write_text(TEST)
        async with FaultServer(dict(MODELS.values())) as server:
            _configure(agent_dir, server.base_url)
            return await _play(folder, agent_dir, server)


def _configure(agent_dir: Path, base_url: str) -> None:
    providers = {
        name: {"baseUrl": base_url, "apiKey": "demo-key-of-no-value", "models": [{"id": model}]}
        for name, (model, _script) in MODELS.items()
    }
    settings = {
        "enabledModels": [f"{name}/{model}" for name, (model, _script) in MODELS.items()],
        "fallback": {"quietSeconds": QUIET_S},
    }
    (agent_dir / "models.json").write_text(json.dumps({"providers": providers}))
    (agent_dir / "settings.json").write_text(json.dumps(settings))


async def _play(folder: Path, agent_dir: Path, server: FaultServer) -> int:
    click.echo(f"A program with a failing test in {folder}; three models behind {server.origin}.")
    click.echo(f"The quiet time is {QUIET_S} s here, so that you need not wait; it is 20 s by default.\n")
    before = await _test_passes(folder)
    click.echo(f"  {'test':<14} {'passes' if before else 'fails, as it should'}")
    click.echo(f"  {'you':<14} {PROMPT}")
    environ = {"PI_CODING_AGENT_DIR": str(agent_dir)}
    setup = prepare(Options(cwd=folder, approval="always"), World(environ=environ, home=folder))
    teller = Teller(anyio.current_time())
    async with agent_of(setup, Nobody(click.echo), teller.hear) as agent:
        await agent.prompt(PROMPT)
        await agent.settled()
    took_s = anyio.current_time() - teller.started
    passes = await _test_passes(folder)
    _say_timeline(teller, server, took_s)
    good = passes and not before
    click.echo(f"\nThe test {'passes' if passes else 'FAILS'} now. The agent lost {teller.lost_s:.1f} s and no work.")
    return 0 if good else 1


async def _test_passes(folder: Path) -> bool:
    done = await anyio.run_process([sys.executable, "-m", "unittest", "-q"], cwd=folder, check=False)
    return done.returncode == 0


def _say_timeline(teller: Teller, server: FaultServer, took_s: float) -> None:
    click.echo("\nTimeline")
    for at, text in teller.timeline:
        click.echo(f"  {at:5.1f} s  {text}")
    requests = ", ".join(f"{model} {len(server.requests_for(model))}" for model, _script in MODELS.values())
    click.echo(f"  {took_s:5.1f} s  settled; requests: {requests}")
