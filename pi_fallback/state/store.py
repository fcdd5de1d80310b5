"""The store: where agents on one machine share what their ledgers hold."""

from typing import Protocol

from pi_fallback_hookspecs import Ledger


class LedgerStore(Protocol):
    """State is a cache: a store that cannot work says so once and gives the ledger back as it is."""

    def sync(self, ledger: Ledger) -> Ledger:
        """Share what is new in `ledger` since the last call and return what all agents know together.

        Returns `ledger` itself if nobody else knew more; otherwise the generation rises. The caller
        goes on with the answer: merging it into an older ledger would bring back what others woke.
        Short and synchronous; raises nothing. What could not be shared is shared by a later call.
        """
        ...

    def close(self) -> None:
        """Share what is left, and let go."""
        ...
