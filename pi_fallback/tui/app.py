"""The terminal app: keys and feed come in, the agent is called, the state is drawn."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import ClassVar, cast

import anyio
import anyio.abc
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer

from pi_fallback.core.clean import clean
from pi_fallback.core.compacting import summary_in
from pi_fallback.runtime import feed
from pi_fallback.runtime.agent import Agent
from pi_fallback.tui import slash
from pi_fallback.tui.acts import Acts
from pi_fallback.tui.alt_enter import know_alt_enter
from pi_fallback.tui.look import CSS
from pi_fallback.tui.paint import painted
from pi_fallback.tui.ports import Connect, DebugLines, ListSessions
from pi_fallback.tui.questions import CALM_S
from pi_fallback.tui.state import ScreenState, fold, hinted, noticed, with_history
from pi_fallback.tui.statusline import queue_rows, status_row, tick_s
from pi_fallback.tui.ui import ScreenUi
from pi_fallback.tui.widgets import Choices, Conversation, LogPane, Prompt, StatusLine
from pi_fallback_hookspecs import Level, UserMessage

FRAME_S = 0.05  # twenty frames a second are enough to read by, however fast a model streams
TICK_MIN_S = 0.02  # a countdown's next full second may be a rounding error away
TWICE_S = 2.0


def _no_sessions() -> tuple[()]:
    return ()


def _no_lines(_listener: Callable[[str], None]) -> Callable[[], None]:
    return lambda: None


class PiFallbackApp(App[None]):
    """Draws one agent, which lives in a task of its own for as long as the screen does."""

    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", priority=True),
        Binding("escape", "stop"),
        Binding("ctrl+o", "expand", priority=True),
        Binding("f2", "toggle_log", priority=True),
    ]

    def __init__(
        self,
        connect: Connect,
        sessions: ListSessions = _no_sessions,
        debug_lines: DebugLines = _no_lines,
        redact: Callable[[str], str] = str,
        *,
        calm_s: float = CALM_S,
    ) -> None:
        super().__init__()
        self.title = "pi-fallback"
        self.state = ScreenState()
        self.failure: Exception | None = None
        self._connect = connect
        self._sessions = sessions
        self._debug_lines = debug_lines
        self._ui = ScreenUi(self, self._notice, calm_s=calm_s)
        # Kept by hand: a query looks at the topmost screen only, which may be a question.
        self._conversation = Conversation()
        self._log_pane = LogPane(redact)
        self._choices = Choices()
        self._queue = StatusLine("queue")
        self._prompt = Prompt(self._choices, self._find_choices)
        self._status = StatusLine("status")
        self._acts: Acts | None = None
        self._orders: anyio.abc.TaskGroup | None = None
        self._life: anyio.CancelScope | None = None
        self._living: asyncio.Task[None] | None = None
        self._frame: Timer | None = None
        self._tick: Timer | None = None
        self._interrupted_at = float("-inf")

    def compose(self) -> ComposeResult:
        yield self._conversation
        yield self._log_pane
        yield self._choices
        yield self._queue
        yield self._prompt
        yield self._status

    # The agent's life

    def on_mount(self) -> None:
        self.begin_capture_print(self._log_pane)
        self._prompt.focus()
        self._life = anyio.CancelScope()
        self._living = asyncio.get_running_loop().create_task(self._live(self._life))
        self._redraw()

    async def on_unmount(self) -> None:
        """However the screen went away, the agent ends before the program does."""
        self._close()
        if self._living is not None:
            await self._living

    async def _live(self, life: anyio.CancelScope) -> None:
        # Opened and closed in this one task, as its task groups want.
        loop = asyncio.get_running_loop()
        silence = self._debug_lines(lambda line: _from_anywhere(loop, self._log_pane.add, line))
        try:
            with life:
                async with self._connect(self._ui, self._listen) as agent, anyio.create_task_group() as self._orders:
                    self._opened(agent)
                    await anyio.sleep_forever()
        except Exception as error:  # the caller of `run_app` gets it, once the terminal is whole again
            self.failure = _single(error)
        finally:
            silence()
            self._acts = self._orders = None
            self.exit()

    def _opened(self, agent: Agent) -> None:
        self._acts = Acts(agent, self._ui, self._sessions, self.action_toggle_log, self._close)
        self.state = replace(with_history(self.state, agent.messages), route=agent.route)
        for message in agent.messages:
            if isinstance(message, UserMessage) and summary_in(message) is None:
                self._prompt.past = self._prompt.past.sent(clean(message.text))
        self._redraw()

    def _close(self) -> None:
        if self._life is not None:
            self._life.cancel()

    def _order(self, act: Callable[[], Awaitable[None]]) -> None:
        """Let `act` run beside the screen: it may ask questions."""
        if self._orders is None:
            self._notice("Not ready yet.", "warning")
        else:
            self._orders.start_soon(self._carry_out, act)

    async def _carry_out(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except Exception as error:  # hours of work must not end with one act that failed
            self._notice(str(error) or type(error).__name__, "error")

    def _fatal_error(self) -> None:
        # Textual's own draws the values of all variables, and keys are among them.
        self.failure = self.failure or self._exception
        self._close_messages_no_wait()

    # What comes in

    def _listen(self, item: feed.FeedItem) -> None:
        self.state = fold(self.state, item, anyio.current_time())
        if isinstance(item, feed.SessionChanged) and self._acts is not None:
            self.state = replace(self.state, route=self._acts.agent.route)
        self._redraw()

    def _notice(self, text: str, level: Level = "info") -> None:
        said = text if self._acts is None else self._acts.agent.signals.clean(text)
        self.state = noticed(self.state, said, level)
        self._redraw()

    def on_prompt_sent(self, event: Prompt.Sent) -> None:
        if self._acts is None:
            self._prompt.fill(event.text)
            self._notice("Not ready yet.", "warning")
            return
        acts = self._acts
        self._order(lambda: acts.typed(event.text, later=event.later))

    def _find_choices(self, line: str) -> Sequence[slash.Choice]:
        if self._acts is None:
            return ()
        agent = self._acts.agent
        try:
            return slash.choices(line, agent.parts.commands, agent.view())
        except Exception as error:  # a third party's completion
            self._notice(f"Completing {line!r} failed: {type(error).__name__}: {error}", "warning")
            return ()

    # Keys

    async def action_quit(self) -> None:
        self._close()

    def action_stop(self) -> None:
        if not self._prompt.hide_choices():
            self._abort()

    def action_interrupt(self) -> None:
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(clean(selected))
            self.screen.clear_selection()
            return
        now = anyio.current_time()
        if now - self._interrupted_at < TWICE_S:
            self._close()
            return
        self._interrupted_at = now
        if self._prompt.text and not self._ui.asking:
            self._prompt.fill("")
        else:
            self._abort()
        self.state = hinted(self.state, "Ctrl+C again quits", until=now + TWICE_S)
        self._redraw()

    def action_expand(self) -> None:
        self.state = replace(self.state, expanded=not self.state.expanded)
        self._redraw()

    def action_toggle_log(self) -> None:
        self._log_pane.display = not self._log_pane.display

    def _abort(self) -> None:
        if self._acts is None:
            return
        waiting = (*self.state.steering, *self.state.follow_ups)
        if waiting and not self._prompt.text:
            self._prompt.fill("\n".join(waiting))  # the agent drops them; the user may still want them
        self._order(self._acts.abort)

    # Drawing

    def _redraw(self) -> None:
        """Draw soon; what comes until then is drawn with it."""
        if self._frame is None and self.is_running:
            self._frame = self.set_timer(FRAME_S, self._draw)

    async def _draw(self) -> None:
        self._frame = None
        await self._conversation.show(self.state)
        rows = queue_rows(self.state)
        self._queue.update(painted(rows))
        self._queue.display = bool(rows)
        self._draw_status()

    def _draw_status(self) -> None:
        now = anyio.current_time()
        self._status.update(painted((status_row(self.state, now),)))
        if self._tick is not None:
            self._tick.stop()
        wait_s = tick_s(self.state, now)
        self._tick = None if wait_s is None else self.set_timer(max(wait_s, TICK_MIN_S), self._draw_status)


async def run_app(
    connect: Connect,
    sessions: ListSessions = _no_sessions,
    debug_lines: DebugLines = _no_lines,
    redact: Callable[[str], str] = str,
) -> None:
    """Draw the agent that `connect` opens until the user quits. Runs on asyncio only.

    `redact` takes out of what the process prints what nobody may see.

    Raises:
        Exception: whatever `connect` or the agent raised; the terminal is whole again by then.
    """
    know_alt_enter()
    app = PiFallbackApp(connect, sessions, debug_lines, redact)
    await app.run_async()
    if app.failure is not None:
        raise app.failure


def _from_anywhere(loop: asyncio.AbstractEventLoop, show: Callable[[str], object], line: str) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(show, line)


def _single(error: Exception) -> Exception:
    """A task group wraps even a single error; the caller wants that one."""
    inner = list(cast("ExceptionGroup[Exception]", error).exceptions) if isinstance(error, ExceptionGroup) else []
    return _single(inner[0]) if len(inner) == 1 else cast("Exception", error)
