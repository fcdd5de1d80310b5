"""A clean `Ui`: what plugins, commands and tools say to the user holds no known secret."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pi_fallback_hookspecs import Level, Ui


@dataclass(frozen=True, slots=True)
class CleanUi:
    """Asks through `ui`. What the user answers is theirs, and passed on as it is."""

    ui: Ui
    clean: Callable[[str], str]

    def notify(self, text: str, level: Level = "info") -> None:
        self.ui.notify(self.clean(text), level)

    async def confirm(self, title: str, detail: str = "") -> bool:
        return await self.ui.confirm(self.clean(title), self.clean(detail))

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        shown = [self.clean(option) for option in options]
        answer = await self.ui.select(self.clean(title), shown)
        return None if answer is None else options[shown.index(answer)]

    async def input(self, title: str, placeholder: str = "") -> str | None:
        return await self.ui.input(self.clean(title), self.clean(placeholder))
