"""Nobody: the user interface of a program that runs alone."""

from collections.abc import Callable, Sequence

from pi_fallback_hookspecs import Level


class Nobody:
    """Every question is answered with no; a notice goes to `say`."""

    def __init__(self, say: Callable[[str], None] = lambda _text: None) -> None:
        self._say = say

    def notify(self, text: str, level: Level = "info") -> None:
        self._say(text)

    async def confirm(self, title: str, detail: str = "") -> bool:
        return False

    async def select(self, title: str, options: Sequence[str]) -> str | None:
        return None

    async def input(self, title: str, placeholder: str = "") -> str | None:
        return None
