"""Rests of accounts, seen and ended from outside of an agent: in the ledger that the machine's agents share."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pi_fallback.state.sqlite import SqliteLedger
from pi_fallback_hookspecs import Ledger, Resting, ScopeKind


@dataclass(frozen=True, slots=True)
class AccountRests:
    """The rests in the ledger at `path`; where none is, none is made. Moments are seconds since 1970."""

    path: Path
    wall: Callable[[], float]
    on_problem: Callable[[str], object]

    def of(self, provider: str, label: str) -> Resting | None:
        """The rest of an account as a whole, if it rests now."""
        with self._ledger() as (_, ledger):
            found = (
                rest
                for scope, rest in ledger.rests.items()
                if scope.kind is ScopeKind.CREDENTIAL and (scope.provider, scope.credential) == (provider, label)
            )
            return next((rest for rest in found if rest.until > self.wall()), None)

    def forget(self, provider: str, label: str, *, under: str | None = None) -> None:
        """End what rests of an account that has gone, or that is known `under` another label from now on."""
        if not self.path.exists():
            return
        with self._ledger() as (store, ledger):
            for scope, rest in tuple(ledger.rests.items()):
                if (scope.provider, scope.credential) == (provider, label):
                    ledger = ledger.wake(scope)
                    if under is not None:
                        ledger = ledger.rest(scope._replace(credential=under), until=rest.until, reason=rest.reason)
            store.sync(ledger)

    @contextmanager
    def _ledger(self) -> Generator[tuple[SqliteLedger, Ledger]]:
        store = SqliteLedger(self.path, now=self.wall, wall=self.wall, on_problem=self.on_problem)
        try:
            yield store, store.sync(Ledger()) if self.path.exists() else Ledger()
        finally:
            store.close()
