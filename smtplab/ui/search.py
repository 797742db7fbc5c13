"""What is looked for in a transcript, and which of the rows that hold it is the one that the person is at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple, Protocol


class Found(NamedTuple):
    """`place` of `matches`, from 1; 0 of 0 where nothing matches."""

    place: int
    matches: int


class Searched(Protocol):
    """Rows of a transcript as far as they are shown, one of them selected."""

    selected: int

    def find(self, wanted: str) -> list[int]:
        """Rows that hold the text, whatever its case."""
        ...


class Search:
    """Moves the selection from match to match, round at the ends."""

    def __init__(self, walk: Searched) -> None:
        self._walk = walk
        self.wanted = ""

    def look(self, wanted: str) -> Found | None:
        """To the first match from the selected row on; None where nothing is looked for."""
        self.wanted = wanted
        return self._go(1, here_too=True) if wanted else None

    def go(self, by: int) -> Found | None:
        """To the next match (1) or the one before (-1)."""
        return self._go(by, here_too=False) if self.wanted else None

    def _go(self, by: int, *, here_too: bool) -> Found:
        rows = self._walk.find(self.wanted)
        if not rows:
            return Found(0, 0)
        here = self._walk.selected
        if by > 0:
            place = bisect_left(rows, here) if here_too else bisect_right(rows, here)
        else:
            place = bisect_left(rows, here) - 1
        place %= len(rows)
        self._walk.selected = rows[place]
        return Found(place + 1, len(rows))
