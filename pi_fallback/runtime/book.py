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
        self._ledger = store.sync(Ledger())

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    def update(self, change: Callable[[Ledger], Ledger]) -> None:
        """Swap the ledger for `change(ledger)` and share what is new."""
        with self._lock:
            new = change(self._ledger)
            if new is not self._ledger:
                self._ledger = self._store.sync(new)

    def refresh(self) -> None:
        """Take over what other agents have shared since."""
        with self._lock:
            self._ledger = self._store.sync(self._ledger)

    def close(self) -> None:
        self._store.close()
