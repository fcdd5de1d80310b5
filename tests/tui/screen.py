"""A screen with a real agent behind it, over scripted models."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from textual.pilot import Pilot
from textual.widgets import Static

from pi_fallback.runtime.agent import Agent
from pi_fallback.runtime.feed import FeedItem
from pi_fallback.testing import ScriptedProvider
from pi_fallback.tui.app import PiFallbackApp
from pi_fallback.tui.ports import DebugLines, PastSession
from pi_fallback.tui.widgets import Choices, Conversation, LogPane, Prompt, StatusLine
from pi_fallback_hookspecs import Ui
from tests.rigs import Rig, rig

WAIT_S = 10.0  # far more than anything here takes


@dataclass
class Screen:
    app: PiFallbackApp
    pilot: Pilot[None]
    rigs: list[Rig] = field(default_factory=list[Rig])

    @property
    def agent(self) -> Agent:
        return self.rigs[0].agent

    @property
    def prompt(self) -> Prompt:
        return self.app.screen_stack[0].query_one(Prompt)

    @property
    def conversation(self) -> list[str]:
        """The lines of the conversation as drawn."""
        drawn = self.app.screen_stack[0].query_one(Conversation).query(Static)
        return [line for widget in drawn if widget.display for line in str(widget.render()).splitlines()]

    @property
    def status(self) -> str:
        return str(self.app.screen_stack[0].query_one("#status", StatusLine).render())

    @property
    def queue(self) -> list[str]:
        return str(self.app.screen_stack[0].query_one("#queue", StatusLine).render()).splitlines()

    @property
    def choices(self) -> list[str]:
        return [choice.line for choice in self.app.screen_stack[0].query_one(Choices).choices]

    @property
    def log(self) -> list[str]:
        return [line.text.rstrip() for line in self.app.screen_stack[0].query_one(LogPane).lines]

    @property
    def question(self) -> list[str]:
        """The lines of the open question."""
        if len(self.app.screen_stack) == 1:
            return []
        return [line for widget in self.app.screen.query(Static) for line in str(widget.render()).splitlines()]

    async def until(self, true: Callable[[], object]) -> None:
        """Return when `true` holds. Raises what ended the app, if it has ended by an error."""
        with anyio.fail_after(WAIT_S):
            while self.app.failure is None and not true():
                await self.pilot.pause()
        if self.app.failure is not None:
            raise self.app.failure

    async def type(self, text: str, *keys: str) -> None:
        """Type `text`, then press `keys`."""
        for character in text:
            await self.pilot.press(_KEYS.get(character, character))
        await self.pilot.press(*keys)

    async def say(self, text: str) -> None:
        await self.type(text, "enter")


_KEYS = {" ": "space", "/": "slash", "-": "minus", "\n": "ctrl+j", "?": "question_mark"}


@asynccontextmanager
async def screen(
    script: ScriptedProvider,
    models: Sequence[str] = ("a", "b"),
    *,
    sessions: Sequence[PastSession] = (),
    debug_lines: DebugLines = lambda _listener: lambda: None,
    calm_s: float = 0.0,
    before: Callable[[Ui], Any] | None = None,
    **options: Any,
) -> AsyncGenerator[Screen, None]:
    """Run the app over a rig made with `options`. `before` is awaited with the ui before the agent opens."""
    rigs: list[Rig] = []

    @asynccontextmanager
    async def connect(ui: Ui, listen: Callable[[FeedItem], None]) -> AsyncGenerator[Agent, None]:
        if before is not None:
            await before(ui)
        async with rig(script, models, **options) as made:
            made.agent.parts.ui = made.agent.parts.toolbox.ui = ui
            made.agent.signals.listen(listen)
            rigs.append(made)
            try:
                yield made.agent
            finally:
                rigs.clear()

    app = PiFallbackApp(connect, lambda: sessions, debug_lines, calm_s=calm_s)
    async with app.run_test(size=(90, 30)) as pilot:
        shown = Screen(app, pilot, rigs)
        if before is None:
            await shown.until(lambda: shown.status.startswith("p/"))
        yield shown
