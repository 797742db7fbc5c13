"""Records as the lines of one long log, of a whole world or of one host; which moment is shown it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.cache import LRUCache

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.ui.reading import elapsed, joined
from smtplab.ui.rows import Place, Rows
from smtplab.ui.rungs import Line
from smtplab.ui.secured import Secured
from smtplab.view import ladder, transcript
from smtplab.view.folding import folded
from smtplab.view.journey import Journey
from smtplab.view.moments import line_count
from smtplab.view.safe import safe
from smtplab.view.session import Session
from smtplab.view.strand import key_of
from smtplab.view.texts import Texts

_RECORDS_KEPT: Final = 512
"""What a few screens show."""
_NODE_CELLS: Final = 16
"""`submission.hust` and a space."""


class Log:
    """Takes in records in order, once each; heights are kept, and texts only of what is seen."""

    def __init__(self, texts: Texts, *, of_one_host: bool) -> None:
        """The log of one host tells its server's side too; that of a world names the host in front of each line."""
        self._texts = texts
        self._of_one_host = of_one_host
        self._records: list[Record] = []
        self._secured = Secured()
        self._read: LRUCache[int, tuple[Line, ...]] = LRUCache(_RECORDS_KEPT)
        self._recipients: dict[tuple[str, str], str] = {}
        """Of each journey, by its node and span."""
        self._folded: list[tuple[str, ...]] = []
        """What is searched, of the records read so far for it."""
        self.rows = Rows(lambda record: line_count(record, both_ends=of_one_host))

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._read.clear()
        self._folded.clear()

    def extend(self, records: Sequence[Record]) -> None:
        """The records that follow those taken in before."""
        self._records.extend(records)
        for record in records:
            if isinstance(record.event, ev.JourneyStarted):
                self._recipients[record.node, record.span] = record.event.recipient
        self._secured.extend(records)
        self.rows.extend(self._records)

    def is_secure(self, index: int) -> bool:
        """Was the record told inside TLS?"""
        return self._secured[index]

    def is_seen(self, index: int) -> bool:
        return len(self.rows.rows_of(index)) > 0

    def fold_on(self, count: int) -> None:
        """Read so many more records for the search, so that none is slow; a few at a time while nobody waits."""
        for index in range(len(self._folded), min(len(self._folded) + count, len(self._records))):
            lines = self._lines(index) if self.is_seen(index) else ()
            self._folded.append(tuple(folded(line.text) for line in lines))

    @property
    def count(self) -> int:
        """Rows of all the records taken in."""
        return self.rows.count(len(self._records))

    def find(self, wanted: str, start: int, records: int) -> list[int]:
        """Rows of the first so many records, from that of the row `start` on, that hold the text, whatever its case."""
        wanted = folded(wanted)
        self.fold_on(records - len(self._folded))
        first = self.rows.place(start).record if start < self.count else records
        return [
            self.rows.rows_of(index)[number]
            for index in range(first, min(records, len(self._folded)))
            for number, text in enumerate(self._folded[index])
            if wanted in text
        ]

    def record(self, row: int) -> Record:
        """That of which the row tells."""
        return self._records[self.rows.place(row).record]

    def draw(self, row: int) -> tuple[str, Line]:
        """A row's time, beside its record's first line, and its line."""
        place = self.rows.place(row)
        time = elapsed(self._records[place.record].elapsed_us / 1e6) if place.line == 0 else ""
        return time, self._line(place)

    def _line(self, place: Place) -> Line:
        lines = self._read.get(place.record)
        if lines is None:
            lines = self._read[place.record] = self._lines(place.record)
        # A catalogue and the heights may only differ where a record is odd beyond all bounds.
        return lines[place.line] if place.line < len(lines) else Line("note", "")

    def _lines(self, index: int) -> tuple[Line, ...]:
        record = self._records[index]
        journey = Journey()
        if self._secured[index]:
            journey.sessions[key_of(record)] = Session(record.hop, record.node, "client", secure=True)
        lines = joined(ladder.rows(record, journey, self._texts), transcript.lines(record, journey, self._texts))
        lines = tuple(line._replace(text=bare(line.text, record.node)) for line in lines)
        if isinstance(record.event, ev.JourneyEnded) and (whose := self._recipients.get((record.node, record.span))):
            # The outcomes of many messages come at the end, side by side.
            lines = tuple(line._replace(text=f"{line.text} · {safe(whose)}") for line in lines)
        if self._of_one_host:
            return lines
        node = f"{short(record.node):<{_NODE_CELLS - 1}} "
        return tuple(
            line._replace(text=f"{node if number == 0 else ' ' * _NODE_CELLS}{line.text}")
            for number, line in enumerate(lines)
        )


def short(node: str, cells: int = _NODE_CELLS - 1) -> str:
    """A host's name for a narrow column: the worlds' common last label left out, and of what is too long the middle, so
    that `submission.neu` and `submission.hust` stay two."""
    name = safe(node.removesuffix(".example"))
    if len(name) <= cells:
        return name
    host, dot, domain = name.partition(".")
    room = cells - len(dot) - len(domain) - 1
    return f"{host[:room]}…{dot}{domain}" if dot and room > 0 else f"{name[: cells - 1]}…"


def bare(line: str, node: str) -> str:
    """A line whose host stands in front of it already need not begin with its name."""
    return line.removeprefix(f"{node}: ")
