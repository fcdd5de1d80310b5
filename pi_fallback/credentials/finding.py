"""Finding: where any of many strings stands in a text, in a time that hardly grows with their number.

A regular expression of 200 keys in all their forms needs seconds for a mebibyte, this a few hundredths of one. It is
Wu and Manber's way (A fast algorithm for multi-pattern searching, 1994): three characters at the end of a window tell
how far the window may move without passing over anything.
"""

from collections.abc import Iterable

BLOCK = 3


class Finder:
    """Finds `needles`, each at least `BLOCK` characters long."""

    def __init__(self, needles: Iterable[str]) -> None:
        longest_first = sorted(set(needles), key=len, reverse=True)
        window = len(longest_first[-1])  # of each needle as many characters are looked at as the shortest has
        self._longest = len(longest_first[0])
        self._most = window - BLOCK + 1  # how far the window may move at once
        self._moves: dict[str, int] = {}
        self._ending: dict[str, list[str]] = {}  # by the last block of their first window
        self._beginning: dict[str, list[str]] = {}  # by their first block
        self._blocks: set[str] = set()
        self._short: set[str] = set()  # beginnings of less than a block
        for needle in longest_first:
            for at in range(self._most):
                block = needle[at : at + BLOCK]
                self._moves[block] = min(self._moves.get(block, self._most), self._most - 1 - at)
            self._ending.setdefault(needle[window - BLOCK : window], []).append(needle)
            self._beginning.setdefault(needle[:BLOCK], []).append(needle)
            self._blocks.update(needle[at : at + BLOCK] for at in range(len(needle) - BLOCK + 1))
            self._short.update(needle[:length] for length in range(1, BLOCK))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where needles stand, in order; those that overlap are one span."""
        found: list[tuple[int, int]] = []
        moves, most, last = self._moves, self._most, len(text) - BLOCK
        at = most - 1
        while at <= last:
            block = text[at : at + BLOCK]
            move = moves.get(block, most)
            if move:
                at += move
                continue
            begin = at - most + 1
            for needle in self._ending[block]:
                if text.startswith(needle, begin):
                    end = begin + len(needle)
                    if found and begin < found[-1][1]:
                        begin, before = found.pop()
                        end = max(end, before)
                    found.append((begin, end))
                    break  # the longest of those that begin here
            at += 1
        return found

    def tail(self, text: str) -> int:
        """Where the longest end of `text` begins that may be the beginning of a needle; its length if none is."""
        length = len(text)
        if text[-BLOCK:] in self._blocks:
            for at in range(max(0, length - self._longest + 1), length - BLOCK + 1):
                tail = text[at:]
                needles = self._beginning.get(tail[:BLOCK], ())
                if any(len(needle) > len(tail) and needle.startswith(tail) for needle in needles):
                    return at
        if text[-2:] in self._short:
            return max(0, length - 2)
        return length - 1 if text[-1:] in self._short else length
