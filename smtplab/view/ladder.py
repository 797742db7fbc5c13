"""Records as rows of a ladder, client left and server right; how they are painted it does not know."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.journal import Record
from smtplab.view.journey import Journey
from smtplab.view.texts import Texts
from smtplab.view.transcript import Line, Tone, lines

Side = Literal["left", "right", "middle", "heading"]


class Row(msgspec.Struct, frozen=True):
    side: Side
    """`left` is what the client says, `right` what the server says, `middle` a note that belongs to neither."""
    text: str
    """One line, safe for a terminal."""
    tone: Tone
    seq: int
    """Of the record."""
    secure: bool = False
    """Said inside TLS."""
    first: bool = True
    """The first line of its record; a reply's further lines belong to the same arrow."""


def rows(record: Record, journey: Journey, texts: Texts) -> tuple[Row, ...]:
    """The lines of the transcript, each on its side. The journey is the one just after this record."""
    found: list[Row] = []
    for line in lines(record, journey, texts):
        side = _side(line)
        first = side != "right" or not any(row.side == "right" for row in found)
        found.append(Row(side, line.text, line.tone, line.seq, line.secure, first))
    return tuple(found)


def _side(line: Line) -> Side:
    if line.tone == "heading":
        return "heading"
    if line.mark.startswith("<"):
        return "right"
    return "left" if line.mark.endswith(">") else "middle"
