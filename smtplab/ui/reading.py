"""Puts the view's two readings of a record, ladder and marked transcript, into lines that `rungs` can draw."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Final

from rich.cells import cell_len
from textual.cache import LRUCache

from smtplab.journal import Record
from smtplab.ui.rungs import Lane, Line, Tone
from smtplab.view import ladder, transcript
from smtplab.view.journey import History, Journey
from smtplab.view.texts import Texts

_RECORDS_KEPT: Final = 512
"""Read ahead of nothing: what a few screens show."""

_LANES: Final[dict[ladder.Side, Lane]] = {"left": "client", "right": "server", "middle": "note", "heading": "heading"}
_TONES: Final[dict[transcript.Tone, Tone]] = {"refusal": "bad", "error": "bad", "warning": "odd", "good": "good"}


Below = Callable[[Record, Journey, Texts], tuple[str, ...]]
"""The lines below a record, as many in every language; the journey is the one just after it."""


def nothing_below(record: Record, journey: Journey, texts: Texts) -> tuple[str, ...]:
    """A transcript alone."""
    del record, journey, texts
    return ()


class Reading:
    """Takes in records in order, once each; afterwards reads any of them again in the language of the moment."""

    def __init__(self, records: Sequence[Record], texts: Texts, below: Below = nothing_below) -> None:
        self._records = records
        self._texts = texts
        self._below = below
        self._read: LRUCache[int, tuple[Line, ...]] = LRUCache(_RECORDS_KEPT)
        self._folded: list[tuple[str, ...]] = []
        self._failed: list[bool] = []
        self._again, self._stale_from = Journey(), sys.maxsize
        self.history = History(records)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._read.clear()
        self._again, self._stale_from = Journey(), 0

    def height(self, record: Record) -> int:
        """Take the next record in: the number of its lines, which is the same in every language."""
        journey = self.history.at(len(self._folded) + 1)
        rows = ladder.rows(record, journey, self._texts)
        self._folded.append(_folded(rows))
        self._failed.append(any(_TONES.get(row.tone) == "bad" for row in rows))
        return len(rows) + (len(self._below(record, journey, self._texts)) if rows else 0)

    def read_again(self, count: int) -> None:
        """After a change of language, so many records more can be searched in the new one."""
        end = min(self._stale_from + count, len(self._folded))
        for index in range(self._stale_from, end):
            self._again.advance(self._records[index])
            self._folded[index] = _folded(ladder.rows(self._records[index], self._again, self._texts))
        self._stale_from = max(self._stale_from, end)

    def is_seen(self, index: int) -> bool:
        """Has the record a line of its own? One that has not belongs to the one before it."""
        return bool(self._folded[index])

    def is_failure(self, index: int) -> bool:
        return self._failed[index]

    def holds(self, index: int, wanted: str) -> list[int]:
        """Which of a record's lines hold the (case-folded) text."""
        return [number for number, text in enumerate(self._folded[index]) if wanted in text]

    def line(self, index: int, number: int) -> Line:
        """One of a record's lines."""
        lines = self._read.get(index)
        if lines is None:
            record, journey = self._records[index], self.history.at(index + 1)
            rows = ladder.rows(record, journey, self._texts)
            lines = joined(rows, transcript.lines(record, journey, self._texts))
            below = self._below(record, journey, self._texts) if lines else ()
            lines = (*lines, *(Line("note", f"  {said}", "", secure=lines[-1].secure) for said in below))
            self._read[index] = lines
        return lines[number]

    def time(self, index: int, number: int) -> str:
        """Since the first record, beside a record's first line: `0.012`, `1:02.3`, `3:20:01`."""
        lead = 1 if self.line(index, 0).lane == "heading" else 0
        return elapsed(self._records[index].elapsed_us / 1e6) if number == lead else ""


def _folded(rows: Sequence[ladder.Row]) -> tuple[str, ...]:
    return tuple(row.text.casefold() for row in rows)


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
