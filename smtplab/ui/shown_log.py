"""The rows of a log up to the moment at which a world stands, one of them selected."""

from __future__ import annotations

from collections.abc import Callable

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

    def draw(self, row: int) -> tuple[str, Line]:
        """A row's time and line."""
        return self._log.draw(row)

    def find(self, wanted: str) -> list[int]:
        """Rows that hold the text, whatever its case."""
        return self._log.find(wanted, self._records()) if wanted else []

    def follow(self) -> None:
        """The last row is the one selected."""
        self.selected = self.count - 1
