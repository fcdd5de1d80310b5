"""Acts of the user: what was typed, carried out on the agent."""

from collections.abc import Callable
from dataclasses import dataclass

from pi_fallback.runtime.agent import Agent
from pi_fallback.tui import slash
from pi_fallback.tui.ports import ListSessions
from pi_fallback.tui.strays import STRAY, is_login_address
from pi_fallback.tui.ui import ScreenUi


@dataclass
class Acts:
    """The user's acts on `agent`. What goes wrong is raised; the caller shows it."""

    agent: Agent
    ui: ScreenUi
    sessions: ListSessions
    toggle_log: Callable[[], None]
    quit: Callable[[], None]

    async def typed(self, text: str, *, later: bool) -> None:
        """Carry out a line of the input. `later`: if a run is going on, after it."""
        command = slash.split(text)
        if command is not None:
            await self._command(text.strip(), *command)
        elif is_login_address(text):
            self.ui.notify(STRAY, "warning")
        elif not self.agent.busy:
            await self.agent.prompt(text, source="interactive")
        elif later:
            self.agent.follow_up(text)
        else:
            self.agent.steer(text)

    async def abort(self) -> None:
        """End the run, the wait or the countdown, then any question that is still open."""
        await self.agent.abort()
        self.ui.withdraw()

    async def _command(self, line: str, name: str, argument: str) -> None:
        match name:
            case "model":
                await self._model(argument)
            case "new":
                await self.agent.new_session()
            case "resume":
                await self._resume()
            case "log":
                self.toggle_log()
            case "help":
                self.ui.notify(slash.help_text(self.agent.parts.commands))
            case "quit":
                self.quit()
            case _:
                if not await self.agent.command(line):
                    near = slash.nearest(name, self.agent.parts.commands)
                    meant = f"Did you mean /{near}?" if near else "/help lists them."
                    self.ui.notify(f"There is no command /{name}. {meant}", "warning")

    async def _model(self, name: str) -> None:
        if not name:
            models = [str(model) for model in self.agent.view().models]
            if not models:
                self.ui.notify("There is no model to choose. Put a key into auth.json or the environment.", "warning")
                return
            chosen = await self.ui.select("Which model?", models)
            if chosen is None:
                return
            name = chosen
        await self.agent.select(name)

    async def _resume(self) -> None:
        sessions = self.sessions()
        if not sessions:
            self.ui.notify("There is no earlier session of this folder.")
            return
        at = await self.ui.pick("Which session?", [session.title for session in sessions])
        if at is not None and not await self.agent.resume(sessions[at].path):
            self.ui.notify("This session is the one that is open.")
