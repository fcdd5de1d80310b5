"""The parts of the screen: conversation, input with its choices, status line, log."""

from collections.abc import Callable, Mapping, Sequence

from textual import events
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, RichLog, Static, TextArea
from textual.widgets.option_list import Option

from pi_fallback.core.clean import clean
from pi_fallback.tui.entries import Entry
from pi_fallback.tui.history import History
from pi_fallback.tui.paint import painted
from pi_fallback.tui.rows import entry_rows, gone_rows
from pi_fallback.tui.slash import Choice
from pi_fallback.tui.state import ScreenState

LOG_LINES_MAX = 5_000


class Conversation(VerticalScroll):
    """One widget for each entry; only those that changed are drawn again. Stays at the end unless scrolled."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[int, tuple[Entry, Static]] = {}
        self._expanded = False
        self._gone = Static(markup=False)

    def compose(self):  # Textual's own type
        yield self._gone

    def on_mount(self) -> None:
        self.anchor()

    async def show(self, state: ScreenState) -> None:
        """Draw the entries of `state`."""
        expanded, self._expanded = self._expanded, state.expanded
        wanted = {entry.number: entry for entry in state.entries}
        for number in [number for number in self._shown if number not in wanted]:
            _entry, widget = self._shown.pop(number)
            await widget.remove()
        new: list[Static] = []
        for number, entry in wanted.items():
            old = self._shown.get(number)
            if old is None:
                widget = Static(painted(entry_rows(entry, expanded=state.expanded)), markup=False)
                new.append(widget)
            else:
                widget = old[1]
                if old[0] is not entry or expanded != state.expanded:
                    widget.update(painted(entry_rows(entry, expanded=state.expanded)))
            self._shown[number] = (entry, widget)
        self._gone.update(painted(gone_rows(state)))
        self._gone.display = bool(state.gone)
        if new:
            await self.mount_all(new)


class StatusLine(Static):
    def __init__(self, name: str) -> None:
        super().__init__(id=name, markup=False)


class LogPane(RichLog):
    """Debug lines, and whatever the process prints: the screen itself stays whole."""

    can_focus = False

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(max_lines=LOG_LINES_MAX, wrap=True, markup=False, highlight=False)
        self._redact = redact

    def add(self, text: str) -> None:
        self.write(clean(text).rstrip("\n"))

    def on_print(self, event: events.Print) -> None:
        if event.text.strip():
            self.add(self._redact(event.text))


class Choices(OptionList):
    """What the input may become."""

    can_focus = False
    choices: tuple[Choice, ...] = ()
    line = ""

    def offer(self, line: str, choices: Sequence[Choice]) -> None:
        """Show what `line` may become. Enter takes the first name at once, an argument only if it was gone to."""
        self.line = line
        self.choices = tuple(choices)
        self.clear_options()
        self.add_options(
            Option(Content.assemble(clean(choice.line), (f"  {choice.note}", "$text-disabled"))) for choice in choices
        )
        self.display = bool(choices)
        self.highlighted = 0 if choices and " " not in line else None

    def on_mount(self) -> None:
        self.offer("", ())

    @property
    def chosen(self) -> Choice | None:
        return self.choices[self.highlighted] if self.highlighted is not None else None


class Prompt(TextArea):
    """The input. Enter sends; up and down go through the choices, else the lines, else the history."""

    class Sent(Message):
        def __init__(self, text: str, *, later: bool) -> None:
            super().__init__()
            self.text = text
            self.later = later

    def __init__(self, choices: Choices, find: Callable[[str], Sequence[Choice]]) -> None:
        super().__init__(
            soft_wrap=True, compact=True, highlight_cursor_line=False, placeholder="Say something, or /help"
        )
        self.choices = choices
        self._find = find
        self.past = History()
        # No bindings with priority: those overtake the letters that were typed before them.
        self._keys: Mapping[str, Callable[[], None]] = {
            "enter": lambda: self._send(later=False),
            "alt+enter": lambda: self._send(later=True),
            "ctrl+j": self._new_line,
            "shift+enter": self._new_line,
            "up": self._back,
            "down": self._forth,
            "tab": self._complete,
        }

    def on_key(self, event: events.Key) -> None:
        act = self._keys.get(event.key)
        if act is not None:
            event.prevent_default()
            event.stop()
            self._offer()  # the notice of the last change may still be on its way
            act()

    def on_text_area_changed(self) -> None:
        self._offer()

    def hide_choices(self) -> bool:
        """Hide the choices until the text changes; False if there are none."""
        if not self.choices.choices:
            return False
        self.choices.offer(self.before_cursor, ())
        return True

    def _offer(self) -> None:
        line = self.before_cursor
        if line != self.choices.line:
            self.choices.offer(line, self._find(line))

    @property
    def before_cursor(self) -> str:
        return self.get_text_range((0, 0), self.cursor_location)

    def fill(self, text: str) -> None:
        """Put `text` in, with the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)

    def _send(self, *, later: bool) -> None:
        chosen = self.choices.chosen
        if chosen is not None and chosen.line.endswith(" ") and chosen.line.strip() != self.text.strip():
            self.fill(chosen.line)  # it takes an argument: show those first
            return
        text = chosen.line if chosen is not None else self.text
        if not text.strip():
            return
        self.past = self.past.sent(text)
        self.fill("")
        self.post_message(self.Sent(text.strip("\n"), later=later))

    def _new_line(self) -> None:
        self.insert("\n")

    def _complete(self) -> None:
        chosen = self.choices.chosen or next(iter(self.choices.choices), None)
        if chosen is not None:
            self.fill(chosen.line)

    def _back(self) -> None:
        if self._choosing:
            self.choices.action_cursor_up()
        elif self.cursor_at_first_line:
            self._move(-1)
        else:
            self.action_cursor_up()

    def _forth(self) -> None:
        if self._choosing:
            self.choices.action_cursor_down()
        elif self.cursor_at_last_line:
            self._move(1)
        else:
            self.action_cursor_down()

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.replace(clean(event.text), *self.selection)

    @property
    def _choosing(self) -> bool:
        """A line of the history may have choices too: there the arrows go on through the history."""
        return bool(self.choices.choices) and self.past.at == len(self.past.lines)

    def _move(self, step: int) -> None:
        moved = self.past.moved(step, self.text)
        if moved is not None:
            self.past, text = moved
            self.fill(text)
