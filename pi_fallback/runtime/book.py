"""The book: holds the ledger of this process and shares its changes with the machine."""

from collections.abc import Callable
from threading import Lock

from pi_fallback.state.store import LedgerStore
from pi_fallback_hookspecs import Ledger


class LedgerBook:
    """The current ledger as an immutable value: changes swap it under a lock, readers need none."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._lock = Lock()
        self._ledger = store.load()

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    def update(self, change: Callable[[Ledger], Ledger]) -> None:
        """Swap the ledger for `change(ledger)` and publish the difference."""
        with self._lock:
            old = self._ledger
            new = change(old)
            if new is old:
                return
            self._ledger = new
            self._store.publish(old, new)

    def refresh(self) -> None:
        """Take over what other processes have published since."""
        if self._store.changed():
            with self._lock:
                self._ledger = self._ledger.merge(self._store.load())

    def close(self) -> None:
        self._store.close()
