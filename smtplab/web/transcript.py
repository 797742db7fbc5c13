"""A session's records as a page shows them: stage by stage, each line with its sentence and its explanation."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from smtplab.journal import Record, Stage
from smtplab.view.explain import explain
from smtplab.view.explain.explanation import Explanation
from smtplab.view.journey import Journey
from smtplab.view.stages import StageState
from smtplab.view.texts import Texts
from smtplab.view.transcript import Line, lines
from smtplab.view.words import Speaker

RECORDS_PAGE = 300
"""Shown at once: some ten times an ordinary session, 300 KB of page at most."""


class Row(msgspec.Struct, frozen=True):
    seq: int
    lines: tuple[Line, ...]
    sentence: str
    """Empty where it was said before, or the line speaks for itself."""
    after: str
    """Since the session's beginning, `12 ms`."""
    explanation: Explanation


class Section(msgspec.Struct, frozen=True):
    """What was said in one go in one stage."""

    stage: Stage
    title: str
    state: StageState
    """As the stage ended, over all its sections."""
    state_text: str
    spent: str
    """From the end of the section before to this one's."""
    rows: tuple[Row, ...]


class Transcript(msgspec.Struct, frozen=True):
    sections: tuple[Section, ...]
    first: int
    """The number of the first record that is shown, from 1."""
    last: int
    total: int
    left_out: int
    """Records that were too many to keep."""

    @property
    def next(self) -> int | None:
        return self.last + 1 if self.last < self.total else None


def transcript(records: Sequence[Record], left_out: int, texts: Texts, *, first: int = 1) -> Transcript:
    """`RECORDS_PAGE` records from the number `first` on."""
    first = max(1, min(first, max(1, len(records))))
    last = min(first + RECORDS_PAGE - 1, len(records))
    teller = _Teller(texts)
    for number, record in enumerate(records, 1):
        if number > last:
            teller.pass_over(record)
        else:
            teller.tell(record, shown=number >= first)
    return Transcript(teller.sections(), first, last, len(records), left_out)


class _Piece(msgspec.Struct):
    stage: Stage
    begin_us: int
    end_us: int
    rows: list[Row]


class _Teller:
    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._journey = Journey()
        self._speak = Speaker(texts)
        self._pieces: list[_Piece] = []
        self._last_us = 0

    def pass_over(self, record: Record) -> None:
        self._journey.advance(record)

    def tell(self, record: Record, *, shown: bool) -> None:
        self._journey.advance(record)
        sentence = self._speak(record, self._journey) or ""
        if not shown:
            self._last_us = record.elapsed_us
            return
        row = self._row(record, sentence)
        if row is not None:
            self._put(record, row)
        elif sentence and self._pieces:
            # What has no line of its own still explains the line before it.
            rows = self._pieces[-1].rows
            rows[-1] = msgspec.structs.replace(rows[-1], sentence=f"{rows[-1].sentence} {sentence}".strip())
        self._last_us = record.elapsed_us

    def sections(self) -> tuple[Section, ...]:
        states = {one.stage: one.state for hop in self._journey.hops.values() for one in hop.stages}
        return tuple(self._section(piece, states.get(piece.stage, "done")) for piece in self._pieces)

    def _put(self, record: Record, row: Row) -> None:
        if not self._pieces or self._pieces[-1].stage != record.stage:
            self._pieces.append(_Piece(record.stage, self._last_us, record.elapsed_us, []))
        self._pieces[-1].rows.append(row)
        self._pieces[-1].end_us = record.elapsed_us

    def _row(self, record: Record, sentence: str) -> Row | None:
        # One hop and one server: a heading that names them has nothing to tell apart.
        found = lines(record, self._journey, self._texts)
        shown = tuple(line for line in found if line.tone != "heading")
        if not shown:
            return None
        after = self._texts.duration(record.elapsed_us / 1_000_000)
        return Row(record.seq, shown, sentence, after, explain(record, self._journey, self._texts))

    def _section(self, piece: _Piece, state: StageState) -> Section:
        state = "done" if state == "running" else state
        spent = self._texts.duration((piece.end_us - piece.begin_us) / 1_000_000)
        title, said = self._texts(f"stage.{piece.stage}"), self._texts(f"stage-state.{state}")
        return Section(piece.stage, title, state, said, spent, tuple(piece.rows))
