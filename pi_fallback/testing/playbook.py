"""The playbook: which script answers a request, and how far each has come."""

from collections.abc import Mapping, Sequence
from typing import cast

from pi_fallback.testing.steps import For, Play, Playable, Script, Scripts


class Playbook:
    """Scripts by model and key. What is no mapping is the script of every request."""

    def __init__(self, scripts: Scripts | Playable | None = None) -> None:
        self._scripts: dict[For, Script] = {}
        self._played: dict[For, int] = {}
        if isinstance(scripts, Mapping):
            for whose, playable in cast("Scripts", scripts).items():
                self.put(whose, playable)
        elif scripts is not None:
            self.put(For(), scripts)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a script of their own."""
        return tuple(dict.fromkeys(whose.model for whose in self._scripts if whose.model is not None))

    def put(self, whose: str | For, playable: Playable) -> None:
        """Give `whose` a script; an older one ends."""
        key = For(model=whose) if isinstance(whose, str) else whose
        self._scripts[key] = _script(playable)
        self._played[key] = 0

    def next(self, model: str, key: str) -> Play | None:
        """Take the next step for such a request; None if no script is for it."""
        for whose in (For(model, key), For(model), For(key=key), For()):
            if (script := self._scripts.get(whose)) is not None:
                index = self._played[whose]
                self._played[whose] = index + 1
                return script.at(index)
        return None


def _script(playable: Playable) -> Script:
    if isinstance(playable, Script):
        return playable
    return Script(cast("Sequence[Play]", playable) if isinstance(playable, Sequence) else (playable,))
