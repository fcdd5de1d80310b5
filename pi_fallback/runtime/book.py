"""The book: holds the ledger of this process and shares its changes with the machine."""

from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from pi_fallback.core.booking import Entry, book
from pi_fallback.state.store import LedgerStore
from pi_fallback_hookspecs import Ledger, Rest


class LedgerBook:
    """The current ledger as an immutable value: changes swap it under a lock, readers need none."""

    def __init__(
        self, store: LedgerStore, on_entry: Callable[[Entry], None] | None = None, clean: Callable[[str], str] = str
    ) -> None:
        self.on_entry = on_entry
        self._clean = clean
        self._store = store
        self._lock = Lock()
        self._ledger = store.sync(Ledger())

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    def enter(self, entry: Entry) -> None:
        """Book `entry`, share what is new, and tell `on_entry` of it. No secret goes along."""
        if isinstance(entry, Rest) and (reason := self._clean(entry.reason)) != entry.reason:
            entry = replace(entry, reason=reason)  # a plugin's own words
        with self._lock:
            new = book(self._ledger, entry)
            if new is self._ledger:
                return
            self._ledger = self._store.sync(new)
        if self.on_entry is not None:
            self.on_entry(entry)

    def refresh(self) -> None:
        """Take over what other agents have shared since."""
        with self._lock:
            self._ledger = self._store.sync(self._ledger)

    def close(self) -> None:
        self._store.close()
