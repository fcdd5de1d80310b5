"""Memory: the store of an agent that shares its ledger with nobody."""

from pi_fallback_hookspecs import Ledger


class MemoryLedger:
    """For a library that wants no file, and for tests in virtual time."""

    def sync(self, ledger: Ledger) -> Ledger:
        return ledger

    def close(self) -> None:
        pass
