"""The rows of a log up to the moment at which a world stands, one of them selected."""

from __future__ import annotations

from collections.abc import Callable

from smtplab.journal import Record
from smtplab.ui.log import Log
from smtplab.ui.rungs import Line


class ShownLog:
    """What can be searched and copied: of the future nothing."""

    def __init__(self, log: Log, records: Callable[[], int]) -> None:
        """`records` tells how many of the log's records have been made by now."""
        self._log = log
        self._records = records
        self.selected = -1

    @property
    def count(self) -> int:
        return self._log.rows.count(self._records())

    @property
    def record(self) -> Record | None:
        """That of the row selected."""
        return self._log.record(self.selected) if 0 <= self.selected < self.count else None

    def draw(self, row: int) -> tuple[str, Line]:
        """A row's time and line."""
        return self._log.draw(row)

    @property
    def searchable(self) -> int:
        """All of it: what has not been read for the search is read when it is looked through."""
        return self.count

    @property
    def all_searchable(self) -> bool:
        """Nothing of what is known lies in the future."""
        return self.count == self._log.count

    def find(self, wanted: str, start: int = 0) -> list[int]:
        """Rows from this one on that hold the text, whatever its case."""
        return self._log.find(wanted, start, self._records()) if wanted else []

    def follow(self) -> None:
        """The last row is the one selected."""
        self.selected = self.count - 1
