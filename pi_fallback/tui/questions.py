"""Questions: a yes or no, one of several, a line of text, each over the rest of the screen."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static

from pi_fallback.core.clean import clean_line
from pi_fallback.tui.rows import beginning_of

CALM_S = 0.5  # without a key: what was being typed when the question came up is no answer to it


class Confirm(ModalScreen[bool]):
    """A yes or no. `detail` can be scrolled. It listens once the keyboard was quiet for `calm_s`, and says so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)"),
        Binding("n,escape", "answer(False)"),
        Binding("up", "scroll(-1)"),
        Binding("down", "scroll(1)"),
        Binding("pageup", "scroll(-10)"),
        Binding("pagedown", "scroll(10)"),
    ]

    def __init__(self, title: str, detail: str, calm_s: float) -> None:
        super().__init__()
        self._title = title
        self._detail = detail
        self._calm_s = calm_s
        self._keys = Static(classes="keys", markup=False)
        self._calm: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="question"):
            yield Static(clean_line(self._title), classes="title", markup=False)
            with VerticalScroll(classes="detail", can_focus=False):
                yield Static(beginning_of(self._detail), markup=False)
            yield self._keys

    def on_mount(self) -> None:
        self.query_one(".detail").display = bool(self._detail)
        if self._calm_s:
            self._wait()
        else:
            self._listen()

    def action_answer(self, answer: bool) -> None:
        if self._calm is None:
            self.dismiss(answer)
        else:
            self._wait()

    def action_scroll(self, lines: int) -> None:
        self.query_one(".detail", VerticalScroll).scroll_relative(y=lines, animate=False)

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.key not in {"y", "n"} and self._calm_s:
            self._wait()

    def _wait(self) -> None:
        if self._calm is not None:
            self._calm.stop()
        self._calm = self.set_timer(self._calm_s, self._listen)
        self._keys.update("…")

    def _listen(self) -> None:
        self._calm = None
        self._keys.update("y or Enter: yes · n or Esc: no · Up, Down: scroll")


class Select(ModalScreen[int | None]):
    """One of several; the answer is its index. Typing narrows the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)"),
        Binding("up", "move(-1)", priority=True),
        Binding("down", "move(1)", priority=True),
    ]

    def __init__(self, title: str, options: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._options = [clean_line(option) for option in options]
        self._shown = list(range(len(options)))

    def compose(self) -> ComposeResult:
        with Vertical(classes="question"):
            yield Static(clean_line(self._title), classes="title", markup=False)
            yield Input(placeholder="type to narrow", compact=True)
            options = OptionList(*map(Content, self._options), compact=True)
            options.can_focus = False
            yield options

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = 0 if self._options else None

    def on_input_changed(self, event: Input.Changed) -> None:
        part = event.value.lower()
        self._shown = [at for at, option in enumerate(self._options) if part in option.lower()]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Content(self._options[at]) for at in self._shown)
        options.highlighted = 0 if self._shown else None

    def on_input_submitted(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self.dismiss(self._shown[at])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index])

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        if step < 0:
            options.action_cursor_up()
        else:
            options.action_cursor_down()


class Ask(ModalScreen[str | None]):
    """A line of text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)")]

    def __init__(self, title: str, placeholder: str) -> None:
        super().__init__()
        self._title = title
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Vertical(classes="question"):
            yield Static(clean_line(self._title), classes="title", markup=False)
            yield Input(placeholder=clean_line(self._placeholder), compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
