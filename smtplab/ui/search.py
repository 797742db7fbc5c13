"""What is looked for in a transcript, and which of the rows that hold it is the one that the person is at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple, Protocol


class Found(NamedTuple):
    """`place` of `matches`, from 1; 0 where none has been gone to."""

    place: int
    matches: int


class Searched(Protocol):
    """Rows of a transcript as far as they are shown, one of them selected."""

    selected: int

    @property
    def searchable(self) -> int:
        """How many of the rows shown have been read for the search by now."""
        ...

    def find(self, wanted: str, start: int = 0) -> list[int]:
        """Rows from this one on that hold the text, whatever its case, of those that are searchable."""
        ...


class Search:
    """Moves the selection from match to match, round at the ends."""

    def __init__(self, lines: Searched) -> None:
        self._lines = lines
        self.wanted = ""
        self._rows: list[int] = []
        self._read = 0
        """So many rows have been looked through."""
        self._place = 0
        self._left_at = -1
        """The row that was selected when the search last ended."""

    def look(self, wanted: str) -> Found | None:
        """To the first match from the selected row on; None where nothing is looked for."""
        self.wanted = wanted
        self._rows, self._read = [], 0
        return self._go(1, here_too=True) if wanted else None

    def go(self, by: int) -> Found | None:
        """To the next match (1) or the one before (-1)."""
        return self._go(by, here_too=False) if self.wanted else None

    def look_on(self) -> Found | None:
        """What there is by now; None where that is no more than before. The first match at all is gone to, if the
        person is where they were."""
        if not self.wanted or self._lines.searchable == self._read:
            return None
        if not self._place and self._lines.selected == self._left_at:
            return self._go(1, here_too=True)
        self._read_on()
        self._place = min(self._place, len(self._rows))
        return self.found

    def forget(self) -> None:
        """The rows say something else now, in another language: what was found is looked for anew."""
        self._rows, self._read = [], 0

    @property
    def found(self) -> Found:
        """Where the search stands."""
        return Found(self._place, len(self._rows))

    def _read_on(self) -> None:
        upto = self._lines.searchable
        if upto < self._read:  # Back in time, or all is read anew in another language.
            self._rows, self._read = [], 0
        if upto > self._read:
            self._rows = [*self._rows, *self._lines.find(self.wanted, self._read)]
        self._read = upto

    def _go(self, by: int, *, here_too: bool) -> Found:
        self._read_on()
        rows = self._rows
        if rows:
            here = self._lines.selected
            if by > 0:
                place = bisect_left(rows, here) if here_too else bisect_right(rows, here)
            else:
                place = bisect_left(rows, here) - 1
            place %= len(rows)
            self._lines.selected = rows[place]
            self._place = place + 1
        else:
            self._place = 0
        self._left_at = self._lines.selected
        return self.found
