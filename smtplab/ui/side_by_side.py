"""The rows of two runs side by side as they are searched and copied: both halves of each, whole."""

from __future__ import annotations

from collections.abc import Callable

from smtplab.ui.widgets.two_columns import Both, TwoColumns
from smtplab.view.folding import folded


class SideBySide:
    """Reads a few rows at a time, and each once in a language; which one is at hand the columns know."""

    def __init__(self, draw: Callable[[int], Both], columns: Callable[[], TwoColumns]) -> None:
        """`draw` gives a row with whole names."""
        self._draw = draw
        self._columns = columns
        self._folded: list[str] = []

    def forget(self) -> None:
        """The rows say something else now, in another language."""
        self._folded.clear()

    @property
    def selected(self) -> int:
        return self._columns().selected

    @selected.setter
    def selected(self, row: int) -> None:
        self._columns().select(row)

    def fold_on(self, count: int) -> None:
        """Read so many more rows for the search."""
        start, end = len(self._folded), self._columns().count
        self._folded += [folded(text) for text in self.text(start, min(start + count, end))]

    @property
    def searchable(self) -> int:
        return len(self._folded)

    @property
    def whole(self) -> bool:
        """All rows that there will be have been read for the search."""
        return 0 < self._columns().count == len(self._folded)

    def find(self, wanted: str, start: int = 0) -> list[int]:
        """Rows from this one on that hold the text on either side, whatever its case."""
        wanted = folded(wanted)
        return [row for row in range(start, len(self._folded)) if wanted in self._folded[row]]

    def text(self, start: int = 0, end: int | None = None) -> list[str]:
        """Each row on a line, with a mark in front of what stands on one side alone: of the old run, of the new one."""
        rows = range(self._columns().count)[start:end]
        return [_line(self._draw(row)) for row in rows]


def _line(both: Both) -> str:
    said = [half.text for half in (both.left, both.right) if half is not None]
    if not both.differs:
        return f"  {said[0]}"
    if len(said) == 2:
        return f"! {said[0]} │ {said[1]}"
    return f"{'-' if both.left is not None else '+'} {said[0]}"
