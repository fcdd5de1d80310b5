"""Turns: how a process waits until it may write."""

import random
import sqlite3
import time

# SQLite's own waiting lengthens its pauses up to 25 ms and more: in a crowd whoever has waited long is served last.
# With short ones of random length the 99th of a hundred waits is a fifth as long (`just contention`).
PAUSES_S = 0.0003, 0.001


def begin(db: sqlite3.Connection, *, wait_s: float) -> None:
    """Begin a transaction that writes, within `wait_s` at most.

    Raises:
        sqlite3.OperationalError: another one has not ended by then, or the file cannot be used.
    """
    end = time.monotonic() + wait_s
    while True:
        try:
            db.execute("BEGIN IMMEDIATE")  # a deferred one may fail at its first write, where waiting is no use
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
        else:
            return
        time.sleep(random.uniform(*PAUSES_S))  # noqa: TID251  # the store is synchronous, and this is short
