"""The live pool: models, accounts and groups as the files say now, not as they said at the start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pi_fallback.config import store
from pi_fallback.config.problems import Problem
from pi_fallback.config.store import Configuration
from pi_fallback.config.trust import TrustState
from pi_fallback.core.selection import Wishes, select
from pi_fallback.credentials.vault import Vault
from pi_fallback.errors import PiFallbackError
from pi_fallback.preparing import Setup, gather, ha_wish, learn_secrets, trust_state
from pi_fallback.runtime import feed
from pi_fallback.runtime.plans import Pool
from pi_fallback.runtime.signals import Signals

RECHECK_S = 1.0  # how long an edit of a file may go unseen
HERE = ("settings.json", "ha.json")
USERS = (*HERE, "auth.json")

Stamp = tuple[int, int, int, int]


@dataclass
class LivePool:
    """The pool as the files say now: they are read anew when one of them has changed.

    New accounts and secrets are told to `vault`, the redactor and the plugin; `on_catalog` hears that providers are
    asked in another way, as the first login of one is.
    """

    setup: Setup
    signals: Signals
    now: Callable[[], float]
    vault: Vault
    on_catalog: Callable[[], None] = lambda: None
    _pool: Pool = field(init=False)
    _seen: tuple[Stamp, ...] = field(init=False)
    _next_look: float = field(init=False)
    _ha_version: int = field(init=False)
    _doubtful: bool = field(default=False, init=False)
    _told: Problem | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._pool = Pool(self.setup.selection.order, self.setup.catalog.models, 1)
        self._seen = self._stamps()
        self._next_look = self.now() + RECHECK_S
        self._ha_version = self.setup.ha.version

    def __call__(self) -> Pool:
        if self.now() >= self._next_look:
            self._next_look = self.now() + RECHECK_S
            if (seen := self._stamps()) != self._seen or self._doubtful:
                self._seen = seen
                self._reload()
        if self.setup.ha.version != self._ha_version:  # another group, or an account that may be tried again
            self._ha_version = self.setup.ha.version
            self._pool = replace(self._pool, version=self._pool.version + 1)
        return self._pool

    def look_now(self) -> None:
        """Look at the files at once: we have just changed one."""
        self._next_look = self.now()
        self()

    def _stamps(self) -> tuple[Stamp, ...]:
        agent_dir, project = self.setup.world.agent_dir, self.setup.options.cwd / ".pi"
        return tuple(map(_stamp, (*(agent_dir / name for name in USERS), *(project / name for name in HERE))))

    def _reload(self) -> None:
        setup = self.setup
        trusted = trust_state(setup.options, setup.world) is TrustState.TRUSTED
        fresh = store.load(setup.world.agent_dir, setup.options.cwd, trusted=trusted)
        problems = [problem for problem in fresh.problems if problem not in setup.configuration.problems]
        if problems:  # the last good configuration stays until the file is whole again
            if not self._is_half_written(problems) and problems[0] != self._told:
                self._told = problems[0]
                self._say(f"{problems[0]} Until then the settings stay as they were.")
            return
        self._doubtful, self._told = False, None
        setup.ha.follow(fresh.ha.policy())
        self._follow_files(fresh)
        group = ha_wish(setup.ha, setup.options)
        wishes = Wishes(setup.options.model, setup.options.models, fresh.project_models, strict=True, group=group)
        try:
            selection = select(setup.catalog, setup.usable, fresh.settings, wishes)
        except PiFallbackError as error:
            self._say(str(error))
            return
        for notice in selection.notices:
            if notice not in setup.selection.notices:
                self._say(notice)
        if not selection.order:
            return
        setup.selection = replace(selection, start=setup.selection.start)
        if selection.order != self._pool.order or self._pool.catalog is not setup.catalog.models:
            self._pool = Pool(selection.order, setup.catalog.models, self._pool.version + 1)

    def _is_half_written(self, problems: Sequence[Problem]) -> bool:
        """Whether the trouble may be over at the next look: pi writes auth.json in place, and we may see half of it."""
        self._doubtful = not self._doubtful and all(problem.path.name == "auth.json" for problem in problems)
        return self._doubtful

    def _follow_files(self, fresh: Configuration) -> None:
        """Take the accounts of `fresh`, and the models of its groups. Its models.json counts from the next start."""
        setup, before = self.setup, self.setup.configuration
        if (fresh.auth, fresh.ha) == (before.auth, before.ha):
            return
        setup.configuration = replace(before, auth=fresh.auth, ha=fresh.ha)
        there = gather(setup.options, setup.world, setup.configuration, setup.registry, setup.ha)
        learn_secrets(setup.world, setup.configuration, there.catalog.providers)
        setup.accounts = there.found.accounts
        setup.ha.accounts = there.rows()
        setup.ha.try_again(self.vault.follow(setup.accounts))
        if there.catalog.providers != setup.catalog.providers or there.catalog.models != setup.catalog.models:
            setup.catalog = there.catalog
            self.on_catalog()

    def _say(self, text: str) -> None:
        self.signals.emit(feed.Noticed(text, "warning"))


def _stamp(path: Path) -> Stamp:
    """What tells whether a file is another one now, or may be read by now; a link is followed."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0, 0)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
