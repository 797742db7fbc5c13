"""Puts the view's two readings of a record, ladder and marked transcript, into lines that `rungs` can draw."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from typing import Final

from rich.cells import cell_len
from textual.cache import LRUCache

from smtplab.journal import Record
from smtplab.ui.rungs import Lane, Line, Tone
from smtplab.view import ladder, transcript
from smtplab.view.folding import folded
from smtplab.view.journey import History, Journey
from smtplab.view.outline import Outline
from smtplab.view.texts import Texts

_RECORDS_KEPT: Final = 512
"""Read ahead of nothing: what a few screens show."""

_AT_ONCE: Final = 16
"""Records between two looks at the clock: a millisecond at most."""

_LANES: Final[dict[ladder.Side, Lane]] = {"left": "client", "right": "server", "middle": "note", "heading": "heading"}
_TONES: Final[dict[transcript.Tone, Tone]] = {"refusal": "bad", "error": "bad", "warning": "odd", "good": "good"}


Below = Callable[[Record, Journey, Texts], tuple[str, ...]]
"""The lines below a record, as many in every language; the journey is the one just after it."""


def nothing_below(record: Record, journey: Journey, texts: Texts) -> tuple[str, ...]:
    """A transcript alone."""
    del record, journey, texts
    return ()


class Reading:
    """Takes in records in order, once each; afterwards reads any of them again in the language of the moment.

    `height` is quick and comes first. Behind it `search_on` makes the words that are searched, and folds the journey.
    """

    def __init__(self, records: Sequence[Record], texts: Texts, below: Below = nothing_below) -> None:
        self._records = records
        self._texts = texts
        self._below = below
        self._read: LRUCache[int, tuple[Line, ...]] = LRUCache(_RECORDS_KEPT)
        self._outline = Outline()
        self._heights = array("I")
        self._failed = bytearray()
        self._folded: list[str] = []
        """The words of each row, folded; those below a record are not searched."""
        self._worded, self._row = 0, 0
        """How many records, and rows, are searched in the language of the moment."""
        self._again: Journey | None = None
        """In another language than before: where that reading stands."""
        self.history = History(records)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._read.clear()
        self._again, self._worded, self._row = Journey(), 0, 0

    def height(self, record: Record) -> int:
        """Take the next record in: the number of its lines, which is the same in every language."""
        count, failed = self._outline.take(record)
        if count and self._below is not nothing_below:
            journey = self.history.at(len(self._heights) + 1)
            count += len(self._below(record, journey, self._texts))
        self._heights.append(count)
        self._failed.append(failed)
        return count

    def search_on(self, until_s: float) -> bool:
        """Make more records searchable, until that moment of the thread's own time; false where all are."""
        while self._worded < len(self._heights):
            self._word(self._worded)
            self._worded += 1
            if self._worded % _AT_ONCE == 0 and time.thread_time() >= until_s:
                return True
        self._again = None
        return False

    def forget_rough(self) -> None:
        """What was read before the journey was folded so far is read anew."""
        self._read.clear()

    def is_seen(self, index: int) -> bool:
        """Has the record a line of its own? One that has not belongs to the one before it."""
        return self._heights[index] > 0

    def next_failure(self, index: int) -> int:
        """The first record from this one on that tells of a failure, round at the end; -1 where none does."""
        found = self._failed.find(1, index)
        return found if found >= 0 else self._failed.find(1)

    @property
    def searchable(self) -> int:
        """How many rows can be searched by now."""
        return self._row

    def rows_with(self, wanted: str, start: int, end: int) -> list[int]:
        """Which rows from `start` to before `end` hold the (case-folded) text, of those that are searchable by now."""
        return [row for row, text in enumerate(self._folded[start : min(end, self._row)], start) if wanted in text]

    def line(self, index: int, number: int) -> Line:
        """One of a record's lines."""
        lines = self._read.get(index)
        if lines is None:
            record, journey = self._records[index], self.history.near(index + 1)
            rows = ladder.rows(record, journey, self._texts)
            lines = joined(rows, transcript.lines(record, journey, self._texts))
            below = self._below(record, journey, self._texts) if lines else ()
            lines = (*lines, *(Line("note", f"  {said}", "", secure=lines[-1].secure) for said in below))
            self._read[index] = lines
        # A moment that is told roughly may lack the heading before it.
        return lines[number] if number < len(lines) else Line("note", "")

    def time(self, index: int, number: int) -> str:
        """Since the first record, beside a record's first line: `0.012`, `1:02.3`, `3:20:01`."""
        lead = 1 if self.line(index, 0).lane == "heading" else 0
        return elapsed(self._records[index].elapsed_us / 1e6) if number == lead else ""

    def _word(self, index: int) -> None:
        height = self._heights[index]
        rows = ladder.rows(self._records[index], self._journey(index), self._texts) if self._advanced(index) else ()
        words = [folded(row.text) for row in rows][:height]
        self._folded[self._row : self._row + height] = [*words, *[""] * (height - len(words))]
        self._row += height

    def _advanced(self, index: int) -> bool:
        """The journey has to take every record in; only those that are seen have words."""
        if self._again is not None:
            self._again.advance(self._records[index])
        if self.history.known == index:
            self.history.fold_to(index + 1)
        return self._heights[index] > 0

    def _journey(self, index: int) -> Journey:
        """Just after the record; not to be kept."""
        if self._again is not None:
            return self._again
        history = self.history
        return history.fold_to(index + 1) if history.known <= index + 1 else history.at(index + 1)


def joined(rows: Sequence[ladder.Row], marked: Sequence[transcript.Line]) -> tuple[Line, ...]:
    """Row by row what both readings say of one record."""
    block = max((cell_len(row.text) for row in rows if row.side == "right"), default=0)
    lines: list[Line] = []
    for row, line in zip(rows, marked, strict=True):
        lines.append(
            Line(_LANES[row.side], row.text, line.mark, _TONES.get(row.tone, ""), row.secure, row.first, block)
        )
    return tuple(lines)


def elapsed(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3f}"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{int(minutes)}:{rest:04.1f}"
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{int(rest):02}"
