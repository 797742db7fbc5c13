"""Which record, and which of its lines, stands in each row of the transcript; what the lines say it does not know."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from smtplab.journal import Record


class Place(NamedTuple):
    """One row: the index of its record, and which of that record's lines it is, both from 0."""

    record: int
    line: int


class Rows:
    """Grows with the records; a record without a line has no row.

    Only heights are kept, never texts, so that changing the language or the width costs nothing.
    """

    def __init__(self, height: Callable[[Record], int]) -> None:
        """`height` is the number of a record's lines; it is asked once a record, in order."""
        self._height = height
        self._starts = [0]

    @property
    def records(self) -> int:
        """How many records are known."""
        return len(self._starts) - 1

    def extend(self, records: Sequence[Record]) -> None:
        """Take in the records that were not known yet."""
        total = self._starts[-1]
        for index in range(self.records, len(records)):
            total += self._height(records[index])
            self._starts.append(total)

    def count(self, at: int) -> int:
        """Rows of the first `at` records."""
        return self._starts[min(at, self.records)]

    def place(self, row: int) -> Place:
        """Raises IndexError where there is no such row."""
        if not 0 <= row < self._starts[-1]:
            raise IndexError(row)
        record = bisect_right(self._starts, row) - 1
        return Place(record, row - self._starts[record])

    def rows_of(self, record: int) -> range:
        return range(self._starts[record], self._starts[record + 1])
