"""The live pool: the models in play and the groups as the files say now, not as they said at the start."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pi_fallback.config import store
from pi_fallback.config.trust import TrustState
from pi_fallback.core.selection import Wishes, select
from pi_fallback.errors import PiFallbackError
from pi_fallback.preparing import Setup, ha_wish, trust_state
from pi_fallback.runtime import feed
from pi_fallback.runtime.plans import Pool
from pi_fallback.runtime.signals import Signals

RECHECK_S = 1.0  # how long an edit of settings.json or ha.json may go unseen


@dataclass
class LivePool:
    """The pool as the files say now: `enabledModels` and ha.json are read anew when one of the files has changed."""

    setup: Setup
    signals: Signals
    now: Callable[[], float]
    _pool: Pool = field(init=False)
    _seen: tuple[float, ...] = field(init=False)
    _next_look: float = field(init=False)
    _ha_version: int = field(init=False)

    def __post_init__(self) -> None:
        self._pool = Pool(self.setup.selection.order, self.setup.catalog.models, 1)
        self._seen = self._stamps()
        self._next_look = self.now() + RECHECK_S
        self._ha_version = self.setup.ha.version

    def __call__(self) -> Pool:
        if self.now() >= self._next_look:
            self._next_look = self.now() + RECHECK_S
            if (seen := self._stamps()) != self._seen:
                self._seen = seen
                self._reload()
        if self.setup.ha.version != self._ha_version:  # another group, or an account that may be tried again
            self._ha_version = self.setup.ha.version
            self._pool = replace(self._pool, version=self._pool.version + 1)
        return self._pool

    def _stamps(self) -> tuple[float, ...]:
        folders = (self.setup.world.agent_dir, self.setup.options.cwd / ".pi")
        return tuple(_stamp(folder / name) for folder in folders for name in ("settings.json", "ha.json"))

    def _reload(self) -> None:
        setup = self.setup
        trusted = trust_state(setup.options, setup.world) is TrustState.TRUSTED
        fresh = store.load(setup.world.agent_dir, setup.options.cwd, trusted=trusted)
        if fresh.problems:  # the last good configuration stays until the file is whole again
            self.signals.emit(
                feed.Noticed(f"{fresh.problems[0]} Until then the settings stay as they were.", "warning")
            )
            return
        setup.ha.follow(fresh.ha.policy())
        group = ha_wish(setup.ha, setup.options)
        wishes = Wishes(setup.options.model, setup.options.models, fresh.project_models, strict=True, group=group)
        try:
            selection = select(setup.catalog, setup.usable, fresh.settings, wishes)
        except PiFallbackError as error:
            self.signals.emit(feed.Noticed(str(error), "warning"))
            return
        for notice in selection.notices:
            if notice not in setup.selection.notices:
                self.signals.emit(feed.Noticed(notice, "warning"))
        if not selection.order:
            return
        setup.selection = replace(selection, start=setup.selection.start)
        if selection.order != self._pool.order:
            self._pool = Pool(selection.order, self._pool.catalog, self._pool.version + 1)


def _stamp(path: Path) -> float:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0.0
