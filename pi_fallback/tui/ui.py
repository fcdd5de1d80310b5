"""The `Ui` of the contract on a Textual screen: one question at a time, withdrawn when its asker is cancelled."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import anyio
from textual.app import App
from textual.screen import ModalScreen

from pi_fallback.tui.questions import CALM_S, Ask, Confirm, Select
from pi_fallback_hookspecs import Level

T = TypeVar("T")


class ScreenUi:
    """What commands, tools and the start of the program ask the user through."""

    def __init__(self, app: App[None], notice: Callable[[str, Level], None], *, calm_s: float = CALM_S) -> None:
        self._app = app
        self._notice = notice
        self._calm_s = calm_s
        self._turn = anyio.Lock()
        self._open: ModalScreen[Any] | None = None

    @property
    def asking(self) -> bool:
        return self._open is not None

    def withdraw(self) -> None:
        """Close the open question: it counts as not answered."""
        if self._open is not None and self._open.is_current:
            self._open.dismiss(None)

    def notify(self, text: str, level: Level = "info") -> None:
        self._notice(text, level)

    async def confirm(self, title: str, detail: str = "") -> bool:
        return bool(await self._ask(Confirm(title, detail, self._calm_s)))

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        at = await self.pick(title, options)
        return None if at is None else options[at]

    async def input(self, title: str, placeholder: str = "") -> str | None:
        return await self._ask(Ask(title, placeholder))

    async def pick(self, title: str, options: Sequence[str]) -> int | None:
        """`select`, answered with the index, for options that may read alike."""
        return await self._ask(Select(title, options))

    async def _ask(self, screen: ModalScreen[T]) -> T | None:
        """Show `screen` until it is answered; None if it was closed without an answer."""
        answers: list[T | None] = []
        answered = anyio.Event()

        def take(answer: T | None) -> None:
            answers.append(answer)
            answered.set()

        async with self._turn:
            self._open = screen
            try:
                await self._app.push_screen(screen, take)
                await answered.wait()
            finally:
                self._open = None
                if not answers and screen.is_current:
                    screen.dismiss()
        return answers[0]
